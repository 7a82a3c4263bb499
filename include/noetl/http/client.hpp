// http/client.hpp: an HTTP/1.1 client with kept-alive connections (coroutines), and a blocking one for tests and tools.
// Declarations only: exactly one source file of a program includes http/beast_client.hpp, which defines them.
// Knows core and http/message.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

/// Where a client sends its requests.
struct base_url {
   std::string host = "127.0.0.1";
   std::uint16_t port = 80;
   std::string prefix{}; ///< put before every target; without slash at its end
};

/// Reads `http://host[:port][/prefix]`. \return bad_request when it is not of that form
inline result<base_url> parse_base_url(std::string_view text) {
   auto const wrong = [&] { return fail(error_code::bad_request, "not an http:// URL: '" + std::string(text) + "'"); };
   constexpr std::string_view scheme = "http://";
   if (!text.starts_with(scheme)) return wrong();
   auto const rest = text.substr(scheme.size());
   auto const slash = rest.find('/');
   auto authority = rest.substr(0, slash);
   base_url url;
   if (slash != rest.npos) url.prefix = rest.substr(slash);
   while (url.prefix.ends_with('/')) url.prefix.pop_back();
   auto const bracket = authority.find(']'); // [::1]:8082
   auto const colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
   if (colon != authority.npos) {
      auto const port = parse_number<decltype(url.port)>(authority.substr(colon + 1));
      if (!port) return wrong();
      url.port = *port;
      authority = authority.substr(0, colon);
   }
   if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
   if (authority.empty()) return wrong();
   url.host = authority;
   return url;
}

struct client_request {
   verb method = verb::get;
   std::string target = "/"; ///< path and query, percent-encoded
   std::string body{};
   std::string content_type{}; ///< empty means application/json when there is a body
   std::vector<header> headers{};
   /// The server answers a repetition like the first time. Then a request is sent again when a kept connection turns
   /// out to be dead before any byte of an answer, never after a time-out; GET, HEAD, PUT, DELETE and OPTIONS always
   /// count as such.
   bool repeatable = false;
};

struct client_response {
   unsigned status = 0;
   header_fields headers;
   std::string body;

   [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return headers.find(name); }
};

struct client_settings {
   std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);  ///< from the name to the connection
   std::chrono::milliseconds request_timeout = std::chrono::seconds(30); ///< from sending to the last byte
   std::size_t max_response_bytes = std::size_t{64} << 20U;
   std::size_t max_idle_connections = 16;
   std::chrono::milliseconds max_idle = std::chrono::seconds(60); ///< a connection unused for longer is not used again
};

/// Sends requests to one server and keeps its connections. Any number of requests may be under way, each on a
/// connection of its own. Not thread-safe: one thread or one strand at a time; outlives its requests.
class http_client {
public:
   explicit http_client(boost::asio::any_io_executor executor, base_url where, client_settings settings = {});
   http_client(http_client&&) noexcept;
   http_client& operator=(http_client&&) noexcept;
   ~http_client();

   /// \return the answer whatever its status; `unavailable` when there was none (not reachable, cut, too slow);
   /// `bad_request` when the target or a header holds what cannot stand there
   boost::asio::awaitable<result<client_response>> send(client_request wish);

   [[nodiscard]] std::size_t idle_connections() const noexcept;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

/// The same for code that may block: tests, small tools. Not thread-safe.
class blocking_client {
public:
   explicit blocking_client(base_url where, client_settings settings = {});
   blocking_client(blocking_client const&) = delete;
   blocking_client& operator=(blocking_client const&) = delete;
   ~blocking_client();

   result<client_response> send(client_request wish);
   result<client_response> get(std::string target) { return send({.target = std::move(target)}); }
   result<client_response> post(std::string target, std::string json) {
      return send({.method = verb::post,
                   .target = std::move(target),
                   .body = std::move(json),
                   .content_type = std::string(json_type)});
   }
   [[nodiscard]] std::size_t idle_connections() const noexcept;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace noetl::http
