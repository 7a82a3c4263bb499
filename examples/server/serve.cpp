// examples/server/serve.cpp: starts the application and the listener, drains at SIGTERM.
#include "serve.hpp"

#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/server.hpp>

#include "application.hpp"

namespace server {
namespace {

namespace asio = boost::asio;
namespace http = noetl::http;
using noetl::control_plane::configuration;

http::http_settings listener(configuration const& config) {
   http::http_settings settings;
   settings.host = config.noetl.host;
   settings.port = config.noetl.port;
   settings.allowed_origins = http::origins::parse(config.noetl.cors_origins).value(); // checked by main
   settings.max_connections = static_cast<std::size_t>(config.noetl.max_connections.value());
   return settings;
}

} // namespace

bool serve(configuration const& config) {
   asio::io_context io(config.noetl.http_threads);
   application all(io, config);
   auto const routes = all.routes();
   http::http_metrics observed(all.metrics(), routes.entries());
   http::http_server listening(io, routes, listener(config));
   listening.observe(observed);
   if (auto started = listening.start(); !started) {
      noetl::log::error("server.not_started", {{"reason", started.error().message}});
      return false;
   }
   all.start();

   asio::signal_set signals(io, SIGINT, SIGTERM);
   auto drain = [&]() -> asio::awaitable<void> {
      co_await signals.async_wait(asio::use_awaitable);
      noetl::log::info("server.draining", {{"seconds", config.noetl.drain_timeout.count()}});
      co_await listening.stop(config.noetl.drain_timeout);
      io.stop();
   };
   asio::co_spawn(io, drain(), asio::detached);
   {
      std::vector<std::jthread> threads;
      for (int i = 1; i < config.noetl.http_threads; ++i) threads.emplace_back([&] { io.run(); });
      io.run();
   }
   all.stop();
   if (auto failure = all.failure()) {
      noetl::log::error("server.failed", {{"reason", failure->message}, {"detail", failure->detail}});
      return false;
   }
   noetl::log::info("server.stopped");
   return true;
}

} // namespace server
