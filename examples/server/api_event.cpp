// examples/server/api_event.cpp: the routes of control_plane/event_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/event_routes.hpp>

namespace server {

http::mounted event_api(cp::event_ingest& ingest, cp::ingest_metrics& ingested) {
   return http::mount<cp::event_routes>(ingest, ingested);
}

} // namespace server
