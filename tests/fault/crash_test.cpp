// The server is killed with SIGKILL and stopped with SIGTERM while it is busy (goals 9 and 12; W1, W2, W10, W13).
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class crash : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
};

} // namespace

TEST_F(
    crash,
    killed_at_20_random_moments_the_server_loses_nothing_acknowledged_and_every_execution_ends_once_goal_9_W1_W2_W10) {
   auto const seed = chosen_seed();
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   std::mt19937 random(seed);
   auto const between = [&](int low, int high) {
      return std::chrono::milliseconds(std::uniform_int_distribution<int>(low, high)(random));
   };
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   auto& worker = system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}});

   // A worker tries a report again after 0.5, 1 and 2 seconds and then gives it up, so a server that stays up for 0.7 s
   // after one or two kills gets every report; what it makes of them is what is tested.
   int kills = 0;
   std::int64_t undecided = 0, unannounced = 0;
   auto const kill = [&] {
      system.server->kill(SIGKILL);
      ++kills;
      undecided += found.undecided();
      unannounced += found.unannounced();
   };
   while (kills < 22) {
      std::this_thread::sleep_for(between(700, 1'700));
      kill();
      if (between(0, 1) == 0ms) { // also while it recovers
         system.start_server({}, false);
         std::this_thread::sleep_for(between(0, 200));
         kill();
      }
      system.start_server();
   }
   clients.stop();
   EXPECT_TRUE(worker.running()) << tail(worker.output());
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output()) << tail(worker.output());
   say("seed " + std::to_string(seed) + ", " + std::to_string(kills) + " kills left " + std::to_string(undecided) +
       " executions undecided and " + std::to_string(unannounced) + " commands unannounced; " +
       figures(found, clients));

   expect_promises_kept(found, clients.promised());
   expect_clean_answers(clients.answers());
   if (settled) expect_exactly_once(found);
   EXPECT_GT(clients.executions(), 50U);
   EXPECT_GT(undecided + unannounced, 0) << "no kill came at a bad moment: the test shows nothing";
   EXPECT_EQ(system.outcome(system.execute("fault/chain")), "COMPLETED");
}

TEST_F(crash, a_server_that_never_comes_back_leaves_work_undone_which_the_next_one_finishes_goal_9) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}, .starters = 4, .reporters = 0, .start_pause = 1ms});
   ASSERT_TRUE(eventually([&] { return clients.executions() > 60; }));
   system.server->kill(SIGKILL);
   clients.stop();

   // The control: without a server nothing moves, and something is left to do.
   auto const left = found.running();
   auto const events = found.events();
   std::this_thread::sleep_for(1s);
   EXPECT_GT(left, 0);
   EXPECT_EQ(found.running(), left);
   EXPECT_EQ(found.events(), events);

   system.start_server();
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
   say(std::to_string(left) + " executions were under way; " + figures(found, clients));
   expect_promises_kept(found, clients.promised());
   if (settled) expect_exactly_once(found);
}

TEST_F(crash, terminated_under_load_the_server_exits_with_0_within_10_s_and_loses_nothing_acknowledged_goal_12) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}, .starters = 2, .reporters = 6, .start_pause = 20ms, .report_pause = 1ms});
   for (int round = 0; round < 3; ++round) {
      auto const before = clients.events();
      ASSERT_TRUE(eventually([&] { return clients.events() > before + 200; }));
      auto const begin = std::chrono::steady_clock::now();
      system.server->send(SIGTERM);
      auto const code = system.server->wait_for(15s);
      auto const took = std::chrono::steady_clock::now() - begin;
      ASSERT_TRUE(code.has_value()) << "still running after 15 s\n" << tail(system.server->output());
      EXPECT_EQ(*code, 0) << tail(system.server->output());
      EXPECT_LT(took, 10s);
      say("stopped within " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
          " ms");
      expect_promises_kept(found, clients.promised());
      system.start_server();
   }
   clients.stop();
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
   say(figures(found, clients));
   expect_promises_kept(found, clients.promised());
   expect_clean_answers(clients.answers());
   if (settled) expect_exactly_once(found);
}

TEST_F(crash, terminated_while_requests_wait_for_the_database_the_server_answers_them_before_it_exits_goal_12) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   auto const execution = system.execute("fault/chain");
   evidence found(system);
   evidence holder(system);
   auto& db = holder.database();
   db.begin();
   db.exec("select 1 from noetl.stream_head where execution_id = $1 for update", std::stoll(execution));

   // Eight reports are inside the server and cannot be committed yet.
   std::vector<std::thread> callers;
   std::vector<answer> answers(8);
   for (std::size_t i = 0; i < answers.size(); ++i)
      callers.emplace_back([&, i] {
         answers[i] =
             system.post("/api/events", R"({"execution_id":)" + execution +
                                            R"(,"event_type":"fault.note","step":"note","context":{"number":)" +
                                            std::to_string(i) + "}}");
      });
   auto const waiting = [&] {
      return found.number(
                 "select count(*) from pg_stat_activity where datname = current_database() and application_name = "
                 "'noetl-server' and wait_event_type = 'Lock'") > 0;
   };
   EXPECT_TRUE(eventually(waiting));
   std::this_thread::sleep_for(200ms);
   auto const begin = std::chrono::steady_clock::now();
   system.server->send(SIGTERM);
   std::this_thread::sleep_for(1s);
   EXPECT_TRUE(system.server->running()) << "it did not wait for the requests inside";
   EXPECT_EQ(system.get("/livez").status, 0U) << "it still accepts connections";
   db.rollback();
   for (auto& caller : callers) caller.join();
   auto const code = system.server->wait_for(10s);
   ASSERT_TRUE(code.has_value());
   EXPECT_EQ(*code, 0) << tail(system.server->output());
   EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
   for (auto const& one : answers) {
      EXPECT_EQ(one.status, 200U) << one.body;
      EXPECT_EQ(one.raw.header("connection"), "close");
   }
   EXPECT_EQ(found.number("select count(*) from noetl.event where event_type = 'fault.note'"), 8);

   system.start_server();
   system.start_worker();
   EXPECT_EQ(system.outcome(execution), "COMPLETED");
}

TEST_F(crash, heartbeats_that_found_no_server_do_not_cost_a_living_worker_its_claim_W8) {
   deployment system;
   system.start_server({{"NOETL_CLAIM_LEASE", "10"}});
   system.register_playbook(chain_playbook);
   system.start_worker("w-slow", {"--fault", "slow=24000@start"}, {{"WORKER_HEARTBEAT_INTERVAL", "8"}});
   evidence found(system);
   auto const execution = system.execute("fault/chain");
   ASSERT_TRUE(
       eventually([&] { return found.number("select count(*) from noetl.command where status = 'RUNNING'") == 1; }));

   // One heartbeat is missed, so the last one is older than the lease when the new server looks at leases for the first
   // time.
   ASSERT_TRUE(eventually(
       [&] { return found.number("select count(*) from noetl.runtime where heartbeat > created_at") == 1; }));
   system.server->kill(SIGKILL);
   std::this_thread::sleep_for(9s);
   EXPECT_GT(found.number("select extract(epoch from now() - max(heartbeat))::bigint from noetl.runtime"), 7);
   system.start_server({{"NOETL_CLAIM_LEASE", "10"}});
   EXPECT_EQ(system.outcome(execution, 40s), "COMPLETED") << tail(system.server->output());
   EXPECT_EQ(found.number("select count(*) from noetl.event where event_type = 'command.lease_expired'"), 0);
   // The end is told before the notices of the last commands are marked as published.
   ASSERT_TRUE(found.settles()) << found.unfinished();
   expect_exactly_once(found);
}
