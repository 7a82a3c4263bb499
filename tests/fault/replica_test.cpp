// Two servers on one database, one of them killed (goals 8 and 9; W18, W24, W25).
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fault/balancer.hpp"
#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class replicas : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      system = std::make_unique<deployment>();
      second_port = free_port();
      front = std::make_unique<balancer>(std::vector<int>{system->port, second_port});
      start_first();
      start_second();
      system->register_playbook(chain_playbook);
      worker = &system->start_worker("w-1", {}, {{"NOETL_SERVER_URL", system->url(front->port())}});
      found = std::make_unique<evidence>(*system);
   }
   void start_first() { system->start_server({{"NOETL_PUBLIC_SERVER_URL", system->url(front->port())}}); }
   void start_second() {
      auto environment = system->server_environment(second_port, 2);
      environment["NOETL_PUBLIC_SERVER_URL"] = system->url(front->port());
      second = std::make_unique<process>(std::vector<std::string>{deployment::program("examples/server/noetl-server")},
                                         std::move(environment), system->folder.path() / "second.log");
      auto const ready = [&] {
         noetl::http::base_url where;
         where.port = static_cast<std::uint16_t>(second_port);
         noetl::http::blocking_client client(where);
         auto const got = client.get("/readyz");
         return got && got->status == 200;
      };
      ASSERT_TRUE(eventually(ready)) << second->output();
   }
   std::string logs() const {
      return tail(system->server->output()) + "\n--- second\n" + tail(second->output()) + "\n--- worker\n" +
             tail(worker->output());
   }

   std::unique_ptr<deployment> system;
   std::unique_ptr<process> second;
   std::unique_ptr<balancer> front;
   std::unique_ptr<evidence> found;
   process* worker = nullptr;
   int second_port = 0;
};

} // namespace

TEST_F(replicas,
       that_share_all_work_dispatch_every_step_once_and_the_survivor_ends_what_a_killed_one_left_goal_9_W24_W25) {
   load clients({.ports = {system->port, second_port}, .starters = 2});
   std::this_thread::sleep_for(8s);
   // At its busiest: several kills would only make the wait for the survivor's look-round longer.
   (void)eventually([&] { return found->undecided() > 0; }, 2s, 1ms);
   system->server->kill(SIGKILL);
   auto const undecided = found->undecided();
   auto const unannounced = found->unannounced();
   std::this_thread::sleep_for(4s);
   clients.stop();
   EXPECT_TRUE(worker->running()) << logs();
   auto const begin = std::chrono::steady_clock::now();
   bool const settled = found->settles();
   EXPECT_TRUE(settled) << found->unfinished() << logs();
   say("left " + std::to_string(undecided) + " executions undecided and " + std::to_string(unannounced) +
       " commands unannounced, taken over within " +
       std::to_string(
           std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count() + 4) +
       " s; worker requests " + std::to_string(front->passed(0)) + " and " + std::to_string(front->passed(1)) + "; " +
       figures(*found, clients));
   expect_promises_kept(*found, clients.promised());
   expect_clean_answers(clients.answers());
   if (settled) expect_exactly_once(*found);
   EXPECT_GT(front->passed(0), 100U) << "the reports did not alternate";
   EXPECT_GT(front->passed(1), 100U) << "the reports did not alternate";
}

TEST_F(replicas, killed_in_turn_and_restarted_dispatch_every_step_once_goal_9_W24) {
   load clients({.ports = {system->port, second_port}, .starters = 2});
   for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(2s);
      system->server->kill(SIGKILL);
      std::this_thread::sleep_for(500ms);
      start_first();
      std::this_thread::sleep_for(2s);
      second->kill(SIGKILL);
      std::this_thread::sleep_for(500ms);
      start_second();
   }
   clients.stop();
   bool const settled = found->settles();
   EXPECT_TRUE(settled) << found->unfinished() << logs();
   say(figures(*found, clients));
   expect_promises_kept(*found, clients.promised());
   expect_clean_answers(clients.answers());
   if (settled) expect_exactly_once(*found);
}
