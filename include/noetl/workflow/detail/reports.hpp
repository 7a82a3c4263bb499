// workflow/detail/reports.hpp: which events call for a decision, and which reports are decided upon before they are
// stored. Knows states and appends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include <noetl/core/strong.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow::detail {

/// A report of progress changes nothing that could be decided, so it does not cost a load from the database.
inline bool may_trigger(event const& fact) {
   constexpr std::string_view all[] = {"playbook_started", "command.completed", "command.failed",   "command.cancelled",
                                       "call.done",        "action_done",       "action_completed", "action_failed",
                                       "step.exit",        "step_completed",    "step_failed"};
   return std::ranges::find(all, fact.event_type) != std::end(all);
}

/// Its result lies in the result store and must be fetched before it is folded.
inline bool names_stored_result(event const& fact) {
   return fact.result.text.find("\"reference\"") != std::string::npos;
}

/// Reports with more text than this are not copied for a look ahead.
inline constexpr std::size_t foreseen_bytes = 64U << 10U;

/// A report that ends a command, is small, and needs nothing from the result store: that may be slow, and a report
/// should not wait for it.
inline bool may_be_foreseen(append_request const& report) {
   bool const ends = std::ranges::any_of(
       report.updates, [](command_update const& u) { return u.status == "COMPLETED" || u.status == "FAILED"; });
   if (!ends || std::ranges::any_of(report.events, names_stored_result)) return false;
   std::size_t bytes = 0;
   for (auto const& e : report.events)
      bytes += e.context.text.size() + e.result.text.size() + e.meta.text.size() + (e.error ? e.error->size() : 0);
   return bytes <= foreseen_bytes;
}

/// 0 for a report without ids.
inline event_id newest_id(append_request const& report) {
   event_id newest{};
   for (auto const& e : report.events) newest = std::max(newest, e.event_id);
   return newest;
}

/// One command is open: nobody but its worker has something to report, so most likely nothing comes between.
inline bool one_command_open(workflow_state const& state) {
   std::size_t open = 0;
   for (auto const& [id, command] : state.commands) {
      open += command.issued && !is_terminal(command.phase) ? 1 : 0;
      if (open > 1) return false;
   }
   return open == 1;
}

} // namespace noetl::workflow::detail
