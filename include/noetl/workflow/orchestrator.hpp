// workflow/orchestrator.hpp: runs executions: folds committed events, decides, appends the decision, keeps snapshots.
// Knows the event store, states and the pure parts of workflow/; where playbooks come from is a function given to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/store.hpp>
#include <noetl/workflow/commands.hpp>
#include <noetl/workflow/decide.hpp>
#include <noetl/workflow/decision_append.hpp>
#include <noetl/workflow/detail/cached_execution.hpp>
#include <noetl/workflow/orchestrator_settings.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::workflow {

using boost::asio::awaitable;

/// Decides asynchronously but durably (W10): a trigger is an event that is committed already, so a crash loses nothing;
/// a restarted server wakes every running execution and decides what was left undone. One decision at a time per
/// execution in this process; between replicas the expected version lets one decision win (W24). Snapshots are written
/// beside the work: a failed one is logged and counted, and the next is due as many events later (132).
///
/// Thread-safe. Lives until its executor has stopped.
class orchestrator {
public:
   using playbook_ptr = std::shared_ptr<playbook const>;
   using playbook_source = std::function<awaitable<result<playbook_ptr>>(catalog_id)>;

   orchestrator(boost::asio::any_io_executor executor, event_store& store, workflow_states& states, id_generator ids,
                playbook_source playbooks, orchestrator_settings how)
       : executor_(std::move(executor)), store_(store), states_(states), ids_(ids), playbooks_(std::move(playbooks)),
         how_(std::move(how)) {}

   /// For event_store::on_committed: queues the events of executions and starts what stands still. Quick.
   void observe(std::span<event const> committed) {
      while (!committed.empty()) {
         auto const id = committed.front().execution_id;
         auto const same = std::ranges::find_if(committed, [&](event const& e) { return e.execution_id != id; });
         auto const count = static_cast<std::size_t>(same - committed.begin());
         deliver(id, committed.first(count));
         committed = committed.subspan(count);
      }
   }

   /// Looks at an execution as if something had happened to it: after a restart, or for work that may have been missed.
   void wake(execution_id id) { deliver(id, {}); }

   /// Executions in memory, for whoever knows which of them have ended elsewhere and wakes these (138).
   [[nodiscard]] std::vector<execution_id> cached() const {
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
   using entry = detail::cached_execution;
   using entry_ptr = std::shared_ptr<entry>;

   // A report of progress changes nothing that could be decided, so it does not cost a load from the database.
   static bool may_trigger(event const& fact) {
      auto const& type = fact.event_type;
      return type == "playbook_started" || type == "command.completed" || type == "command.failed" ||
             type == "command.cancelled" || type == "call.done" || type == "action_done" ||
             type == "action_completed" || type == "action_failed" || type == "step.exit" || type == "step_completed" ||
             type == "step_failed";
   }

   void deliver(execution_id id, std::span<event const> facts) {
      entry_ptr one;
      {
         std::lock_guard const lock(mutex_);
         auto found = entries_.find(id);
         if (found == entries_.end()) {
            bool const trigger = facts.empty() || std::ranges::any_of(facts, may_trigger);
            if (!trigger) return;
            found = entries_.emplace(id, std::make_shared<entry>()).first;
            found->second->id = id;
            recent_.push_front(id);
            found->second->recent = recent_.begin();
         } else {
            recent_.splice(recent_.begin(), recent_, found->second->recent);
         }
         auto& waiting = *found->second;
         waiting.inbox.insert(waiting.inbox.end(), facts.begin(), facts.end());
         waiting.woken = waiting.woken || facts.empty();
         if (waiting.busy) return;
         waiting.busy = true;
         ++stats_.active;
         one = found->second;
         evict(); // never this one: it is busy
      }
      boost::asio::co_spawn(executor_, run(std::move(one)), boost::asio::detached);
   }

   /// \pre mutex_ is held
   void evict() {
      auto oldest = recent_.end();
      while ((entries_.size() > how_.cached_executions || bytes_ > how_.cached_bytes) && oldest != recent_.begin()) {
         --oldest;
         auto const found = entries_.find(*oldest);
         if (found->second->busy) continue;
         bytes_ -= found->second->counted_bytes;
         entries_.erase(found);
         oldest = recent_.erase(oldest);
      }
   }

   awaitable<void> run(entry_ptr one) {
      for (;;) {
         std::vector<event> facts;
         bool woken = false;
         {
            std::lock_guard const lock(mutex_);
            facts.swap(one->inbox);
            woken = std::exchange(one->woken, false);
            bool const idle = facts.empty() && !woken;
            // Without a start there is nothing to run: a log of another kind, or none at all.
            bool const ended = one->loaded && (one->state.terminal() || (idle && !one->state.started()));
            bytes_ += one->estimated_bytes() - one->counted_bytes;
            one->counted_bytes = one->estimated_bytes();
            if (ended || idle) {
               one->busy = false;
               --stats_.active;
               if (ended)
                  forget(*one);
               else
                  evict();
               co_return;
            }
         }
         result<void> done;
         try {
            done = co_await advance(*one, std::move(facts), woken);
            if (done) {
               one->measure_when_due();
               save_when_due(one);
            }
         } catch (std::exception const& e) { // an execution that nobody advances any more would look like a hung one
            done = fail(error_code::internal, "an execution cannot be advanced", e.what());
         }
         if (done) {
            one->failures = 0;
            continue;
         }
         // Database gone, playbook unreadable: the facts are safe in the log, so look again later.
         log::warn(
             "orchestrator.put_off",
             {{"execution_id", one->id.value}, {"reason", done.error().message}, {"detail", done.error().detail}});
         co_await put_off(*one);
      }
   }

   /// \pre mutex_ is held
   void forget(entry const& one) {
      bytes_ -= one.counted_bytes;
      recent_.erase(one.recent);
      entries_.erase(one.id);
   }

   awaitable<void> put_off(entry& one) {
      one.loaded = false;
      auto const step = std::min<std::uint32_t>(one.failures++, 4);
      {
         std::lock_guard const lock(mutex_);
         ++stats_.failures;
         --stats_.active; // who sleeps is busy and not at work: others must not wait for that
      }
      boost::asio::steady_timer timer(executor_, how_.retry_delay * (1U << step));
      boost::system::error_code ignored; // a cancelled wait only means: look now
      co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      std::lock_guard const lock(mutex_);
      one.woken = true;
      ++stats_.active;
   }

   void save_when_due(entry_ptr const& one) {
      auto const& state = one->state;
      bool const due = how_.snapshot_events != 0 && one->snapshot_due(how_.snapshot_events);
      if (!due || state.terminal() || one->saving) return;
      auto row = states_.snapshots().prepare(state, now());
      one->snapshot_made(row.text.size());
      one->saving = true; // only this coroutine sets it
      boost::asio::co_spawn(executor_, save(one, std::move(row)), boost::asio::detached);
   }

   awaitable<void> save(entry_ptr one, snapshot_row row) {
      auto const version = row.position.version;
      result<save_outcome> saved = fail(error_code::internal, "not tried");
      try {
         saved = co_await states_.snapshots().save(one->id, std::move(row));
      } catch (std::exception const& e) {
         saved = fail(error_code::internal, "a snapshot cannot be saved", e.what());
      }
      one->saving = false;
      if (!saved)
         log::warn("snapshot.not_saved", {{"execution_id", one->id},
                                          {"version", version},
                                          {"reason", saved.error().message},
                                          {"detail", saved.error().detail}});
   }

   awaitable<result<void>> advance(entry& one, std::vector<event> facts, bool woken) {
      one.undecided = one.undecided || woken;
      for (auto const& fact : facts) {
         if (!may_trigger(fact)) continue;
         one.undecided = true;
         one.cause = fact.event_id;
      }
      if (auto folded = co_await fold(one, std::move(facts), woken); !folded) co_return std::move(folded).error();
      while (one.undecided && one.state.started() && !one.state.terminal() &&
             one.state.version >= one.decided_version) {
         auto appended = co_await decide_once(one);
         if (appended) {
            one.undecided = false;
            break;
         }
         if (appended.error().code != error_code::conflict) co_return std::move(appended).error();
         {
            std::lock_guard const lock(mutex_);
            ++stats_.conflicts;
         }
         auto again = co_await catch_up(one);
         if (!again) co_return std::move(again).error();
         // The log has nothing new, so the next attempt would end like this one.
         if (*again == 0) co_return std::move(appended).error();
      }
      co_return result<void>{};
   }

   /// Folds what was committed; what is missing in memory comes from the log.
   awaitable<result<void>> fold(entry& one, std::vector<event> facts, bool woken) {
      if (auto prepared = co_await states_.prepare(facts); !prepared) co_return std::move(prepared).error();
      bool const from_start = !one.loaded && !facts.empty() && facts.front().stream_version == 1;
      if (from_start) one.begin();
      if (!one.loaded) {
         auto rebuilt = co_await states_.load(one.id);
         if (!rebuilt) co_return std::move(rebuilt).error();
         one.begin(*std::move(rebuilt));
         std::lock_guard const lock(mutex_);
         ++stats_.rebuilds;
      } else if (woken) {
         auto current = co_await catch_up(one);
         if (!current) co_return std::move(current).error();
      }
      for (auto const& fact : facts) {
         if (fact.stream_version <= one.state.version) continue;
         if (fact.stream_version > one.state.version + 1) { // another replica wrote in between
            auto loaded = co_await catch_up(one);
            if (!loaded) co_return std::move(loaded).error();
            continue;
         }
         one.take(fact);
      }
      co_return result<void>{};
   }

   /// \return how many events were folded
   awaitable<result<std::uint64_t>> catch_up(entry& one) {
      auto current = co_await states_.catch_up(one.id, one.state);
      if (!current) co_return std::move(current).error();
      one.caught_up(*current);
      co_return current->events;
   }

   awaitable<result<void>> decide_once(entry& one) {
      if (!one.book) {
         auto book = co_await playbooks_(one.state.catalog_id);
         if (!book) co_return std::move(book).error();
         one.book = *std::move(book);
      }
      auto what = decide(*one.book, one.state, &one.memo);
      if (!what) co_return std::move(what).error();
      for (auto const& warning : what->warnings)
         log::warn("orchestrator.template", {{"execution_id", one.id.value}, {"reason", warning}});
      if (what->empty()) co_return result<void>{};
      auto stored = co_await append_decision(one, *what);
      if (!stored && cannot_be_stored(stored.error())) {
         // No repeat can succeed: the execution ends with the reason instead of hanging for ever.
         decision failure;
         failure.end.emplace();
         failure.end->status = run_status::failed;
         failure.end->error = "the decision cannot be stored: " + stored.error().message;
         failure.end->evaluate_error = true;
         stored = co_await append_decision(one, failure);
      }
      if (!stored) co_return std::move(stored).error();
      one.decided_version = stored->version;
      std::lock_guard const lock(mutex_);
      ++stats_.decisions;
      co_return result<void>{};
   }

   static bool cannot_be_stored(error const& e) {
      return e.code == error_code::validation || e.code == error_code::bad_request || e.code == error_code::too_large;
   }

   awaitable<result<append_result>> append_decision(entry& one, decision const& what) {
      append_request append;
      append.execution_id = one.id;
      append.expect = {expected::undecided_since, one.state.version};
      announcement const how{how_.server_url, stored_command_pool(one.state.execution_pool, one.book->path)};
      auto const cause = one.cause.value != 0 ? one.cause : one.state.last_event;
      add_decision(append, what, run_identity(one.state), how, cause, ids_, now());
      auto stored = co_await store_.append(std::move(append));
      co_return stored;
   }

   boost::asio::any_io_executor executor_;
   event_store& store_;
   workflow_states& states_;
   id_generator ids_;
   playbook_source playbooks_;
   orchestrator_settings how_;
   mutable std::mutex mutex_;
   std::unordered_map<execution_id, entry_ptr> entries_;
   std::list<execution_id> recent_;
   std::size_t bytes_ = 0; ///< counted_bytes of all entries
   orchestrator_stats stats_;
};

} // namespace noetl::workflow
