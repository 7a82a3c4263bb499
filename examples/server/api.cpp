// examples/server/api.cpp: the whole HTTP surface of the reference server, one line per group of routes.
#include "api.hpp"
#include "parts.hpp"
#include "secrets.hpp"

#include <string>
#include <utility>
#include <vector>

#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>

namespace server {

http::router make_router(parts& all) {
   std::vector<http::mounted> groups{
       health_api(all.health),
       catalog_api(all.catalog, all.written),
       execution_api(all.executions, all.batches, all.list, all.views, all.written),
       cancellation_api(all.cancellations),
       variable_api(all.variables),
       shard_api(all.identity),
       container_callback_api(all.callbacks, all.called_back, all.gate),
       event_api(all.ingest, all.ingested),
       command_api(all.commands),
       worker_pool_api(all.workers, all.written),
       subscription_api(all.subscriptions, all.subscribed),
       outbox_api(all.outbox, all.gate),
       projector_api(all.projector, all.gate),
       cleanup_api(all.cleanup, all.gate),
       database_api(all.check),
       dashboard_api(all.figures),
       projection_api(all.projection, all.gate),
       replay_api(all.replays),
       openapi_api(all.document),
   };
   for (auto& group : all.secrets->routes()) groups.push_back(std::move(group));
   if (all.config.noetl.sql_endpoint != cp::sql_access::off) groups.push_back(sql_api(all.sql, all.sql_gate));
   if (!all.config.noetl.disable_metrics) groups.push_back(metrics_api(all.metrics));
   http::router routes(groups);
   all.document.describe(routes.entries(),
                         {.title = "noetl", .version = std::string(cp::compatible_version), .description = {}});
   return routes;
}

} // namespace server
