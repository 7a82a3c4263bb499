// workflow/detail/execution_cache.hpp: the executions in the orchestrator's memory: what each has to look at, who is at
// it, and which go when there are too many. Knows cached executions, which events call for a decision, and the figures
// of the orchestrator.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/workflow/detail/cached_execution.hpp>
#include <noetl/workflow/detail/reports.hpp>
#include <noetl/workflow/orchestrator_settings.hpp>

namespace noetl::workflow::detail {

/// One coroutine at a time is at an execution: the one that advances it, which its owner starts after deliver() or
/// give_back() and which goes on until next() has nothing, or one that stores a report between hold() and give_back().
/// It keeps the pointer it was given: next() may drop the cache's own. Thread-safe.
class execution_cache {
public:
   using entry_ptr = std::shared_ptr<cached_execution>;

   /// What an execution has to look at.
   struct work {
      std::vector<event> facts;
      bool woken = false;
   };

   /// \param max_bytes  of estimated memory. Executions that somebody is at stay, whatever the limits
   execution_cache(std::size_t max_executions, std::size_t max_bytes)
       : max_executions_(max_executions), max_bytes_(max_bytes) {}

   /// Hands committed events to their execution, or wakes it when there are none. \return an execution to be advanced;
   /// null when somebody is at it, or when it is unknown and nothing of this can call for a decision
   [[nodiscard]] entry_ptr deliver(execution_id id, std::span<event const> facts) {
      std::lock_guard const lock(mutex_);
      auto found = entries_.find(id);
      if (found == entries_.end()) {
         if (!facts.empty() && std::ranges::none_of(facts, may_trigger)) return nullptr;
         found = add(id);
      } else {
         recent_.splice(recent_.begin(), recent_, found->second->recent);
      }
      auto& one = *found->second;
      one.inbox.insert(one.inbox.end(), facts.begin(), facts.end());
      one.woken = one.woken || facts.empty();
      if (one.busy) return nullptr;
      one.busy = one.queued = true;
      ++stats_.active;
      evict(); // never this one: it is busy
      return found->second;
   }

   /// For whoever advances an execution that deliver() or give_back() queued. \return false when another was first
   [[nodiscard]] bool take_over(cached_execution& one) {
      std::lock_guard const lock(mutex_);
      return std::exchange(one.queued, false);
   }

   /// \return what to look at next; nothing when that was all: nobody is at the execution then, and one that has ended
   /// is forgotten with what still waited for it
   [[nodiscard]] std::optional<work> next(cached_execution& one) {
      work out; // freed after the lock
      std::lock_guard const lock(mutex_);
      out.facts.swap(one.inbox);
      out.woken = std::exchange(one.woken, false);
      bool const idle = out.facts.empty() && !out.woken;
      // Without a start there is nothing to run: a log of another kind, or none at all.
      bool const ended = one.loaded && (one.state.terminal() || (idle && !one.state.started()));
      bytes_ += one.estimated_bytes() - one.counted_bytes;
      one.counted_bytes = one.estimated_bytes();
      if (!ended && !idle) return out;
      one.busy = false;
      --stats_.active;
      if (ended)
         forget(entries_.find(one.id));
      else
         evict();
      return std::nullopt;
   }

   /// Makes an execution busy with a report. \return null when nothing can be foreseen of it
   /// \param known  gets what was committed and not folded yet
   [[nodiscard]] entry_ptr hold(execution_id id, std::vector<event>& known) {
      std::lock_guard const lock(mutex_);
      auto const found = entries_.find(id);
      if (found == entries_.end() || (found->second->busy && !found->second->queued)) return nullptr;
      auto& one = *found->second; // nobody is at it
      if (!one.loaded || !one.book || one.woken) return nullptr;
      if (one.unforeseen > 0) {
         --one.unforeseen;
         return nullptr;
      }
      recent_.splice(recent_.begin(), recent_, one.recent);
      if (!one.busy) ++stats_.active;
      one.busy = true;
      one.queued = false;
      known.swap(one.inbox);
      return found->second;
   }

   /// Queues a held execution for whoever advances it, with what it has to look at before all else.
   void give_back(cached_execution& one, std::vector<event> known) {
      std::lock_guard const lock(mutex_);
      one.inbox.insert(one.inbox.begin(), std::make_move_iterator(known.begin()), std::make_move_iterator(known.end()));
      one.queued = true;
   }

   /// Whoever advances an execution has failed and looks again later. It stays at it, and is not counted as being at
   /// work meanwhile: others must not wait for that.
   void put_off() {
      std::lock_guard const lock(mutex_);
      ++stats_.failures;
      --stats_.active;
   }
   /// After put_off(): the log may have gone on.
   void resume(cached_execution& one) {
      std::lock_guard const lock(mutex_);
      one.woken = true;
      ++stats_.active;
   }

   /// \param figure  one that only grows: decisions, conflicts, rebuilds
   void count(std::uint64_t orchestrator_stats::*figure) {
      std::lock_guard const lock(mutex_);
      ++(stats_.*figure);
   }

   [[nodiscard]] std::vector<execution_id> ids() const {
      std::lock_guard const lock(mutex_);
      return {recent_.begin(), recent_.end()};
   }

   [[nodiscard]] orchestrator_stats stats() const {
      std::lock_guard const lock(mutex_);
      auto now = stats_;
      now.cached = entries_.size();
      now.bytes = bytes_;
      return now;
   }

private:
   using entry_map = std::unordered_map<execution_id, entry_ptr>;

   // All with mutex_ held.
   entry_map::iterator add(execution_id id) {
      auto const made = entries_.emplace(id, std::make_shared<cached_execution>()).first;
      recent_.push_front(id);
      made->second->id = id;
      made->second->recent = recent_.begin();
      return made;
   }
   /// \return the place in recent_ behind it
   std::list<execution_id>::iterator forget(entry_map::iterator found) {
      bytes_ -= found->second->counted_bytes;
      auto const next = recent_.erase(found->second->recent);
      entries_.erase(found);
      return next;
   }
   void evict() {
      auto oldest = recent_.end();
      while ((entries_.size() > max_executions_ || bytes_ > max_bytes_) && oldest != recent_.begin()) {
         --oldest;
         auto const found = entries_.find(*oldest);
         if (!found->second->busy) oldest = forget(found);
      }
   }

   std::size_t max_executions_;
   std::size_t max_bytes_;
   mutable std::mutex mutex_;
   entry_map entries_;
   std::list<execution_id> recent_; ///< the last one used first
   std::size_t bytes_ = 0;          ///< counted_bytes of all entries
   orchestrator_stats stats_;
};

} // namespace noetl::workflow::detail
