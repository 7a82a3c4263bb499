// examples/server/main.cpp: reads the configuration, starts the parts and the listener, drains at SIGTERM.
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/log_spdlog.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/server.hpp>
#include <noetl/nats/url.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/reflect/config.hpp>

#include "parts.hpp"

namespace {

namespace asio = boost::asio;
namespace http = noetl::http;
using noetl::control_plane::configuration;

enum exit_code { stopped = 0, failed = 1, misconfigured = 2 };

/// What no single variable can show.
std::vector<std::string> contradictions(configuration const& config) {
   std::vector<std::string> found;
   if (config.noetl.shard_count == 0)
      found.emplace_back("NOETL_SHARD_COUNT: expected 1 or more");
   else if (config.noetl.shard_index >= config.noetl.shard_count)
      found.emplace_back("NOETL_SHARD_INDEX: expected less than NOETL_SHARD_COUNT");
   if (auto shards = noetl::pg::parse_shards(config.noetl.shards.value); !shards)
      found.push_back("NOETL_SHARDS: " + shards.error().message);
   if (!config.noetl.cluster_dsn.value.empty())
      if (auto cluster = noetl::pg::parse_dsn(config.noetl.cluster_dsn.value); !cluster)
         found.push_back("NOETL_CLUSTER_DSN: " + cluster.error().message);
   if (!config.noetl.nats_url.value.empty())
      if (auto url = noetl::nats::parse_url(config.noetl.nats_url.value); !url)
         found.push_back("NOETL_NATS_URL: " + url.error().message);
   if (auto keys = noetl::control_plane::read_keys(server::key_settings(config)); !keys)
      found.push_back(keys.error().message);
   return found;
}

http::http_settings listener(configuration const& config) {
   http::http_settings settings;
   settings.host = config.noetl.host;
   settings.port = config.noetl.port;
   settings.max_connections = static_cast<std::size_t>(config.noetl.max_connections.value());
   return settings;
}

int serve(configuration const& config) {
   asio::io_context io(config.noetl.http_threads);
   server::parts parts(io, config);
   auto const routes = server::make_router(parts);
   http::http_metrics observed(parts.metrics, routes.entries());
   http::http_server listening(io, routes, listener(config));
   listening.observe(observed);
   if (auto started = listening.start(); !started) {
      noetl::log::error("server.not_started", {{"reason", started.error().message}});
      return failed;
   }
   parts.start();

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
   parts.stop();
   if (auto failure = parts.failure()) {
      noetl::log::error("server.failed", {{"reason", failure->message}, {"detail", failure->detail}});
      return failed;
   }
   noetl::log::info("server.stopped");
   return stopped;
}

} // namespace

int main(int argc, char** argv) {
   CLI::App app{"noetl-server: the control plane. It is configured by environment variables; see --print-config."};
   bool check = false;
   bool print = false;
   app.add_flag("--check-config", check, "List every problem of the configuration and exit");
   app.add_flag("--print-config", print, "Print every variable with its value, secrets masked, and exit");
   app.set_version_flag("--version", std::string(noetl::control_plane::compatible_version));
   CLI11_PARSE(app, argc, argv);

   auto const loaded = noetl::load_config<configuration>(noetl::environment_from(environ));
   std::vector<std::string> problems;
   for (auto const& problem : loaded.problems) problems.push_back(problem.text());
   if (problems.empty()) problems = contradictions(loaded.value);
   for (auto const& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
   if (!problems.empty()) return misconfigured;
   if (print) std::fputs(noetl::print_config(loaded.value).c_str(), stdout);
   if (print || check) return stopped;

   noetl::log::use_spdlog(loaded.value.noetl.log_format, loaded.value.noetl.log_level);
   return serve(loaded.value);
}
