// examples/server/api_variable.cpp: the routes of control_plane/variable_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/variable_routes.hpp>

namespace server {

http::mounted variable_api(cp::variable_service& variables) {
   return http::mount<cp::variable_routes>(variables);
}

} // namespace server
