// events/detail/aggregate_cache.hpp: states as this process last saw them, so that an action needs no read. Never
// believed: the append says which version it expects, and a refusal is judged again after a read.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <noetl/events/aggregate_fold.hpp>

namespace noetl::detail {

/// Thread-safe. Holds `limit` states at most; when it is full it starts anew. 0: none.
template <class A>
class aggregate_cache {
public:
   explicit aggregate_cache(std::size_t limit) : limit_(limit) {}

   [[nodiscard]] std::optional<aggregate_state<A>> find(aggregate_id id) const {
      std::lock_guard const lock(mutex_);
      auto const found = states_.find(id);
      return found == states_.end() ? std::nullopt : std::optional(found->second);
   }
   void put(aggregate_id id, aggregate_state<A> const& seen) {
      if (limit_ == 0) return;
      std::unordered_map<aggregate_id, aggregate_state<A>> old; // destroyed when others may go on
      std::lock_guard const lock(mutex_);
      if (states_.size() >= limit_ && !states_.contains(id)) old.swap(states_);
      auto& known = states_[id];
      if (known.version <= seen.version) known = seen;
   }
   void drop(aggregate_id id) {
      std::lock_guard const lock(mutex_);
      states_.erase(id);
   }

private:
   std::size_t const limit_;
   mutable std::mutex mutex_;
   std::unordered_map<aggregate_id, aggregate_state<A>> states_;
};

} // namespace noetl::detail
