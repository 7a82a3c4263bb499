// api.hpp: the HTTP side of the worker: one kept-alive client per server, one line of log per exchange.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace stub {

/// Answer to a request; status 0: there was none, `body` says why.
struct reply {
   unsigned status = 0;
   std::string body;
   std::vector<std::pair<std::string, std::string>> headers{};

   [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

struct http_request {
   std::string method = "GET";
   std::string url;
   std::string body{};
   std::vector<std::pair<std::string, std::string>> headers{};
   std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

/// For one thread, that of the executor.
class api {
public:
   /// \param token          sent to `trusted` only: notifications name servers of their own, and anybody who can
   /// publish
   ///                       one could name his
   /// \param trusted        base URLs
   /// \param log_exchanges  one JSON line per request on standard output
   api(boost::asio::any_io_executor executor, std::string token, std::vector<std::string> trusted, bool log_exchanges);
   ~api();
   api(api const&) = delete;
   api& operator=(api const&) = delete;

   /// A request of the control plane; every one may be repeated safely. `note` is what the log line says besides.
   boost::asio::awaitable<reply> call(std::string server, std::string method, std::string target, std::string body,
                                      std::string note = {});
   /// The same request up to four times, with pauses of 0.5, 1 and 2 s, for as long as `again` says so.
   boost::asio::awaitable<reply> call_patiently(std::string server, std::string method, std::string target,
                                                std::string body, std::string note, bool (*again)(reply const&));
   /// A request that a playbook wants, to any URL, without our credentials.
   boost::asio::awaitable<reply> fetch(http_request wish);

private:
   struct clients;
   boost::asio::any_io_executor executor_;
   std::string token_;
   std::vector<std::string> trusted_; ///< host:port
   bool log_exchanges_;
   std::unique_ptr<clients> clients_;
};

} // namespace stub
