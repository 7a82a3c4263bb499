// pg/partitions.hpp: the quarter partitions of noetl.event that must exist ahead of time.
// Knows pg/connection.hpp. Rules: spec schema.md section 10.5.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::pg {

/// Half-open range of execution ids.
struct id_range {
   std::int64_t from;
   std::int64_t to;
   friend bool operator==(id_range, id_range) = default;
};

/// First id of an instant in the 22-bit layout (http-execution.md 3.1).
inline std::int64_t first_id_at(timestamp at) {
   auto const ms = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
   return (ms - snowflake::epoch_ms) << 22;
}

struct quarter {
   int year;
   int number; ///< 1..4

   [[nodiscard]] quarter next() const { return number == 4 ? quarter{year + 1, 1} : quarter{year, number + 1}; }
   [[nodiscard]] timestamp start() const {
      using namespace std::chrono;
      return sys_days{std::chrono::year{year} / std::chrono::month{static_cast<unsigned>(number * 3 - 2)} / 1};
   }
   [[nodiscard]] id_range ids() const { return {first_id_at(start()), first_id_at(next().start())}; }
   [[nodiscard]] std::string table() const { return "event_" + std::to_string(year) + "_q" + std::to_string(number); }
   friend bool operator==(quarter, quarter) = default;
};

inline quarter quarter_of(timestamp at) {
   std::chrono::year_month_day const date{std::chrono::floor<std::chrono::days>(at)};
   return {static_cast<int>(date.year()), (static_cast<int>(static_cast<unsigned>(date.month())) + 2) / 3};
}

/// Reads PostgreSQL's bound text, `FOR VALUES FROM ('1') TO ('2')`; nothing for DEFAULT and for texts of another form.
inline std::optional<id_range> parse_bounds(std::string_view text) {
   auto const bound = [&](std::string_view before) -> std::optional<std::int64_t> {
      auto const at = text.find(before);
      if (at == std::string_view::npos) return std::nullopt;
      auto value = text.substr(at + before.size());
      if (value.starts_with("MINVALUE")) return std::numeric_limits<std::int64_t>::min();
      if (value.starts_with("MAXVALUE")) return std::numeric_limits<std::int64_t>::max();
      if (value.starts_with('\'')) value.remove_prefix(1);
      std::int64_t number = 0;
      if (std::from_chars(value.data(), value.data() + value.size(), number).ec != std::errc{}) return std::nullopt;
      return number;
   };
   auto const from = bound("FROM (");
   auto const to = bound("TO (");
   if (!from || !to) return std::nullopt;
   return id_range{*from, *to};
}

/// The parts of `wanted` that no range of `existing` covers, in order.
inline std::vector<id_range> uncovered(id_range wanted, std::vector<id_range> existing) {
   std::sort(existing.begin(), existing.end(), [](auto const& a, auto const& b) { return a.from < b.from; });
   std::vector<id_range> gaps;
   for (auto const& one : existing) {
      if (one.to <= wanted.from) continue;
      if (one.from >= wanted.to) break;
      if (one.from > wanted.from) gaps.push_back({wanted.from, one.from});
      wanted.from = one.to;
      if (wanted.from >= wanted.to) return gaps;
   }
   gaps.push_back(wanted);
   return gaps;
}

struct partition_report {
   std::vector<std::string> created{};
   std::vector<std::string> skipped{}; ///< sentences for the operator
};

/// A partition that noetl.event lacks.
struct missing_partition {
   id_range ids{};
   std::string name{};
   friend bool operator==(missing_partition const&, missing_partition const&) = default;
};

/// What noetl.event looks like, and what it lacks.
struct partition_plan {
   std::vector<missing_partition> missing{}; ///< in order
   std::string default_table{};              ///< empty when there is none
   std::vector<std::string> skipped{};       ///< sentences for the operator
};

namespace detail {

inline std::string text_of(id_range ids) {
   return std::to_string(ids.from) + " to " + std::to_string(ids.to);
}

/// Whether the default partition holds rows that belong into `ids`; then the partition cannot be made.
inline bool default_holds(connection& db, std::string const& default_table, id_range ids) {
   return !default_table.empty() &&
          !db.exec("select 1 from noetl." + default_table + " where execution_id >= $1 and execution_id < $2 limit 1",
                   ids.from, ids.to)
               .empty();
}
inline std::string default_holds_rows(id_range ids) {
   return "the default partition of noetl.event holds rows with ids " + text_of(ids) +
          "; move them before a partition can be made";
}

/// Advisory lock of who changes the schema. Any number, the same for all servers of ours.
inline constexpr std::int64_t migration_lock = 6'080'912'346'711;

/// A short transaction that changes the schema: one process at a time, no waiting in front of others' work.
/// \throws sql_error transient() when another process is at it or a lock could not be had
template <class F>
auto in_turn(connection& db, F work) {
   return db.transaction([&] {
      db.script("set local lock_timeout = '2s'");
      if (!as<bool>(db.exec("select pg_try_advisory_xact_lock($1)", migration_lock)[0][0]))
         throw sql_error("55P03", "another process changes the schema");
      return work();
   });
}

/// Name of the constraint that keeps the rows of a coming partition out of the default one.
inline std::string exclusion_of(missing_partition const& one) {
   return one.name + "_elsewhere";
}

} // namespace detail

/// The quarter of `at` and the two after it, so far as no partition covers them. Nothing when noetl.event is not
/// partitioned by range.
inline partition_plan plan_event_partitions(connection& db, timestamp at) {
   partition_plan plan;
   auto const parent =
       db.exec("select c.oid::text, pg_has_role(c.relowner, 'USAGE') from pg_class c "
               "join pg_namespace n on n.oid = c.relnamespace join pg_partitioned_table p on p.partrelid = c.oid "
               "where n.nspname = 'noetl' and c.relname = 'event' and p.partstrat = 'r'");
   if (parent.empty()) return plan;
   std::vector<id_range> existing;
   for (auto const row : db.exec("select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i "
                                 "join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::oid",
                                 as<std::string>(parent[0][0]))) {
      if (auto const range = parse_bounds(*row[1]))
         existing.push_back(*range);
      else if (*row[1] == "DEFAULT")
         plan.default_table = *row[0];
   }
   auto which = quarter_of(at);
   for (int ahead = 0; ahead < 3; ++ahead, which = which.next())
      for (auto const gap : uncovered(which.ids(), existing)) {
         if (!as<bool>(parent[0][1])) {
            plan.skipped.push_back("noetl.event has no partition for ids " + detail::text_of(gap) +
                                   " and the role does not own the table");
            continue;
         }
         auto name = which.table();
         if (gap != which.ids() ||
             !db.exec("select 1 where to_regclass('noetl.' || $1::text) is not null", name).empty())
            name = "event_from_" + std::to_string(gap.from);
         plan.missing.push_back({gap, std::move(name)});
      }
   return plan;
}

/// Creates and attaches one partition. Inside a transaction. Attaching locks writers out of the default partition until
/// the end of the transaction; and it reads all of it, unless its exclusion (exclude_from_default) has been validated.
/// \pre the default partition holds no rows of the range
inline void attach_event_partition(connection& db, missing_partition const& one, std::string const& default_table) {
   auto const from = std::to_string(one.ids.from);
   auto const to = std::to_string(one.ids.to);
   db.script("create table noetl." + one.name +
             " (like noetl.event including defaults including constraints including storage, constraint " + one.name +
             "_bounds check (execution_id >= " + from + " and execution_id < " + to +
             "));"
             "alter table noetl.event attach partition noetl." +
             one.name + " for values from (" + from + ") to (" + to +
             ");"
             "alter table noetl." +
             one.name + " drop constraint " + one.name + "_bounds");
   if (!default_table.empty())
      db.script("alter table noetl." + default_table + " drop constraint if exists " + detail::exclusion_of(one));
}

/// Makes sure that the quarter of `at` and the two after it have partitions of their own, all in the caller's
/// transaction. For a table that is not in use yet; a table in use is kept ahead by keep_event_partitions_ahead.
inline partition_report ensure_event_partitions(connection& db, timestamp at) {
   auto plan = plan_event_partitions(db, at);
   partition_report report{.skipped = std::move(plan.skipped)};
   for (auto const& one : plan.missing) {
      if (detail::default_holds(db, plan.default_table, one.ids)) {
         report.skipped.push_back(detail::default_holds_rows(one.ids));
         continue;
      }
      attach_event_partition(db, one, plan.default_table);
      report.created.push_back(one.name);
   }
   return report;
}

/// Keeps rows of a coming partition out of the default one, by a constraint that is checked while writers go on. In
/// transactions of its own, of which only the first locks the default partition, for a moment.
/// \return false when rows of the range are there already
/// \throws sql_error as keep_event_partitions_ahead
inline bool exclude_from_default(connection& db, missing_partition const& one, std::string const& default_table) {
   auto const constraint = detail::exclusion_of(one);
   auto const table = "noetl." + default_table;
   auto const alter = [&](std::string const& what) { db.script("alter table " + table + " " + what); };
   bool const valid = detail::in_turn(db, [&] {
      auto const state =
          db.exec("select convalidated from pg_constraint where conrelid = to_regclass($1::text) and conname = $2",
                  table, constraint);
      if (state.empty()) // else left over from a server that died here
         alter("add constraint " + constraint + " check (execution_id < " + std::to_string(one.ids.from) +
               " or execution_id >= " + std::to_string(one.ids.to) + ") not valid");
      return !state.empty() && as<bool>(state[0][0]);
   });
   if (valid) return true;
   try {
      detail::in_turn(db, [&] { alter("validate constraint " + constraint); });
   } catch (sql_error const& e) {
      if (!e.is("23514")) throw; // check_violation
      detail::in_turn(db, [&] { alter("drop constraint " + constraint); });
      return false;
   }
   return true;
}

/// As ensure_event_partitions for a table in use: call it at start and once a day, outside of transactions. Writers
/// wait for moments only, and no lock is waited for longer than two seconds (schema.md 10.5). A range of which the
/// default partition holds rows is left alone and reported.
/// \throws sql_error transient() when a lock could not be had or another process is at it; repeated, it goes on from
/// there
inline partition_report keep_event_partitions_ahead(connection& db, timestamp at) {
   auto plan = plan_event_partitions(db, at);
   partition_report report{.skipped = std::move(plan.skipped)};
   for (auto const& one : plan.missing) {
      bool free = !detail::default_holds(db, plan.default_table, one.ids);
      // Not for the range that rows arrive in now: between exclusion and partition they would have no place.
      if (free && !plan.default_table.empty() && one.ids.from > first_id_at(at))
         free = exclude_from_default(db, one, plan.default_table);
      if (!free) {
         report.skipped.push_back(detail::default_holds_rows(one.ids));
         continue;
      }
      bool const made = detail::in_turn(db, [&] {
         auto const now_missing = plan_event_partitions(db, at).missing;
         if (std::find(now_missing.begin(), now_missing.end(), one) == now_missing.end()) return false;
         attach_event_partition(db, one, plan.default_table);
         return true;
      });
      if (made) report.created.push_back(one.name);
   }
   return report;
}

} // namespace noetl::pg
