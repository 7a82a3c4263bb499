// control_plane/execution_routes.hpp: /api/execute and /api/executions. Mount with execution_service, execution_batch,
// execution_list, execution_views and write_metrics.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <noetl/control_plane/execution_batch.hpp>
#include <noetl/control_plane/execution_list.hpp>
#include <noetl/control_plane/execution_service.hpp>
#include <noetl/control_plane/execution_views.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/query.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

namespace detail {

/// The query of a request with another `after`, and without `offset`, which was counted from the old one.
inline std::string query_after(std::string_view query, noetl::execution_id after) {
   std::string out;
   http::detail::for_each_query_pair(query, [&](std::string_view key, std::string_view value) {
      if (key == "after" || key == "offset") return true;
      out.append(key).append("=").append(value).append("&");
      return true;
   });
   return out + "after=" + std::to_string(after.value);
}

} // namespace detail

inline awaitable<result<execute_reply>> execute(execution_service& executions, write_metrics& metrics,
                                                http::body<execute_request> request) {
   auto reply = co_await executions.start(std::move(request.value));
   if (reply) metrics.started("single", reply->status == "duplicate" ? "duplicate" : "new");
   co_return reply;
}

inline awaitable<result<execute_batch_reply>> execute_many(execution_batch& executions, write_metrics& metrics,
                                                           http::body<execute_batch_request> request) {
   auto reply = co_await executions.start(std::move(request.value));
   if (!reply) co_return reply;
   metrics.batch(reply->count);
   for (auto const& item : reply->results) metrics.started("batch", item.status == "started" ? "new" : item.status);
   co_return reply;
}

/// The body is a bare array, so where to go on stands in the head: `X-Next-After`, and as a link.
inline awaitable<result<http::reply<std::vector<execution_summary>>>>
list_executions(execution_list& list, http::request const& received, http::query<execution_filter> filter) {
   auto page = co_await list.page(std::move(filter.value));
   if (!page) co_return std::move(page).error();
   http::reply<std::vector<execution_summary>> answer;
   if (page->next) {
      answer.headers.push_back({"x-next-after", std::to_string(page->next->value)});
      answer.headers.push_back(
          {"link", "<" + received.path + "?" + detail::query_after(received.query, *page->next) + ">; rel=\"next\""});
   }
   answer.body = std::move(page->entries);
   co_return answer;
}

inline awaitable<result<execution_detail>> show_execution(execution_views& views, execution_id id,
                                                          http::query<event_window> which) {
   return views.find(id, which.value);
}

inline awaitable<result<event_list>> show_execution_events(execution_views& views, execution_id id,
                                                           http::query<event_window> which) {
   return views.events(id, which.value);
}

inline awaitable<result<execution_status>> show_execution_status(execution_views& views, execution_id id) {
   return views.status(id);
}

inline awaitable<result<rerun_reply>> rerun_execution(execution_service& executions, write_metrics& metrics,
                                                      execution_id id) {
   auto reply = co_await executions.rerun(id);
   if (reply) metrics.started("single", "new");
   co_return reply;
}

inline constexpr auto execution_routes =
    http::under<"/api">(
        http::post<"/execute", execute>.summary("Start an execution"),
        http::post<"/execute/batch", execute_many>.summary("Start up to 1000 executions"),
        http::get<"/executions", list_executions>.summary("List executions, newest first"),
        http::get<"/executions/{execution_id}", show_execution>.summary("Show an execution with its events"),
        http::get<"/executions/{execution_id}/events", show_execution_events>.summary("Read the log of an execution"),
        http::get<"/executions/{execution_id}/status", show_execution_status>.summary("Where an execution stands"),
        http::post<"/executions/{execution_id}/rerun", rerun_execution>.summary("Start an execution again"))
        .tag("executions");

} // namespace noetl::control_plane
