// control_plane/projector_routes.hpp: /api/internal/events. Mount with projector_service and internal_gate.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/control_plane/projector_service.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<project_reply>> project_events(projector_service& projector,
                                                       http::body<project_request> request) {
   return projector.project(std::move(request.value));
}

inline awaitable<result<materialize_reply>> materialize_events(projector_service& projector,
                                                               http::body<std::vector<event_request>> request) {
   return projector.materialize(std::move(request.value));
}

/// A batch of 500 events of up to 900 KiB does not fit the usual limit (D-41).
inline constexpr std::size_t event_batch_limit = std::size_t{64} << 20U;

inline constexpr auto projector_routes =
    http::guarded_by<require_internal_token>(
        http::under<"/api/internal/events">(
            http::post<"/project", project_events>.body_limit(event_batch_limit).summary("Store rows of another log"),
            http::post<"/materialize", materialize_events>.body_limit(event_batch_limit).summary("Store reported events in bulk")))
        .tag("internal");

} // namespace noetl::control_plane
