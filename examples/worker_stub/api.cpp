// api.cpp: the only file of the worker that includes Boost.Beast.
#include "api.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/http/client.hpp>
#include <noetl/http/origins.hpp>

namespace stub {

using namespace std::chrono_literals;

namespace {
noetl::http::verb verb_of(std::string const& method) {
   using noetl::http::verb;
   for (auto const v : {verb::get, verb::post, verb::put, verb::del, verb::patch, verb::head, verb::options})
      if (to_text(v) == method) return v;
   return verb::get;
}
// Where a token may go; all names of this machine are one place.
std::string place_of(noetl::http::base_url const& url) {
   auto text = noetl::http::is_loopback_host(url.host) ? std::string("localhost") : url.host;
   for (auto& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
   return text + ":" + std::to_string(url.port);
}
} // namespace

struct api::clients {
   struct one {
      std::unique_ptr<noetl::http::http_client> client;
      bool trusted = false;
   };
   std::map<std::string, one> by_server;
};

api::api(boost::asio::any_io_executor executor, std::string token, std::vector<std::string> trusted, bool log_exchanges)
    : executor_(std::move(executor)), token_(std::move(token)), log_exchanges_(log_exchanges),
      clients_(std::make_unique<clients>()) {
   for (auto const& url : trusted)
      if (auto const where = noetl::http::parse_base_url(url)) trusted_.push_back(place_of(*where));
}
api::~api() = default;

boost::asio::awaitable<reply> api::call(std::string server, std::string method, std::string target, std::string body,
                                        std::string note) {
   auto& [client, trusted] = clients_->by_server[server];
   if (!client) {
      auto where = noetl::http::parse_base_url(server);
      if (!where) co_return reply{0, where.error().message};
      trusted = std::ranges::find(trusted_, place_of(*where)) != trusted_.end();
      client = std::make_unique<noetl::http::http_client>(executor_, *where,
                                                          noetl::http::client_settings{.max_idle_connections = 256});
   }
   noetl::http::client_request request;
   request.method = verb_of(method);
   request.target = target;
   request.body = std::move(body);
   request.repeatable = true;
   if (trusted && !token_.empty()) request.headers.push_back({"Authorization", "Bearer " + token_});
   auto const begin = std::chrono::steady_clock::now();
   auto got = co_await client->send(std::move(request));
   reply out;
   if (got) {
      out.status = got->status;
      out.body = std::move(got->body);
   } else {
      out.body = got.error().message;
   }
   if (log_exchanges_) {
      auto const ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      std::printf("{\"method\":\"%s\",\"path\":\"%s\",\"status\":%u,\"ms\":%.2f%s%s}\n", method.c_str(), target.c_str(),
                  out.status, ms, note.empty() ? "" : ",", note.c_str());
      std::fflush(stdout);
   }
   co_return out;
}

boost::asio::awaitable<reply> api::call_patiently(std::string server, std::string method, std::string target,
                                                  std::string body, std::string note, bool (*again)(reply const&)) {
   boost::asio::steady_timer timer(executor_);
   for (auto const delay : {500ms, 1000ms, 2000ms}) {
      auto got = co_await call(server, method, target, body, note);
      if (!again(got)) co_return got;
      timer.expires_after(delay);
      co_await timer.async_wait(boost::asio::use_awaitable);
   }
   co_return co_await call(server, method, target, body, note);
}

boost::asio::awaitable<reply> api::fetch(http_request wish) {
   auto const scheme = wish.url.find("://");
   auto const slash = wish.url.find_first_of("/?", scheme == wish.url.npos ? 0 : scheme + 3);
   auto where = noetl::http::parse_base_url(wish.url.substr(0, slash));
   if (!where) co_return reply{0, where.error().message};
   noetl::http::http_client client(executor_, *where,
                                   {.connect_timeout = wish.timeout, .request_timeout = wish.timeout});
   noetl::http::client_request request;
   request.method = verb_of(wish.method);
   request.target = slash == wish.url.npos ? "/" : wish.url.substr(slash);
   if (request.target.front() == '?') request.target.insert(0, "/");
   request.body = std::move(wish.body);
   for (auto& [name, value] : wish.headers) request.headers.push_back({name, value});
   auto got = co_await client.send(std::move(request));
   if (!got) co_return reply{0, got.error().message};
   reply out;
   out.status = got->status;
   out.body = std::move(got->body);
   for (std::size_t i = 0; i < got->headers.size(); ++i)
      out.headers.emplace_back(got->headers[i].name, got->headers[i].value);
   co_return out;
}

} // namespace stub
