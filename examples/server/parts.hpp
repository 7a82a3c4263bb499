// examples/server/parts.hpp: the parts of the reference server, in the order they depend on each other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/announcements.hpp>
#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/claim_leases.hpp>
#include <noetl/control_plane/cleanup_service.hpp>
#include <noetl/control_plane/command_cache.hpp>
#include <noetl/control_plane/command_service.hpp>
#include <noetl/control_plane/credential_access.hpp>
#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/dedup.hpp>
#include <noetl/control_plane/event_ingest.hpp>
#include <noetl/control_plane/execution_service.hpp>
#include <noetl/control_plane/execution_views.hpp>
#include <noetl/control_plane/health.hpp>
#include <noetl/control_plane/ingest_metrics.hpp>
#include <noetl/control_plane/ingress.hpp>
#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/control_plane/keychain.hpp>
#include <noetl/control_plane/keychain_resolver.hpp>
#include <noetl/control_plane/outbox_service.hpp>
#include <noetl/control_plane/playbook_library.hpp>
#include <noetl/control_plane/projection.hpp>
#include <noetl/control_plane/projector_service.hpp>
#include <noetl/control_plane/reconciler.hpp>
#include <noetl/control_plane/replay.hpp>
#include <noetl/control_plane/result_metrics.hpp>
#include <noetl/control_plane/result_references.hpp>
#include <noetl/control_plane/result_store.hpp>
#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/control_plane/snapshot_keeper.hpp>
#include <noetl/control_plane/subscription_metrics.hpp>
#include <noetl/control_plane/subscriptions.hpp>
#include <noetl/control_plane/wallet.hpp>
#include <noetl/control_plane/worker_pools.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/outbox.hpp>
#include <noetl/events/store.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/workflow/orchestrator.hpp>
#include <noetl/workflow/states.hpp>

namespace server {

namespace cp = noetl::control_plane;

class command_bus; // bus.cpp: NATS connection, stream and publisher
class event_stream;

/// Everything but the listener. Construction connects nothing and waits for nothing; start() does.
class parts {
   struct background; // what runs on threads of its own; outlives the store, whose callbacks reach it
   boost::asio::io_context& io_;
   std::unique_ptr<background> background_;

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

   std::unique_ptr<event_stream> events; ///< outlives the store, whose callbacks reach it
   cp::configuration const& config;
   noetl::snowflake ids;
   noetl::http::metrics metrics;
   noetl::pg::shard_map shards;
   noetl::event_store store; ///< its callbacks reach parts below: stop() ends them before any of these goes away
   cp::catalog_service catalog;
   cp::playbook_library library;
   cp::dedup_service dedup;
   cp::execution_service executions;
   cp::execution_views views;
   cp::command_cache issued;
   cp::command_service commands;
   cp::event_ingest ingest;
   cp::ingest_metrics ingested;
   cp::write_metrics written;
   cp::worker_pool_service workers;
   cp::subscription_service subscriptions;
   cp::subscription_metrics subscribed;
   cp::internal_gate gate;
   cp::secret_gate secrets;
   cp::secret_audit audit;
   cp::envelope_encryption encryption;
   cp::credential_service credentials;
   cp::keychain_service keychain;
   cp::keychain_resolver resolver;
   cp::credential_access access;
   cp::wallet_service wallet;
   cp::ingress_service ingress;
   cp::result_store results;
   cp::result_metrics resulted;
   cp::result_references references;
   cp::outbox_service outbox;
   cp::projector_service projector;
   cp::cleanup_service cleanup;
   noetl::workflow::workflow_states states;
   cp::projection_service projection;
   cp::replay_service replays;
   cp::snapshot_keeper keeper;
   noetl::workflow::orchestrator orchestrator;
   cp::announcements announcements;
   cp::reconciler reconciler;
   cp::claim_leases leases;
   std::unique_ptr<command_bus> bus; ///< null when no bus is configured
   cp::health_service health;
   std::optional<noetl::http::openapi_document> document; ///< made with the router
};

/// Where the master keys of a configuration come from.
cp::key_settings key_settings(cp::configuration const& config);

/// Makes live figures of the parts part of /metrics (figures.cpp).
void report_figures(parts& all, std::function<noetl::outbox_stats()> outbox);

/// The routes of the server over its parts (api.cpp).
noetl::http::router make_router(parts& all);

} // namespace server
