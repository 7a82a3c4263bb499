// examples/server/api_wallet.cpp: the routes of control_plane/wallet_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/wallet_routes.hpp>

namespace server {

http::mounted wallet_api(cp::wallet_service& wallet, cp::secret_audit& audit, cp::wallet_gate& gate) {
   return http::mount<cp::wallet_routes>(wallet, audit, gate);
}

} // namespace server
