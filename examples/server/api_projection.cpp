// examples/server/api_projection.cpp: the routes of control_plane/projection_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/projection_routes.hpp>

namespace server {

http::mounted projection_api(cp::projection_service& projection, cp::internal_gate& gate) {
   return http::mount<cp::projection_routes>(projection, gate);
}

} // namespace server
