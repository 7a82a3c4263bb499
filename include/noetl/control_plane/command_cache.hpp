// control_plane/command_cache.hpp: recently issued commands in memory, so that a claim needs no read.
// Knows the event envelope only.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>

#include <noetl/events/envelope.hpp>

namespace noetl::control_plane {

/// Committed command.issued events of this process, oldest out first. What is missing is read from the database, so the
/// bound costs time only. Immutable facts, hence never stale: who owns a command is decided by the database alone.
/// Thread-safe.
class command_cache {
public:
   /// \param max_bytes  of context and meta kept
   explicit command_cache(std::size_t max_bytes = 64 << 20) : max_bytes_(max_bytes) {}

   /// For event_store::on_committed.
   void observe(std::span<event const> committed) {
      for (auto const& fact : committed)
         if (fact.event_type == "command.issued") keep(fact);
   }

   /// \return null when it is not here
   [[nodiscard]] std::shared_ptr<event const> find(noetl::event_id issued) const {
      std::lock_guard const lock(mutex_);
      auto const found = by_id_.find(issued);
      return found == by_id_.end() ? nullptr : found->second;
   }

private:
   static std::size_t weight(event const& fact) { return fact.context.text.size() + fact.meta.text.size() + 512; }

   void keep(event const& fact) {
      auto kept = std::make_shared<event const>(fact);
      std::lock_guard const lock(mutex_);
      if (!by_id_.emplace(fact.event_id, kept).second) return;
      order_.push_back(fact.event_id);
      bytes_ += weight(fact);
      while (bytes_ > max_bytes_ && !order_.empty()) {
         auto const oldest = by_id_.find(order_.front());
         order_.pop_front();
         if (oldest == by_id_.end()) continue;
         bytes_ -= weight(*oldest->second);
         by_id_.erase(oldest);
      }
   }

   std::size_t const max_bytes_;
   mutable std::mutex mutex_;
   std::unordered_map<noetl::event_id, std::shared_ptr<event const>> by_id_;
   std::deque<noetl::event_id> order_;
   std::size_t bytes_ = 0;
};

} // namespace noetl::control_plane
