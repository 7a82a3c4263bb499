// examples/server/api_container_callback.cpp: the routes of control_plane/container_callback_routes.hpp over their
// services.
#include "api.hpp"

#include <noetl/control_plane/container_callback_routes.hpp>

namespace server {

http::mounted container_callback_api(cp::container_callbacks& callbacks, cp::container_metrics& called_back,
                                     cp::internal_gate& gate) {
   return http::mount<cp::container_callback_routes>(callbacks, called_back, gate);
}

} // namespace server
