// http/server.hpp: an HTTP/1.1 server for a route table (Boost.Asio coroutines, Beast's parser).
// Knows core and http.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/detail/connection.hpp>
#include <noetl/http/detail/server_core.hpp>
#include <noetl/http/router.hpp>
#include <noetl/http/server_settings.hpp>

namespace noetl::http {

/// What a server has done so far.
struct server_stats {
   std::size_t connections = 0; ///< open now
   std::uint64_t accepted = 0;  ///< connections in all
   std::uint64_t refused = 0;   ///< connections told 503 because there were too many
   std::uint64_t requests = 0;  ///< requests in all
};

/// Serves a router. Each connection has a strand of its own, so any number of threads may run the io_context. `start`
/// and `stop` are called once each; `stats` and `port` from any thread.
///
///     http_server server{io, api, deps, {.port = 8082, .header_timeout = 5s}};
///     if (auto started = server.start(); !started) return complain(started.error());
class http_server {
   using tcp = boost::asio::ip::tcp;
   using acceptor = boost::asio::basic_socket_acceptor<tcp, detail::strand>;

public:
   http_server(boost::asio::io_context& io, router routes, http_settings settings = {})
       : io_(io), acceptor_(std::make_shared<acceptor>(boost::asio::make_strand(io))),
         core_(std::make_shared<detail::server_core>(std::move(routes), std::move(settings))) {}

   template <class Services, std::size_t N, class... S>
   http_server(boost::asio::io_context& io, route_table<Services, N> const& table, services<S...> const& given,
               http_settings settings = {})
       : http_server(io, router(table, given), std::move(settings)) {}

   http_server(http_server const&) = delete;
   http_server& operator=(http_server const&) = delete;

   /// Who is told about every answer; outlives the server. Call before `start`.
   void observe(request_observer& observer) { core_->observer = &observer; }

   /// Listens and begins to accept. Listens on one address: of a name with several, such as localhost, on its first of
   /// IPv4 if there is one.
   /// \return unavailable with the reason when the address cannot be had, for instance because it is in use
   result<void> start() {
      boost::system::error_code ec;
      auto const& settings = core_->settings;
      auto const found =
          tcp::resolver(io_).resolve(settings.host, std::to_string(settings.port), tcp::resolver::passive, ec);
      if (!ec) listen(one_of(found), ec);
      if (ec)
         return fail(error_code::unavailable,
                     "cannot listen on " + settings.host + ":" + std::to_string(settings.port) + ": " + ec.message());
      log::info("http.listening", {{"host", settings.host}, {"port", port_}});
      boost::asio::co_spawn(acceptor_->get_executor(), accept(io_, acceptor_, core_), boost::asio::detached);
      return {};
   }

   /// Port listened on, after `start`.
   [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

   [[nodiscard]] server_stats stats() const {
      return {core_->open(), core_->accepted, core_->refused, core_->requests};
   }

   /// Accepts nothing more, lets requests under way end (their answers say `connection: close`), then closes; what is
   /// still open after `grace` is cut. \return true when nothing had to be cut
   boost::asio::awaitable<bool> stop(std::chrono::milliseconds grace) {
      core_->stopping = true;
      boost::asio::post(acceptor_->get_executor(), [listening = acceptor_] {
         boost::system::error_code ignored;
         listening->close(ignored);
      });
      for (auto const& c : core_->all()) boost::asio::post(c->executor(), [c] { c->drain(); });
      bool const drained = co_await wait_until_closed(grace);
      if (!drained) {
         log::warn("http.cut", {{"connections", core_->open()}});
         for (auto const& c : core_->all()) boost::asio::post(c->executor(), [c] { c->cut(); });
         co_await wait_until_closed(std::chrono::seconds(1));
      }
      co_return drained;
   }

private:
   // Whoever is told a name that means both kinds mostly goes to 127.0.0.1; which kind comes first is the machine's
   // matter. \pre not empty
   static tcp::endpoint one_of(tcp::resolver::results_type const& found) {
      for (auto const& entry : found)
         if (entry.endpoint().protocol() == tcp::v4()) return entry.endpoint();
      return found.begin()->endpoint();
   }

   void listen(tcp::endpoint const& where, boost::system::error_code& ec) {
      acceptor_->open(where.protocol(), ec);
      if (!ec) acceptor_->set_option(boost::asio::socket_base::reuse_address(true), ec);
      if (!ec) acceptor_->bind(where, ec);
      if (!ec) acceptor_->listen(boost::asio::socket_base::max_listen_connections, ec);
      if (!ec) port_ = acceptor_->local_endpoint(ec).port();
      boost::system::error_code ignored;
      if (ec) acceptor_->close(ignored);
   }

   // Holds shares of what it uses: the server may be gone before this has noticed.
   static boost::asio::awaitable<void> accept(boost::asio::io_context& io, std::shared_ptr<acceptor> listening,
                                              std::shared_ptr<detail::server_core> core) {
      boost::asio::steady_timer pause(listening->get_executor());
      while (!core->stopping) {
         try {
            detail::server_socket socket(boost::asio::make_strand(io));
            auto const [ec] = co_await listening->async_accept(socket, boost::asio::as_tuple(boost::asio::deferred));
            if (core->stopping || ec == boost::asio::error::operation_aborted) co_return;
            if (!ec) {
               begin(core, std::move(socket));
               continue;
            }
            not_accepted(ec.message());
         } catch (std::exception const& e) {
            not_accepted(e.what());
         } catch (...) {
            not_accepted("not a std::exception");
         }
         // Too many open files or no memory, mostly: come back when some connections are closed.
         pause.expires_after(std::chrono::milliseconds(100));
         co_await pause.async_wait(boost::asio::as_tuple(boost::asio::deferred));
      }
   }

   // Accepting goes on even when there is no memory for the line.
   static void not_accepted(std::string_view why) noexcept {
      try {
         log::warn("http.accept_failed", {{"error", why}});
      } catch (...) { // said as well as can be
      }
   }

   static void begin(std::shared_ptr<detail::server_core> const& core, detail::server_socket socket) {
      auto const open = core->open();
      bool const full = open >= core->settings.max_connections;
      ++(full ? core->refused : core->accepted);
      if (open >= core->settings.max_connections + most_refusals) return; // no time for words either
      auto const c = std::make_shared<detail::connection>(core, std::move(socket));
      auto ended = [c](std::exception_ptr thrown) {
         if (thrown) c->cut(); // else its watch would keep it, and its place, for ever
         try {
            if (thrown) std::rethrow_exception(thrown);
         } catch (std::exception const& e) {
            log::error("http.connection_failed", {{"error", e.what()}});
         } catch (...) {
            log::error("http.connection_failed", {{"error", "not a std::exception"}});
         }
      };
      if (full)
         boost::asio::co_spawn(c->executor(), c->run_refused(), std::move(ended));
      else
         boost::asio::co_spawn(c->executor(), c->run(), std::move(ended));
   }

   boost::asio::awaitable<bool> wait_until_closed(std::chrono::milliseconds time) {
      auto const until = std::chrono::steady_clock::now() + time;
      boost::asio::steady_timer pause(co_await boost::asio::this_coro::executor);
      while (core_->open() > 0) {
         if (std::chrono::steady_clock::now() >= until) co_return false;
         pause.expires_after(std::chrono::milliseconds(5));
         co_await pause.async_wait(boost::asio::as_tuple(boost::asio::deferred));
      }
      co_return true;
   }

   static constexpr std::size_t most_refusals = 64; // connections that are being told that there is no room

   boost::asio::io_context& io_;
   std::shared_ptr<acceptor> acceptor_;
   std::shared_ptr<detail::server_core> core_;
   std::uint16_t port_ = 0;
};

} // namespace noetl::http
