// examples/server/api_replay.cpp: the routes of control_plane/replay_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/replay_routes.hpp>

namespace server {

http::mounted replay_api(cp::replay_service& replays) {
   return http::mount<cp::replay_routes>(replays);
}

} // namespace server
