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
   return (ms - 1'704'067'200'000) << 22;
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
   std::vector<std::string> created;
   std::vector<std::string> skipped; ///< sentences for the operator
};

/// Makes sure that the quarter of `at` and the two after it have partitions of their own. Call inside a transaction, at
/// start and once a day. Does nothing when noetl.event is not partitioned by range. Attaching locks writers out of the
/// default partition only; a range of which the default partition already holds rows is left alone and reported.
inline partition_report ensure_event_partitions(connection& db, timestamp at) {
   partition_report report;
   auto const parent =
       db.exec("select c.oid::text, pg_has_role(c.relowner, 'USAGE') from pg_class c "
               "join pg_namespace n on n.oid = c.relnamespace join pg_partitioned_table p on p.partrelid = c.oid "
               "where n.nspname = 'noetl' and c.relname = 'event' and p.partstrat = 'r'");
   if (parent.empty()) return report;
   std::vector<id_range> existing;
   std::string default_table;
   for (auto const row : db.exec("select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i "
                                 "join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::oid",
                                 as<std::string>(parent[0][0]))) {
      if (auto const range = parse_bounds(*row[1]))
         existing.push_back(*range);
      else if (*row[1] == "DEFAULT")
         default_table = *row[0];
   }
   auto which = quarter_of(at);
   for (int ahead = 0; ahead < 3; ++ahead, which = which.next()) {
      for (auto const gap : uncovered(which.ids(), existing)) {
         auto name = which.table();
         auto const range = std::to_string(gap.from) + " to " + std::to_string(gap.to);
         if (!as<bool>(parent[0][1])) {
            report.skipped.push_back("noetl.event has no partition for ids " + range +
                                     " and the role does not own the table");
            continue;
         }
         if (gap != which.ids() ||
             !db.exec("select 1 where to_regclass('noetl.' || $1::text) is not null", name).empty())
            name = "event_from_" + std::to_string(gap.from);
         if (!default_table.empty() && !db.exec("select 1 from noetl." + default_table +
                                                    " where execution_id >= $1 and execution_id < $2 limit 1",
                                                gap.from, gap.to)
                                            .empty()) {
            report.skipped.push_back("the default partition of noetl.event holds rows with ids " + range +
                                     "; move them before a partition can be made");
            continue;
         }
         auto const bounds =
             "execution_id >= " + std::to_string(gap.from) + " and execution_id < " + std::to_string(gap.to);
         db.script("create table noetl." + name +
                   " (like noetl.event including defaults including constraints including storage, "
                   "constraint " +
                   name + "_bounds check (" + bounds +
                   "));"
                   "alter table noetl.event attach partition noetl." +
                   name + " for values from (" + std::to_string(gap.from) + ") to (" + std::to_string(gap.to) +
                   ");"
                   "alter table noetl." +
                   name + " drop constraint " + name + "_bounds");
         existing.push_back(gap);
         report.created.push_back(name);
      }
   }
   return report;
}

} // namespace noetl::pg
