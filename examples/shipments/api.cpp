// examples/shipments/api.cpp: what two aggregates, metrics and the OpenAPI document answer; compiled apart from main.
#include "api.hpp"

#include <noetl/events/aggregate_metrics.hpp>
#include <noetl/events/aggregate_routes.hpp>

namespace shop {

namespace http = noetl::http;
using noetl::aggregate_routes;

http::router make_api(noetl::aggregates<depot>& depots, noetl::aggregates<shipment>& shipments, http::metrics& metrics,
                      http::openapi_document& document) {
   // snippet: routes
   noetl::report_aggregates(metrics, depots);
   noetl::report_aggregates(metrics, shipments);
   http::router routes({http::mount<aggregate_routes<depot, "/api/depots">>(depots),
                        http::mount<aggregate_routes<shipment, "/api/shipments">>(shipments),
                        {http::metrics_routes, http::services<http::metrics const>(metrics)},
                        {http::openapi_routes, http::services<http::openapi_document const>(document)}});
   // end snippet
   document.describe(routes.entries(), {.title = "shipments"});
   return routes;
}

} // namespace shop
