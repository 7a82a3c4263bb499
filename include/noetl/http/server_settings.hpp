// http/server_settings.hpp: what an HTTP server can be told.
// Knows core and http/origins.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <noetl/core/log.hpp>
#include <noetl/http/origins.hpp>

namespace noetl::http {

/// Limits and times of an HTTP server. Times above zero.
struct http_settings {
   std::string host = "127.0.0.1"; ///< address or name to listen on; "0.0.0.0" and "::" mean all
   std::uint16_t port = 8082;      ///< 0: a free one, see http_server::port()

   std::size_t max_header_bytes = std::size_t{16} << 10U; ///< request line and fields; beyond: 431
   std::size_t max_body_bytes = std::size_t{2} << 20U;    ///< for routes that set no limit of their own; beyond: 413
   std::size_t max_connections = 4096;                    ///< further ones are told 503 and closed

   std::chrono::milliseconds header_timeout = std::chrono::seconds(10); ///< first byte to end of head
   std::chrono::milliseconds body_timeout = std::chrono::seconds(30);   ///< for the body, more for what did arrive
   std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);   ///< between two requests
   std::chrono::milliseconds write_timeout = std::chrono::seconds(30);  ///< for a response, more for what was taken
   std::chrono::milliseconds linger_timeout = std::chrono::seconds(2);  ///< reading on after an early refusal
   std::size_t slowest_bytes_per_second = std::size_t{16} << 10U;       ///< what "more" in body and write times means

   origins allowed_origins{}; ///< pages that may call; any, unless told otherwise

   log::level access_log = log::level::debug; ///< level of the line for each request
};

} // namespace noetl::http
