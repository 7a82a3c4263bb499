// examples/server/api_operation.cpp: what the server says about itself: its metrics, its OpenAPI document.
#include "api.hpp"

#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>

namespace server {

http::mounted metrics_api(http::metrics const& metrics) {
   return {http::metrics_routes, http::services(metrics)};
}

http::mounted openapi_api(http::openapi_document const& document) {
   return {http::openapi_routes, http::services(document)};
}

} // namespace server
