// events/detail/outbox_sql.hpp: the statements on noetl.outbox: of the relay, of publishers outside of the server, and
// those that make a notification due again. Text only. Who may take a row from available_at on:
//   PENDING    the relay; others five seconds after locked_at, which the process that wrote the row sets
//   FAILED     everybody; parked rows, available at infinity, nobody until somebody says replay or skip
//   IN_FLIGHT  others when the lease is over: a claim of theirs moves available_at to its end, and locked_at is its
//              epoch; claims that know no leases (the relay's, older servers') end a minute after locked_at
//   PUBLISHED  nobody
#pragma once

#include <string>
#include <string_view>

namespace noetl::detail::outbox_sql {

// Rows younger than the grace period ($1, seconds) belong to the process that wrote them. The last column tells that
// the row was announced before: then the message id gets the number of the attempt, so that the bus does not drop it.
inline constexpr std::string_view claim =
    "update noetl.outbox o set status = 'IN_FLIGHT', locked_at = now(), attempts = attempts + 1, updated_at = now() "
    "where outbox_id in (select outbox_id from noetl.outbox where status in ('PENDING', 'FAILED') "
    "and available_at <= now() - make_interval(secs => $1) order by available_at, outbox_id limit $2 for update skip "
    "locked) "
    "returning outbox_id, execution_id, event_id, subject, payload, attempts, published_at is not null";

// The number of attempts tells this publication from one that was asked for meanwhile.
inline constexpr std::string_view published_by_id =
    "update noetl.outbox o set status = 'PUBLISHED', published_at = now(), last_error = null, updated_at = now() "
    "from unnest($1::bigint[], $2::int[]) x(outbox_id, attempts) "
    "where o.outbox_id = x.outbox_id and o.attempts = x.attempts";

// Of the process that wrote the row; a row that was announced before is not due because of that publication.
inline constexpr std::string_view published_by_event =
    "update noetl.outbox o set status = 'PUBLISHED', published_at = now(), attempts = attempts + 1, last_error = null, "
    "updated_at = now() "
    "from unnest($1::bigint[], $2::bigint[]) x(execution_id, event_id) "
    "where o.execution_id = x.execution_id and o.event_id = x.event_id and o.published_at is null";

// Back with a pause that grows to five seconds; after the grace period of `claim` it is taken again.
inline constexpr std::string_view failed =
    "update noetl.outbox o set status = 'PENDING', last_error = left(x.error, 2000), updated_at = now(), "
    "available_at = now() + least(5, 0.25 * power(2, least(o.attempts, 8))) * interval '1 second' - make_interval(secs "
    "=> $4) "
    "from unnest($1::bigint[], $2::int[], $3::text[]) x(outbox_id, attempts, error) "
    "where o.outbox_id = x.outbox_id and o.attempts = x.attempts";

// A row that can never be published is parked where nobody claims it.
inline constexpr std::string_view park = "update noetl.outbox set status = 'FAILED', available_at = 'infinity', "
                                         "last_error = left($2, 2000), updated_at = now() where outbox_id = $1";

inline constexpr std::string_view release_abandoned =
    "update noetl.outbox set status = 'PENDING', locked_at = null, updated_at = now() where outbox_id in ("
    "select outbox_id from noetl.outbox where status = 'IN_FLIGHT' and locked_at < now() - make_interval(secs => $1) "
    "and available_at <= now() limit $2 for update skip locked)";

// `offset 0` (or a lock) keeps a probe a probe: a plan made for empty tables would join them whole.
// The notification of a command that somebody may still have to be told of stays: a claim can be taken back.
inline constexpr std::string_view purge =
    "delete from noetl.outbox where outbox_id in (select o.outbox_id from noetl.outbox o where o.status = 'PUBLISHED' "
    "and o.published_at < now() - make_interval(secs => $1) and not exists (select 1 from noetl.command c "
    "where c.execution_id = o.execution_id and c.event_id = o.event_id and c.status in ('PENDING', 'CLAIMED', "
    "'RUNNING') "
    "and exists (select 1 from noetl.stream_head h where h.execution_id = c.execution_id and h.status = 'RUNNING' "
    "offset 0) offset 0) order by o.published_at limit $2 for update of o skip locked)";

// Commands that no worker claimed since their last announcement are due again (W1). published_at is the time of the
// last announcement, so of several replicas one announces.
inline constexpr std::string_view announce_again =
    "update noetl.outbox o set status = 'PENDING', available_at = 'epoch', updated_at = now() where outbox_id in ("
    "select p.outbox_id from noetl.command c cross join lateral (select o2.outbox_id, o2.status, o2.published_at "
    "from noetl.outbox o2 where o2.execution_id = c.execution_id and o2.event_id = c.event_id for update skip locked) "
    "p "
    "where c.status = 'PENDING' and c.created_at < now() - make_interval(secs => $1) "
    "and exists (select 1 from noetl.stream_head h where h.execution_id = c.execution_id and h.status = 'RUNNING' "
    "offset 0) and p.status = 'PUBLISHED' and p.published_at < now() - make_interval(secs => $1) limit $2)";

// The notifications of these commands are due at once, under a new message id (W8). A publication under way no longer
// counts. Rows that are missing are made by the repair of `unannounced`.
inline constexpr std::string_view due_again =
    "update noetl.outbox o set status = 'PENDING', available_at = 'epoch', locked_at = null, "
    "published_at = coalesce(o.published_at, now()), attempts = o.attempts + 1, updated_at = now() "
    "from unnest($1::bigint[], $2::bigint[]) x(execution_id, event_id) "
    "where o.execution_id = x.execution_id and o.event_id = x.event_id";

// Commands that wait for a worker and have no notification: of older servers, which kept none.
inline constexpr std::string_view unannounced =
    "select c.execution_id, c.event_id, c.catalog_id, (select s.meta->>'execution_pool' from noetl.event s "
    "where s.execution_id = c.execution_id and s.event_type in ('playbook.initialized', 'playbook_started', "
    "'playbook.started') order by s.event_id limit 1) "
    "from noetl.command c where c.status = 'PENDING' and exists (select 1 from noetl.stream_head h "
    "where h.execution_id = c.execution_id and h.status = 'RUNNING' offset 0) and not exists (select 1 from "
    "noetl.outbox o "
    "where o.execution_id = c.execution_id and o.event_id = c.event_id offset 0) and exists (select 1 from noetl.event "
    "i "
    "where i.execution_id = c.execution_id and i.event_id = c.event_id and i.event_type = 'command.issued' offset 0) "
    "limit $1";

// Their notifications, from what the log says of them. They count as announced before: the command may have been.
inline constexpr std::string_view announce_missing =
    "insert into noetl.outbox (execution_id, event_id, subject, payload, payload_codec, attempts, available_at, "
    "published_at) "
    "select e.execution_id, e.event_id, x.subject, jsonb_build_object('execution_id', e.execution_id, 'event_id', "
    "e.event_id, 'command_id', coalesce(e.meta->>'command_id', e.execution_id || ':' || coalesce(e.node_name, '') || "
    "':' || e.event_id), 'step', coalesce(e.node_name, ''), 'server_url', $5::text, 'execution_pool', x.pool) || "
    "case when jsonb_typeof(e.meta->'trace') = 'object' then jsonb_build_object('trace', e.meta->'trace') else '{}' "
    "end, 'json', 1, 'epoch', now() "
    "from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) x(execution_id, event_id, subject, pool) "
    "join noetl.event e on e.execution_id = x.execution_id and e.event_id = x.event_id "
    "and e.event_type = 'command.issued' on conflict (execution_id, event_id) do nothing";

// ---- publishers outside of the server ----

// The first two conditions are the predicate of ix_outbox_open.
inline constexpr std::string_view due =
    "status <> 'PUBLISHED' and available_at < 'infinity' and available_at <= now() "
    "and (locked_at is null or (status = 'IN_FLIGHT' and available_at > locked_at) or locked_at <= now() - "
    "case status when 'IN_FLIGHT' then interval '60 s' when 'PENDING' then interval '5 s' else interval '0' end)";

inline constexpr std::string_view epoch = "(extract(epoch from o.locked_at) * 1000000)::bigint";

inline std::string build_claim() {
   return "with picked as (select outbox_id, status = 'IN_FLIGHT' as expired from noetl.outbox where " +
          std::string(due) +
          " order by outbox_id limit $1 for update skip locked) "
          "update noetl.outbox o set status = 'IN_FLIGHT', attempts = attempts + 1, locked_at = now(), "
          "available_at = now() + make_interval(secs => $2), updated_at = now() from picked p "
          "where o.outbox_id = p.outbox_id returning o.outbox_id, o.execution_id, o.event_id, o.subject, o.payload, "
          "o.payload_codec, o.attempts, " +
          std::string(epoch) + ", p.expired";
}

// After each $1 claims without a report: perhaps the row itself is what kills its claimers.
inline std::string build_park_exhausted() {
   return "update noetl.outbox set status = 'FAILED', available_at = 'infinity', updated_at = now(), "
          "last_error = 'claimed ' || attempts || ' times, never reported' where outbox_id in ("
          "select outbox_id from noetl.outbox where status = 'IN_FLIGHT' and locked_at < now() and attempts > 0 and "
          "attempts % $1 = 0 and " +
          std::string(due) + " limit 1000 for update skip locked)";
}

inline std::string build_count_due() {
   return "select count(*) from noetl.outbox where " + std::string(due);
}

inline std::string build_published() {
   return "update noetl.outbox o set status = 'PUBLISHED', published_at = now(), last_error = null, updated_at = now() "
          "from unnest($1::bigint[], $2::bigint[]) x(outbox_id, epoch) where o.outbox_id = x.outbox_id "
          "and o.status <> 'PUBLISHED' and o.attempts > 0 "
          "and (x.epoch is null or (o.status = 'IN_FLIGHT' and " +
          std::string(epoch) + " = x.epoch))";
}

inline std::string build_lock_claimed() {
   return "select o.attempts from noetl.outbox o where o.outbox_id = $1 and o.status = 'IN_FLIGHT' "
          "and ($2::bigint is null or " +
          std::string(epoch) + " = $2::bigint) for update";
}

inline constexpr std::string_view failed_later =
    "update noetl.outbox set status = 'FAILED', available_at = now() + make_interval(secs => $2), last_error = $3, "
    "updated_at = now() where outbox_id = $1";

inline constexpr std::string_view parked =
    "select outbox_id, execution_id, event_id, subject, payload, payload_codec, attempts, coalesce(last_error, ''), "
    "created_at, updated_at from noetl.outbox where status = 'FAILED' and available_at = 'infinity' and outbox_id > $1 "
    "order by outbox_id limit $2";

inline constexpr std::string_view count_parked =
    "select count(*) from noetl.outbox where status = 'FAILED' and available_at = 'infinity'";

inline constexpr std::string_view replay =
    "update noetl.outbox set status = 'PENDING', available_at = now(), locked_at = null, updated_at = now() "
    "where outbox_id = any($1::bigint[]) and status = 'FAILED' and available_at = 'infinity'";

// The table knows no fifth status; last_error tells a skipped row from a published one.
inline constexpr std::string_view skip =
    "update noetl.outbox set status = 'PUBLISHED', published_at = now(), available_at = now(), updated_at = now(), "
    "last_error = left('skipped: ' || coalesce(last_error, ''), 2000) "
    "where outbox_id = any($1::bigint[]) and status = 'FAILED' and available_at = 'infinity'";

} // namespace noetl::detail::outbox_sql
