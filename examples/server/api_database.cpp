// examples/server/api_database.cpp: the routes of control_plane/database_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/database_routes.hpp>

namespace server {

http::mounted database_api(cp::database_check& check) {
   return http::mount<cp::database_routes>(check);
}

http::mounted sql_api(cp::sql_service& sql, cp::sql_gate& gate) {
   return http::mount<cp::sql_routes>(sql, gate);
}

} // namespace server
