// control_plane/cleanup_routes.hpp: /api/internal/cleanup. Mount with cleanup_service and internal_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/cleanup_service.hpp>
#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

// A body that is there and says no type is no reason to delete by the defaults (D-62).
inline awaitable<result<purge_reply>> purge_tables(cleanup_service& cleanup, http::request const& received,
                                                   http::optional_body<purge_request> request) {
   if (!request && !received.body.empty())
      co_return fail(error_code::unsupported_media, "expected content type application/json");
   auto const wish = request.value.value_or(purge_request{});
   co_return co_await cleanup.purge(wish);
}

inline constexpr auto cleanup_routes =
    http::guarded_by<require_internal_token>(
        http::post<"/api/internal/cleanup/purge", purge_tables>.summary("Delete what is past its retention"))
        .tag("internal");

} // namespace noetl::control_plane
