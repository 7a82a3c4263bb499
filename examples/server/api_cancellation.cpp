// examples/server/api_cancellation.cpp: the routes of control_plane/cancellation_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/cancellation_routes.hpp>

namespace server {

http::mounted cancellation_api(cp::cancellation_service& cancellations) {
   return http::mount<cp::cancellation_routes>(cancellations);
}

} // namespace server
