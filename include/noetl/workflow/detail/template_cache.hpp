// workflow/detail/template_cache.hpp: compiled templates by their text. Knows the syntax tree only.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <noetl/workflow/detail/template_ast.hpp>

namespace noetl::workflow::detail {

/// Bounded by number and by bytes. Two generations: what is used is in the young one; when that is half of the bound
/// the old one goes and the young one becomes old. Thread-safe; nothing is parsed or destroyed under the lock.
class template_cache {
public:
   using entry = std::shared_ptr<compiled_template const>;

   template_cache(std::size_t max_entries, std::size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

   /// \return null when it is not there
   entry find(std::string_view text, bool expression) {
      generation dropped;
      std::lock_guard const lock(mutex_);
      if (auto const young = young_.entries.find({text, expression}); young != young_.entries.end())
         return young->second;
      auto const old = old_.entries.find({text, expression});
      if (old == old_.entries.end()) return nullptr;
      auto found = old->second;
      dropped = insert(found);
      return found;
   }
   void add(entry const& made) {
      generation dropped;
      std::lock_guard const lock(mutex_);
      dropped = insert(made);
   }
   [[nodiscard]] std::size_t size() const {
      std::lock_guard const lock(mutex_);
      std::size_t n = young_.entries.size();
      for (auto const& one : old_.entries) n += young_.entries.contains(one.first) ? 0 : 1;
      return n;
   }

   /// Memory of a compiled template, roughly.
   static std::size_t cost(compiled_template const& t) { return 200 + t.source.size() * 2 + t.parts * 260; }

private:
   struct key {
      std::string_view text; // of the entry itself
      bool expression;
      bool operator==(key const&) const = default;
   };
   struct hash {
      std::size_t operator()(key const& k) const noexcept {
         return std::hash<std::string_view>()(k.text) ^ (k.expression ? 0x9e3779b9u : 0u);
      }
   };
   struct generation {
      std::unordered_map<key, entry, hash> entries;
      std::size_t bytes = 0;
   };

   /// \return what fell out, to be destroyed by the caller
   generation insert(entry const& made) {
      generation dropped;
      auto const bytes = cost(*made);
      if (bytes > max_bytes_ / 2) return dropped;
      if ((young_.entries.size() + 1) * 2 > max_entries_ || young_.bytes + bytes > max_bytes_ / 2)
         dropped = std::exchange(old_, std::exchange(young_, {}));
      if (young_.entries.emplace(key{made->source, made->expression}, made).second) young_.bytes += bytes;
      return dropped;
   }

   std::size_t max_entries_;
   std::size_t max_bytes_;
   mutable std::mutex mutex_;
   generation young_;
   generation old_;
};

} // namespace noetl::workflow::detail
