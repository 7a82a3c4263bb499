// events/detail/event_row.hpp: columns of noetl.event that we read, and how a row becomes an event.
#pragma once

#include <string>
#include <string_view>

#include <noetl/events/envelope.hpp>
#include <noetl/pg/rows.hpp>

namespace noetl::detail {

/// The columns that decode_event expects first, of an alias or table named `e`.
inline constexpr std::string_view event_select =
    "e.execution_id, e.event_id, e.catalog_id, e.parent_event_id, e.parent_execution_id, e.created_at, e.event_type, "
    "e.node_id, "
    "e.node_name, e.node_type, e.status, e.context, e.result, e.meta, e.error, e.worker_id, e.stream_version";

inline event decode_event(pg::rows::row const& row) {
   event e;
   e.execution_id = row.get<execution_id>(0);
   e.event_id = row.get<event_id>(1);
   e.catalog_id = row.get<catalog_id>(2);
   e.parent_event_id = row.get<std::optional<event_id>>(3);
   e.parent_execution_id = row.get<std::optional<execution_id>>(4);
   e.created_at = row.get<timestamp>(5);
   e.event_type = row[6].value_or(std::string_view{});
   e.node_id = row.get<std::optional<std::string>>(7);
   e.node_name = row.get<std::optional<std::string>>(8);
   e.node_type = row.get<std::optional<std::string>>(9);
   e.status = row[10].value_or(std::string_view{});
   e.context = row.get<raw_json>(11);
   e.result = row.get<raw_json>(12);
   e.meta = row.get<raw_json>(13);
   e.error = row.get<std::optional<std::string>>(14);
   e.worker_id = row.get<std::optional<std::string>>(15);
   e.stream_version = row.get<std::optional<std::int64_t>>(16).value_or(0);
   return e;
}

} // namespace noetl::detail
