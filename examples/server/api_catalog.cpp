// examples/server/api_catalog.cpp: the routes of control_plane/catalog_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/catalog_routes.hpp>

namespace server {

http::mounted catalog_api(cp::catalog_service& catalog, cp::write_metrics& written) {
   return http::mount<cp::catalog_routes>(catalog, written);
}

} // namespace server
