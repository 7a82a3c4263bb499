// control_plane/cancellation_routes.hpp: how executions are ended from outside. Mount with cancellation_service.
#pragma once

#include <string>
#include <utility>

#include <noetl/control_plane/cancellation.hpp>
#include <noetl/core/json_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/errors.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/parameter.hpp>
#include <noetl/http/route.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {

/// The body may be left out, whatever the content type says of it: clients of the reference, which reads none, do so.
inline result<cancel_request> read_cancel_request(http::request const& received) {
   if (received.body.empty() || !received.headers.contains("content-type")) return cancel_request{};
   if (!http::is_json_type(received.header("content-type")))
      return fail(error_code::unsupported_media, "expected content type application/json");
   return from_json<cancel_request>(received.body);
}

/// The command line reads `message` where everybody else reads `error`, so an execution that has ended is told in both.
inline awaitable<result<http::response>> cancel_execution(cancellation_service& executions, execution_id id,
                                                          http::request const& received) {
   auto how = read_cancel_request(received);
   if (!how) co_return std::move(how).error();
   auto done = co_await executions.cancel(id, *std::move(how));
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
        http::post<"/cancel", cancel_execution>.summary("Cancel an execution, and its descendants if asked"),
        http::get<"/cancellation-check", check_cancellation>.summary("Whether an execution was cancelled"),
        http::post<"/finalize", finalize_execution>.summary("End an execution as COMPLETED or FAILED"))
        .tag("executions");

} // namespace noetl::control_plane
