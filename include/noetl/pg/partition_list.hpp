// pg/partition_list.hpp: the partitions of noetl.event with the ids they hold, and which of them are past an instant.
// Knows pg/connection.hpp and pg/partitions.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/partitions.hpp>

namespace noetl::pg {

struct event_partition {
   std::string name;       ///< without schema, as it stands in the catalogue
   std::string quoted;     ///< schema and name, fit for a statement
   std::string bound_text; ///< as PostgreSQL prints it
};

/// True when every id of the partition was minted before `cutoff`. Bounds that are no numbers, MAXVALUE and DEFAULT say
/// no (http-platform.md section 6).
inline bool is_past(std::string const& bound_text, std::int64_t cutoff) {
   auto const range = parse_bounds(bound_text);
   return range && range->to != std::numeric_limits<std::int64_t>::max() && range->to <= cutoff;
}

/// Ids below this one are older than `days`. \param days  1..1'000'000
inline std::int64_t retention_cutoff(timestamp at, std::int64_t days) {
   auto const ms = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
   auto const since = ms - days * 86'400'000 - snowflake::epoch_ms;
   return since <= 0 ? 0 : since << 22;
}

/// In the order of their bounds' names; empty when noetl.event is not partitioned.
inline std::vector<event_partition> event_partitions(connection& db) {
   std::vector<event_partition> out;
   for (auto const row : db.exec(
            "select c.relname, format('%I.%I', n.nspname, c.relname), coalesce(pg_get_expr(c.relpartbound, c.oid), '') "
            "from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace "
            "where i.inhparent = to_regclass('noetl.event') order by c.relname"))
      out.push_back({row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)});
   return out;
}

} // namespace noetl::pg
