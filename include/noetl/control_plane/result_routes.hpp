// control_plane/result_routes.hpp: /api/result. Mount with result_store and result_metrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include <noetl/control_plane/result_metrics.hpp>
#include <noetl/control_plane/result_store.hpp>
#include <noetl/core/json_text.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

struct result_query {
   std::string ref;
};

inline awaitable<result<result_reply>> put_result(result_store& results, result_metrics& metrics,
                                                  noetl::execution_id execution_id,
                                                  http::body<result_request> request) {
   auto const begin = std::chrono::steady_clock::now();
   auto done = co_await results.put(execution_id, std::move(request.value));
   metrics.put(done.has_value(), begin);
   co_return done;
}

/// The stored value itself; a URI that is none, or names nothing, is answered without `status` (section 2.3).
inline awaitable<result<http::response>> resolve_result(result_store& results, result_metrics& metrics,
                                                        http::query<result_query> which) {
   auto const begin = std::chrono::steady_clock::now();
   auto const refused = [&](error const& why) -> result<http::response> {
      metrics.resolved(&why, begin);
      if (why.code != error_code::bad_request && why.code != error_code::not_found) return why;
      http::response out{.status = static_cast<unsigned>(why.status()), .body = R"({"error":)"};
      append_json_string(out.body, why.message);
      out.body += '}';
      return out;
   };
   auto uri = parse_result_uri(which->ref);
   if (!uri) co_return refused(uri.error());
   auto found = co_await results.find(*std::move(uri));
   if (!found) co_return refused(found.error());
   metrics.resolved(nullptr, begin);
   co_return http::response{.body = *std::move(found)};
}

/// Of these routes alone; every other body has the server's limit (section 1).
inline constexpr std::size_t result_limit = std::size_t{64} << 20U;

inline constexpr auto result_routes =
    http::under<"/api/result">(
        http::put<"/{execution_id}", put_result>.body_limit(result_limit).summary("Store a large result"),
        http::get<"/resolve", resolve_result>.body_limit(result_limit).summary("A stored result by its URI"))
        .tag("results");

} // namespace noetl::control_plane
