// tests/support/deployment.hpp: a database, a private NATS, and real server and worker processes on them.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/http/client.hpp>

#include "nats/nats_server.hpp"
#include "pg/test_database.hpp"
#include "support/eventually.hpp"
#include "support/process.hpp"

namespace noetl::test {

/// An answer with its JSON body, null when there is none.
struct answer {
   unsigned status = 0; ///< 0: no answer at all
   std::string body;
   tao::json::value json;
   http::client_response raw;
};

/// Everything a test of the whole system needs. Processes are started by the test, so that it can also start them late,
/// kill them and start them again; ports and data stay. Needs NOETL_TEST_PG.
class deployment {
public:
   using variables = process::variables;

   deployment() { nats.start(); }

   database db{"noetl_system"};
   nats_server nats;
   temporary_folder folder;

   [[nodiscard]] std::string url(int server_port) const { return "http://127.0.0.1:" + std::to_string(server_port); }
   [[nodiscard]] std::string url() const { return url(port); }

   /// Environment of a server on `server_port`; `machine` keeps the ids of several servers apart.
   [[nodiscard]] variables server_environment(int server_port, int machine) const {
      auto const how = db.settings();
      return {{"NOETL_HOST", "127.0.0.1"},
              {"NOETL_PORT", std::to_string(server_port)},
              {"NOETL_PUBLIC_SERVER_URL", url(server_port)},
              {"NOETL_NATS_URL", nats.url()},
              {"NOETL_SERVER_MACHINE_ID", std::to_string(machine)},
              {"NOETL_LOG_LEVEL", "info"},
              {"POSTGRES_HOST", how.host},
              {"POSTGRES_PORT", std::to_string(how.port)},
              {"POSTGRES_USER", how.user},
              {"POSTGRES_PASSWORD", how.password},
              {"POSTGRES_DATABASE", how.database}};
   }

   /// Starts a server and, by default, waits until it is ready. \param change  variables to add or overwrite
   process& start_server(variables change = {}, bool wait = true) {
      auto environment = server_environment(port, 1);
      for (auto& [name, value] : change) environment[name] = value;
      server = std::make_unique<process>(std::vector<std::string>{program("examples/server/noetl-server")},
                                         std::move(environment), folder.path() / "server.log");
      if (wait && !eventually([&] { return get("/readyz").status == 200; }))
         throw std::runtime_error("the server did not get ready:\n" + server->output());
      return *server;
   }

   std::unique_ptr<process> make_worker(std::string const& id, std::vector<std::string> flags = {},
                                        variables change = {}) {
      variables environment{{"WORKER_ID", id},
                            {"NOETL_SERVER_URL", url()},
                            {"NATS_URL", nats.url()},
                            {"NATS_CONSUMER", "worker-pool"},
                            {"NATS_FILTER_SUBJECT", "noetl.commands.>"}};
      for (auto& [name, value] : change) environment[name] = value;
      std::vector<std::string> arguments{program("examples/worker_stub/noetl-worker-stub"), "--allow-shell"};
      arguments.insert(arguments.end(), flags.begin(), flags.end());
      return std::make_unique<process>(std::move(arguments), std::move(environment), folder.path() / (id + ".log"));
   }
   process& start_worker(std::string const& id = "w-1", std::vector<std::string> flags = {}, variables change = {}) {
      workers.push_back(make_worker(id, std::move(flags), std::move(change)));
      return *workers.back();
   }

   answer get(std::string target) { return send({.target = std::move(target)}); }
   answer post(std::string target, std::string json) {
      return send({.method = http::verb::post,
                   .target = std::move(target),
                   .body = std::move(json),
                   .content_type = std::string(http::json_type)});
   }
   answer send(http::client_request wish) {
      http::blocking_client client(base(), {});
      return to_answer(client.send(std::move(wish)));
   }
   [[nodiscard]] http::base_url base() const { return {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(port)}; }

   static answer to_answer(result<http::client_response> got) {
      answer out;
      if (!got) {
         out.body = got.error().message;
         return out;
      }
      out.status = got->status;
      out.body = got->body;
      out.raw = *std::move(got);
      if (!out.body.empty() && (out.body.front() == '{' || out.body.front() == '['))
         out.json = tao::json::from_string(out.body);
      return out;
   }

   /// Registers a playbook. \throws when refused
   void register_playbook(std::string const& yaml) {
      tao::json::value const body = {{"content", yaml}};
      auto const got = post("/api/catalog/register", tao::json::to_string(body));
      if (got.status != 200) throw std::runtime_error("register: " + std::to_string(got.status) + " " + got.body);
   }
   /// Starts an execution. \return its id as text
   std::string execute(std::string const& path, std::string const& payload = "{}") {
      auto const got = post("/api/execute", R"({"path":")" + path + R"(","payload":)" + payload + "}");
      if (got.status != 200) throw std::runtime_error("execute: " + std::to_string(got.status) + " " + got.body);
      return got.json.at("execution_id").get_string();
   }
   /// Waits for the end. \return COMPLETED, FAILED or CANCELLED, else the last status seen
   std::string outcome(std::string const& execution, std::chrono::milliseconds limit = std::chrono::seconds{30}) {
      std::string status = "unknown";
      eventually(
          [&] {
             auto const got = get("/api/executions/" + execution + "/status");
             if (got.status != 200) return false;
             status = got.json.at("status").get_string();
             return status != "RUNNING";
          },
          limit, std::chrono::milliseconds{50});
      return status;
   }

   static std::string program(std::string const& path) { return std::string(NOETL_BINARY_DIR) + "/" + path; }

   int port = free_port();
   std::unique_ptr<process> server;
   std::vector<std::unique_ptr<process>> workers;
};

} // namespace noetl::test
