// stream/detail/cursor_sql.hpp: the statements of the cursor row. Text only.
// Private to stream/fenced_cursor.hpp.
#pragma once

#include <string_view>

namespace noetl::stream::detail::cursor_sql {

// Without a lock, so that followers do not disturb.
inline constexpr std::string_view held_by_other =
    "select lease_owner is distinct from $2 and lease_owner is not null and lease_until > clock_timestamp() "
    "from noetl.stream_cursor where name = $1";

inline constexpr std::string_view present = "select pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, s::text, "
                                            "coalesce((select e.ingest_xid from noetl.event e where e.ingest_xid is "
                                            "not null order by e.ingest_xid desc limit 1), '0')"
                                            "::text from pg_current_snapshot() s";

inline constexpr std::string_view system_identifier = "select system_identifier from pg_control_system()";

inline constexpr std::string_view legacy =
    "select position, (updated_at at time zone 'utc')::text from noetl.stream_cursor where name = $1";

inline constexpr std::string_view create =
    "insert into noetl.stream_cursor (name, position, xid, execution_id, event_id, system_identifier, meta) "
    "values ($1, $2, $3::xid8, $4, $5, $6, $7::jsonb) on conflict (name) do nothing";

inline constexpr std::string_view load =
    "select xid::text, execution_id, event_id, system_identifier, meta->>'seen', meta->>'above', meta->>'after', "
    "lease_owner is distinct from $2 and lease_owner is not null and lease_until > clock_timestamp() "
    "from noetl.stream_cursor where name = $1 for update";

inline constexpr std::string_view take =
    "update noetl.stream_cursor set lease_owner = $2, lease_epoch = lease_epoch + 1, "
    "lease_until = clock_timestamp() + make_interval(secs => $3), system_identifier = coalesce($4, system_identifier), "
    "updated_at = now() where name = $1 returning lease_epoch";

// The epoch and the stored place are checked by the write itself. The second row is the one that the reference goes on
// from after a return to it.
inline constexpr std::string_view advance =
    "with mine as (update noetl.stream_cursor set xid = $6::xid8, execution_id = $7, event_id = $8, "
    "position = greatest(position, $9), updated_at = now(), "
    "lease_until = clock_timestamp() + make_interval(secs => $10), meta = $11::jsonb "
    "where name = $1 and lease_epoch = $2 and (xid, execution_id, event_id) = ($3::xid8, $4::bigint, $5::bigint) "
    "and ($6::xid8, $7::bigint, $8::bigint) >= ($3::xid8, $4::bigint, $5::bigint) returning position), "
    "legacy as (insert into noetl.stream_cursor (name, position) select $12, position from mine "
    "on conflict (name) do update set position = excluded.position, updated_at = now() "
    "where noetl.stream_cursor.position < excluded.position) select position from mine";

inline constexpr std::string_view release =
    "update noetl.stream_cursor set lease_owner = null, lease_until = null where name = $1 and lease_epoch = $2";

} // namespace noetl::stream::detail::cursor_sql
