// control_plane/outbox_routes.hpp: /api/internal/outbox. Mount with outbox_service and internal_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/control_plane/outbox_service.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<outbox_claim_reply>> claim_outbox(outbox_service& outbox,
                                                          http::body<outbox_claim_request> request) {
   return outbox.claim(std::move(request.value));
}

inline awaitable<result<outbox_count_reply>> mark_outbox_published(outbox_service& outbox,
                                                                   http::body<outbox_published_request> request) {
   return outbox.mark_published(std::move(request.value));
}

inline awaitable<result<outbox_failed_reply>> mark_outbox_failed(outbox_service& outbox,
                                                                 http::body<outbox_failed_request> request) {
   return outbox.mark_failed(std::move(request.value));
}

inline awaitable<result<outbox_pending_reply>> count_outbox_pending(outbox_service& outbox) {
   return outbox.pending();
}

inline awaitable<result<outbox_parked_reply>> list_outbox_parked(outbox_service& outbox,
                                                                 http::query<outbox_parked_filter> filter) {
   return outbox.parked(std::move(filter.value));
}

inline awaitable<result<outbox_count_reply>> replay_outbox_parked(outbox_service& outbox,
                                                                  http::body<outbox_selection> which) {
   return outbox.replay(std::move(which.value));
}

inline awaitable<result<outbox_count_reply>> skip_outbox_parked(outbox_service& outbox,
                                                                http::body<outbox_selection> which) {
   return outbox.skip(std::move(which.value));
}

inline constexpr auto outbox_routes =
    http::guarded_by<require_internal_token>(
        http::under<"/api/internal/outbox">(
            http::post<"/claim", claim_outbox>.summary("Lease due rows to the caller"),
            http::post<"/mark-published", mark_outbox_published>.summary("Report rows as published"),
            http::post<"/mark-failed", mark_outbox_failed>.summary("Put a row off, or park it"),
            http::get<"/pending-count", count_outbox_pending>.summary("Rows that a claim could take now"),
            http::get<"/parked", list_outbox_parked>.summary("Rows that are offered no more"),
            http::post<"/parked/replay", replay_outbox_parked>.summary("Offer parked rows again"),
            http::post<"/parked/skip", skip_outbox_parked>.summary("Give parked rows up")))
        .tag("internal");

} // namespace noetl::control_plane
