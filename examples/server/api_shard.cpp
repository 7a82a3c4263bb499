// examples/server/api_shard.cpp: the routes of control_plane/shard_info.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/shard_info.hpp>

namespace server {

http::mounted shard_api(cp::shard_identity& self) {
   return http::mount<cp::shard_routes>(self);
}

} // namespace server
