// SIGTERM while the database makes the server wait (goal 12).
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class stop : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   /// Whether a session of the server waits for a lock.
   static bool waits_for_a_lock(evidence& found) {
      return found.number(
                 "select count(*) from pg_stat_activity where datname = current_database() and application_name "
                 "= 'noetl-server' and wait_event_type = 'Lock'") > 0;
   }
   static std::int64_t sessions(evidence& found) {
      return found.number("select count(*) from pg_stat_activity where datname = current_database() and "
                          "application_name = 'noetl-server'");
   }
};

TEST_F(stop, a_write_that_is_let_go_while_the_server_stops_hurts_nobody_goal_12) {
   for (auto const released_after : {0ms, 100ms, 400ms, 800ms}) {
      deployment system;
      system.start_server({{"NOETL_DRAIN_TIMEOUT", "0"}});
      system.register_playbook(chain_playbook);
      auto const execution = system.execute("fault/chain");
      evidence found(system);
      ASSERT_TRUE(eventually([&] { return found.open_commands() == 1; }));
      noetl::pg::connection holder(system.db.settings());
      holder.begin();
      holder.exec("select 1 from noetl.stream_head where execution_id = $1 for update", execution);
      auto const body = R"({"execution_id":)" + execution +
                        R"(,"event_id":77,"event_type":"fault.note","step":"note","context":{"n":1}})";
      auto report = std::async(std::launch::async, [&] { return system.post("/api/events", body); });
      ASSERT_TRUE(eventually([&] { return waits_for_a_lock(found); }));
      system.server->send(SIGTERM);
      std::this_thread::sleep_for(released_after);
      holder.rollback();
      EXPECT_EQ(system.server->wait_for(10s), 0) << released_after.count() << " ms\n" << tail(system.server->output());
      if (report.get().status == 200) {
         EXPECT_EQ(found.number("select count(*) from noetl.event where event_id = 77"), 1) << "acknowledged and lost";
      }
   }
}

TEST_F(stop, a_statement_that_waits_for_a_lock_does_not_delay_the_end_goal_12) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   evidence found(system);
   noetl::pg::connection holder(system.db.settings());
   holder.begin();
   holder.script("lock table noetl.catalog");
   auto list = std::async(std::launch::async, [&] { return system.post("/api/catalog/list", "{}"); });
   ASSERT_TRUE(eventually([&] { return waits_for_a_lock(found); }));
   auto const begin = std::chrono::steady_clock::now();
   system.server->send(SIGTERM);
   EXPECT_EQ(system.server->wait_for(10s), 0) << tail(system.server->output());
   say("ended after " +
       std::to_string(
           std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count()) +
       " ms");
   list.wait();
   EXPECT_TRUE(eventually([&] { return sessions(found) == 0; })) << "sessions of a server that is gone go on";
}

TEST_F(stop, an_index_build_that_waits_does_not_delay_the_end_and_is_done_by_the_next_start_goal_12) {
   deployment system;
   system.start_server();
   system.server->kill(SIGTERM);
   evidence found(system);
   found.database().script("drop index noetl.ix_keychain_catalog");
   noetl::pg::connection holder(system.db.settings());
   holder.begin();
   holder.script("lock table noetl.keychain in row exclusive mode");
   system.start_server({}, false);
   ASSERT_TRUE(eventually([&] { return waits_for_a_lock(found); }));
   system.server->send(SIGTERM);
   EXPECT_EQ(system.server->wait_for(10s), 0) << tail(system.server->output());
   holder.rollback();
   system.start_server();
   EXPECT_EQ(
       found.number("select count(*) from pg_index where indexrelid = to_regclass('noetl.ix_keychain_catalog') and "
                    "indisvalid"),
       1);
}

} // namespace
