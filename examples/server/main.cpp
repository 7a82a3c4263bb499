// examples/server/main.cpp: reads the configuration and the command line, then serves.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <noetl/control_plane/health.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/core/log_spdlog.hpp>
#include <noetl/http/origins.hpp>
#include <noetl/nats/url.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/reflect/config.hpp>

#include "secrets.hpp"
#include "serve.hpp"

namespace {

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
   if (auto pages = noetl::http::origins::parse(config.noetl.cors_origins); !pages)
      found.push_back("NOETL_CORS_ORIGINS: " + pages.error().message);
   if (!config.noetl.nats_url.value.empty())
      if (auto url = noetl::nats::parse_url(config.noetl.nats_url.value); !url)
         found.push_back("NOETL_NATS_URL: " + url.error().message);
   if (auto problem = server::key_problem(config); !problem.empty()) found.push_back(std::move(problem));
   return found;
}

} // namespace

int main(int argc, char** argv) {
   CLI::App app{"noetl-server: the control plane. It is configured by environment variables; see --print-config."};
   bool check = false;
   bool print = false;
   bool describe = false;
   app.add_flag("--check-config", check, "List every problem of the configuration and exit");
   app.add_flag("--print-config", print, "Print every variable with its value, secrets masked, and exit");
   app.add_flag("--describe-config", describe, "Print every variable, what it expects and its default, and exit");
   app.set_version_flag("--version", std::string(noetl::control_plane::compatible_version));
   CLI11_PARSE(app, argc, argv);
   if (describe) return std::fputs(noetl::describe_config<configuration>().c_str(), stdout) < 0 ? failed : stopped;

   auto const loaded = noetl::load_config<configuration>(noetl::environment_from(environ));
   std::vector<std::string> problems;
   for (auto const& problem : loaded.problems) problems.push_back(problem.text());
   if (problems.empty()) problems = contradictions(loaded.value);
   for (auto const& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
   if (!problems.empty()) return misconfigured;
   if (print) std::fputs(noetl::print_config(loaded.value).c_str(), stdout);
   if (print || check) return stopped;

   noetl::log::use_spdlog(loaded.value.noetl.log_format, loaded.value.noetl.log_level);
   return server::serve(loaded.value) ? stopped : failed;
}
