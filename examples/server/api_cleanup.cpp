// examples/server/api_cleanup.cpp: the routes of control_plane/cleanup_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/cleanup_routes.hpp>

namespace server {

http::mounted cleanup_api(cp::cleanup_service& cleanup, cp::internal_gate& gate) {
   return http::mount<cp::cleanup_routes>(cleanup, gate);
}

} // namespace server
