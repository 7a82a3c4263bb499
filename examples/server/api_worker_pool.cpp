// examples/server/api_worker_pool.cpp: the routes of control_plane/worker_pool_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/worker_pool_routes.hpp>

namespace server {

http::mounted worker_pool_api(cp::worker_pool_service& workers, cp::write_metrics& written) {
   return http::mount<cp::worker_pool_routes>(workers, written);
}

} // namespace server
