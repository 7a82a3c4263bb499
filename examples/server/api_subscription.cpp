// examples/server/api_subscription.cpp: the routes of control_plane/subscription_routes.hpp over their services.
#include "api.hpp"

#include <noetl/control_plane/subscription_routes.hpp>

namespace server {

http::mounted subscription_api(cp::subscription_service& subscriptions, cp::subscription_metrics& subscribed) {
   return http::mount<cp::subscription_routes>(subscriptions, subscribed);
}

} // namespace server
