// control_plane/settings.hpp: every setting of the reference server. The member path is the environment name:
// `noetl.nats_url` is NOETL_NATS_URL, `postgres.host` is POSTGRES_HOST (filled by reflect/config.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <noetl/control_plane/sql_access.hpp>
#include <noetl/core/flag.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/ranged.hpp>
#include <noetl/core/secret.hpp>

namespace noetl::control_plane {

/// NOETL_EVENT_STREAM_*: committed events on JetStream. Spec: http-platform.md sections 15, 16, 20.
struct event_stream_settings {
   flag enabled;                            ///< true, 1, yes, on
   flag backfill;                           ///< a first start begins with the oldest event instead of the next
   ranged<int, 1, 10'000> batch{500};       ///< events of one read
   ranged<int, 1, 60'000> poll_ms{500};     ///< between looks for events that other processes wrote
   ranged<int, 1, 65'536> window{1'024};    ///< messages sent and not yet acknowledged
   ranged<int, 1, 604'800> dedup_secs{120}; ///< dedup window of a stream that we create
   ranged<int, 0, 315'360'000> retention_secs{86'400}; ///< max age of a stream that we create; 0: unlimited
   ranged<int, 200, 600'000> lease_ms{5'000};         ///< a publisher that is silent for so long is replaced by another
   ranged<int, 0, 604'800> audit_secs{3'600};         ///< between comparisons of stream and table; 0: only after a loss
   ranged<int, 1, 604'800> audit_stretch_secs{3'600}; ///< how far back a comparison looks
};

/// NOETL_*: the server itself. Spec: http-execution.md section 23.
struct server_settings {
   std::string host = "127.0.0.1";                          ///< address to listen on
   std::uint16_t port = 8082;                               ///< 0 chooses a free port
   std::string public_server_url = "http://localhost:8082"; ///< absolute, for every worker; not made from the port
   std::string cors_origins = "*";               ///< web pages that may call: *, local, or https://ui.example,...
   ranged<int, 1, 64> http_threads{2};           ///< threads that serve requests and decide
   ranged<int, 1, 65'536> max_connections{4096}; ///< further callers get 503
   std::chrono::seconds drain_timeout{8};        ///< longest wait for requests in flight at SIGTERM
   secret nats_url;                              ///< may hold credentials; empty: commands are kept, not announced
   std::string nats_command_stream = "noetl_commands";     ///< name of the command stream when we create it
   std::chrono::seconds nats_command_max_age{3600};        ///< retention of the command stream when we create it
   std::optional<ranged<int, 0, 1023>> server_machine_id;  ///< part of every id; 1023 is the database's; unset: by host
   std::uint32_t shard_index = 0;                          ///< diagnostic only
   std::uint32_t shard_count = 1;                          ///< diagnostic only
   secret shards;                                          ///< `host=..;port=..;user=..;password=..;database=..,...`
   secret cluster_dsn;                                     ///< pool of the cluster-wide tables
   std::size_t pg_statement_cache_capacity = 100;          ///< 0 behind a transaction pooler
   std::chrono::milliseconds pg_statement_timeout{30'000}; ///< longest single statement
   bool disable_metrics = false;                           ///< hides /metrics
   log::level log_level = log::level::info;                ///< debug info warn error off
   log::format log_format = log::format::text;             ///< text (logfmt) or json
   std::chrono::seconds claim_lease{60};      ///< a claim outlives its worker's last heartbeat by this; 0: for ever
   std::chrono::seconds claim_limit{0};       ///< a claim ends after so long although its worker lives; 0: never
   std::chrono::seconds reannounce_after{60}; ///< a command unclaimed for so long is announced again
   std::chrono::seconds subscription_drain_limit{600}; ///< a drain that lasts longer was cut short; 0: never
   bool strict_tool_status = false; ///< a tool that reports an error has failed; for executions started from now on
   std::size_t state_cache_executions = 20'000; ///< folded executions kept in memory
   std::size_t state_cache_bytes = 268'435'456; ///< estimated memory of the folded executions kept
   std::uint64_t snapshot_events =
       500; ///< events of an execution between two snapshots of its state; 0: none is written
   bool projector_owns_snapshot = false; ///< snapshots are written by POST /api/internal/projection/advance only
   std::chrono::seconds snapshot_retention{86'400};   ///< a snapshot stays so long after the end of its execution
   event_stream_settings event_stream;                ///< committed events as messages
   secret internal_api_token;                         ///< of internal routes (503 without one), secrets and SQL
   std::string kms_provider = "local";                ///< keeper of the master key; local is the only one
   secret encryption_key;                             ///< base64 of 32 bytes; without it no secret is stored or read
   std::string encryption_key_version = "v1";         ///< name of that key in stored secrets; a new one for a new key
   secret encryption_key_previous;                    ///< `version:base64,...`: keys that still open stored secrets
   flag allow_insecure_default_key;                   ///< without a key: one that ends with the process
   ranged<int, 1, 2> secret_format{2};                ///< of new stored secrets; 1: noetl-server 3.15 reads them too
   flag open_secret_routes;                           ///< credentials without token, for everybody who reaches us
   sql_access sql_endpoint = sql_access::guarded;     ///< off, guarded (as secrets are) or open: raw SQL for everybody
   flag secret_audit_required;                        ///< no secret without a stored record of who got it
   std::string server_region;                         ///< for keychain entries that must stay in a region
   std::string vault_token_file;                      ///< read at each use when VAULT_TOKEN is empty
   std::string vault_kv_mount = "secret";             ///< of references that name no mount
   bool refs_in_state = false;                        ///< summaries of large results in states, not the results
   ranged<int, 1, 86'400> outbox_lease{60};           ///< seconds that a claimed outbox row is its claimer's
   ranged<int, 1, 1'000'000> outbox_max_attempts{20}; ///< claims without success after which an outbox row is parked
};

/// POSTGRES_*: the primary pool; the tuning also applies to every shard pool.
struct postgres_settings {
   std::string host = "localhost";            ///< host name or address
   ranged<int, 1, 65'535> port{5432};         ///< of the database server, or of a pooler
   std::string user = "noetl";                ///< role that owns, or may make, the tables
   secret password;                           ///< of that role
   std::string database = "noetl";            ///< must exist; the tables in it are made at start
   ranged<int, 1, 1'000> max_connections{10}; ///< of each pool
   std::size_t min_connections = 1;           ///< accepted for compatibility; every connection is opened at start
   std::chrono::seconds acquire_timeout{5};   ///< longest wait for a connection; then 503
};

/// KEYCHAIN_CACHE_*: values that playbooks declare under `keychain:`, once resolved.
struct keychain_cache_settings {
   ranged<int, 0, 86'400> dynamic_safety_margin_secs{60}; ///< dropped so long before the issuer's end
   ranged<int, 0, 86'400> refresh_window_secs{60};        ///< fetched again when this near their end
};

/// VAULT_*: the secret provider `vault`.
struct vault_variables {
   std::string addr = "http://127.0.0.1:8200"; ///< http only
   secret token;                               ///< of the requests to it
};

struct configuration {
   server_settings noetl;
   postgres_settings postgres;
   keychain_cache_settings keychain_cache;
   vault_variables vault;
};

} // namespace noetl::control_plane
