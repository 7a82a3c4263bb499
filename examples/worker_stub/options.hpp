// options.hpp: what the worker stub can be told: flags, and the environment variables of the real worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace stub {

/// Exit codes (spec worker-protocol.md 18.1).
enum exit_code : int {
   exit_normal = 0,
   exit_failure = 1,
   exit_usage = 2,
   exit_registration_refused = 3,
   exit_no_nats = 4,
   exit_protocol_violation = 5,
   exit_killed = 137,
};

struct options {
   std::string worker_id;
   std::string pool_name = "default";
   std::string server_url = "http://localhost:8082";
   std::string nats_url = "nats://localhost:4222";
   std::string nats_user, nats_password;
   std::string stream = "noetl_commands";
   std::string consumer = "worker-pool";
   std::string subject = "noetl.commands";
   std::string filter = "noetl.commands.>";
   unsigned heartbeat_seconds = 15;
   unsigned max_concurrent = 4;
   std::string python = "python3";
   std::string token;                      ///< bearer token of control-plane requests
   std::vector<std::string> token_servers; ///< base URLs that get the token besides server_url
   int node_id = -1;                       ///< of minted ids; -1: from the worker id
   std::size_t inline_result_bytes = 102'400;
   unsigned drain_seconds = 20; ///< how long work in hand may go on after SIGTERM

   std::size_t max_commands = 0;              ///< 0: no limit
   std::optional<unsigned> idle_exit_seconds; ///< exit when nothing arrived for so long
   std::set<std::string> tools{"noop",     "shell",    "http",  "python", "task_sequence",
                               "postgres", "playbook", "sleep", "bulk"};
   std::set<std::string> secret_variables; ///< environment variables that stand for credentials of their names
   std::optional<std::size_t> crash_after; ///< ends as a kill would, in the command after so many finished ones
   bool allow_shell = false;
   bool log_json = false;
   bool poll = false;       ///< no NATS: ids of command.issued events come from standard input, one per line
   std::string python_stub; ///< file with fixed results of python steps; empty: the interpreter runs them
   std::vector<std::string> faults;
   std::optional<std::uint64_t> seed; ///< makes faults by chance, and a worker id that is not given, repeatable
};

/// Reads flags, then the environment for what no flag says.
/// \return the options, or the exit code when the program should end (help, usage error)
std::optional<options> read_options(int argc, char** argv, int& code);

} // namespace stub
