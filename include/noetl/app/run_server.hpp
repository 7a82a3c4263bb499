// app/run_server.hpp: main() of a server of aggregates: command line, environment, schema, then aggregate_server.
#pragma once

#include <chrono>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h> // environ

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/error_code.hpp>

#include <noetl/app/aggregate_server.hpp>
#include <noetl/app/server_settings.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/settings.hpp>

namespace noetl::app {

namespace detail {

/// SIGINT and SIGTERM as a stop token, before there is a server that takes them.
class stop_at_signal {
public:
   stop_at_signal() {
      signals_.async_wait([this](boost::system::error_code failed, int) {
         if (!failed) stop_.request_stop();
      });
      thread_ = std::jthread([this] { io_.run(); }); // not before it has something to wait for: it would end at once
   }
   ~stop_at_signal() { io_.stop(); }
   stop_at_signal(stop_at_signal const&) = delete;
   stop_at_signal& operator=(stop_at_signal const&) = delete;

   [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

private:
   std::stop_source stop_;
   boost::asio::io_context io_{1};
   boost::asio::signal_set signals_{io_, SIGINT, SIGTERM};
   std::jthread thread_; // last: ends first
};

/// Waits for the database for as long as it takes, and says so. Errors: those of pg::migrate; `unavailable` only when
/// stopped.
inline result<void> prepare_database(pg::settings const& database, std::stop_token const& stop) {
   for (;;) {
      auto ready = pg::migrate(database, {.patience = std::chrono::seconds(5), .stop = stop});
      if (ready) {
         for (auto const& open : ready->skipped) log::warn("database.not_migrated", {{"step", open}});
         return {};
      }
      auto const& why = ready.error();
      if (why.code != error_code::unavailable || stop.stop_requested()) return why;
      log::warn("database.waiting", {{"host", database.host}, {"reason", why.message}, {"detail", why.detail}});
   }
}

} // namespace detail

/// All of main(): reads environment and arguments, waits for the database and brings it to the schema, lets `setup` add
/// what is served, and serves. `--memory` does without PostgreSQL and NATS; `--help` lists the variables.
///
///     int main(int argc, char** argv) {
///        return noetl::app::run_server("shipments", {.port = 8084}, argc, argv, [](noetl::app::aggregate_server& all)
///        {
///           all.serve<shipment, "/api/shipments">();
///        });
///     }
///
/// \param program   its variables begin with it in capitals
/// \param defaults  of the variables
/// \return 0 after SIGINT or SIGTERM, 1 when it could not serve, 2 when it was told something wrong; why is on stderr
template <class Setup>
requires std::invocable<Setup const&, aggregate_server&>
int run_server(std::string const& program, server_settings defaults, int argc, char const* const* argv,
               Setup const& setup) {
   auto const failed = [&](int code, std::string const& why) {
      std::fprintf(stderr, "%s: %s\n", program.c_str(), why.c_str());
      return code;
   };
   auto const arguments = std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
   auto const wish = read_start(program, std::move(defaults), environment_from(environ), arguments);
   if (!wish) return failed(2, wish.error().message);
   if (!wish->help.empty()) return std::fputs(wish->help.c_str(), stdout) < 0 ? 1 : 0;
   try {
      if (wish->database) {
         detail::stop_at_signal early;
         auto const ready = detail::prepare_database(*wish->database, early.token());
         if (early.token().stop_requested()) return 0;
         if (!ready) return failed(1, ready.error().message);
      }
      aggregate_server server(program, *wish);
      setup(server);
      if (auto served = server.run(); !served) return failed(1, served.error().message);
      return 0;
   } catch (std::exception const& e) {
      return failed(1, e.what());
   }
}

} // namespace noetl::app
