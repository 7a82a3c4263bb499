// The worker stub itself, as a process on a real server: worker-protocol.md sections 8 and 18.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../examples/worker_stub/faults.hpp"
#include "support/deployment.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;
using json = tao::json::value;
using list = std::vector<std::string>;

class worker_stub : public testing::Test {
protected:
   static void SetUpTestSuite() {
      if (!has_postgres()) return;
      site = std::make_unique<deployment>();
      site->start_server();
   }
   static void TearDownTestSuite() { site.reset(); }
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   void TearDown() override {
      if (!site) return;
      // A killed worker would keep what was on its way to it for the ack wait.
      for (auto& worker : site->workers) {
         worker->send(SIGTERM);
         EXPECT_EQ(worker->wait_for(20s), 0) << worker->output();
      }
      site->workers.clear();
   }

   /// Registers a playbook of one step with this tool and starts it. \return the execution's id
   static std::string start(std::string const& tool) {
      static int count = 0;
      auto const path = "stub/" + std::to_string(++count);
      site->register_playbook("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: n, path: " + path +
                              "}\nworkflow:\n  - step: start\n    tool: " + tool + "\n");
      return site->execute(path);
   }
   static std::vector<json> events(std::string const& execution) {
      return site->get("/api/executions/" + execution).json.at("events").get_array();
   }
   /// `type/STATUS` of what the worker did, from the claim on.
   static list reports(std::string const& execution) {
      list out;
      for (auto const& e : events(execution)) {
         auto const type = e.at("event_type").get_string();
         if (type.starts_with("call.") || (type.starts_with("command.") && type != "command.issued"))
            out.push_back(type + "/" + e.at("status").get_string());
      }
      return out;
   }
   /// What the tool gave, as call.done tells it; null when there is none.
   static json result_of(std::string const& execution) {
      for (auto const& e : events(execution))
         if (e.at("event_type").get_string() == "call.done")
            return e.at("result").at("context").at("result").at("context");
      return tao::json::null;
   }
   static bool registered(std::string const& name) {
      auto const pools = site->get("/api/worker/pools");
      for (auto const& one : pools.json.get_array())
         if (one.at("name").get_string() == name) return true;
      return false;
   }
   static std::string issued(std::string const& execution) {
      for (auto const& e : events(execution))
         if (e.at("event_type").get_string() == "command.issued") return tao::json::to_string(e.at("event_id"));
      return {};
   }
   static bool has(json const& object, std::string const& member) {
      return object.is_object() && object.find(member) != nullptr;
   }

   static inline std::unique_ptr<deployment> site;
};

list const returned{"command.claimed/RUNNING", "command.started/STARTED", "call.done/COMPLETED",
                    "command.completed/success"};
list const reported_failure{"command.claimed/RUNNING", "command.started/STARTED", "call.done/COMPLETED",
                            "command.completed/error"};
list const raised{"command.claimed/RUNNING", "command.started/STARTED", "call.error/FAILED", "command.failed/FAILED"};

TEST_F(worker_stub, each_kind_of_tool_reports_the_events_of_the_real_worker) {
   site->start_worker("w-kinds", {"--log", "json"});
   struct sample {
      std::string tool;
      list reports;
      std::string status;
      list members; ///< of the result
   };
   std::vector<sample> const samples{
       {"{kind: noop}", returned, "success", {"data", "duration_ms", "status"}},
       {"{kind: shell, command: \"echo out; echo err >&2\"}",
        returned,
        "success",
        {"stdout", "stderr", "exit_code", "duration_ms", "status"}},
       {"{kind: shell, command: \"exit 3\"}", reported_failure, "error", {"exit_code", "error", "status"}},
       {"{kind: python, code: \"result = {'twice': 2 * x}\", args: {x: 21}}",
        returned,
        "success",
        {"data", "stdout", "stderr", "exit_code", "status"}},
       {"{kind: python, code: \"1 / 0\"}", reported_failure, "error", {"error", "exit_code", "status"}},
       {"{kind: http, url: \"" + site->url() + "/livez\"}", returned, "success", {"data", "stdout", "status"}},
       {"{kind: http, url: \"" + site->url() + "/nope\"}", reported_failure, "error", {"data", "error", "exit_code"}},
       {"{kind: http, url: \"http://127.0.0.1:1/\"}", raised, "", {}},
   };
   list executions;
   for (auto const& one : samples) executions.push_back(start(one.tool));
   for (std::size_t i = 0; i < samples.size(); ++i) {
      auto const& one = samples[i];
      auto const& execution = executions[i];
      EXPECT_EQ(site->outcome(execution), one.reports == raised ? "FAILED" : "COMPLETED") << one.tool;
      EXPECT_EQ(reports(execution), one.reports) << one.tool;
      auto const result = result_of(execution);
      for (auto const& member : one.members) EXPECT_TRUE(has(result, member)) << one.tool << " lacks " << member;
      EXPECT_TRUE(one.status.empty() || result.at("status").get_string() == one.status) << one.tool;
   }
   EXPECT_EQ(result_of(executions[1]).at("stdout").get_string(), "out\n");
   EXPECT_EQ(result_of(executions[1]).at("stderr").get_string(), "err\n");
   EXPECT_EQ(result_of(executions[2]).at("exit_code").as<int>(), 3);
   EXPECT_EQ(result_of(executions[3]).at("data").at("twice").as<int>(), 42);
   EXPECT_EQ(result_of(executions[5]).at("data").at("status_code").as<int>(), 200);
   EXPECT_EQ(result_of(executions[5]).at("data").at("body").at("status").get_string(), "ok");

   // On the wire: claim first, then one request for each event, in order.
   list wire;
   std::istringstream log(site->workers.front()->output());
   for (std::string line; std::getline(log, line);) {
      if (!line.starts_with('{')) continue;
      auto const exchange = tao::json::from_string(line);
      if (!has(exchange, "execution_id") || tao::json::to_string(exchange.at("execution_id")) != executions[0])
         continue;
      wire.push_back(exchange.at("path").get_string() +
                     (has(exchange, "event_type") ? " " + exchange.at("event_type").get_string() : ""));
      EXPECT_EQ(exchange.at("status").as<int>(), 200);
   }
   EXPECT_EQ(wire, (list{"/api/commands/" + issued(executions[0]) + "/claim", "/api/events command.started",
                         "/api/events call.done", "/api/events command.completed"}));
}

TEST_F(worker_stub, kinds_it_may_not_or_cannot_run_are_raised) {
   auto& worker = site->start_worker("w-noop-only", {"--tools", "noop", "--log", "json"});
   auto const execution = start("{kind: shell, command: \"true\"}");
   EXPECT_EQ(site->outcome(execution), "FAILED") << worker.output();
   EXPECT_EQ(reports(execution), raised);
}

// Each command ends only when all three have begun.
TEST_F(worker_stub, several_commands_run_at_once) {
   site->start_worker("w-three", {"--max-concurrent", "3"});
   auto const folder = (site->folder.path() / "meeting").string();
   std::filesystem::create_directory(folder);
   list executions;
   for (auto const* name : {"a", "b", "c"})
      executions.push_back(start("{kind: shell, timeout_seconds: 25, command: \"touch " + folder + "/" + name +
                                 "; until test -e " + folder + "/a -a -e " + folder + "/b -a -e " + folder +
                                 "/c; do sleep 0.02; done\"}"));
   for (auto const& execution : executions) {
      EXPECT_EQ(site->outcome(execution), "COMPLETED");
      EXPECT_EQ(reports(execution), returned);
   }
}

TEST_F(worker_stub, a_stop_lets_work_in_hand_end_deregisters_and_exits_with_0) {
   auto& worker = site->start_worker("w-stops");
   ASSERT_TRUE(eventually([] { return registered("w-stops"); })) << worker.output();
   auto const go = (site->folder.path() / "go").string();
   auto const execution = start("{kind: shell, command: \"until test -e " + go + "; do sleep 0.02; done\"}");
   ASSERT_TRUE(eventually([&] { return reports(execution).size() == 2; }));
   worker.send(SIGTERM);
   auto const late = start("{kind: noop}"); // not for this worker any more
   std::ofstream(go).put('1');
   EXPECT_EQ(worker.wait_for(20s), 0) << worker.output();
   EXPECT_EQ(reports(execution), returned);
   EXPECT_FALSE(registered("w-stops"));
   auto& next = site->start_worker("w-once", {"--once"});
   EXPECT_EQ(site->outcome(late), "COMPLETED") << next.output();
   EXPECT_EQ(next.wait_for(20s), 0) << "one command, then the end";
   EXPECT_FALSE(registered("w-once"));
}

TEST_F(worker_stub, poll_takes_ids_from_standard_input_and_needs_no_NATS) {
   auto const first = start("{kind: noop}");
   auto const second = start("{kind: shell, command: \"echo x\"}");
   auto const text = "echo " + issued(first) + "; echo nonsense; printf " + issued(second);
   process worker({"/bin/sh", "-c",
                   "(" + text + ") | exec '" + deployment::program("examples/worker_stub/noetl-worker-stub") +
                       "' --poll --allow-shell"},
                  {{"WORKER_ID", "w-poll"}, {"NOETL_SERVER_URL", site->url()}, {"NATS_URL", "nats://127.0.0.1:1"}},
                  site->folder.path() / "w-poll.log");
   EXPECT_EQ(worker.wait_for(30s), 0) << worker.output();
   EXPECT_NE(worker.output().find("notification.undecodable nonsense"), std::string::npos) << worker.output();
   for (auto const& execution : {first, second}) {
      EXPECT_EQ(site->outcome(execution), "COMPLETED");
      EXPECT_EQ(reports(execution), returned);
   }
   EXPECT_FALSE(registered("w-poll"));
}

TEST_F(worker_stub, python_steps_can_have_fixed_results) {
   auto const file = (site->folder.path() / "results.json").string();
   std::ofstream(file) << R"({"start":{"answer":[42]}})";
   auto flags = list{"--python-stub", file};
   site->start_worker("w-fixed", flags, {{"PYTHON_PATH", "/no/such/interpreter"}});
   auto const execution = start("{kind: python, code: \"raise SystemExit(1)\"}");
   EXPECT_EQ(site->outcome(execution), "COMPLETED") << site->workers.front()->output();
   EXPECT_EQ(reports(execution), returned);
   EXPECT_EQ(tao::json::to_string(result_of(execution).at("data")), R"({"answer":[42]})");
}

TEST_F(worker_stub, wrong_options_are_usage_errors) {
   auto const file = (site->folder.path() / "list.json").string();
   std::ofstream(file) << "[1]";
   for (list const& flags :
        {list{"--python-stub", file}, list{"--python-stub", "/no/such"}, list{"--fault", "nonsense"},
         list{"--fault", "late%200"}, list{"--seed", "x"}, list{"--nonsense"}}) {
      auto const worker = site->make_worker("w-usage", flags);
      EXPECT_EQ(worker->wait_for(20s), 2) << flags.front() << worker->output();
   }
}

TEST(worker_stub_faults, the_same_seed_makes_the_same_faults) {
   auto const run = [](std::uint64_t seed, std::string const& text) {
      stub::faults all({text}, seed);
      std::string out;
      for (int i = 0; i < 200; ++i) out += all.hit("dup-event", "s") ? 'x' : '.';
      return out;
   };
   auto const once = run(7, "dup-event%30@s");
   EXPECT_EQ(once, run(7, "dup-event%30@s"));
   EXPECT_NE(once, run(8, "dup-event%30@s"));
   auto const hits = std::count(once.begin(), once.end(), 'x');
   EXPECT_GT(hits, 20);
   EXPECT_LT(hits, 120);
   EXPECT_EQ(run(7, "dup-event%0"), std::string(200, '.'));
   EXPECT_EQ(run(7, "dup-event"), std::string(200, 'x'));
   EXPECT_EQ(run(7, "dup-event%100x3"), "xxx" + std::string(197, '.'));
}

} // namespace
} // namespace noetl::test
