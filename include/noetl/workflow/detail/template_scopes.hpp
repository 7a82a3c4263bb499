// workflow/detail/template_scopes.hpp: the names a template binds while it is rendered, innermost first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_value.hpp>

namespace noetl::workflow::detail {

/// Scopes of one rendering. A scope sees its parent, which for the body of a macro is the scope the macro was written
/// in, not the one it is called from. Names are borrowed from the syntax tree.
class scopes {
public:
   static constexpr std::ptrdiff_t none = -1;

   /// \return null when no visible scope has the name
   [[nodiscard]] var const* find(std::string_view name, budget& left) const {
      for (auto at = top(); at != none; at = all_[static_cast<std::size_t>(at)].parent) {
         auto const& names = all_[static_cast<std::size_t>(at)].names;
         left.spend(names.size() / 32);
         for (auto entry = names.rbegin(); entry != names.rend(); ++entry)
            if (entry->first == name) return &entry->second;
      }
      return nullptr;
   }
   void bind(std::string_view name, var value) {
      auto& names = all_.back().names;
      for (auto& [key, old] : names) {
         if (key != name) continue;
         old = std::move(value);
         return;
      }
      if (names.size() >= max_names) throw template_failure("too many variables in one block");
      names.emplace_back(name, std::move(value));
   }

   [[nodiscard]] std::ptrdiff_t top() const noexcept { return static_cast<std::ptrdiff_t>(all_.size()) - 1; }
   [[nodiscard]] std::uint64_t serial() const noexcept { return all_.back().serial; }
   /// True while the scope that a macro was written in is open.
   [[nodiscard]] bool holds(macro_ref const& macro) const noexcept {
      return macro.scope <= top() && all_[static_cast<std::size_t>(macro.scope)].serial == macro.serial;
   }

   /// A scope for as long as this lives.
   class open {
   public:
      explicit open(scopes& in) : open(in, in.top()) {}
      open(scopes& in, std::ptrdiff_t parent) : in_(in) { in.all_.push_back({{}, parent, ++in.made_}); }
      ~open() { in_.all_.pop_back(); }
      open(open const&) = delete;
      open& operator=(open const&) = delete;

   private:
      scopes& in_;
   };

private:
   static constexpr std::size_t max_names = 1'000;
   struct scope {
      std::vector<std::pair<std::string_view, var>> names;
      std::ptrdiff_t parent;
      std::uint64_t serial;
   };
   std::vector<scope> all_;
   std::uint64_t made_ = 0;
};

} // namespace noetl::workflow::detail
