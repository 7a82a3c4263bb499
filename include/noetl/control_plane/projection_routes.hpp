// control_plane/projection_routes.hpp: /api/internal/projection. Mount with projection_service and internal_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/control_plane/projection.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<advance_reply>> advance_projection(projection_service& projection,
                                                           http::body<advance_request> request) {
   co_return co_await projection.advance(std::move(request.value));
}

inline constexpr auto projection_routes = http::guarded_by<require_internal_token>(
    http::under<"/api/internal/projection">(
        http::post<"/advance", advance_projection>.summary("Fold executions and store their states"))
        .tag("internal"));

} // namespace noetl::control_plane
