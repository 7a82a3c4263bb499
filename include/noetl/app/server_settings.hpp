// app/server_settings.hpp: what a server of aggregates is told by its environment and its command line.
// Knows reflect/config.hpp and what DSNs and URLs look like.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/ranged.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/nats/url.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/reflect/config.hpp>

namespace noetl::app {

/// Each member is a variable of the environment: `port` of a program called `shipments` is SHIPMENTS_PORT.
struct server_settings {
   std::string host = "127.0.0.1"; ///< to listen on; "0.0.0.0" and "::" mean all
   std::uint16_t port = 8080;      ///< 0: a free one
   secret dsn{"host=127.0.0.1 user=noetl dbname=noetl"};
   secret nats_url{"nats://127.0.0.1:4222"};
   ranged<int, 0, 1022> machine_id{0}; ///< part of every id; another one for each process on one database
   std::chrono::seconds drain{5};      ///< for requests under way at SIGTERM
};

/// What a start asks for: to serve, or to be told something.
struct start_wish {
   server_settings how{};
   std::optional<pg::settings> database{}; ///< of `how.dsn`; none: everything stays in memory
   std::string help{};                     ///< not empty: print it and end
};

/// `shipments-api` to `SHIPMENTS_API`: what the variables of a program begin with.
inline std::string variable_prefix(std::string_view program) {
   std::string out;
   for (char const c : program) {
      bool const lower = c >= 'a' && c <= 'z';
      bool const kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      out.push_back(lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_');
   }
   return out;
}

namespace detail {

inline std::string usage(std::string_view program, std::string const& prefix, server_settings const& defaults) {
   std::string out("usage: ");
   out.append(program).append(" [--memory | --help]\n\n");
   out.append("--memory  keeps everything in this process: no PostgreSQL, no NATS, nothing is left at its end\n\n");
   out.append(prefix).append("_DSN       host=127.0.0.1 port=5432 user=noetl password=... dbname=noetl\n");
   out.append(prefix).append("_NATS_URL  nats://user:password@127.0.0.1:4222\n\n");
   return out.append("variable, what it expects, default (*** is masked):\n").append(describe_config(defaults, prefix));
}

// What no single variable can show.
inline void check_addresses(start_wish& wish, std::string const& prefix, std::vector<std::string>& problems) {
   if (auto database = pg::parse_dsn(wish.how.dsn.value))
      wish.database = *database;
   else
      problems.push_back(prefix + "_DSN: " + database.error().message);
   if (auto const bus = nats::parse_url(wish.how.nats_url.value); !bus)
      problems.push_back(prefix + "_NATS_URL: " + bus.error().message);
}

} // namespace detail

/// Reads both. Errors: validation, with a line for every problem of the environment, or the usage.
/// \param arguments  without the program's own name
inline result<start_wish> read_start(std::string_view program, server_settings defaults, environment const& variables,
                                     std::span<char const* const> arguments) {
   auto const prefix = variable_prefix(program);
   start_wish wish;
   bool in_memory = false;
   for (std::string_view const argument : arguments) {
      if (argument == "--help" || argument == "-h")
         wish.help = detail::usage(program, prefix, defaults);
      else if (argument == "--memory")
         in_memory = true;
      else
         return fail(error_code::validation,
                     "unknown argument " + std::string(argument) + "\n" + detail::usage(program, prefix, defaults));
   }
   if (!wish.help.empty()) return wish;

   auto loaded = load_config(variables, std::move(defaults), prefix);
   std::vector<std::string> problems;
   for (auto const& problem : loaded.problems) problems.push_back(problem.text());
   wish.how = std::move(loaded.value);
   if (!in_memory) detail::check_addresses(wish, prefix, problems);
   if (problems.empty()) return wish;
   std::string text;
   for (auto const& problem : problems) text.append(text.empty() ? "" : "\n").append(problem);
   return fail(error_code::validation, text);
}

} // namespace noetl::app
