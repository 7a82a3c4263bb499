// control_plane/health_routes.hpp: health, liveness, readiness and the pool. Mount with health_service.
#pragma once

#include <utility>

#include <noetl/control_plane/health.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline result<liveness> live() {
   return liveness{};
}

inline awaitable<result<http::reply<health_report>>> show_health(health_service& health) {
   http::reply<health_report> answer;
   answer.body = co_await health.health();
   answer.status = answer.body.status == "ok" ? 200 : 503;
   co_return answer;
}

inline http::reply<readiness> readiness_reply(readiness found) {
   http::reply<readiness> answer;
   answer.status = found.status == "not_ready" ? 503 : 200;
   answer.body = std::move(found);
   return answer;
}

inline result<http::reply<readiness>> show_readiness(health_service& health) {
   return readiness_reply(health.ready());
}

inline result<pool_report> show_pool(health_service& health) {
   return health.pool();
}

inline constexpr auto health_routes =
    http::under<"">(http::get<"/health", live>.summary("Always ok"),
                    http::get<"/livez", live>.summary("The process runs"),
                    http::get<"/readyz", show_readiness>.summary("The server can take work"),
                    http::get<"/api/health", show_health>.summary("Database and bus"),
                    http::get<"/api/pool/status", show_pool>.summary("The connection pool"))
        .tag("health");

} // namespace noetl::control_plane
