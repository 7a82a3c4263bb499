// control_plane/event_routes.hpp: /api/events. Mount with event_ingest and ingest_metrics.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <noetl/control_plane/event_ingest.hpp>
#include <noetl/control_plane/ingest_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<event_reply>> add_event(event_ingest& ingest, ingest_metrics& metrics,
                                                http::body<event_request> request) {
   auto const begin = std::chrono::steady_clock::now();
   auto const type = request->event_type;
   auto reply = co_await ingest.add(std::move(request.value));
   metrics.observe(type, reply.has_value(), std::chrono::steady_clock::now() - begin);
   co_return reply;
}

inline awaitable<result<event_batch_reply>> add_events(event_ingest& ingest, http::body<event_batch_request> request) {
   return ingest.add_batch(std::move(request.value));
}

inline constexpr auto event_routes =
    http::under<"/api/events">(
        http::post<"", add_event>.summary("Report one event"),
        http::post<"/batch", add_events>.summary("Report several events of one execution, all or nothing"))
        .tag("events");

} // namespace noetl::control_plane
