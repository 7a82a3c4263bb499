// pg/migrations.hpp: the numbered steps from an empty or an older noetl database to the one that we need.
// Data only; pg/migrate.hpp walks it. A published migration is never edited (its checksum is stored): add a new one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <noetl/pg/detail/ddl_cluster.hpp>
#include <noetl/pg/detail/ddl_execution.hpp>

namespace noetl::pg {

enum class step_kind : std::uint8_t {
   table,      ///< `sql` creates noetl.<table>; done when the table exists
   sequence,   ///< as table
   function,   ///< done when any function noetl.<name> exists: never replaced
   column,     ///< `sql` adds the column <name>, or is just its type and default
   constraint, ///< `sql` adds the constraint <name>
   index, ///< `sql` is what follows CREATE INDEX name ON table; built without blocking writers of an existing table
   relax, ///< drops NOT NULL from the column <name>; left out without the right to
   seed,  ///< `sql` inserts or merges rows, always run
};

struct step {
   step_kind kind;
   std::string_view table;
   std::string_view name;
   std::string_view sql;
};

struct migration {
   int version;
   std::string_view name;
   std::span<step const> steps;
};

namespace detail::steps {
using enum step_kind;

// The tables of the reference server, so far as they are missing.
inline constexpr step baseline_steps[] = {
    {sequence, "snowflake_seq", "snowflake_seq", "create sequence noetl.snowflake_seq"},
    {function, "", "snowflake_id", ddl::snowflake_id},
    {table, "resource", "resource", ddl::resource},
    {seed, "resource", "six kinds", ddl::resource_rows},
    {table, "catalog", "catalog", ddl::catalog},
    {table, "credential", "credential", ddl::credential},
    {table, "keychain", "keychain", ddl::keychain},
    {relax, "keychain", "expires_at", ""},
    {table, "runtime", "runtime", ddl::runtime},
    {table, "schedule", "schedule", ddl::schedule},
    {table, "object_store", "object_store", ddl::object_store},
    {table, "plugin_module", "plugin_module", ddl::plugin_module},
    {table, "secret_audit", "secret_audit", ddl::secret_audit},
    {table, "subscription_dedup", "subscription_dedup", ddl::subscription_dedup},
    {table, "event", "event", ddl::event},
    {table, "command", "command", ddl::command},
    {table, "outbox", "outbox", ddl::outbox},
    {table, "projection_snapshot", "projection_snapshot", ddl::projection_snapshot},
    {table, "result_store", "result_store", ddl::result_store},
    {table, "transient", "transient", ddl::transient},
    {table, "stream_cursor", "stream_cursor", ddl::stream_cursor},
};

// What an event log needs that older databases lack: a commit-safe feed key, a version per execution, a head to lock.
inline constexpr step event_log_steps[] = {
    {constraint, "event", "chk_event_result_shape", ddl::event_result_shape},
    {column, "event", "stream_version", "bigint"},
    {column, "event", "ingest_xid", ddl::event_ingest_xid},
    {table, "stream_head", "stream_head", ddl::stream_head},
    {column, "stream_cursor", "xid", "xid8"},
    {column, "stream_cursor", "execution_id", "bigint"},
    {column, "stream_cursor", "event_id", "bigint"},
    {column, "stream_cursor", "system_identifier", "bigint"},
    {column, "stream_cursor", "lease_owner", "text"},
    {column, "stream_cursor", "lease_epoch", "bigint not null default 0"},
    {column, "stream_cursor", "lease_until", "timestamptz"},
    {column, "stream_cursor", "meta", "jsonb not null default '{}'"},
};

// Each index names the query that needs it; an index without one costs every append. Names that older databases use for
// the same purpose are kept, so that nothing is built twice.
inline constexpr step index_steps[] = {
    // load: events of one execution in fold order, from a version on
    {index, "event", "ix_event_version", "(execution_id, stream_version nulls first, event_id)"},
    // tailer: commit-safe feed
    {index, "event", "ix_event_feed", "(ingest_xid, execution_id, event_id) where ingest_xid is not null"},
    // fetch and claim by event id
    {index, "event", "ix_event_issued", "(event_id) include (execution_id) where event_type = 'command.issued'"},
    // execution list, newest first
    {index, "event", "ix_event_start",
     "(created_at desc, execution_id) include (catalog_id, parent_execution_id, event_id) "
     "where event_type in ('playbook.initialized', 'playbook_started', 'playbook.started')"},
    // subscription list, and register by path
    {index, "event", "ix_event_subscription",
     "(execution_id, event_id desc) "
     "where event_type in ('subscription.registered', 'subscription.activated', 'subscription.paused', "
     "'subscription.resumed', 'subscription.draining', 'subscription.deactivated')"},
    {index, "event", "ix_event_subscription_path",
     "(node_name, event_id desc) "
     "where event_type in ('subscription.registered', 'subscription.activated', 'subscription.paused', "
     "'subscription.resumed', 'subscription.draining', 'subscription.deactivated')"},
    // child runs
    {index, "event", "idx_event_parent_execution_id", "(parent_execution_id) where parent_execution_id is not null"},
    // life cycle of a command by its event
    {index, "command", "ix_command_event", "(execution_id, event_id)"},
    // announce again what waits too long
    {index, "command", "ix_command_pending", "(created_at) where status = 'PENDING'"},
    // commands in flight of one execution
    {index, "command", "idx_command_execution_status",
     "(execution_id, status) where status in ('PENDING', 'CLAIMED', 'RUNNING')"},
    // retention
    {index, "command", "ix_command_completed", "(completed_at) where completed_at is not null"},
    // what a restarted server must look at
    {index, "stream_head", "ix_stream_head_running", "(execution_id) where status = 'RUNNING'"},
    // relay: due rows, abandoned rows, purge
    {index, "outbox", "ix_outbox_due", "(available_at, outbox_id) where status in ('PENDING', 'FAILED')"},
    {index, "outbox", "ix_outbox_in_flight", "(locked_at) where status = 'IN_FLIGHT'"},
    {index, "outbox", "ix_outbox_published", "(published_at) where status = 'PUBLISHED'"},
    {index, "result_store", "result_store_eid_name", "(execution_id, name)"},
    {index, "result_store", "ix_result_store_expires", "(expires_at) where expires_at is not null"},
    {index, "transient", "idx_transient_expires", "(expires_at) where expires_at is not null"},
    {index, "projection_snapshot", "ix_projection_snapshot_updated", "(updated_at)"},
    {index, "catalog", "ix_catalog_kind", "(kind, created_at desc)"},
    {index, "keychain", "ix_keychain_catalog", "(catalog_id, created_at desc)"},
    {index, "keychain", "idx_keychain_expires", "(expires_at)"},
    {index, "keychain", "idx_keychain_execution", "(execution_id) where execution_id is not null"},
    {index, "secret_audit", "ix_secret_audit_time", "(occurred_at desc)"},
    {index, "secret_audit", "secret_audit_credential_time", "(credential, occurred_at desc)"},
    {index, "secret_audit", "secret_audit_execution", "(execution_id) where execution_id is not null"},
    {index, "subscription_dedup", "ix_subscription_dedup_seen", "(seen_at)"},
    // register and heartbeat: one row per (kind, name)
    {index, "runtime", "idx_runtime_kind_name", "unique (kind, name)"},
};

inline constexpr step subscription_steps[] = {
    // which id a path's subscription bears
    {table, "subscription_path", "subscription_path", ddl::subscription_path},
    // where a subscription stands, by the order of its log
    {index, "event", "ix_event_subscription_order",
     "(execution_id, stream_version desc nulls last, event_id desc) "
     "where event_type in ('subscription.registered', 'subscription.activated', 'subscription.paused', "
     "'subscription.resumed', 'subscription.draining', 'subscription.deactivated')"},
};

// Claims hand out the oldest due rows and the scaler counts them, both whatever else the table holds.
inline constexpr step outbox_lease_steps[] = {
    {index, "outbox", "ix_outbox_open",
     "(outbox_id) include (available_at, locked_at, status) where status <> 'PUBLISHED' and available_at < 'infinity'"},
};

inline constexpr step aggregate_steps[] = {
    // what a caller's key stands for
    {table, "idempotency_key", "idempotency_key", ddl::idempotency_key},
    // list aggregates by state, in the order of their ids
    {index, "stream_head", "ix_stream_head_aggregate", "(status, execution_id) where status like '%:%'"},
};
} // namespace detail::steps

/// Whether we delete rows of a table, for which its role needs the right. A test compares this with our statements.
constexpr bool rows_are_deleted(std::string_view table) {
   constexpr std::string_view all[] = {"command",     "credential",          "keychain",
                                       "outbox",      "projection_snapshot", "runtime",
                                       "stream_head", "subscription_dedup",  "transient"};
   for (auto const one : all)
      if (one == table) return true;
   return false;
}

inline constexpr migration migrations[] = {
    {1, "baseline", detail::steps::baseline_steps},
    {2, "event log", detail::steps::event_log_steps},
    {3, "indexes", detail::steps::index_steps},
    {4, "subscriptions", detail::steps::subscription_steps},
    {5, "outbox leases", detail::steps::outbox_lease_steps},
    {6, "aggregates", detail::steps::aggregate_steps},
};

} // namespace noetl::pg
