// options.cpp: the command line, read by CLI11.
#include "options.hpp"

#include <random>

#include <CLI/CLI.hpp>

#include <noetl/core/hex.hpp>

namespace stub {

namespace {
std::string random_id(std::optional<std::uint64_t> seed) {
   std::mt19937_64 source(seed ? *seed : std::random_device{}());
   std::string id = "stub-";
   for (int i = 0; i < 12; ++i) id += noetl::hex_digits[source() % 16];
   return id;
}
} // namespace

std::optional<options> read_options(int argc, char** argv, int& code) {
   options o;
   CLI::App app{
       "A small NoETL worker: pulls command notifications, claims, runs tools, reports. Speaks the wire contract of "
       "the real one."};
   auto const option = [&](std::string const& flag, auto& target, std::string const& variable,
                           std::string const& text) {
      auto* made = app.add_option(flag, target, text)->capture_default_str();
      if (!variable.empty()) made->envname(variable);
      return made;
   };
   option("--worker-id", o.worker_id, "WORKER_ID", "unique name of this process; random when not given");
   option("--pool-name", o.pool_name, "WORKER_POOL_NAME", "label at registration");
   option("--server-url", o.server_url, "NOETL_SERVER_URL", "registration and heartbeats");
   option("--nats-url", o.nats_url, "NATS_URL", "may carry user info");
   option("--nats-user", o.nats_user, "NATS_USER", "wins over the URL");
   option("--nats-password", o.nats_password, "NATS_PASSWORD", "wins over the URL");
   option("--nats-stream", o.stream, "NATS_STREAM", "stream of notifications");
   option("--nats-consumer", o.consumer, "NATS_CONSUMER", "durable consumer");
   option("--nats-subject", o.subject, "NATS_SUBJECT", "base subject when the stream must be made");
   option("--nats-filter", o.filter, "NATS_FILTER_SUBJECT", "filter when the consumer must be made");
   option("--heartbeat", o.heartbeat_seconds, "WORKER_HEARTBEAT_INTERVAL", "seconds")->check(CLI::Range(1, 3600));
   option("--max-concurrent", o.max_concurrent, "WORKER_MAX_CONCURRENT", "commands at once")
       ->check(CLI::Range(1, 1000));
   option("--python", o.python, "PYTHON_PATH", "interpreter of the python tool");
   option("--token", o.token, "NOETL_INTERNAL_API_TOKEN", "bearer token of control-plane requests");
   option("--token-servers", o.token_servers, "NOETL_TOKEN_SERVERS",
          "base URLs that get the token besides the server's, comma-separated")
       ->delimiter(',');
   option("--node-id", o.node_id, "NOETL_SNOWFLAKE_NODE_ID", "node of minted ids, 0 to 1023")
       ->check(CLI::Range(-1, 1023));
   option("--inline-result-bytes", o.inline_result_bytes, "NOETL_EVENT_RESULT_CONTEXT_MAX_BYTES",
          "larger results are stored and sent by reference");
   std::vector<std::string> secret_variables;
   option("--keychain-env", secret_variables, "NOETL_KEYCHAIN_ENV_VARS",
          "variables that are credentials, comma-separated")
       ->delimiter(',');
   option("--drain", o.drain_seconds, "WORKER_DRAIN_SECONDS", "seconds that work in hand may take after SIGTERM");

   bool once = false;
   unsigned idle = 0;
   std::optional<unsigned> slow;
   bool duplicate_reports = false;
   std::vector<std::string> tools;
   std::string log = "text";
   app.add_flag("--once", once, "exit after one finished command");
   app.add_option("--max-commands", o.max_commands, "exit after so many finished commands");
   auto* const idle_flag = app.add_option("--idle-exit", idle, "exit when nothing arrived for so many seconds");
   app.add_option("--tools", tools, "kinds it executes, comma-separated")->delimiter(',');
   app.add_flag("--allow-shell", o.allow_shell, "run shell and python commands");
   app.add_flag("--poll", o.poll, "no NATS: read ids of command.issued events from standard input, one per line");
   app.add_option("--python-stub", o.python_stub,
                  "JSON file {step: result}: python steps have these results, no interpreter runs")
       ->check(CLI::ExistingFile);
   app.add_option("--seed", o.seed, "makes faults by chance repeatable");
   app.add_option("--log", log, "text, or json: one line per exchange on standard output")
       ->check(CLI::IsMember({"text", "json"}));
   app.add_option("--slow", slow, "every tool takes so many milliseconds longer");
   app.add_option("--crash-after", o.crash_after,
                  "ends as a kill would, inside the command after so many finished ones");
   app.add_flag("--duplicate-reports", duplicate_reports, "posts every event twice, with the same id");
   app.add_option("--fault", o.faults, "NAME[=VALUE][%CHANCE][@STEP][xN], repeatable; see faults.hpp");
   try {
      app.parse(argc, argv);
   } catch (CLI::ParseError const& e) {
      code = app.exit(e) == 0 ? exit_normal : exit_usage;
      return std::nullopt;
   }
   if (once) o.max_commands = 1;
   if (idle_flag->count() > 0) o.idle_exit_seconds = idle;
   if (!tools.empty()) o.tools = {tools.begin(), tools.end()};
   if (slow) o.faults.push_back("slow=" + std::to_string(*slow));
   if (duplicate_reports) o.faults.emplace_back("dup-event");
   o.secret_variables = {secret_variables.begin(), secret_variables.end()};
   o.log_json = log == "json";
   if (o.worker_id.empty()) o.worker_id = random_id(o.seed);
   while (o.server_url.ends_with('/')) o.server_url.pop_back();
   return o;
}

} // namespace stub
