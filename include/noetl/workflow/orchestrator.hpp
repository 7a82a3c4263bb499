// workflow/orchestrator.hpp: runs executions: folds committed events, decides, appends the decision, keeps snapshots.
// Knows the event store, states and the pure parts of workflow/; where playbooks come from is a function given to it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
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
#include <noetl/workflow/detail/execution_cache.hpp>
#include <noetl/workflow/detail/reports.hpp>
#include <noetl/workflow/detail/snapshot_saving.hpp>
#include <noetl/workflow/orchestrator_settings.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::workflow {

using boost::asio::awaitable;

/// Decides asynchronously but durably (W10): a trigger is committed before the decision or together with it (append()),
/// so a crash loses nothing; a restarted server wakes every running execution and decides what was left undone. One
/// decision at a time per execution in this process; between replicas the expected version lets one decision win (W24).
/// Snapshots are written beside the work: a failed one is logged and counted, and the next is due as many events later
/// (132).
///
/// Thread-safe. Lives until its executor has stopped.
class orchestrator {
public:
   using playbook_ptr = std::shared_ptr<playbook const>;
   using playbook_source = std::function<awaitable<result<playbook_ptr>>(catalog_id)>;

   orchestrator(boost::asio::any_io_executor executor, event_store& store, workflow_states& states, id_generator ids,
                playbook_source playbooks, orchestrator_settings how)
       : executor_(std::move(executor)), store_(store), states_(states), ids_(ids), playbooks_(std::move(playbooks)),
         how_(std::move(how)), cache_(how_.cached_executions, how_.cached_bytes) {}

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

   /// Stores what a worker reports. When the execution is in memory, nobody is at it, and it waits for one command
   /// only, what follows is decided first and committed with the report: one commit less until the next command is
   /// told. Otherwise the report is stored alone, and decided upon once its commit is observed. Errors: as of
   /// event_store::append; internal.
   awaitable<result<append_result>> append(append_request report) {
      std::vector<event> known;
      auto one = may_look_ahead(report) ? cache_.hold(report.execution_id, known) : nullptr;
      if (!one) co_return co_await store_.append(std::move(report));
      bool ready = false;
      try {
         ready = co_await take_known(*one, known);
      } catch (std::exception const&) {
         one->forget_state(); // the reason is told when it is loaded
      }
      if (!ready) {
         let_go(std::move(one), std::move(known));
         co_return co_await store_.append(std::move(report));
      }
      result<append_result> stored = fail(error_code::internal, "not tried");
      try {
         stored = co_await append_foreseen(*one, std::move(report));
      } catch (std::exception const& e) {
         one->forget_state();
         stored = fail(error_code::internal, "a report cannot be stored", e.what());
      }
      bool const decided = stored && stored->followed;
      let_go(std::move(one), decided ? std::vector<event>() : std::move(known));
      co_return stored;
   }

   /// Looks at an execution as if something had happened to it: after a restart, or for work that may have been missed.
   void wake(execution_id id) { deliver(id, {}); }

   /// Executions in memory, for whoever knows which of them have ended elsewhere and wakes these (138).
   [[nodiscard]] std::vector<execution_id> cached() const { return cache_.ids(); }

   [[nodiscard]] orchestrator_stats stats() const { return cache_.stats(); }

private:
   using entry = detail::cached_execution;
   using entry_ptr = detail::execution_cache::entry_ptr;

   void deliver(execution_id id, std::span<event const> facts) {
      if (auto one = cache_.deliver(id, facts))
         boost::asio::co_spawn(executor_, run(std::move(one)), boost::asio::detached);
   }

   /// Ids of a decision stand above those of its cause: they are its order in the stream within one transaction. A
   /// database that is away would cost every execution its state.
   bool may_look_ahead(append_request const& report) {
      return detail::may_be_foreseen(report) && ids_.keep_above(detail::newest_id(report).value) &&
             store_.writer_stats(store_.shards().index_of(report.execution_id)).connected;
   }

   /// Folds what is committed and not folded yet. \return whether that was all, and the execution waits for one command
   awaitable<bool> take_known(entry& one, std::vector<event> facts) {
      one.drop_folded(facts);
      auto version = one.state.version;
      for (auto const& fact : facts)
         if (fact.stream_version != ++version || detail::names_stored_result(fact)) co_return false;
      if (!co_await states_.prepare(facts)) co_return false;
      for (auto const& fact : facts) one.take_cause(fact);
      co_return one.awaits_one_command();
   }

   /// Hands a held execution to a coroutine that advances it, with what it has to look at besides.
   void let_go(entry_ptr one, std::vector<event> known) {
      cache_.give_back(*one, std::move(known));
      // Posted: on a thread of the executor it would run at once, before the report is stored or answered.
      boost::asio::post(executor_, [this, one = std::move(one)]() mutable {
         boost::asio::co_spawn(executor_, run(std::move(one)), boost::asio::detached);
      });
   }

   awaitable<void> run(entry_ptr one) {
      if (!cache_.take_over(*one)) co_return;
      while (auto work = cache_.next(*one)) {
         result<void> done;
         try {
            done = co_await advance(*one, std::move(work->facts), work->woken);
            if (done) {
               one->measure_when_due();
               detail::save_when_due(executor_, states_, how_.snapshot_events, one);
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

   awaitable<void> put_off(entry& one) {
      one.loaded = false;
      auto const step = std::min<std::uint32_t>(one.failures++, 4);
      cache_.put_off();
      boost::asio::steady_timer timer(executor_, how_.retry_delay * (1U << step));
      boost::system::error_code ignored; // a cancelled wait only means: look now
      co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      cache_.resume(one);
   }

   awaitable<result<void>> advance(entry& one, std::vector<event> facts, bool woken) {
      one.undecided = one.undecided || woken;
      for (auto const& fact : facts) {
         bool const considered = one.loaded && fact.stream_version <= one.considered;
         if (considered || !detail::may_trigger(fact)) continue;
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
         cache_.count(&orchestrator_stats::conflicts);
         auto again = co_await catch_up(one);
         if (!again) co_return std::move(again).error();
         // The log has nothing new, so the next attempt would end like this one.
         if (*again == 0) co_return std::move(appended).error();
      }
      co_return result<void>{};
   }

   /// Folds what was committed; what is missing in memory comes from the log.
   awaitable<result<void>> fold(entry& one, std::vector<event> facts, bool woken) {
      if (one.loaded) one.drop_folded(facts);
      if (auto prepared = co_await states_.prepare(facts); !prepared) co_return std::move(prepared).error();
      bool const from_start = !one.loaded && !facts.empty() && facts.front().stream_version == 1;
      if (from_start) one.begin();
      if (!one.loaded) {
         auto rebuilt = co_await states_.load(one.id);
         if (!rebuilt) co_return std::move(rebuilt).error();
         one.begin(*std::move(rebuilt));
         cache_.count(&orchestrator_stats::rebuilds);
      } else if (woken) {
         auto current = co_await catch_up(one);
         if (!current) co_return std::move(current).error();
      }
      for (auto const& fact : facts) {
         if (fact.stream_version <= one.state.version) continue;
         if (fact.stream_version > one.state.version + 1) { // another replica wrote in between
            one.expect_others();
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
      tell_warnings(one, *what);
      if (what->empty()) co_return result<void>{};
      auto stored = co_await store_.append(append_of(one, *what));
      if (!stored && cannot_be_stored(stored.error())) {
         // No repeat can succeed: the execution ends with the reason instead of hanging for ever.
         decision failure;
         failure.end.emplace();
         failure.end->status = run_status::failed;
         failure.end->error = "the decision cannot be stored: " + stored.error().message;
         failure.end->evaluate_error = true;
         stored = co_await store_.append(append_of(one, failure));
      }
      if (!stored) co_return std::move(stored).error();
      one.decided_version = stored->version;
      cache_.count(&orchestrator_stats::decisions);
      co_return result<void>{};
   }

   static bool cannot_be_stored(error const& e) {
      return e.code == error_code::validation || e.code == error_code::bad_request || e.code == error_code::too_large;
   }

   append_request append_of(entry const& one, decision const& what) {
      append_request append;
      append.execution_id = one.id;
      append.expect = {expected::undecided_since, one.state.version};
      add_rows(append, one, what);
      return append;
   }

   template <class Rows>
   void add_rows(Rows& rows, entry const& one, decision const& what) {
      announcement const how{how_.server_url, stored_command_pool(one.state.execution_pool, one.book->path)};
      auto const cause = one.cause.value != 0 ? one.cause : one.state.last_event;
      add_decision(rows, what, run_identity(one.state), how, cause, ids_, now());
   }

   static void tell_warnings(entry const& one, decision const& what) {
      for (auto const& warning : what.warnings)
         log::warn("orchestrator.template", {{"execution_id", one.id.value}, {"reason", warning}});
   }

   /// What does not come true as foreseen is forgotten: the log says how it was.
   awaitable<result<append_result>> append_foreseen(entry& one, append_request report) {
      auto both = report;
      both.follow_up = co_await foresee(one, both);
      bool const foreseen = both.follow_up.has_value();
      bool const decides = foreseen && !both.follow_up->events.empty();
      auto stored = co_await store_.append(std::move(both));
      // For the decision, perhaps. When nobody knows whether it is stored, its worker repeats it.
      bool const refused = decides && !stored && stored.error().code != error_code::unavailable;
      if (stored && stored->followed) {
         one.undecided = false;
         one.considered = one.state.version;
         if (decides) one.decided_version = stored->version;
      } else {
         one.forget_state();
      }
      bool const late = foreseen && stored && !stored->followed && !stored->duplicate;
      if (late) one.expect_others();
      if (decides && (late || (stored && stored->followed)))
         cache_.count(late ? &orchestrator_stats::conflicts : &orchestrator_stats::decisions);
      if (refused) stored = co_await store_.append(std::move(report));
      co_return stored;
   }

   /// Folds a report that is not stored yet and decides. \return what follows, without rows when nothing does; nothing
   /// when that cannot be told
   awaitable<std::optional<follow_up>> foresee(entry& one, append_request& report) {
      try {
         follow_up out{.version = one.state.version};
         auto const at = now();
         for (auto& fact : report.events) {
            if (fact.event_id.value == 0) fact.event_id = event_id{ids_.next()};
            if (fact.created_at == timestamp{}) fact.created_at = at;
         }
         auto facts = report.events;
         if (!co_await states_.prepare(facts)) co_return std::nullopt;
         for (auto& fact : facts) {
            fact.execution_id = one.id;
            fact.stream_version = one.state.version + 1;
            one.take_cause(fact);
         }
         auto what = decide(*one.book, one.state, &one.memo);
         if (!what) co_return std::nullopt; // the reason is told when the stored report is decided upon
         tell_warnings(one, *what);
         add_rows(out, one, *what);
         co_return out;
      } catch (std::exception const& e) {
         log::warn("orchestrator.not_foreseen", {{"execution_id", one.id.value}, {"reason", std::string(e.what())}});
         co_return std::nullopt;
      }
   }

   boost::asio::any_io_executor executor_;
   event_store& store_;
   workflow_states& states_;
   id_generator ids_;
   playbook_source playbooks_;
   orchestrator_settings how_;
   detail::execution_cache cache_;
};

} // namespace noetl::workflow
