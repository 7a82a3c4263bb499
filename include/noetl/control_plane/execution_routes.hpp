// control_plane/execution_routes.hpp: /api/execute and /api/executions. Mount with execution_service,
// execution_views and write_metrics.
#pragma once

#include <utility>
#include <vector>

#include <noetl/control_plane/execution_service.hpp>
#include <noetl/control_plane/execution_views.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<execute_reply>> execute(execution_service& executions, write_metrics& metrics,
                                                http::body<execute_request> request) {
   auto reply = co_await executions.start(std::move(request.value));
   if (reply) metrics.started("single", reply->status == "duplicate" ? "duplicate" : "new");
   co_return reply;
}

inline awaitable<result<std::vector<execution_summary>>> list_executions(execution_views& views,
                                                                         http::query<execution_filter> filter) {
   return views.list(std::move(filter.value));
}

inline awaitable<result<execution_detail>> show_execution(execution_views& views, execution_id id) {
   return views.find(id);
}

inline awaitable<result<execution_status>> show_execution_status(execution_views& views, execution_id id) {
   return views.status(id);
}

inline constexpr auto execution_routes =
   http::under<"/api">(
      http::post<"/execute",                         execute>.summary("Start an execution"),
      http::get <"/executions",                       list_executions>.summary("List executions, newest first"),
      http::get <"/executions/{execution_id}",        show_execution>.summary("Show an execution with its events"),
      http::get <"/executions/{execution_id}/status", show_execution_status>.summary("Where an execution stands"))
   .tag("executions");

} // namespace noetl::control_plane
