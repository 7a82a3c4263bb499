// control_plane/subscription_cache.hpp: subscriptions as this process last saw them, so that a transition needs no
// read. Never believed: the append says which version it expects, and a refusal is read again first.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/control_plane/subscription_log.hpp>

namespace noetl::control_plane {

/// Thread-safe. Holds `limit` records at most; when it is full it starts anew.
class subscription_cache {
public:
   explicit subscription_cache(std::size_t limit) : limit_(limit) {}

   [[nodiscard]] std::optional<subscription_record> find(subscription_id id) const {
      std::lock_guard const lock(mutex_);
      auto const found = records_.find(id);
      return found == records_.end() ? std::nullopt : std::optional(found->second);
   }
   void put(subscription_record const& seen) {
      std::lock_guard const lock(mutex_);
      if (records_.size() >= limit_) records_.clear();
      auto& known = records_[seen.subscription_id];
      if (known.version <= seen.version) known = seen;
   }
   void drop(subscription_id id) {
      std::lock_guard const lock(mutex_);
      records_.erase(id);
   }

private:
   std::size_t const limit_;
   mutable std::mutex mutex_;
   std::unordered_map<subscription_id, subscription_record> records_;
};

} // namespace noetl::control_plane
