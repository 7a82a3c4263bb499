// examples/server/api_credential.cpp: the routes of control_plane/credential_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/credential_routes.hpp>

namespace server {

http::mounted credential_api(cp::credential_service& credentials, cp::credential_access& access, cp::secret_gate& gate,
                             cp::write_metrics& written) {
   return http::mount<cp::credential_routes>(credentials, access, gate, written);
}

} // namespace server
