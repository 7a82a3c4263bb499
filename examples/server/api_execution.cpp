// examples/server/api_execution.cpp: the routes of control_plane/execution_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/execution_routes.hpp>

namespace server {

http::mounted execution_api(cp::execution_service& executions, cp::execution_batch& batches, cp::execution_list& list,
                            cp::execution_views& views, cp::write_metrics& written) {
   return http::mount<cp::execution_routes>(executions, batches, list, views, written);
}

} // namespace server
