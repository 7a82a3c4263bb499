// control_plane/cancellation_routes.hpp: how executions are ended from outside. Mount with cancellation_service.
#pragma once

#include <string>
#include <utility>

#include <noetl/control_plane/cancellation.hpp>
#include <noetl/core/json_text.hpp>
#include <noetl/http/errors.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

/// The command line reads `message` where everybody else reads `error`, so an execution that has ended is told in both.
inline awaitable<result<http::response>> cancel_execution(cancellation_service& executions, execution_id id,
                                                          http::optional_body<cancel_request> request) {
   auto how = std::move(request.value).value_or(cancel_request{});
   auto done = co_await executions.cancel(id, std::move(how));
   http::response answer;
   if (done) {
      append_json(answer.body, *done);
      co_return answer;
   }
   if (done.error().code != error_code::validation) co_return std::move(done).error();
   answer = http::error_response(done.error());
   answer.body.pop_back();
   answer.body += R"(,"message":)";
   append_json_string(answer.body, done.error().message);
   answer.body += '}';
   co_return answer;
}

inline awaitable<result<cancellation_state>> check_cancellation(cancellation_service& executions, execution_id id) {
   return executions.check(id);
}

inline awaitable<result<finalize_reply>> finalize_execution(cancellation_service& executions, execution_id id,
                                                            http::body<finalize_request> request) {
   return executions.finalize(id, std::move(request.value));
}

inline constexpr auto cancellation_routes =
   http::under<"/api/executions/{execution_id}">(
      http::post<"/cancel",             cancel_execution>.summary("Cancel an execution, and its descendants if asked"),
      http::get <"/cancellation-check", check_cancellation>.summary("Whether an execution was cancelled"),
      http::post<"/finalize",           finalize_execution>.summary("End an execution as COMPLETED or FAILED"))
   .tag("executions");

} // namespace noetl::control_plane
