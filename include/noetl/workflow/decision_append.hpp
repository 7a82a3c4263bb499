// workflow/decision_append.hpp: a decision as one atomic append: events, command rows, notifications.
// Knows the append request and the rows of workflow/commands.hpp; no I/O.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/workflow/commands.hpp>
#include <noetl/workflow/decide.hpp>

namespace noetl::workflow {

/// What every notification of a server shares.
struct announcement {
   std::string server_url; ///< absolute URL that every worker reaches (NOETL_PUBLIC_SERVER_URL)
   std::string pool;       ///< one NATS token, from command_pool()
};

/// Adds everything that `what` decided to an append_request or a follow_up, in the order of the log: events, commands,
/// end. Ids are minted here; `cause` is the event that led to the decision. A command's notification lies in the same
/// transaction as the command (W1).
template <class Rows>
void add_decision(Rows& rows, decision const& what, run_identity const& run, announcement const& how,
                  std::optional<event_id> cause, id_generator ids, timestamp at) {
   for (auto const& planned : what.events) {
      rows.events.push_back(to_event(planned, run, event_id{ids.next()}, cause, at));
   }
   for (auto const& planned : what.commands) {
      auto const issued = event_id{ids.next()};
      auto fact = to_event(planned, run, issued, cause, at);
      command_row row;
      row.command_id = ids.next();
      row.execution_id = run.execution;
      row.event_id = issued;
      row.catalog_id = run.catalog;
      row.step_name = planned.step;
      row.tool_kind = planned.tool_kind;
      row.context = fact.context;
      row.meta = fact.meta;
      row.latest_event_id = cause;
      outbox_row note;
      note.execution_id = run.execution;
      note.event_id = issued;
      note.subject = command_subject(how.pool, run.execution);
      note.payload = command_notification(planned, run, issued, how.server_url, how.pool);
      rows.events.push_back(std::move(fact));
      rows.commands.push_back(std::move(row));
      rows.outbox.push_back(std::move(note));
   }
   if (what.end) rows.events.push_back(to_event(*what.end, run, event_id{ids.next()}, cause, at));
}

} // namespace noetl::workflow
