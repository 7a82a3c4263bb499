// examples/shipments/api.hpp: the routes of the server, without the types that make them.
#pragma once

#include <noetl/events/aggregates.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>

#include "shipments.hpp"

namespace shop {

/// Everything that is given outlives the router.
noetl::http::router make_api(noetl::aggregates<depot>& depots, noetl::aggregates<shipment>& shipments,
                             noetl::http::metrics& metrics, noetl::http::openapi_document& document);

} // namespace shop
