// tests/http/server_fixture.hpp: a small API and the requests to it, for the tests of the server.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/http/server.hpp>

#include "http/support.hpp"

namespace http_test {

using namespace noetl;
using namespace noetl::http;
using boost::asio::awaitable;

inline result<raw_json> health() {
   return raw_json(R"({"status":"ok"})");
}
inline awaitable<result<std::string>> slow(strong<"ms"> ms) {
   boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::milliseconds(ms.value));
   co_await timer.async_wait(boost::asio::use_awaitable);
   co_return std::string("done");
}
inline result<response> echo(request const& r) {
   return text_response(r.body);
}
inline result<response> about(request const& r) {
   return text_response(r.request_id + " " + std::string(r.header("traceparent")) + " " +
                        (r.peer_is_loopback ? "near" : "far"));
}
inline result<response> large(strong<"bytes"> bytes) {
   return text_response(std::string(static_cast<std::size_t>(bytes.value), 'x'));
}

inline std::optional<response> guarded(request const& r) {
   if (r.header("authorization") == "bearer good") return std::nullopt;
   return text_response("not for you", 403);
}

inline constexpr auto api = routes<services<>>(
    guarded_by<guarded>(post<"/guarded", echo>.body_limit(200'000)), get<"/health", health>, get<"/slow/{ms}", slow>,
    post<"/echo", echo>, post<"/big", echo>.body_limit(200'000), get<"/about", about>, get<"/large/{bytes}", large>);

inline std::string get_text(std::string const& path, std::string const& fields = {}) {
   return "GET " + path + " HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n";
}
inline std::string post_text(std::string const& path, std::string const& body, std::string const& fields = {}) {
   return "POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields +
          "\r\n" + body;
}

// Short times: a test that waits for one waits 200 ms.
inline http_settings quick() {
   http_settings s;
   s.max_body_bytes = 1000;
   s.header_timeout = s.body_timeout = s.idle_timeout = s.write_timeout = 200ms;
   s.linger_timeout = 300ms;
   s.slowest_bytes_per_second = 1'000'000'000;
   return s;
}

} // namespace http_test
