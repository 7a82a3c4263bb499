// events/aggregate_routes.hpp: the routes of one kind of aggregate, made of its declaration. Knows http/route.hpp and
// aggregates.hpp.
//
//    | GET    prefix               | list by state, in pages     |   | POST prefix             | create          |
//    | GET    prefix/transitions   | the life cycle              |   | POST prefix/{id}/action | do the action   |
//    | GET    prefix/{id}          | the present, or the past    |
//    | GET    prefix/{id}/history  | its events, in pages        |
//
// Header `Idempotency-Key` on POST: a repeat is answered like the first time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/fixed_string.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/aggregate_views.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/fsm/lifecycle_view.hpp>
#include <noetl/http/route.hpp>

namespace noetl {
namespace detail {

using key_header = http::header_text<"Idempotency-Key">;

inline result<std::size_t> page_size(std::optional<std::int64_t> limit) {
   if (limit && (*limit < 1 || *limit > 1000))
      return fail(error_code::bad_request, "query parameter 'limit': expected 1 to 1000");
   return static_cast<std::size_t>(limit.value_or(100));
}

template <class A>
result<aggregate_view<A>> view_of_record(result<aggregate_record<A>> came) {
   if (!came) return std::move(came).error();
   return view_of<A>(came->id, std::move(came->at));
}

template <class A>
awaitable<result<http::reply<aggregate_view<A>>>> reply_to_creation(aggregates<A>& all, creation_wish<A> wish,
                                                                    std::string path, key_header key) {
   conditions given{.version = {}, .key = std::move(key.value), .reason = {}};
   auto came = co_await all.create(std::move(wish), std::move(given));
   if (!came) co_return std::move(came).error();
   http::reply<aggregate_view<A>> out{201, view_of<A>(came->id, std::move(came->at)), {}};
   out.headers.push_back({"location", path + "/" + std::to_string(came->id.value)});
   co_return out;
}
template <class A>
awaitable<result<http::reply<aggregate_view<A>>>> create_from_body(aggregates<A>& all, http::request const& received,
                                                                   key_header key, http::body<creation_wish<A>> wish) {
   return reply_to_creation<A>(all, std::move(wish.value), received.path, std::move(key));
}
template <class A>
awaitable<result<http::reply<aggregate_view<A>>>> create_without_body(aggregates<A>& all, http::request const& received,
                                                                      key_header key) {
   return reply_to_creation<A>(all, {}, received.path, std::move(key));
}

template <class A, class Action>
awaitable<result<aggregate_view<A>>> act_and_view(aggregates<A>& all, aggregate_id id, Action wish, key_header key,
                                                  aggregate_condition when) {
   conditions given{.version = when.version, .key = std::move(key.value), .reason = {}};
   auto came = co_await all.act(id, std::move(wish), std::move(given));
   co_return view_of_record<A>(std::move(came));
}
template <class A, class Action>
awaitable<result<aggregate_view<A>>> act_with_body(aggregates<A>& all, key_header key, aggregate_id id,
                                                   http::query<aggregate_condition> when, http::body<Action> wish) {
   return act_and_view<A, Action>(all, id, std::move(wish.value), std::move(key), when.value);
}
template <class A, class Action>
awaitable<result<aggregate_view<A>>> act_without_body(aggregates<A>& all, key_header key, aggregate_id id,
                                                      http::query<aggregate_condition> when) {
   return act_and_view<A, Action>(all, id, {}, std::move(key), when.value);
}
template <class A>
result<raw_json> refuse_unknown_action(aggregate_id, http::path_text<"action"> action) {
   return unknown_action<A>(action.value);
}

template <class A>
awaitable<result<aggregate_view<A>>> show(aggregates<A>& all, aggregate_id id, http::query<aggregate_moment> when) {
   bool const present = !when->event_id && !when->version;
   auto reading = present ? all.load(id) : all.load_at(id, when.value);
   auto came = co_await std::move(reading);
   co_return view_of_record<A>(std::move(came));
}

template <class A>
awaitable<result<aggregate_list>> list(aggregates<A>& all, http::query<aggregate_filter> filter) {
   auto const limit = page_size(filter->limit);
   if (!limit) co_return limit.error();
   auto found = co_await all.list(filter->state, filter->after.value_or(aggregate_id{}), *limit + 1);
   if (!found) co_return std::move(found).error();
   aggregate_list page;
   for (auto const& head : *found) page.items.push_back(summary_of(head));
   if (page.items.size() > *limit) {
      page.items.resize(*limit);
      page.next = page.items.back().id;
   }
   co_return page;
}

template <class A>
awaitable<result<aggregate_history>> history(aggregates<A>& all, aggregate_id id,
                                             http::query<aggregate_history_filter> filter) {
   auto const limit = page_size(filter->limit);
   if (!limit) co_return limit.error();
   // One event before the page says which state its first event left, one behind it that there are more.
   bool const whole = filter->after <= 0;
   auto events = co_await all.history(id, whole ? 0 : filter->after - 1, *limit + (whole ? 1 : 2));
   if (!events) co_return std::move(events).error();
   aggregate_history page{.id = id, .history = {}, .next = {}};
   std::optional<std::string> from;
   for (auto const& e : *events) {
      if (page.history.size() == *limit) {
         page.next = page.history.back().version;
         break;
      }
      if (whole || e.stream_version > filter->after) page.history.push_back(step_of<A>(e, from));
      from = e.status;
   }
   co_return page;
}

template <class A>
result<fsm::lifecycle_view> transitions() {
   return fsm::view_of<typename A::lifecycle>();
}

template <fixed_string Name, fixed_string EventType>
constexpr auto name_text(std::type_identity<fsm::action<Name, EventType>>) {
   return Name;
}
template <class Action>
inline constexpr auto name_of_action = name_text(std::type_identity<typename Action::action>{});
template <class Action>
inline constexpr auto action_summary = fixed_string("Do the action ") + name_of_action<Action>;

template <class A>
constexpr auto creation_route() {
   if constexpr (has_creation<A>)
      return http::post<"", create_from_body<A>>.summary("Create one").answers(201);
   else
      return http::post<"", create_without_body<A>>.summary("Create one").answers(201);
}
template <class A, class Action>
constexpr auto action_route() {
   constexpr auto pattern = fixed_string("/{id}/") + name_of_action<Action>;
   if constexpr (carries_payload<Action>)
      return http::post<pattern, act_with_body<A, Action>>.summary(action_summary<Action>.view());
   else
      return http::post<pattern, act_without_body<A, Action>>.summary(action_summary<Action>.view());
}

template <class A, fixed_string Prefix>
constexpr auto make_aggregate_routes() {
   return []<class... Action>(types<Action...>) {
      return http::under<Prefix>(
                 creation_route<A>(), http::get<"", list<A>>.summary("List them, by state"),
                 http::get<"/transitions", transitions<A>>.summary("The life cycle as table and diagram"),
                 http::get<"/{id}", show<A>>.summary("Where one stands, or stood"),
                 http::get<"/{id}/history", history<A>>.summary("All events of one"), action_route<A, Action>()...,
                 http::post<"/{id}/{action}", refuse_unknown_action<A>>.summary("Always refused: no such action").hidden())
          .tag(aggregate_name<A>);
   }(actions_of<A>{});
}

} // namespace detail

/// The route group of A: `http::mount<aggregate_routes<shipment, "/api/shipments">>(shipments)`, where `shipments` is
/// an aggregates<shipment>. One route per action, so that OpenAPI knows its body and metrics its name.
template <aggregate A, fixed_string Prefix>
inline constexpr auto aggregate_routes = detail::make_aggregate_routes<A, Prefix>();

} // namespace noetl
