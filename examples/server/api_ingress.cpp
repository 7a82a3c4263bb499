// examples/server/api_ingress.cpp: the routes of control_plane/ingress_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/ingress_routes.hpp>

namespace server {

http::mounted ingress_api(cp::ingress_service& ingress, cp::internal_gate& gate) {
   return http::mount<cp::ingress_routes>(ingress, gate);
}

} // namespace server
