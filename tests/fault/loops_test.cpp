// Loops and cycles on a server that is killed at random moments (goal 9; L-11, L-19), and the strict reading of tool
// statuses (W21).
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

class loops_under_fire : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
};

/// 1 + 2 * (4 + 1) + 6 + 1 commands: a sequential loop that a cycle enters twice, then a parallel one with a window.
std::string const looped_playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: loops, path: fault/loops}
workflow:
  - {step: start, tool: {kind: noop}, next: one_by_one}
  - {step: one_by_one, tool: {kind: noop}, loop: {in: '[1,2,3,4]', iterator: x}, next: again}
  - step: again
    tool: {kind: noop}
    set: {ctx.rounds: '{{ (rounds | default(0)) + 1 }}'}
    next: {arcs: [{step: one_by_one, when: 'rounds < 2'}, {step: together}]}
  - {step: together, tool: {kind: noop}, loop: {in: '6', iterator: x, spec: {mode: parallel, max_in_flight: 2}}, next: end}
  - {step: end, tool: {kind: noop}}
)";
constexpr int looped_commands = 18;

} // namespace

TEST_F(loops_under_fire, a_server_killed_again_and_again_issues_every_iteration_once_goal_9_L11_L19) {
   auto const seed = chosen_seed();
   SCOPED_TRACE("NOETL_TEST_SEED=" + std::to_string(seed));
   std::mt19937 random(seed);
   deployment system;
   system.start_server();
   system.register_playbook(looped_playbook);
   system.start_worker();
   evidence found(system);
   constexpr int runs = 30;
   for (int i = 0; i < runs; ++i) (void)system.execute("fault/loops");
   for (int kills = 0; kills < 8 && found.running() > 0; ++kills) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 700));
      system.server->kill(SIGKILL);
      system.start_server();
   }
   EXPECT_TRUE(found.settles()) << found.unfinished() << tail(system.server->output());
   EXPECT_EQ(joined(found.wrong_ends()), "");
   EXPECT_EQ(joined(found.wrong_versions()), "");
   EXPECT_EQ(
       joined(found.lines("select h.execution_id, count(e.event_id) from noetl.stream_head h left join noetl.event "
                          "e on e.execution_id = h.execution_id and e.event_type = 'command.issued' group by 1 "
                          "having count(e.event_id) <> $1 limit 10",
                          looped_commands)),
       "")
       << "commands were issued twice or never";
   EXPECT_EQ(
       joined(found.lines("select execution_id, node_name, meta->>'iteration_index', count(*) from noetl.event "
                          "where event_type = 'command.issued' group by 1, 2, 3 having count(*) <> case node_name "
                          "when 'one_by_one' then 2 when 'again' then 2 else 1 end limit 10")),
       "");
}

TEST_F(loops_under_fire, with_NOETL_STRICT_TOOL_STATUS_a_tool_that_reports_an_error_fails_its_execution_W21_L01) {
   deployment system;
   system.start_server({{"NOETL_STRICT_TOOL_STATUS", "true"}});
   system.register_playbook(
       "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: bad, path: fault/bad}\nworkflow:\n"
       "- {step: start, tool: {kind: shell, command: exit 3}, next: end}\n"
       "- {step: end, tool: {kind: noop}}\n");
   system.start_worker();
   auto const strict = system.execute("fault/bad");
   EXPECT_EQ(system.outcome(strict), "FAILED");
   system.server->kill(SIGKILL);
   system.start_server(); // without the switch: the execution above stays as it was started, new ones are read kindly
   EXPECT_EQ(system.outcome(strict), "FAILED");
   EXPECT_EQ(system.outcome(system.execute("fault/bad")), "COMPLETED");
}
