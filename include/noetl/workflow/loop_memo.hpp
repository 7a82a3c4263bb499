// workflow/loop_memo.hpp: rendered collections of running loops, kept between two decisions on one execution.
// Knows JSON values and their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <tao/json/value.hpp>

#include <noetl/workflow/detail/json_size.hpp>

namespace noetl::workflow {

/// What `loop.in` of running loops rendered to. A loop asks for its items once per iteration; while no variable has
/// changed (`workflow_state::changes`) the answer is the same, so a loop over n items costs n and not n².
/// Empty at first; may be cleared at any time. Not thread-safe.
class loop_memo {
public:
   using items = std::shared_ptr<tao::json::value const>;

   /// \return what was kept for this visit of the step and these variables, else null
   [[nodiscard]] items find(std::string const& step, std::uint64_t visit, std::uint64_t changes) const {
      auto const at = kept_.find(step);
      return at != kept_.end() && at->second.visit == visit && at->second.changes == changes ? at->second.value
                                                                                             : nullptr;
   }
   void keep(std::string const& step, std::uint64_t visit, std::uint64_t changes, items value) {
      auto& place = kept_[step];
      bytes_ -= place.bytes;
      place = entry{visit, changes, std::move(value)};
      if (place.value) place.bytes = sizeof(tao::json::value) + detail::heap_of(*place.value);
      bytes_ += place.bytes;
   }
   /// Drops what belongs to steps for which `over` is true.
   void drop_if(std::function<bool(std::string const&)> const& over) {
      std::erase_if(kept_, [&](auto const& one) {
         if (!over(one.first)) return false;
         bytes_ -= one.second.bytes;
         return true;
      });
   }
   /// Memory of what is kept, about.
   [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
   [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

private:
   struct entry {
      std::uint64_t visit = 0;
      std::uint64_t changes = 0;
      items value;
      std::size_t bytes = 0;
   };
   std::map<std::string, entry> kept_;
   std::size_t bytes_ = 0;
};

} // namespace noetl::workflow
