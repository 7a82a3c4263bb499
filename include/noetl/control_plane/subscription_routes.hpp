// control_plane/subscription_routes.hpp: /api/subscriptions. Mount with subscription_service and subscription_metrics.
#pragma once

#include <string>
#include <utility>

#include <noetl/control_plane/subscription_metrics.hpp>
#include <noetl/control_plane/subscriptions.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<subscription_view>> register_subscription(subscription_service& subscriptions,
                                                                  subscription_metrics& metrics,
                                                                  http::body<subscription_request> request) {
   auto done = co_await subscriptions.enroll(std::move(request.value.path));
   metrics.registered(done);
   if (!done) co_return std::move(done).error();
   co_return std::move(done->view);
}

inline awaitable<result<subscription_list>> list_subscriptions(subscription_service& subscriptions,
                                                               http::query<subscription_filter> filter) {
   return subscriptions.list(std::move(filter.value));
}

inline awaitable<result<subscription_view>> show_subscription(subscription_service& subscriptions, subscription_id id,
                                                              http::query<subscription_moment> when) {
   return subscriptions.find(id, when.value);
}

inline awaitable<result<subscription_history>> show_history(subscription_service& subscriptions, subscription_id id,
                                                            http::query<subscription_history_filter> filter) {
   return subscriptions.history(id, filter.value);
}

inline awaitable<result<subscription_view>> act_on_subscription(subscription_service& subscriptions,
                                                                subscription_metrics& metrics, subscription_id id,
                                                                http::path_text<"action"> action) {
   auto done = co_await subscriptions.act(id, action.value);
   metrics.acted(action.value, done);
   co_return done;
}

// GET has a route of this name, which must not turn the answer to an unknown action into 405.
inline awaitable<result<subscription_view>> act_history(subscription_service& subscriptions,
                                                        subscription_metrics& metrics, subscription_id id) {
   return act_on_subscription(subscriptions, metrics, id, {"history"});
}

inline result<lifecycle_view> show_transitions() {
   return subscription_service::table();
}

inline constexpr auto subscription_routes =
    http::under<"/api/subscriptions">(
        http::post<"", register_subscription>.summary("Register a subscription, or find the live one"),
        http::post<"/register", register_subscription>.summary("Register a subscription, or find the live one"),
        http::get<"", list_subscriptions>.summary("List subscriptions"),
        http::get<"/transitions", show_transitions>.summary("The life cycle as table and diagram"),
        http::get<"/{subscription_id}", show_subscription>.summary("Where a subscription stands, or stood"),
        http::get<"/{subscription_id}/history", show_history>.summary("All transitions of a subscription"),
        http::post<"/{subscription_id}/history", act_history>.summary("Always refused: history is no action").hidden(),
        http::post<"/{subscription_id}/{action}", act_on_subscription>.summary("Do an action on a subscription"))
        .tag("subscriptions");

} // namespace noetl::control_plane
