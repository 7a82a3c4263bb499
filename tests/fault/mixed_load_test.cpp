// Executions of every shape at once while servers, workers and NATS are killed: all end with the right results, and
// each effect is counted once for each accepted attempt (issue 4; goals 5, 8, 9; W1, W8, W10, W17, W24).
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fault/balancer.hpp"
#include "fault/mixed_load.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class mixed : public testing::Test {
protected:
   static constexpr std::size_t executions = 200;

   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      seed = chosen_seed();
      random.seed(seed);
   }
   std::chrono::milliseconds between(int low, int high) {
      return std::chrono::milliseconds(std::uniform_int_distribution<int>(low, high)(random));
   }
   bool chance(int percent) { return between(1, 100).count() <= percent; }
   /// A lease of a few seconds: what a killed worker held is given to another one while the test looks on.
   static process::variables impatient() { return {{"NOETL_CLAIM_LEASE", "5"}}; }

   void start_worker(deployment& system, mixed_load const& work, process::variables change = {}) {
      auto environment = work.worker_environment();
      for (auto& [name, value] : change) environment[name] = value;
      system.start_worker("w-" + std::to_string(++workers_made), {"--max-concurrent", "8"}, environment);
   }
   /// A worker that gave up (its reports found no server for long) or was killed is followed by another, as a
   /// supervisor would see to it.
   void replace_dead_workers(deployment& system, mixed_load const& work, process::variables const& change = {}) {
      auto const dead = std::erase_if(system.workers, [](auto& one) { return !one->running(); });
      for (std::size_t i = 0; i < dead; ++i) start_worker(system, work, change);
   }
   /// A worker gives a report up after four tries, and keeps the command while it lives (worker-protocol.md 8): only
   /// its end sets such commands free.
   void kill_all_workers(deployment& system, mixed_load const& work, process::variables const& change = {}) {
      for (auto& one : system.workers) one->kill(SIGKILL);
      replace_dead_workers(system, work, change);
   }
   void finish(deployment& system, mixed_load& work, std::string const& what) {
      work.join();
      evidence found(system);
      bool const settled = found.settles();
      EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
      say("seed " + std::to_string(seed) + ", " + what + "; " + std::to_string(found.executions()) + " executions, " +
          std::to_string(found.events()) + " events, " + std::to_string(found.number("select count(*) from effect")) +
          " effects by " + std::to_string(found.number("select count(distinct command) from effect")) + " commands");
      if (settled) expect_mixed_results(found, executions);
   }

   unsigned seed = 0;
   std::mt19937 random;
   int workers_made = 0;
};

TEST_F(mixed, without_faults_every_shape_comes_to_what_it_says) {
   deployment system;
   system.start_server();
   mixed_load work(system, {system.port}, executions);
   work.prepare();
   start_worker(system, work);
   start_worker(system, work);
   work.start();
   finish(system, work, "nobody was harmed");
   evidence found(system);
   EXPECT_EQ(found.number("select count(*) - count(distinct command) from effect"), 0)
       << "the control: one attempt each";
}

TEST_F(mixed, server_and_workers_are_killed_at_random_goal_9_W1_W8_W10) {
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   deployment system;
   system.start_server(impatient());
   mixed_load work(system, {system.port}, executions);
   work.prepare();
   for (int i = 0; i < 3; ++i) start_worker(system, work);
   evidence found(system);
   work.start();
   int servers = 0;
   int workers = 0;
   for (auto const end = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < end;) {
      std::this_thread::sleep_for(between(500, 1'500));
      if (chance(60)) {
         auto const victim = std::uniform_int_distribution<std::size_t>(0, system.workers.size() - 1)(random);
         system.workers[victim]->kill(SIGKILL);
         ++workers;
      } else {
         system.server->kill(SIGKILL);
         ++servers;
         system.start_server(impatient());
      }
      replace_dead_workers(system, work);
   }
   EXPECT_GT(servers + workers, 3);
   work.join();
   kill_all_workers(system, work);
   finish(system, work, std::to_string(servers) + " kills of servers, " + std::to_string(workers) + " of workers");
}

TEST_F(mixed, two_replicas_share_the_load_and_each_is_killed_now_and_then_goal_8_W24) {
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   deployment system;
   auto const second_port = free_port();
   balancer front({system.port, second_port});
   auto const public_url = system.url(front.port());
   auto change = impatient();
   change["NOETL_PUBLIC_SERVER_URL"] = public_url;
   system.start_server(change);
   std::unique_ptr<process> second;
   auto const start_second = [&] {
      auto environment = system.server_environment(second_port, 2);
      for (auto& [name, value] : change) environment[name] = value;
      second = std::make_unique<process>(std::vector<std::string>{deployment::program("examples/server/noetl-server")},
                                         std::move(environment), system.folder.path() / "second.log");
   };
   start_second();
   mixed_load work(system, {system.port, second_port}, executions);
   work.prepare();
   process::variables const through{{"NOETL_SERVER_URL", public_url}};
   for (int i = 0; i < 2; ++i) start_worker(system, work, through);
   work.start();
   int kills = 0;
   for (auto const end = std::chrono::steady_clock::now() + 15s; std::chrono::steady_clock::now() < end; ++kills) {
      std::this_thread::sleep_for(between(1'000, 2'500));
      if (chance(50)) {
         system.server->kill(SIGKILL);
         system.start_server(change);
      } else {
         second->kill(SIGKILL);
         start_second();
      }
      replace_dead_workers(system, work, through);
   }
   work.join();
   kill_all_workers(system, work, through);
   finish(system, work, std::to_string(kills) + " kills of replicas");
   EXPECT_GT(front.passed(0), 100U);
   EXPECT_GT(front.passed(1), 100U);
}

TEST_F(mixed, NATS_is_restarted_in_the_middle_goal_5_W17) {
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   deployment system;
   system.start_server(impatient());
   mixed_load work(system, {system.port}, executions);
   work.prepare();
   for (int i = 0; i < 2; ++i) start_worker(system, work);
   work.start();
   for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(between(1'000, 2'500));
      system.nats.stop(SIGKILL);
      std::this_thread::sleep_for(between(200, 2'000));
      system.nats.start();
      replace_dead_workers(system, work);
   }
   finish(system, work, "3 restarts of NATS");
}

// Needs the cancel route.
TEST_F(mixed, cancelled_during_a_parallel_loop_nothing_is_claimable_100_ms_later_and_nothing_more_is_issued_C53_W5) {
   deployment system;
   system.start_server();
   system.register_playbook(R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: wide, path: mixed/wide}
workflow:
  - {step: start, tool: {kind: noop}, next: each}
  - step: each
    loop: {in: "{{ 40 }}", iterator: n, spec: {mode: parallel, max_in_flight: 12}}
    tool: {kind: noop}
    next: end
  - {step: end, tool: {kind: noop}}
)");
   system.start_worker("w-slow", {"--max-concurrent", "3", "--fault", "slow=300@each"});
   evidence found(system);
   auto const execution = system.execute("mixed/wide");
   auto const count = [&](std::string const& what) {
      return found.number("select count(*) from noetl.event where execution_id = " + execution + " and " + what);
   };
   ASSERT_TRUE(eventually([&] { return count("event_type = 'command.completed' and node_name = 'each'") >= 3; }, 40s));
   auto const got = system.post("/api/executions/" + execution + "/cancel", R"({"reason":"test"})");
   ASSERT_EQ(got.status, 200U) << got.body;
   std::this_thread::sleep_for(100ms);
   auto const issued = count("event_type = 'command.issued'");
   auto const claimed = count("event_type = 'command.claimed'");
   auto const open = found.lines("select e.event_id from noetl.event e where e.execution_id = " + execution +
                                 " and e.event_type = 'command.issued' and e.node_name = 'each'");
   EXPECT_GE(open.size(), 12U);
   for (auto const& id : open)
      EXPECT_EQ(system.post("/api/commands/" + id + "/claim", R"({"worker_id":"w-late"})").status, 409U) << id;
   // Work in hand comes to its end, and changes nothing.
   std::this_thread::sleep_for(1500ms);
   EXPECT_EQ(count("event_type = 'command.issued'"), issued);
   EXPECT_EQ(count("event_type = 'command.claimed'"), claimed);
   EXPECT_EQ(count("node_name = 'end'"), 0);
   EXPECT_EQ(system.outcome(execution), "CANCELLED");
}

} // namespace
