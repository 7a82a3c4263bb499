// control_plane/settings.hpp: every setting of the reference server. The member path is the environment name:
// `noetl.nats_url` is NOETL_NATS_URL, `postgres.host` is POSTGRES_HOST (filled by reflect/config.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <noetl/core/secret.hpp>

namespace noetl::control_plane {

/// NOETL_*: the server itself. Spec: http-execution.md section 23.
struct server_settings {
   std::string host = "127.0.0.1";                              ///< address to listen on
   std::uint16_t port = 8082;                                   ///< 0 chooses a free port
   std::string public_server_url = "http://localhost:8082";     ///< absolute URL that every worker reaches
   std::uint32_t http_threads = 2;                              ///< threads that serve requests, 1..64
   std::uint32_t max_connections = 4096;                        ///< further callers get 503
   std::chrono::seconds drain_timeout{8};                       ///< longest wait for requests in flight at SIGTERM
   std::optional<std::string> nats_url;                         ///< unset: commands are kept and not announced
   std::string nats_command_stream = "noetl_commands";          ///< name of the command stream when we create it
   std::chrono::seconds nats_command_max_age{3600};             ///< retention of the command stream when we create it
   std::optional<std::uint32_t> server_machine_id;              ///< 0..1023; unset: derived from the host name
   std::uint32_t shard_index = 0;                               ///< diagnostic only
   std::uint32_t shard_count = 1;                               ///< diagnostic only
   std::string shards;                                          ///< `host=..;port=..;user=..;password=..;database=..,...`
   std::string cluster_dsn;                                     ///< pool of the cluster-wide tables
   std::size_t pg_statement_cache_capacity = 100;               ///< 0 behind a transaction pooler
   std::chrono::milliseconds pg_statement_timeout{30'000};      ///< longest single statement
   bool disable_metrics = false;                                ///< hides /metrics
   std::string log_level = "info";                              ///< trace debug info warn error off
   std::string log_format = "text";                             ///< text or json
   std::chrono::seconds reannounce_after{60};                   ///< a command unclaimed for so long is announced again
   std::size_t state_cache_executions = 20'000;                 ///< folded executions kept in memory
   secret internal_api_token;                                   ///< bearer token of /api/internal/*
};

/// POSTGRES_*: the primary pool; the tuning also applies to every shard pool.
struct postgres_settings {
   std::string host = "localhost";
   std::uint16_t port = 5432;
   std::string user = "noetl";
   secret password;
   std::string database = "noetl";
   std::size_t max_connections = 10;
   std::size_t min_connections = 1;
   std::chrono::seconds acquire_timeout{30};
};

struct configuration {
   server_settings noetl;
   postgres_settings postgres;
};

} // namespace noetl::control_plane
