// NATS is absent, comes back, restarts and forgets (goal 5; W1, W16, W17).
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <noetl/nats/connection.hpp>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class bus : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   static std::string readiness(deployment& system) {
      auto const got = system.get("/readyz");
      return got.json.is_object() ? std::to_string(got.status) + " " + got.json.at("status").get_string() : got.body;
   }
};

} // namespace

TEST_F(bus, absent_at_start_the_server_accepts_work_says_degraded_and_announces_everything_later_goal_5_W1_W17) {
   deployment system;
   system.nats.stop();
   system.start_server();
   EXPECT_EQ(readiness(system), "200 degraded");
   EXPECT_EQ(system.get("/livez").status, 200U);
   EXPECT_EQ(system.get("/api/health").json.at("nats").get_string(), "disconnected");
   system.register_playbook(chain_playbook);
   promises accepted;
   for (int i = 0; i < 100; ++i) accepted.executions.push_back(std::stoll(system.execute("fault/chain")));
   evidence found(system);
   EXPECT_EQ(found.unannounced(), 100);
   std::this_thread::sleep_for(2s); // long enough to give up, if it did
   EXPECT_EQ(readiness(system), "200 degraded");

   system.nats.start();
   EXPECT_TRUE(eventually([&] { return readiness(system) == "200 ready"; }, 15s)) << tail(system.server->output());
   EXPECT_TRUE(eventually([&] { return found.unannounced() == 0; }, 20s))
       << found.unfinished() << tail(system.server->output());
   EXPECT_EQ(found.unclaimed(), 100);
   system.start_worker();
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
   expect_promises_kept(found, accepted);
   if (settled) expect_exactly_once(found);
}

TEST_F(bus, restarted_and_away_under_load_no_request_notices_and_every_execution_ends_once_goal_5_W17) {
   deployment system;
   system.start_server({{"NOETL_REANNOUNCE_AFTER", "2"}});
   system.register_playbook(chain_playbook);
   auto& worker = system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}});
   std::int64_t unannounced = 0;
   for (auto const& [signal, away] : std::vector<std::pair<int, std::chrono::milliseconds>>{
            {SIGTERM, 0ms}, {SIGKILL, 100ms}, {SIGKILL, 3s}, {SIGTERM, 1s}}) {
      std::this_thread::sleep_for(2s);
      system.nats.stop(signal);
      std::this_thread::sleep_for(away);
      unannounced += found.unannounced();
      if (away >= 1s) {
         EXPECT_EQ(readiness(system), "200 degraded");
      }
      system.nats.start();
   }
   std::this_thread::sleep_for(2s);
   clients.stop();
   EXPECT_TRUE(worker.running()) << tail(worker.output());
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output()) << tail(worker.output());
   EXPECT_EQ(readiness(system), "200 ready");
   say("4 restarts, " + std::to_string(unannounced) + " commands waited meanwhile; " + figures(found, clients));
   expect_promises_kept(found, clients.promised());
   if (settled) expect_exactly_once(found);
   auto const counts = clients.answers();
   EXPECT_EQ(counts.by_status.size(), 1U) << "the API noticed that the bus was away";
   EXPECT_GT(counts.of(200), 0U);
   EXPECT_GT(unannounced, 0) << "the bus was never missed: the test shows nothing";
}

TEST_F(bus, wiped_under_load_the_stream_is_made_again_and_outstanding_commands_are_announced_again_goal_5_W1_W16) {
   deployment system;
   system.start_server({{"NOETL_REANNOUNCE_AFTER", "1"}});
   system.register_playbook(chain_playbook);
   auto& worker = system.start_worker();
   evidence found(system);
   load clients({.ports = {system.port}});
   for (int i = 0; i < 2; ++i) {
      std::this_thread::sleep_for(3s);
      system.nats.stop(SIGKILL);
      system.nats.wipe();
      system.nats.start();
   }
   std::this_thread::sleep_for(3s);
   clients.stop();
   EXPECT_TRUE(worker.running()) << tail(worker.output());
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output()) << tail(worker.output());
   say(figures(found, clients));
   expect_promises_kept(found, clients.promised());
   if (settled) expect_exactly_once(found);
   EXPECT_EQ(clients.answers().by_status.size(), 1U) << "the API noticed that the bus was wiped";
}

TEST_F(bus, wiped_while_announced_commands_wait_they_are_lost_unless_announced_again_goal_5_W1) {
   deployment system;
   system.start_server({{"NOETL_REANNOUNCE_AFTER", "3600"}});
   system.register_playbook(chain_playbook);
   promises accepted;
   for (int i = 0; i < 50; ++i) accepted.executions.push_back(std::stoll(system.execute("fault/chain")));
   evidence found(system);
   ASSERT_TRUE(eventually([&] { return found.unannounced() == 0; }));
   system.nats.stop(SIGKILL);
   system.nats.wipe();
   system.nats.start();
   ASSERT_TRUE(eventually([&] { return readiness(system) == "200 ready"; }));
   auto& worker = system.start_worker();

   // The control: an announcement an hour away leaves them all unclaimed, while new work is done.
   EXPECT_EQ(system.outcome(system.execute("fault/chain")), "COMPLETED") << tail(worker.output());
   std::this_thread::sleep_for(2s);
   EXPECT_EQ(found.unclaimed(), 50);
   EXPECT_EQ(found.running(), 50);

   system.server->kill(SIGTERM);
   system.start_server({{"NOETL_REANNOUNCE_AFTER", "1"}});
   bool const settled = found.settles();
   EXPECT_TRUE(settled) << found.unfinished() << tail(system.server->output());
   expect_promises_kept(found, accepted);
   if (settled) expect_exactly_once(found);
}

TEST_F(bus, its_stream_is_deleted_while_connected_and_made_again_goal_5_W16) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   ASSERT_TRUE(eventually([&] { return readiness(system) == "200 ready"; }));
   {
      noetl::nats::connection admin({.url = system.nats.url()});
      ASSERT_TRUE(admin.wait_connected(5s));
      natsMsg* answer = nullptr;
      ASSERT_EQ(natsConnection_RequestString(&answer, admin.current_link()->native.get(),
                                             "$JS.API.STREAM.DELETE.noetl_commands", "", 5'000),
                NATS_OK);
      natsMsg_Destroy(answer);
   }
   // The worker comes when the stream is there: the real one makes a stream of its own when it finds none.
   auto const execution = system.execute("fault/chain");
   evidence found(system);
   EXPECT_TRUE(eventually([&] { return found.unannounced() == 0; }, 20s)) << tail(system.server->output());
   EXPECT_TRUE(eventually([&] { return readiness(system) == "200 ready"; }));
   EXPECT_NE(system.server->output().find("outcome=created"), std::string::npos);
   system.start_worker();
   EXPECT_EQ(system.outcome(execution), "COMPLETED") << tail(system.server->output());
}

TEST_F(bus, executions_that_an_older_server_left_unannounced_go_on_after_the_upgrade_W1_W13) {
   deployment system;
   system.start_server();
   system.register_playbook(chain_playbook);
   auto const execution = system.execute("fault/chain");
   evidence found(system);
   ASSERT_TRUE(eventually([&] { return found.open_commands() == 1 && found.unannounced() == 0; }));
   system.server->kill(SIGTERM);
   system.nats.stop(SIGKILL);
   system.nats.wipe();
   system.nats.start();
   // What 3.15.4 keeps of it: events without versions, at best a command row, no head, no notification.
   found.database().script("truncate noetl.outbox; truncate noetl.stream_head; truncate noetl.command; "
                           "update noetl.event set stream_version = null");
   system.start_server();
   system.start_worker();
   EXPECT_EQ(system.outcome(execution), "COMPLETED") << found.unfinished() << tail(system.server->output());
   EXPECT_EQ(joined(found.wrong_ends()), "");
   EXPECT_EQ(joined(found.wrong_dispatches()), "");
   EXPECT_EQ(joined(found.wrong_claims()), "");
}
