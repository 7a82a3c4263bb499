// examples/server/api_dashboard.cpp: the routes of control_plane/dashboard_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/dashboard_routes.hpp>

namespace server {

http::mounted dashboard_api(cp::dashboard& figures) {
   return http::mount<cp::dashboard_routes>(figures);
}

} // namespace server
