// workflow/detail/reports.hpp: which events call for a decision, and which reports are decided upon before they are
// stored. Knows states and appends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include <noetl/core/id_generator.hpp>
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

/// A report that ends a command, is small, and whose result need not be fetched from the result store, which might be
/// slow: what a worker reports is stored first then. Its events must stand before those of a decision in the stream,
/// where ids give the order within a transaction; ids of a producer whose clock is far ahead do not.
inline bool may_be_foreseen(append_request const& report, id_generator ids) {
   bool const ends = std::ranges::any_of(
       report.updates, [](command_update const& u) { return u.status == "COMPLETED" || u.status == "FAILED"; });
   if (!ends) return false;
   std::size_t bytes = 0;
   event_id newest{};
   for (auto const& e : report.events) {
      bytes += e.context.text.size() + e.result.text.size() + e.meta.text.size() + (e.error ? e.error->size() : 0);
      if (names_stored_result(e)) return false;
      newest = std::max(newest, e.event_id);
   }
   return bytes <= foreseen_bytes && ids.keep_above(newest.value);
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
