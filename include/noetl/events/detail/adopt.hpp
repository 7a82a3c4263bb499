// events/detail/adopt.hpp: takes over executions that an older server started: a head, and command rows that tell the
// truth. Knows pg/connection.hpp and the spellings of the events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <noetl/events/envelope.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::detail {

/// Status of a head whose events came through a projection (events/projection.hpp) and that nobody here drives.
inline constexpr std::string_view projected_status = "PROJECTED";

/// SQL: what the events of one execution `e` say about its end.
inline std::string build_status() {
   std::string statuses = "case e.event_type";
   for (auto const& t : terminal_types)
      statuses.append(" when '").append(t.event_type).append("' then '").append(t.status).append("'");
   statuses += " end";
   return "coalesce((array_agg(" + statuses + " order by e.event_id) filter (where " + statuses +
          " is not null))[1], 'RUNNING')";
}

inline std::string build_adopt_heads() {
   return "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status, created_at) "
          "select e.execution_id, greatest(count(*), max(e.stream_version)), greatest(count(*), "
          "max(e.stream_version)), "
          "max(e.catalog_id), " +
          build_status() +
          ", min(e.created_at) at time zone 'utc' "
          "from noetl.event e where e.execution_id = any($1::bigint[]) group by e.execution_id order by e.execution_id "
          "on conflict (execution_id) do nothing";
}

// Older servers wrote command rows at best effort and never touched them again (W13). The text id of a command stands
// in one of three places of its events (W4).
inline constexpr std::string_view adopt_missing_commands =
    "insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name, tool_kind, context, meta, "
    "latest_event_id) "
    "select e.event_id, e.event_id, e.execution_id, e.catalog_id, coalesce(e.node_name, ''), e.node_type, e.context, "
    "e.meta, e.event_id "
    "from noetl.event e where e.execution_id = any($1::bigint[]) and e.event_type = 'command.issued' and not exists ("
    "select 1 from noetl.command c where c.execution_id = e.execution_id and c.event_id = e.event_id) "
    "on conflict (execution_id, command_id) do nothing";

// Issue and reports of a command meet in one group: joined, each report would be compared with each command, because no
// index has the text.
inline constexpr std::string_view adopt_command_states =
    "with said as (select execution_id, event_id, created_at, "
    "  case when event_type <> 'command.issued' then coalesce(worker_id, meta->>'worker_id') end as worker_id, "
    "  case when event_type = 'command.issued' then coalesce(meta->>'command_id', execution_id || ':' || node_name || "
    "':' || event_id) "
    "    else coalesce(meta->>'command_id', result->'context'->>'command_id', result->'data'->>'command_id') end as "
    "id, "
    "  case event_type when 'command.issued' then 0 when 'command.claimed' then 1 when 'command.started' then 2 when "
    "'action_started' then 2 else 3 end as rank, "
    "  case event_type when 'command.claimed' then 'CLAIMED' when 'command.started' then 'RUNNING' when "
    "'action_started' then 'RUNNING' "
    "    when 'command.completed' then 'COMPLETED' when 'action_completed' then 'COMPLETED' "
    "    when 'command.cancelled' then 'CANCELLED' else 'FAILED' end as status "
    "  from noetl.event where execution_id = any($1::bigint[]) and event_type in ('command.issued', 'command.claimed', "
    "'command.started', 'action_started', 'command.completed', 'action_completed', 'command.cancelled', "
    "'command.failed', 'action_failed')), "
    "last as (select execution_id, array_agg(event_id) filter (where rank = 0) as issued, max(rank) as rank, "
    "  (array_agg(status order by rank desc, event_id))[1] as status, "
    "  (array_agg(worker_id order by event_id desc) filter (where worker_id is not null))[1] as worker_id, "
    "  min(created_at) filter (where rank = 1) as claimed_at, min(created_at) filter (where rank = 2) as started_at, "
    "  min(created_at) filter (where rank = 3) as completed_at, max(event_id) filter (where rank > 0) as latest "
    "  from said where id is not null group by execution_id, id having min(rank) = 0 and max(rank) > 0), "
    "each as materialized (select last.*, i.event_id from last cross join unnest(issued) as i(event_id)) "
    "update noetl.command c set status = l.status, worker_id = coalesce(l.worker_id, c.worker_id), "
    "claimed_at = coalesce(c.claimed_at, l.claimed_at at time zone 'utc'), started_at = coalesce(c.started_at, "
    "l.started_at at time zone 'utc'), "
    "completed_at = coalesce(c.completed_at, l.completed_at at time zone 'utc'), latest_event_id = l.latest, "
    "updated_at = now() "
    "from each l where c.execution_id = l.execution_id and c.event_id = l.event_id "
    "and l.rank > case upper(c.status) when 'PENDING' then 0 when 'CLAIMED' then 1 when 'RUNNING' then 2 else 3 end";

/// Starts of executions after a place (created_at, execution_id), oldest first: (created_at, execution_id, to adopt).
inline std::string build_older_starts() {
   std::string terminal;
   for (auto const& t : terminal_types)
      terminal.append(terminal.empty() ? "'" : ", '").append(t.event_type).append("'");
   // The page is cut before the probes, so a statement does a bounded amount of work however much history there is.
   return "select s.created_at, s.execution_id, s.stream_version is null "
          "and not exists (select 1 from noetl.stream_head h where h.execution_id = s.execution_id) "
          "and not exists (select 1 from noetl.event e where e.execution_id = s.execution_id and e.event_type in (" +
          terminal +
          ") offset 0) from (select created_at, execution_id, stream_version from noetl.event "
          "where event_type in ('playbook.initialized', 'playbook_started', 'playbook.started') "
          "and created_at >= $1::timestamp and (created_at, execution_id) > ($1::timestamp, $2::bigint) order by "
          "created_at, execution_id limit $3) s "
          "order by s.created_at, s.execution_id";
}

inline std::string build_adopt_projected() {
   return "update noetl.stream_head h set status = s.status from (select e.execution_id, " + build_status() +
          " as status from noetl.event e where e.execution_id = any($1::bigint[]) group by e.execution_id) s "
          "where h.execution_id = s.execution_id returning h.execution_id, h.status";
}

/// Brings the command rows of executions up to what their events say.
inline void adopt_commands(pg::connection& db, std::vector<std::int64_t> const& executions) {
   db.exec(adopt_missing_commands, executions);
   db.exec(adopt_command_states, executions);
}

/// Inside a transaction. Executions without any event stay without a head.
inline void adopt(pg::connection& db, std::vector<std::int64_t> const& executions) {
   static auto const heads = build_adopt_heads();
   if (db.exec(heads, executions).affected() > 0) adopt_commands(db, executions);
}

/// Inside a transaction that has locked the heads: somebody reports to us about executions that were only recorded
/// here, so from now on they are driven here. \return (execution_id, status)
inline pg::rows adopt_projected(pg::connection& db, std::vector<std::int64_t> const& executions) {
   static auto const heads = build_adopt_projected();
   auto statuses = db.exec(heads, executions);
   adopt_commands(db, executions);
   return statuses;
}

} // namespace noetl::detail
