// PostgreSQL ends sessions and goes away while the server is busy (goal 11).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "pg/gate.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class database_away : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   static deployment::variables through(gate const& door) {
      return {{"POSTGRES_HOST", "127.0.0.1"}, {"POSTGRES_PORT", std::to_string(door.port())}};
   }
   static std::string host(deployment const& system) {
      auto const name = system.db.settings().host;
      return name.empty() || name == "localhost" || name.front() == '/' ? "127.0.0.1" : name;
   }
   static std::pair<answer, std::chrono::milliseconds> timed(deployment& system, noetl::http::client_request wish) {
      auto const begin = std::chrono::steady_clock::now();
      auto got = system.send(std::move(wish));
      return {std::move(got),
              std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)};
   }
};

} // namespace

TEST_F(database_away,
       its_sessions_are_terminated_again_and_again_under_load_and_nothing_acknowledged_is_lost_goal_11_W10) {
   auto const seed = chosen_seed();
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   std::mt19937 random(seed);
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   auto& worker = system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}, .reporters = 6, .report_pause = 2ms});
   std::int64_t ended = 0;
   int rounds = 0;
   for (auto const until = std::chrono::steady_clock::now() + 15s; std::chrono::steady_clock::now() < until; ++rounds) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(100, 700)(random)));
      ended += found.number(
          "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() "
          "and application_name = 'noetl-server'");
   }
   clients.stop();
   EXPECT_TRUE(system.server->running()) << tail(system.server->output());
   EXPECT_TRUE(worker.running()) << tail(worker.output());
   EXPECT_TRUE(eventually([&] { return system.get("/readyz").status == 200; }, 5s));
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output()) << tail(worker.output());
   say("seed " + std::to_string(seed) + ", " + std::to_string(ended) + " sessions ended in " + std::to_string(rounds) +
       " rounds; " + figures(found, clients));
   expect_promises_kept(found, clients.promised());
   expect_clean_answers(clients.answers());
   EXPECT_EQ(clients.answers().of(0), 0U) << "requests without an answer";
   if (settled) expect_exactly_once(found);
   EXPECT_GT(ended, rounds) << "no session was there to be ended: the test shows nothing";
}

TEST_F(database_away,
       unreachable_it_costs_503_with_retry_after_at_once_liveness_stays_green_and_recovery_comes_by_itself_goal_11) {
   deployment system;
   gate door(host(system), system.db.settings().port);
   system.start_server(through(door));
   system.register_playbook(chain_playbook);
   auto& worker = system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}});
   ASSERT_TRUE(eventually([&] { return clients.executions() > 20 && clients.events() > 50; }));
   auto const execution = std::to_string(clients.promised().executions.back());
   using noetl::http::verb;
   std::vector<noetl::http::client_request> const wishes{
       {.method = verb::post,
        .target = "/api/events",
        .body = R"({"execution_id":)" + execution + R"(,"event_type":"fault.probe","step":"s"})"},
       {.method = verb::post, .target = "/api/execute", .body = R"({"path":"fault/chain"})"},
       {.method = verb::post, .target = "/api/commands/1/claim", .body = R"({"worker_id":"w-x"})"},
       {.method = verb::get, .target = "/api/executions/" + execution},
       {.method = verb::get, .target = "/api/executions/" + execution + "/status"},
       {.method = verb::post, .target = "/api/catalog/list", .body = "{}"},
   };
   // The worker gives a report up after 3.5 s, to which a slow machine adds the time until the sessions are back; so
   // the first time is short. Without workers it may last.
   for (auto const away : {1s, 6s}) {
      if (away > 1s) {
         (void)eventually([&] { return found.open_commands() == found.unclaimed(); }, 100ms, 1ms);
         system.workers.front()->kill(SIGTERM);
      }
      door.stop_accepting();
      auto const back = std::chrono::steady_clock::now() + away;
      std::this_thread::sleep_for(300ms); // the sessions in use notice within a statement, idle ones within a second
      std::chrono::milliseconds slowest{0};
      int asked = 0;
      while (std::chrono::steady_clock::now() < back) {
         for (auto const& wish : wishes) {
            auto const [got, took] = timed(system, wish);
            EXPECT_EQ(got.status, 503U) << wish.target << " " << got.body;
            EXPECT_FALSE(got.raw.header("retry-after").empty()) << wish.target;
            EXPECT_LT(took, 2s) << wish.target;
            slowest = std::max(slowest, took);
            ++asked;
         }
         auto const [alive, took] = timed(system, {.target = "/livez"});
         EXPECT_EQ(alive.status, 200U);
         EXPECT_LT(took, 500ms);
         std::this_thread::sleep_for(50ms);
      }
      EXPECT_EQ(system.get("/readyz").status, 503U);
      EXPECT_EQ(system.get("/api/health").status, 503U);
      door.start_accepting();
      auto const begin = std::chrono::steady_clock::now();
      EXPECT_TRUE(eventually([&] { return system.get("/readyz").status == 200; }, 10s));
      auto const events = clients.events();
      EXPECT_TRUE(eventually([&] { return clients.events() > events + 20; }, 10s)) << "reports are not taken again";
      say("away for " + std::to_string(away.count()) + " s: " + std::to_string(asked) +
          " refusals, the slowest within " + std::to_string(slowest.count()) + " ms; at work again after " +
          std::to_string(
              std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count()) +
          " ms");
   }
   system.workers.front() = system.make_worker("w-1");
   clients.stop();
   EXPECT_TRUE(system.server->running());
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output()) << tail(worker.output());
   say(figures(found, clients));
   expect_promises_kept(found, clients.promised());
   expect_clean_answers(clients.answers());
   EXPECT_EQ(clients.answers().of(0), 0U) << "requests without an answer";
   if (settled) expect_exactly_once(found);
}

TEST_F(database_away, absent_at_start_the_server_waits_for_it_and_then_works_goal_11) {
   deployment system;
   gate door(host(system), system.db.settings().port);
   door.stop_accepting();
   system.start_server(through(door), false);
   ASSERT_TRUE(eventually([&] { return system.get("/livez").status == 200; }));
   std::this_thread::sleep_for(1s);
   EXPECT_EQ(system.get("/readyz").status, 503U);
   auto const got = system.post("/api/execute", R"({"path":"fault/chain"})");
   EXPECT_EQ(got.status, 503U) << got.body;
   EXPECT_FALSE(got.raw.header("retry-after").empty());
   door.start_accepting();
   ASSERT_TRUE(eventually([&] { return system.get("/readyz").status == 200; }, 15s)) << tail(system.server->output());
   // Ready means that the schema is there, too.
   system.register_playbook(chain_playbook);
   system.start_worker();
   EXPECT_EQ(system.outcome(system.execute("fault/chain")), "COMPLETED") << tail(system.server->output());
}

TEST_F(database_away, the_answer_to_a_commit_is_lost_and_the_report_is_stored_once_goal_10_goal_11) {
   deployment system;
   gate door(host(system), system.db.settings().port);
   system.start_server(through(door));
   system.register_playbook(chain_playbook);
   system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}});
   for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(700ms);
      door.lose_next_commit_answer();
   }
   std::this_thread::sleep_for(700ms);
   clients.stop();
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
   say(std::to_string(door.commits_lost()) + " answers to COMMIT lost; " + figures(found, clients));
   EXPECT_GT(door.commits_lost(), 3);
   expect_promises_kept(found, clients.promised());
   expect_clean_answers(clients.answers());
   if (settled) expect_exactly_once(found);
}
