// examples/server/api_command.cpp: the routes of control_plane/command_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/command_routes.hpp>

namespace server {

http::mounted command_api(cp::command_service& commands) {
   return http::mount<cp::command_routes>(commands);
}

} // namespace server
