// examples/server/api_health.cpp: the routes of control_plane/health_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/health_routes.hpp>

namespace server {

http::mounted health_api(cp::health_service& health) {
   return http::mount<cp::health_routes>(health);
}

} // namespace server
