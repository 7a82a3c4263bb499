// examples/server/api_outbox.cpp: the routes of control_plane/outbox_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/outbox_routes.hpp>

namespace server {

http::mounted outbox_api(cp::outbox_service& outbox, cp::internal_gate& gate) {
   return http::mount<cp::outbox_routes>(outbox, gate);
}

} // namespace server
