// control_plane/ingress_routes.hpp: /api/internal/ingress. Mount with ingress_service and internal_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/ingress.hpp>
#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<ingress_view>> show_ingress(ingress_service& ingress, http::path_text<"listener"> listener) {
   return ingress.find(std::move(listener.value));
}

inline constexpr auto ingress_routes =
    http::guarded_by<require_internal_token>(
        http::under<"/api/internal/ingress">(
            http::get<"/{listener}", show_ingress>.summary("How a gateway takes messages for a push subscription")))
        .tag("internal");

} // namespace noetl::control_plane
