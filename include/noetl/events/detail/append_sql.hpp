// events/detail/append_sql.hpp: the statements of one merged append. Text only.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <noetl/events/envelope.hpp>

namespace noetl::detail::sql {

// `offset 0` keeps a probe a probe: without it the planner may turn it into a join that reads the whole event table.
inline constexpr std::string_view create_heads =
    "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id) "
    "select x.execution_id, 0, 0, x.catalog_id from unnest($1::bigint[], $2::bigint[]) x(execution_id, catalog_id) "
    "where not exists (select 1 from noetl.event e where e.execution_id = x.execution_id offset 0) "
    "order by x.execution_id on conflict (execution_id) do nothing returning execution_id";

// Rows of heads have no event_id. Heads are locked before commands, and both in the order of the arrays: everybody
// locks in this order; so a command whose head is missing is left alone. Commands by a lateral probe: a join could be
// planned as a walk over all of them while there are few.
inline constexpr std::string_view lock_heads =
    "select execution_id, null::bigint, status, catalog_id, version, guarded_version, pg_current_xact_id()::text, "
    "null::text from noetl.stream_head where execution_id = any($1::bigint[]) order by execution_id for update";

inline constexpr std::string_view lock_heads_and_commands =
    "with heads as materialized (select execution_id, status, catalog_id, version, guarded_version from "
    "noetl.stream_head where execution_id = any($1::bigint[]) order by execution_id for update), "
    "commands as materialized (select c.execution_id, c.event_id, c.status, c.catalog_id, c.attempt, c.command_id, "
    "c.worker_id, c.step_name from unnest($2::bigint[], $3::bigint[]) x(execution_id, event_id) cross join lateral "
    "(select * from noetl.command o where o.execution_id = x.execution_id and o.event_id = x.event_id offset 0 for "
    "update) c where x.execution_id = any(array(select execution_id from heads))) "
    "select execution_id, null::bigint, status, catalog_id, version, guarded_version, pg_current_xact_id()::text, "
    "null::text from heads union all "
    "select execution_id, event_id, status, catalog_id, attempt, command_id, worker_id, step_name from commands";

// What a foreign transaction holds now; the rest is locked for us, without waiting.
inline constexpr std::string_view held_heads =
    "with free as materialized (select execution_id from noetl.stream_head where execution_id = any($1::bigint[]) "
    "order by execution_id for update skip locked) "
    "select h.execution_id from noetl.stream_head h where h.execution_id = any($1::bigint[]) "
    "and not exists (select 1 from free f where f.execution_id = h.execution_id)";

inline constexpr std::string_view held_commands =
    "with wanted as materialized (select * from unnest($1::bigint[], $2::bigint[]) x(execution_id, event_id)), "
    "free as materialized (select c.execution_id, c.event_id from noetl.command c join wanted w using (execution_id, "
    "event_id) for update of c skip locked) "
    "select distinct c.execution_id from noetl.command c join wanted w using (execution_id, event_id) "
    "where not exists (select 1 from free f where f.execution_id = c.execution_id and f.event_id = c.event_id)";

inline constexpr std::string_view held_open_commands =
    "with wanted as materialized (select execution_id, command_id from noetl.command where execution_id = "
    "any($1::bigint[]) and status in ('PENDING', 'CLAIMED', 'RUNNING')), free as materialized (select c.execution_id, "
    "c.command_id from noetl.command c join wanted w using (execution_id, command_id) for update of c skip locked) "
    "select distinct w.execution_id from wanted w where not exists (select 1 from free f "
    "where f.execution_id = w.execution_id and f.command_id = w.command_id)";

// An execution that has ended has no open command, and nobody is told of one any more. A row that the relay has in hand
// goes its way: its claim is refused. The attempt counts on, so that no report of the relay revives the row.
inline constexpr std::string_view close_commands =
    "with open as (select execution_id, command_id from noetl.command where execution_id = any($1::bigint[]) "
    "and status in ('PENDING', 'CLAIMED', 'RUNNING') order by execution_id, event_id for update), "
    "closed as (update noetl.command c set status = 'CANCELLED', completed_at = coalesce(c.completed_at, now()), "
    "updated_at = now() from open o where c.execution_id = o.execution_id and c.command_id = o.command_id), "
    "unsaid as (select x.outbox_id from noetl.outbox x where x.execution_id = any($1::bigint[]) "
    "and x.status <> 'PUBLISHED' and exists (select 1 from noetl.command c where c.execution_id = x.execution_id "
    "and c.event_id = x.event_id offset 0) for update of x skip locked) "
    "update noetl.outbox x set status = 'PUBLISHED', published_at = coalesce(x.published_at, now()), "
    "available_at = now(), attempts = x.attempts + 1, last_error = 'withdrawn: the execution has ended', "
    "updated_at = now() from unsaid u where x.outbox_id = u.outbox_id";

inline constexpr std::string_view drop_heads =
    "delete from noetl.stream_head where execution_id = any($1::bigint[]) and version = 0";

// The first id at or above the wanted one, so that only the primary key gives the order. With two equalities a
// partition without statistics is read by ix_event_version: all events of the execution, for each id.
inline constexpr std::string_view stored_ids =
    "select x.ord from unnest($1::bigint[], $2::bigint[]) with ordinality x(execution_id, event_id, ord) "
    "where x.event_id = (select e.event_id from noetl.event e where e.execution_id = x.execution_id "
    "and e.event_id >= x.event_id order by e.event_id limit 1)";

// created_at is not compared: a producer that leaves it out gets the time of each attempt. Rows of older servers went
// through their sanitiser, so only what it left alone is compared.
inline constexpr std::string_view stored_same =
    "select x.ord, e.event_type is not distinct from x.event_type and e.node_name is not distinct from x.node_name "
    "and (e.stream_version is null or (e.status is not distinct from x.status "
    "and e.context is not distinct from x.context::jsonb and e.result is not distinct from x.result::jsonb "
    "and e.meta is not distinct from x.meta::jsonb and e.error is not distinct from x.error "
    "and e.worker_id is not distinct from x.worker_id)) "
    "from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], "
    "$9::text[], $10::text[]) with ordinality "
    "x(execution_id, event_id, event_type, node_name, status, context, result, meta, error, worker_id, ord) "
    "cross join lateral (select * from noetl.event e where e.execution_id = x.execution_id and e.event_id = x.event_id "
    "offset 0) e";

/// Column names and array types of an inserted table, in parameter order.
struct column {
   std::string_view name;
   std::string_view type; ///< of the column; jsonb and timestamp travel as text arrays and are cast per row
};

inline constexpr std::array event_columns{
    column{"execution_id", "bigint"},
    column{"event_id", "bigint"},
    column{"catalog_id", "bigint"},
    column{"parent_event_id", "bigint"},
    column{"parent_execution_id", "bigint"},
    column{"created_at", "timestamp"},
    column{"event_type", "text"},
    column{"node_id", "text"},
    column{"node_name", "text"},
    column{"node_type", "text"},
    column{"status", "text"},
    column{"context", "jsonb"},
    column{"result", "jsonb"},
    column{"meta", "jsonb"},
    column{"error", "text"},
    column{"worker_id", "text"},
    column{"stream_version", "bigint"},
};

inline constexpr std::array command_columns{
    column{"command_id", "bigint"},
    column{"event_id", "bigint"},
    column{"execution_id", "bigint"},
    column{"catalog_id", "bigint"},
    column{"step_name", "text"},
    column{"tool_kind", "text"},
    column{"status", "text"},
    column{"attempt", "int"},
    column{"context", "jsonb"},
    column{"meta", "jsonb"},
    column{"latest_event_id", "bigint"},
};

inline constexpr std::array outbox_columns{
    column{"execution_id", "bigint"}, column{"event_id", "bigint"},    column{"subject", "text"},
    column{"payload", "jsonb"},       column{"payload_codec", "text"},
};

/// `insert into table (…) select … from unnest($n::…[], …)`; advances `parameter`. The column `stamped` gets now().
template <std::size_t N>
std::string insert_from_arrays(std::string_view table, std::array<column, N> const& columns, int& parameter,
                               std::string_view stamped = {}) {
   std::string names, values, arrays;
   for (auto const& c : columns) {
      auto const* comma = names.empty() ? "" : ", ";
      bool const as_text = c.type == "jsonb" || c.type == "timestamp";
      names.append(comma).append(c.name);
      values.append(comma).append("x.").append(c.name);
      if (as_text) values.append("::").append(c.type);
      arrays.append(comma)
          .append("$")
          .append(std::to_string(parameter++))
          .append("::")
          .append(as_text ? "text" : c.type)
          .append("[]");
   }
   auto const targets = stamped.empty() ? names : names + ", " + std::string(stamped);
   if (!stamped.empty()) values += ", now()";
   return "insert into " + std::string(table) + " (" + targets + ") select " + values + " from unnest(" + arrays +
          ") x(" + names + ")";
}

/// Steps of commands that are there and locked; advances `parameter`. Written as an insert, whose conflicts are found
/// by key whatever the planner thinks of the tables.
inline std::string update_commands_from_arrays(int& parameter) {
   std::string arrays;
   for (std::string_view const type :
        {"bigint", "bigint", "bigint", "bigint", "text", "text", "text", "text", "bigint"})
      arrays.append(arrays.empty() ? "$" : ", $").append(std::to_string(parameter++)).append("::").append(type) += "[]";
   return "insert into noetl.command as c (execution_id, event_id, command_id, catalog_id, step_name, status, "
          "worker_id, "
          "error, latest_event_id) select * from unnest(" +
          arrays +
          ") on conflict (execution_id, command_id) do update set status = excluded.status, "
          "worker_id = coalesce(excluded.worker_id, c.worker_id), error = coalesce(excluded.error, c.error), "
          "latest_event_id = coalesce(excluded.latest_event_id, c.latest_event_id), "
          "claimed_at = case when excluded.status <> 'PENDING' then coalesce(c.claimed_at, now()) else c.claimed_at "
          "end, "
          "started_at = case when excluded.status not in ('PENDING', 'CLAIMED') then coalesce(c.started_at, now()) "
          "else c.started_at end, completed_at = case when excluded.status in ('COMPLETED', 'FAILED', 'CANCELLED') "
          "then coalesce(c.completed_at, now()) else c.completed_at end, updated_at = now()";
}

/// Steps of commands that were inserted by an earlier statement of the transaction.
inline std::string const& update_commands() {
   static std::string const text = [] {
      int parameter = 1;
      return update_commands_from_arrays(parameter);
   }();
   return text;
}

/// What one statement of a batch writes besides its heads.
struct write_parts {
   bool events = false, commands = false, updates = false, outbox = false;
};

/// One statement for everything that a batch inserts, its heads, and the steps of commands that were there before.
inline std::string build_write(write_parts what) {
   int parameter = 1;
   std::string text;
   auto const part = [&](std::string_view name, std::string const& statement) {
      text += (text.empty() ? "with " : ", ") + std::string(name) + " as (" + statement + ")";
   };
   if (what.events) part("e", insert_from_arrays("noetl.event", event_columns, parameter));
   if (what.commands)
      part("c", insert_from_arrays("noetl.command", command_columns, parameter) +
                    " on conflict (execution_id, command_id) do nothing");
   if (what.updates) part("u", update_commands_from_arrays(parameter));
   if (what.outbox) // locked_at: for some seconds the row is ours to publish (outbox_sql::due)
      part("o", insert_from_arrays("noetl.outbox", outbox_columns, parameter, "locked_at") +
                    " on conflict (execution_id, event_id) do nothing");
   auto const next = [&](char const* type) { return "$" + std::to_string(parameter++) + "::" + type + "[]"; };
   // As for commands: heads are there and locked.
   text += " insert into noetl.stream_head as h (execution_id, version, guarded_version, catalog_id, status) "
           "select * from unnest(";
   text += next("bigint") + ", ";
   text += next("bigint") + ", ";
   text += next("bigint") + ", ";
   text += next("bigint") + ", ";
   text += next("text") + ") on conflict (execution_id) do update set version = excluded.version, "
                          "guarded_version = excluded.guarded_version, status = excluded.status, updated_at = now()";
   return text;
}

inline std::string const& write(write_parts what) {
   static auto const texts = [] {
      std::array<std::string, 16> all;
      for (std::size_t i = 0; i < all.size(); ++i)
         all[i] = build_write({(i & 1) != 0, (i & 2) != 0, (i & 4) != 0, (i & 8) != 0});
      return all;
   }();
   return texts[(what.events ? 1U : 0U) | (what.commands ? 2U : 0U) | (what.updates ? 4U : 0U) |
                (what.outbox ? 8U : 0U)];
}

} // namespace noetl::detail::sql
