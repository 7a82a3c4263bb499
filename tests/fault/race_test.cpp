// Many clients say the same thing at once, or contradict each other (goal 10; W4, W6, W7, W9, W10, W24).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <noetl/core/snowflake.hpp>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "fault/together.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

/// A command that waits for a worker.
struct waiting_command {
   std::string execution, issued, command_id;
};

class race : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      system = std::make_unique<deployment>();
      system->start_server();
      system->register_playbook(chain_playbook);
      found = std::make_unique<evidence>(*system);
   }

   waiting_command start() {
      auto const execution = system->execute("fault/chain");
      auto const rows =
          found->database().exec("select event_id, meta->>'command_id' from noetl.event where execution_id = $1 and "
                                 "event_type = 'command.issued'",
                                 std::stoll(execution));
      return {execution, std::string(rows[0][0].value()), std::string(rows[0][1].value())};
   }
   answer claim(waiting_command const& command, std::string const& worker) {
      return system->post("/api/commands/" + command.issued + "/claim", R"({"worker_id":")" + worker + R"("})");
   }
   static std::string report(waiting_command const& command, std::string const& type, std::int64_t id) {
      auto const with_id = id == 0 ? std::string() : R"("event_id":)" + std::to_string(id) + ",";
      return "{" + with_id + R"("execution_id":)" + command.execution + R"(,"event_type":")" + type +
             R"(","step":"start","worker_id":"w-1","meta":{"attempts":0},"context":{"command_id":")" +
             command.command_id + R"(","status":"success","error":"refused"}})";
   }
   std::int64_t count(std::string const& execution, std::string const& condition) {
      return found->number("select count(*) from noetl.event where execution_id = " + execution + " and " + condition);
   }
   noetl::http::base_url where() const { return system->base(); }

   std::unique_ptr<deployment> system;
   std::unique_ptr<evidence> found;
   noetl::snowflake ids{700};
};

} // namespace

TEST_F(race, the_same_event_posted_1000_times_at_once_is_one_row_and_one_answer_goal_10_W10) {
   auto const command = start();
   ASSERT_EQ(claim(command, "w-1").status, 200U);
   // An event that changes nothing, and one that decides.
   for (std::string const type : {"fault.note", "command.completed"}) {
      auto const id = ids.next();
      auto const body = report(command, type, id);
      std::mutex guard;
      std::map<std::string, int> answers;
      together({where()}, 50, 20, [&](noetl::http::blocking_client& client, std::size_t, std::size_t) {
         auto const got = client.post("/api/events", body);
         std::lock_guard const lock(guard);
         ++answers[got ? std::to_string(got->status) + " " + got->body : got.error().message];
      });
      ASSERT_EQ(answers.size(), 1U) << answers.begin()->first << " / " << answers.rbegin()->first;
      EXPECT_EQ(answers.begin()->second, 1000);
      EXPECT_EQ(answers.begin()->first,
                R"(200 {"status":"ok","event_id":)" + std::to_string(id) + R"(,"commands_generated":0})");
      EXPECT_EQ(count(command.execution, "event_type = '" + type + "'"), 1);
      EXPECT_EQ(system->post("/api/events", report(command, "fault.other", id)).status, 409U);
   }
   EXPECT_TRUE(eventually([&] { return count(command.execution, "event_type = 'command.issued'") == 2; }));

   // The control: without an id of the producer's each post is an event of its own.
   together({where()}, 10, 5, [&](noetl::http::blocking_client& client, std::size_t, std::size_t) {
      (void)client.post("/api/events", report(command, "fault.nameless", 0));
   });
   EXPECT_EQ(count(command.execution, "event_type = 'fault.nameless'"), 50);

   std::this_thread::sleep_for(200ms); // time for a second dispatch, if there were one
   EXPECT_EQ(count(command.execution, "event_type = 'command.issued'"), 2);
   system->start_worker();
   EXPECT_EQ(system->outcome(command.execution), "COMPLETED");
   EXPECT_EQ(joined(found->wrong_ends()) + joined(found->wrong_dispatches()) + joined(found->wrong_versions()), "");
}

TEST_F(race, two_completions_of_one_command_dispatch_the_next_step_once_goal_10_W24) {
   constexpr std::size_t rounds = 100;
   std::vector<waiting_command> commands;
   for (std::size_t i = 0; i < rounds; ++i) {
      commands.push_back(start());
      ASSERT_EQ(claim(commands.back(), "w-1").status, 200U);
   }
   std::atomic<int> accepted{0};
   together({where()}, 2, rounds, [&](noetl::http::blocking_client& client, std::size_t, std::size_t i) {
      auto const got = client.post("/api/events", report(commands[i], "command.completed", ids.next()));
      if (got && got->status == 200) ++accepted;
   });
   EXPECT_EQ(accepted, 2 * rounds) << "a late report is stored, it only has no effect";
   EXPECT_TRUE(eventually([&] { return found->unclaimed() == rounds; })) << found->unfinished();
   std::this_thread::sleep_for(300ms);
   EXPECT_EQ(found->number("select count(*) from noetl.event where event_type = 'command.issued'"), 2 * rounds);
   system->start_worker();
   bool const settled = found->settles();
   EXPECT_TRUE(settled) << found->unfinished() << tail(system->server->output());
   if (settled) expect_exactly_once(*found);
}

TEST_F(race, a_completion_and_a_failure_of_one_command_race_and_one_of_them_wins_goal_10) {
   constexpr std::size_t rounds = 60;
   std::vector<waiting_command> commands;
   for (std::size_t i = 0; i < rounds; ++i) {
      commands.push_back(start());
      ASSERT_EQ(claim(commands.back(), "w-1").status, 200U);
   }
   together({where()}, 2, rounds, [&](noetl::http::blocking_client& client, std::size_t thread, std::size_t i) {
      auto const* type = (thread + i) % 2 == 0 ? "command.completed" : "command.failed";
      EXPECT_TRUE(client.post("/api/events", report(commands[i], type, ids.next())).has_value());
   });
   system->start_worker();
   EXPECT_TRUE(found->settles()) << found->unfinished() << tail(system->server->output());
   int completed = 0;
   for (auto const& one : commands) {
      auto const status =
          found->lines("select status from noetl.stream_head where execution_id = $1", std::stoll(one.execution)).at(0);
      auto const issued = count(one.execution, "event_type = 'command.issued'");
      auto const ends = count(one.execution, "event_type in ('playbook.completed', 'playbook.failed')");
      EXPECT_EQ(ends, 1) << one.execution;
      EXPECT_EQ(issued, status == "COMPLETED" ? chain_steps : 1) << one.execution << " " << status;
      // Whoever was stored first is the one that counts.
      auto const first =
          found
              ->lines(
                  "select event_type from noetl.event where execution_id = $1 and node_name = 'start' and event_type "
                  "in ('command.completed', 'command.failed') order by stream_version limit 1",
                  std::stoll(one.execution))
              .at(0);
      EXPECT_EQ(status, first == "command.completed" ? "COMPLETED" : "FAILED") << one.execution;
      completed += status == "COMPLETED" ? 1 : 0;
   }
   say(std::to_string(completed) + " of " + std::to_string(rounds) + " races were won by the completion");
   EXPECT_EQ(joined(found->wrong_versions()), "");
}

TEST_F(race, of_2_and_of_16_workers_that_race_for_a_command_200_times_exactly_one_gets_it_W6_W9) {
   constexpr std::size_t rounds = 200;
   for (std::size_t const workers : {2U, 16U}) {
      std::vector<waiting_command> commands;
      for (std::size_t i = 0; i < rounds; ++i) commands.push_back(start());
      std::mutex guard;
      std::vector<std::map<unsigned, int>> answers(rounds);
      std::vector<std::string> owners(rounds);
      std::set<std::string> refusals;
      together(
          {where()}, workers, rounds, [&](noetl::http::blocking_client& client, std::size_t thread, std::size_t i) {
             auto const name = "w-" + std::to_string(thread);
             auto const got =
                 client.post("/api/commands/" + commands[i].issued + "/claim", R"({"worker_id":")" + name + R"("})");
             std::lock_guard const lock(guard);
             ++answers[i][got ? got->status : 0];
             if (got && got->status == 200) owners[i] = name;
             if (got && got->status != 200) refusals.insert(got->body.substr(0, 39));
          });
      std::map<unsigned, int> const wanted{{200, 1}, {409, static_cast<int>(workers) - 1}};
      for (std::size_t i = 0; i < rounds; ++i) {
         ASSERT_EQ(answers[i], wanted) << "round " << i << " of " << workers << " workers";
         auto const owner = found->lines("select worker_id, status from noetl.command where event_id = $1",
                                         std::stoll(commands[i].issued));
         EXPECT_EQ(owner.at(0), owners[i] + " CLAIMED");
      }
      EXPECT_EQ(refusals, std::set<std::string>{R"({"error":"Command already claimed by w-)"});
      // The owner may ask again, nobody else.
      EXPECT_EQ(claim(commands[0], owners[0]).status, 200U);
      EXPECT_EQ(claim(commands[0], "w-else").status, 409U);
      EXPECT_EQ(count(commands[0].execution, "event_type = 'command.claimed'"), 1);
   }
}

TEST_F(race, a_finished_command_is_refused_even_to_its_owner_while_its_completion_races_the_claim_W4_W7) {
   constexpr std::size_t rounds = 50;
   std::vector<waiting_command> commands;
   for (std::size_t i = 0; i < rounds; ++i) {
      commands.push_back(start());
      ASSERT_EQ(claim(commands.back(), "w-1").status, 200U);
   }
   together({where()}, 2, rounds, [&](noetl::http::blocking_client& client, std::size_t thread, std::size_t i) {
      if (thread == 0) {
         auto const got = client.post("/api/events", report(commands[i], "command.completed", ids.next()));
         EXPECT_TRUE(got && got->status == 200);
      } else {
         auto const got = client.post("/api/commands/" + commands[i].issued + "/claim", R"({"worker_id":"w-1"})");
         EXPECT_TRUE(got && (got->status == 200 || got->status == 409)) << (got ? got->body : got.error().message);
      }
   });
   for (auto const& one : commands) EXPECT_EQ(claim(one, "w-1").status, 409U);
   EXPECT_EQ(found->number("select count(*) from noetl.event where event_type = 'command.claimed'"), rounds);
}
