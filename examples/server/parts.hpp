// examples/server/parts.hpp: the parts of the reference server, in the order they depend on each other.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/cancellation.hpp>
#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/cleanup_service.hpp>
#include <noetl/control_plane/command_cache.hpp>
#include <noetl/control_plane/command_service.hpp>
#include <noetl/control_plane/container_callback_routes.hpp>
#include <noetl/control_plane/dashboard.hpp>
#include <noetl/control_plane/database_check.hpp>
#include <noetl/control_plane/dedup.hpp>
#include <noetl/control_plane/event_ingest.hpp>
#include <noetl/control_plane/execution_batch.hpp>
#include <noetl/control_plane/execution_list.hpp>
#include <noetl/control_plane/execution_service.hpp>
#include <noetl/control_plane/execution_views.hpp>
#include <noetl/control_plane/health.hpp>
#include <noetl/control_plane/ingest_metrics.hpp>
#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/control_plane/outbox_service.hpp>
#include <noetl/control_plane/playbook_library.hpp>
#include <noetl/control_plane/projection.hpp>
#include <noetl/control_plane/projector_service.hpp>
#include <noetl/control_plane/replay.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/control_plane/shard_info.hpp>
#include <noetl/control_plane/sql_gate.hpp>
#include <noetl/control_plane/sql_service.hpp>
#include <noetl/control_plane/subscription_metrics.hpp>
#include <noetl/control_plane/subscriptions.hpp>
#include <noetl/control_plane/variables.hpp>
#include <noetl/control_plane/worker_pools.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/workflow/states.hpp>

namespace server {

namespace cp = noetl::control_plane;

class command_relay;
class database_keeper;
class event_stream;
class secret_parts;
class upkeep;

/// Everything but the listener. Construction waits for nothing.
class parts {
   boost::asio::io_context& io_;

public:
   parts(boost::asio::io_context& io, cp::configuration const& config);
   ~parts();
   parts(parts const&) = delete;
   parts& operator=(parts const&) = delete;

   /// Brings the databases to the schema and starts what runs by itself. Waits for a database that is away for as long
   /// as that takes, on a thread of its own; an error that does not pass by itself stops `io`.
   void start();
   /// After the listener has drained and `io` has stopped: no more writes, announcements, decisions. What runs gets a
   /// second in all, then it is cut off.
   void stop();
   /// The error that stopped the server, if any.
   [[nodiscard]] std::optional<noetl::error> failure() const;

   cp::configuration const& config;
   std::unique_ptr<event_stream> events; ///< outlives the store, whose callbacks reach it
   noetl::snowflake ids;
   noetl::http::metrics metrics;
   noetl::pg::shard_map shards;
   std::unique_ptr<command_relay> relay; ///< as `events`
   noetl::event_store store; ///< its callbacks reach parts below: stop() ends them before any of these goes away
   cp::catalog_service catalog;
   cp::playbook_library library;
   cp::dedup_service dedup;
   cp::execution_service executions;
   cp::execution_batch batches;
   cp::execution_list list;
   cp::execution_views views;
   cp::dashboard figures;
   cp::cancellation_service cancellations;
   cp::variable_service variables;
   cp::shard_identity identity;
   cp::container_callbacks callbacks;
   cp::container_metrics called_back;
   cp::command_cache issued;
   cp::command_service commands;
   cp::event_ingest ingest;
   cp::ingest_metrics ingested;
   cp::write_metrics written;
   cp::worker_pool_service workers;
   cp::subscription_service subscriptions;
   cp::subscription_metrics subscribed;
   cp::internal_gate gate;
   cp::database_check check;
   cp::sql_service sql;
   cp::sql_gate sql_gate;
   std::unique_ptr<secret_parts> secrets; ///< credentials, keychain, results; before `states`, which asks it
   cp::outbox_service outbox;
   cp::projector_service projector;
   cp::cleanup_service cleanup;
   noetl::workflow::workflow_states states;
   cp::projection_service projection;
   cp::replay_service replays;
   std::unique_ptr<server::upkeep> upkeep; ///< what runs by itself on `io`
   std::unique_ptr<database_keeper> databases;
   cp::health_service health;
   noetl::http::openapi_document document; ///< described with the router
};

/// The routes of the server over its parts (api.cpp).
noetl::http::router make_router(parts& all);

} // namespace server
