// examples/server/api_keychain.cpp: the routes of control_plane/keychain_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/keychain_routes.hpp>

namespace server {

http::mounted keychain_api(cp::keychain_service& keychain, cp::secret_audit& audit, cp::secret_gate& gate,
                           cp::write_metrics& written) {
   return http::mount<cp::keychain_routes>(keychain, audit, gate, written);
}

} // namespace server
