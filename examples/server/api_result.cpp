// examples/server/api_result.cpp: the routes of control_plane/result_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/result_routes.hpp>

namespace server {

http::mounted result_api(cp::result_store& results, cp::result_metrics& resulted) {
   return http::mount<cp::result_routes>(results, resulted);
}

} // namespace server
