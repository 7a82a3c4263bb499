// examples/server/api.cpp: the whole HTTP surface of the reference server, as one table.
#include "parts.hpp"

#include <noetl/control_plane/cancellation_routes.hpp>
#include <noetl/control_plane/catalog_routes.hpp>
#include <noetl/control_plane/cleanup_routes.hpp>
#include <noetl/control_plane/command_routes.hpp>
#include <noetl/control_plane/container_callback_routes.hpp>
#include <noetl/control_plane/event_routes.hpp>
#include <noetl/control_plane/execution_routes.hpp>
#include <noetl/control_plane/health_routes.hpp>
#include <noetl/control_plane/outbox_routes.hpp>
#include <noetl/control_plane/projection_routes.hpp>
#include <noetl/control_plane/projector_routes.hpp>
#include <noetl/control_plane/replay_routes.hpp>
#include <noetl/control_plane/shard_info.hpp>
#include <noetl/control_plane/subscription_routes.hpp>
#include <noetl/control_plane/variable_routes.hpp>
#include <noetl/control_plane/worker_pool_routes.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/route.hpp>

namespace server {
namespace {

using namespace noetl::control_plane;
namespace http = noetl::http;

using services = http::services<catalog_service, execution_service, execution_views, event_ingest, ingest_metrics,
                                command_service, worker_pool_service, write_metrics, subscription_service,
                                subscription_metrics, health_service, http::metrics, internal_gate, outbox_service,
                                projector_service, cleanup_service, projection_service, replay_service, execution_batch,
                                execution_list, cancellation_service, variable_service, shard_identity,
                                container_callbacks, container_metrics>;

inline constexpr auto without_metrics =
    http::join(http::routes<services>(health_routes, catalog_routes, execution_routes, event_routes, command_routes,
                                      worker_pool_routes, subscription_routes, outbox_routes, projector_routes,
                                      cleanup_routes, projection_routes, replay_routes, cancellation_routes, variable_routes,
                                      shard_routes, container_callback_routes),
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
                              all.batches, all.list, all.cancellations, all.variables, all.identity, all.callbacks,
                              all.called_back, *all.document);
   if (metrics) return {with_metrics, given};
   return {without_metrics, given};
}

} // namespace server
