// examples/server/api_projector.cpp: the routes of control_plane/projector_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/projector_routes.hpp>

namespace server {

http::mounted projector_api(cp::projector_service& projector, cp::internal_gate& gate) {
   return http::mount<cp::projector_routes>(projector, gate);
}

} // namespace server
