// Routing, joins, skips, failure and variables: orchestration.md section 6, cases by number.
#include "simulator.hpp"

#include <gtest/gtest.h>

using namespace noetl::workflow;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;

namespace {
std::string const noop = "tool: {kind: noop}";
}

TEST(decide, a_minimal_start_leaf_issues_one_command_and_then_completes_C01) {
   simulator s(playbook_text("- {step: start, " + noop + "}\n"));
   EXPECT_EQ(s.news(), "issue start");
   s.complete("start");
   EXPECT_EQ(s.news(), "end COMPLETED");
   EXPECT_EQ(s.state.status(), run_status::completed);
   EXPECT_TRUE(s.state.terminal());
}

TEST(decide, linear_steps_enter_before_they_issue_C19) {
   simulator s(playbook_text("- {step: start, " + noop + ", next: a}\n- {step: a, " + noop + ", next: end}\n- {step: end, " + noop + "}\n"));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a, enter end, issue end, end COMPLETED");
}
