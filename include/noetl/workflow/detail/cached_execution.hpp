// workflow/detail/cached_execution.hpp: one execution in the orchestrator's memory, how large it is about, and when its
// next snapshot is due. Knows states and the fold.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/workflow/aggregate.hpp>
#include <noetl/workflow/detail/reports.hpp>
#include <noetl/workflow/detail/state_size.hpp>
#include <noetl/workflow/fold.hpp>
#include <noetl/workflow/loop_memo.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::workflow::detail {

/// A JSON value in memory against its text, as measured for small members; user data is held twice besides.
inline constexpr std::size_t bytes_per_text_byte = 12;
/// What an event costs to read besides its JSON.
inline constexpr std::size_t bytes_per_event = 256;

/// `id`, `inbox`, `woken`, `busy`, `queued`, `recent` and `counted_bytes` belong to the cache's mutex; the rest to
/// whoever has made it busy: the coroutine that advances the execution or the one that stores a report.
struct cached_execution {
   execution_id id{};
   std::vector<event> inbox;
   bool woken = false;
   bool busy = false;
   bool queued = false; ///< busy, but the coroutine that advances it has not begun: a report may go first
   std::list<execution_id>::iterator recent;

   bool loaded = false;
   workflow_state state;
   std::shared_ptr<playbook const> book;
   std::int64_t decided_version = 0; ///< version of our own last append; nothing is decided before it is folded
   std::int64_t considered = 0;      ///< every trigger up to this version is decided upon
   bool undecided = false;           ///< a trigger was folded and not decided upon yet
   event_id cause{};                 ///< the newest trigger: parent of what is decided
   loop_memo memo;
   std::uint32_t failures = 0;
   std::uint32_t unforeseen = 0;    ///< so many of the next reports are stored alone: others append here, too
   std::size_t measured_bytes = 0;  ///< memory of `state` when it was measured last
   std::size_t folded_bytes = 0;    ///< text of the events folded since then
   std::size_t counted_bytes = 0;   ///< its share of the cache's sum
   std::uint64_t saved = 0;         ///< events in the last snapshot that was read or tried
   std::size_t saved_bytes = 0;     ///< text of that snapshot
   std::size_t unsaved_bytes = 0;   ///< of the events folded since then
   std::atomic<bool> saving{false}; ///< one at a time

   /// With nothing folded: its first event comes next.
   void begin() {
      state = workflow_state{};
      measured_bytes = folded_bytes = saved_bytes = unsaved_bytes = 0;
      saved = 0;
      decided_version = considered = 0;
      loaded = true;
   }
   /// With what snapshot and log say.
   void begin(workflow_states::rebuilt found) {
      state = std::move(found.state);
      measured_bytes = unsaved_bytes = 0;
      folded_bytes = found.report.bytes;
      saved = found.report.from_snapshot ? found.report.snapshot_events : 0;
      saved_bytes = found.report.from_snapshot ? found.report.bytes : 0;
      decided_version = considered = 0;
      loaded = true;
   }
   /// It runs, everything it decided is folded, and it waits for one command.
   [[nodiscard]] bool awaits_one_command() const {
      return state.started() && !state.terminal() && state.version >= decided_version && one_command_open(state);
   }
   /// Something was appended that this server had not heard of.
   void expect_others() noexcept { unforeseen = 8; }
   /// What is in memory is not what the log says: it is read anew before anything else is done with it.
   void forget_state() {
      loaded = false;
      memo = {}; // it trusts `state.changes`
      cause = {};
   }
   /// Folds the next event.
   void take(event const& fact) {
      apply(state, fact);
      auto const bytes = fact.result.text.size() + fact.meta.text.size() + read_context(fact);
      folded_bytes += bytes;
      unsaved_bytes += bytes + bytes_per_event;
   }
   /// As take, for what may call for a decision.
   void take_cause(event const& fact) {
      if (may_trigger(fact)) cause = fact.event_id;
      take(fact);
   }
   void drop_folded(std::vector<event>& facts) const {
      std::erase_if(facts, [&](event const& e) { return e.stream_version <= state.version; });
   }
   /// Events were folded from the log.
   void caught_up(rebuild_report const& done) {
      if (done.restarts != 0) measured_bytes = folded_bytes = 0;
      folded_bytes += done.bytes;
      unsaved_bytes += done.bytes + done.events * bytes_per_event;
   }

   [[nodiscard]] std::size_t estimated_bytes() const noexcept {
      return measured_bytes + folded_bytes * bytes_per_text_byte + memo.bytes();
   }
   /// Most of what a long log said is forgotten by its state. Measuring costs a walk over the state, so it waits until
   /// the guess for what came since matters; the cost per event stays the same however long the log gets.
   void measure_when_due() {
      constexpr std::size_t at_least = 64U << 10U;
      if (folded_bytes * bytes_per_text_byte < at_least + measured_bytes / 4) return;
      measured_bytes = memory_of(state);
      folded_bytes = 0;
   }

   /// A large state is written when the log behind it has grown by a good part of it: snapshots stay as cheap per event
   /// as for a small one.
   [[nodiscard]] bool snapshot_due(std::uint64_t every) const noexcept {
      return state.applied - saved >= every && unsaved_bytes >= saved_bytes / 2;
   }
   void snapshot_made(std::size_t bytes) noexcept {
      saved = state.applied;
      saved_bytes = bytes;
      unsaved_bytes = 0;
   }

private:
   /// Bytes of its context that may have gone into the state.
   static std::size_t read_context(event const& fact) {
      bool const unread = std::ranges::find(workflow_aggregate::contexts_unread, fact.event_type) !=
                          workflow_aggregate::contexts_unread.end();
      return unread ? 0 : fact.context.text.size();
   }
};

} // namespace noetl::workflow::detail
