// workflow/state.hpp: what the event log of one execution says about its run. A value; workflow/fold.hpp fills it and
// workflow/decide.hpp reads it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tao/json/value.hpp>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>

namespace noetl::workflow {

enum class run_status : std::uint8_t { initial, running, completed, failed, cancelled };

/// Name in status views: an execution that has not started has none yet and counts as running.
constexpr std::string_view to_text(run_status status) noexcept {
   switch (status) {
   case run_status::completed: return "COMPLETED";
   case run_status::failed: return "FAILED";
   case run_status::cancelled: return "CANCELLED";
   default: return "RUNNING";
   }
}

/// Names in stored states, by value.
constexpr auto names_of(run_status) noexcept {
   return std::array<std::string_view, 5>{"initial", "running", "completed", "failed", "cancelled"};
}

enum class step_phase : std::uint8_t { pending, running, completed, failed, skipped };

/// \copydoc names_of(run_status)
constexpr auto names_of(step_phase) noexcept {
   return std::array<std::string_view, 5>{"pending", "running", "completed", "failed", "skipped"};
}

/// How far one command is known to be. It only grows, whatever order its events arrive in (L-15, W25).
enum class command_phase : std::uint8_t { unknown, issued, claimed, started, completed, failed };

/// \copydoc names_of(run_status)
constexpr auto names_of(command_phase) noexcept {
   return std::array<std::string_view, 6>{"unknown", "issued", "claimed", "started", "completed", "failed"};
}

constexpr bool is_terminal(command_phase phase) noexcept {
   return phase >= command_phase::completed;
}

/// What is known of one command id. A finished iteration leaves no record: step_state::finished knows of it.
struct command_record {
   std::string step;
   command_phase phase = command_phase::unknown;
   bool issued = false;               ///< its command.issued was folded; an end may come first and is kept until then
   std::uint64_t visit = 0;           ///< visit of the step that issued it
   std::optional<std::int64_t> index; ///< iteration
   std::int64_t end_event = 0;        ///< id of the event that ended it
   std::string error;                 ///< of a failed command
   bool outside = false;              ///< its result comes from a callback, not from the worker
   bool parked = false;               ///< ended, but an outside callback still has to bring the result (L-42)
   bool called = false;               ///< its result has arrived
   std::optional<std::string> cursor_phase; ///< `claim` or `body`
   std::int64_t frame = 0;
   tao::json::value early_result; ///< result that came before command.issued
};

/// Progress of one frame of a cursor loop. Only the newest frame is kept.
struct cursor_frame {
   bool claimed = false;  ///< the claim has completed
   tao::json::value rows; ///< array, once the claim's result has arrived
   std::size_t body_issued = 0;
   std::size_t body_completed = 0;
   bool answered = false; ///< the claim's result has arrived, with rows or without
};

/// One step. A *visit* is one time the step is entered; counters and commands belong to the current visit.
struct step_state {
   step_phase phase = step_phase::pending;
   std::uint64_t visit = 0;
   std::uint64_t entered_order = 0; ///< fold position of the last enter or skip; 0: never
   std::uint64_t done_order = 0;    ///< fold position of the last end
   std::int64_t completion = 0;     ///< id of the event that completed or skipped the current visit
   std::optional<timestamp> entered_at, completed_at;
   bool command_seen = false; ///< the current visit has a command
   bool has_result = false;   ///< the current visit has a result
   std::string error;

   std::int64_t decided = 0;      ///< completion whose arcs are decided
   std::vector<std::size_t> arcs; ///< arcs taken by that decision
   std::int64_t set_applied = 0;  ///< completion whose `set` was applied

   std::optional<std::int64_t> expected; ///< iterations of a loop
   std::int64_t issued = 0;              ///< iterations issued in this visit
   std::int64_t ended = 0;               ///< iterations ended in this visit
   std::int64_t failures = 0;
   std::map<std::int64_t, std::int64_t> finished; ///< iterations that ended in this visit, as ranges [first, second)
   std::map<std::int64_t, tao::json::value> iteration_data; ///< user data by index, while the loop runs

   bool cursor = false;
   bool drained = false;
   std::int64_t claims_issued = 0;
   std::map<std::int64_t, cursor_frame> frames;
};

/// The folded log of one execution.
struct workflow_state {
   noetl::execution_id execution_id{};
   noetl::catalog_id catalog_id{};
   std::optional<std::string> path; ///< catalog path
   std::optional<noetl::execution_id> parent_execution_id;
   std::optional<std::string> execution_pool; ///< chosen by the caller of execute
   bool strict_tool_status = false; ///< a tool that reports an error has failed (L-01, W21); said by the start event
   tao::json::value trace;          ///< null when absent
   tao::json::value workload;
   run_status run = run_status::initial;
   std::optional<timestamp> started_at, completed_at;
   std::string error; ///< of a failed run

   std::map<std::string, step_state, std::less<>> steps;
   std::map<std::string, command_record, std::less<>> commands;
   std::size_t unmatched = 0; ///< records in `commands` whose command.issued has not been seen
   std::uint64_t changes = 0; ///< how often ctx, data or results have changed: equal numbers, equal variables
   tao::json::value ctx = tao::json::empty_object;     ///< durable variables (fold of ctx.updated)
   tao::json::value data = tao::json::empty_object;    ///< step name to user data, as templates see it (3.6)
   tao::json::value results = tao::json::empty_object; ///< step name to raw result envelope (`steps` in templates)

   std::int64_t version = 0;           ///< highest stream_version folded
   std::uint64_t applied = 0;          ///< events folded; the order of things inside the state
   std::uint64_t unversioned = 0;      ///< of them rows of older servers, which have no stream_version
   noetl::event_id last_unversioned{}; ///< the last of these; they are folded in event_id order
   std::string current_step;           ///< node of the newest step.enter or command.started
   noetl::event_id last_event{};

   [[nodiscard]] run_status status() const noexcept { return run; }
   [[nodiscard]] bool terminal() const noexcept { return run >= run_status::completed; }
   [[nodiscard]] bool started() const noexcept { return run != run_status::initial; }

   struct counts {
      std::size_t total = 0, completed = 0, running = 0, failed = 0, skipped = 0;
   };
   /// Steps by phase, for status views: `total` counts the steps that were entered, skipped ones not among them.
   [[nodiscard]] counts progress() const {
      counts c;
      for (auto const& [name, s] : steps) {
         switch (s.phase) {
         case step_phase::pending: break;
         case step_phase::running: ++c.total, ++c.running; break;
         case step_phase::completed: ++c.total, ++c.completed; break;
         case step_phase::failed: ++c.total, ++c.failed; break;
         case step_phase::skipped: ++c.skipped; break;
         }
      }
      return c;
   }
};

} // namespace noetl::workflow
