// http/errors.hpp: an error as a response: `{"error": "...", "status": N}` (spec http-execution.md section 2.1).
// Knows core only.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/json_text.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

/// The error body with any status. `message` must be fit for the caller's eyes.
inline response error_response(unsigned status, std::string_view message) {
   response out{.status = status};
   out.body.reserve(message.size() + 32);
   out.body += R"({"error":)";
   append_json_string(out.body, message);
   out.body += R"(,"status":)";
   out.body += std::to_string(status);
   out.body += '}';
   return out;
}

/// The response for an error; its `detail` stays inside. Whoever is told "unavailable" learns when to come again.
inline response error_response(error const& e) {
   auto out = error_response(static_cast<unsigned>(e.status()), e.message);
   if (e.code == error_code::unavailable) out.headers.push_back({"retry-after", "1"});
   return out;
}

namespace detail {

// The response for an error, and a log line when the fault is ours: `detail` is for the log only. Being busy is no
// fault, and a line for each caller would make it worse.
inline response refused(error const& e, request const& received) {
   auto const level = e.code == error_code::unavailable ? log::level::debug : log::level::warn;
   if (e.status() >= 500 && log::enabled(level))
      log::write(level, "http.failed",
                 {{"method", to_text(received.method)},
                  {"path", received.path},
                  {"status", e.status()},
                  {"request_id", received.request_id},
                  {"error", e.message},
                  {"detail", e.detail}});
   return error_response(e);
}

} // namespace detail
} // namespace noetl::http
