// examples/server/api.cpp: the whole HTTP surface of the reference server, as one table.
#include "parts.hpp"

#include <noetl/control_plane/catalog_routes.hpp>
#include <noetl/control_plane/cleanup_routes.hpp>
#include <noetl/control_plane/command_routes.hpp>
#include <noetl/control_plane/credential_routes.hpp>
#include <noetl/control_plane/event_routes.hpp>
#include <noetl/control_plane/execution_routes.hpp>
#include <noetl/control_plane/health_routes.hpp>
#include <noetl/control_plane/ingress_routes.hpp>
#include <noetl/control_plane/keychain_routes.hpp>
#include <noetl/control_plane/outbox_routes.hpp>
#include <noetl/control_plane/projection_routes.hpp>
#include <noetl/control_plane/projector_routes.hpp>
#include <noetl/control_plane/replay_routes.hpp>
#include <noetl/control_plane/result_routes.hpp>
#include <noetl/control_plane/subscription_routes.hpp>
#include <noetl/control_plane/wallet_routes.hpp>
#include <noetl/control_plane/worker_pool_routes.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/route.hpp>

namespace server {
namespace {

using namespace noetl::control_plane;
namespace http = noetl::http;

using services =
    http::services<catalog_service, execution_service, execution_views, event_ingest, ingest_metrics, command_service,
                   worker_pool_service, write_metrics, subscription_service, subscription_metrics, health_service,
                   http::metrics, internal_gate, outbox_service, projector_service, cleanup_service, projection_service,
                   replay_service, secret_gate, secret_audit, credential_service, credential_access, keychain_service,
                   wallet_service, ingress_service, result_store, result_metrics>;

inline constexpr auto without_metrics =
    http::join(http::routes<services>(health_routes, catalog_routes, execution_routes, event_routes, command_routes,
                                      worker_pool_routes, subscription_routes, outbox_routes, projector_routes,
                                      cleanup_routes, projection_routes, replay_routes, credential_routes,
                                      keychain_routes, wallet_routes, ingress_routes, result_routes),
               http::openapi_routes);
inline constexpr auto with_metrics = http::join(without_metrics, http::metrics_routes);

} // namespace

noetl::http::router make_router(parts& all) {
   http::openapi_info const about{.title = "noetl", .version = std::string(compatible_version), .description = {}};
   bool const metrics = !all.config.noetl.disable_metrics;
   if (metrics)
      all.document.emplace(with_metrics, about);
   else
      all.document.emplace(without_metrics, about);
   http::services const given(all.catalog, all.executions, all.views, all.ingest, all.ingested, all.commands,
                              all.workers, all.written, all.subscriptions, all.subscribed, all.health, all.metrics,
                              all.gate, all.outbox, all.projector, all.cleanup, all.projection, all.replays,
                              all.secrets, all.audit, all.credentials, all.access, all.keychain, all.wallet,
                              all.ingress, all.results, all.resulted, *all.document);
   if (metrics) return {with_metrics, given};
   return {without_metrics, given};
}

} // namespace server
