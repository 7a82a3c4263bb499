// events/detail/outbox_sql.hpp: the statements of the outbox relay. Text only.
#pragma once

#include <string_view>

namespace noetl::detail::outbox_sql {

// Rows younger than the grace period ($1, seconds) belong to the process that wrote them.
inline constexpr std::string_view claim =
    "update noetl.outbox o set status = 'IN_FLIGHT', locked_at = now(), attempts = attempts + 1, updated_at = now() "
    "where outbox_id in (select outbox_id from noetl.outbox where status in ('PENDING', 'FAILED') "
    "and available_at <= now() - make_interval(secs => $1) order by available_at, outbox_id limit $2 for update skip "
    "locked) "
    "returning outbox_id, execution_id, event_id, subject, payload, attempts";

inline constexpr std::string_view published_by_id =
    "update noetl.outbox set status = 'PUBLISHED', published_at = now(), last_error = null, updated_at = now() "
    "where outbox_id = any($1::bigint[])";

inline constexpr std::string_view published_by_event =
    "update noetl.outbox o set status = 'PUBLISHED', published_at = now(), attempts = attempts + 1, last_error = null, "
    "updated_at = now() "
    "from unnest($1::bigint[], $2::bigint[]) x(execution_id, event_id) "
    "where o.execution_id = x.execution_id and o.event_id = x.event_id and o.status <> 'PUBLISHED'";

// Back with a pause that grows to five seconds; after the grace period of `claim` it is taken again.
inline constexpr std::string_view failed =
    "update noetl.outbox o set status = 'PENDING', last_error = left(x.error, 2000), updated_at = now(), "
    "available_at = now() + least(5, 0.25 * power(2, least(attempts, 8))) * interval '1 second' - make_interval(secs "
    "=> $3) "
    "from unnest($1::bigint[], $2::text[]) x(outbox_id, error) where o.outbox_id = x.outbox_id";

// A row that can never be published is parked where nobody claims it; clearing available_at offers it again.
inline constexpr std::string_view park = "update noetl.outbox set status = 'FAILED', available_at = now() + interval "
                                         "'100 years', last_error = $2, updated_at = now() "
                                         "where outbox_id = $1";

inline constexpr std::string_view release_abandoned =
    "update noetl.outbox set status = 'PENDING', locked_at = null, updated_at = now() where outbox_id in ("
    "select outbox_id from noetl.outbox where status = 'IN_FLIGHT' and locked_at < now() - make_interval(secs => $1) "
    "limit 1000 for update skip locked)";

inline constexpr std::string_view purge =
    "delete from noetl.outbox where outbox_id in (select outbox_id from noetl.outbox where status = 'PUBLISHED' "
    "and published_at < now() - make_interval(secs => $1) order by published_at limit $2 for update skip locked)";

// The counter in the message id keeps the broker from taking the repeat for a duplicate (W1). published_at is the time
// of the last announcement, so of several replicas one announces.
inline constexpr std::string_view announce_again =
    "update noetl.outbox o set published_at = now(), attempts = attempts + 1, updated_at = now() where outbox_id in ("
    "select o2.outbox_id from noetl.command c join noetl.stream_head h on h.execution_id = c.execution_id "
    "join noetl.outbox o2 on o2.execution_id = c.execution_id and o2.event_id = c.event_id "
    "where c.status = 'PENDING' and c.created_at < now() - make_interval(secs => $1) and h.status = 'RUNNING' "
    "and o2.status = 'PUBLISHED' and o2.published_at < now() - make_interval(secs => $1) "
    "limit $2 for update of o2 skip locked) "
    "returning outbox_id, execution_id, event_id, subject, payload, attempts";

} // namespace noetl::detail::outbox_sql
