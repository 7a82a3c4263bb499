// control_plane/container_callback_routes.hpp: /api/internal/container-callback. Mount with container_callbacks,
// container_metrics and internal_gate.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <noetl/control_plane/container_callback.hpp>
#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

/// Callbacks by the state they report. Thread-safe; lives no longer than the metrics it was made with.
class container_metrics {
public:
   explicit container_metrics(http::metrics& all)
       : taken_(
             all.counters("noetl_container_callback_total", "Ends of container jobs that a step waits for", {"state"})),
         stale_(all.counters("noetl_container_callback_stale_total", "Ends of container jobs that nobody waits for",
                             {"state"})) {}

   void observe(std::string const& state, container_reply const& reply) {
      (reply.status == "accepted_stale" ? stale_ : taken_).with({state}).Increment();
   }

private:
   http::labelled<prometheus::Counter>& taken_;
   http::labelled<prometheus::Counter>& stale_;
};

/// The body is judged before the path.
inline awaitable<result<http::reply<container_reply>>>
take_container_callback(container_callbacks& callbacks, container_metrics& metrics, http::body<container_report> report,
                        http::path_text<"execution_id"> execution, http::path_text<"step"> step) {
   auto const wrong = [](std::string what) { return fail(error_code::validation, std::move(what)); };
   if (!container_callbacks::is_state(report->state))
      co_return wrong("state: expected succeeded, failed, failed_image_pull, failed_oom, failed_node_lost or "
                      "failed_timeout, got \"" +
                      report->state + "\"");
   auto const id = parse_number<std::int64_t>(execution.value);
   if (!id) co_return wrong("execution_id: expected an integer in range");
   bool const blank = step.value.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
   if (blank || step.value.find('\0') != std::string::npos) co_return wrong("step: must not be blank");
   auto const state = report->state;
   auto taken = co_await callbacks.take(execution_id{*id}, std::move(step.value), std::move(report.value));
   if (!taken) co_return std::move(taken).error();
   metrics.observe(state, *taken);
   http::reply<container_reply> answer;
   answer.status = 202;
   answer.body = *std::move(taken);
   co_return answer;
}

inline constexpr auto container_callback_routes =
    http::guarded_by<require_internal_token>(
        http::under<"/api/internal">(
            http::post<"/container-callback/{execution_id}/{step}", take_container_callback>.summary(
                "Report the end of a container job")))
        .tag("internal");

} // namespace noetl::control_plane
