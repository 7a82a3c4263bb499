// What a long execution costs: the state must not grow with the log (M6, M7), only with the data that later steps may
// read. Sizes only, no clocks.
#include "simulator.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include <noetl/workflow/aggregate.hpp>
#include <noetl/workflow/detail/state_size.hpp>

using namespace noetl::workflow;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;

namespace {

std::string repeating(std::string const& count, std::string const& spec) {
   return playbook_text("- {step: start, tool: {kind: noop}, next: each}\n"
                        "- {step: each, tool: {kind: noop}, loop: {in: '{{ xs }}', iterator: x, spec: " +
                            spec + "}, next: end}\n- {step: end, tool: {kind: noop}}\n",
                        "{xs: " + count + "}");
}
/// Runs a loop with the newest commands first, so that iterations end out of order. \return most records at any time
std::size_t most_records(simulator& s) {
   std::size_t most = 0;
   s.complete("start");
   while (!s.open.empty() && s.open.back().step == "each") {
      auto const o = s.open.back();
      s.open.pop_back();
      for (auto& e : simulator::success(o, "{}")) s.append(std::move(e));
      s.append(simulator::worker_event(o, "command.completed", "success", "")); // and once more
      s.pass();
      most = std::max(most, s.state.commands.size());
   }
   return most;
}

} // namespace

TEST(flatness, a_sequential_loop_keeps_the_records_of_its_open_iteration_only) {
   simulator s(repeating("600", "{mode: sequential}"));
   EXPECT_LE(most_records(s), 3u);
   EXPECT_EQ(s.issued["each"], 600);
   EXPECT_EQ(s.state.unmatched, 0u) << "repeats of finished iterations are known for what they are";
   EXPECT_EQ(s.issued["end"], 1);
}

TEST(flatness, a_parallel_loop_keeps_the_records_of_its_window_only) {
   simulator s(repeating("600", "{mode: parallel, max_in_flight: 32}"));
   EXPECT_LE(most_records(s), 34u);
   EXPECT_EQ(s.most_open, 32u);
   EXPECT_EQ(s.issued["each"], 600);
   EXPECT_EQ(s.issued["end"], 1);
   EXPECT_EQ(s.state.steps.at("each").finished.size(), 1u) << "one range";
}

TEST(flatness, a_loop_renders_its_items_once_while_no_variable_changes) {
   simulator s(repeating("[1,2,3,4,5,6]", "{mode: sequential}"));
   s.complete("start");
   s.complete("each");
   auto const visit = s.state.steps.at("each").visit;
   auto const first = s.memo.find("each", visit, s.state.changes);
   ASSERT_NE(first, nullptr);
   s.complete("each");
   EXPECT_EQ(s.memo.find("each", visit, s.state.changes), first) << "the same list, not another one";
   noetl::event e;
   e.event_type = "ctx.updated";
   e.result = noetl::raw_json(R"({"status":"OK","context":{"values":{"xs":[1,2,3,40,5,6]}}})");
   s.append(e);
   s.complete("each");
   EXPECT_EQ(detail::json_text(*detail::member(&s.open.front().tool_config, "args", "x")), "40")
       << "`in` is what the variables say now";
   EXPECT_NE(s.memo.find("each", visit, s.state.changes), first);
   EXPECT_GT(s.memo.bytes(), 6 * sizeof(tao::json::value)) << "what is kept counts";
   s.run();
   EXPECT_EQ(s.memo.size(), 0u);
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(flatness, a_cursor_loop_keeps_one_frame) {
   simulator s(playbook_text(
       "- {step: start, tool: {kind: noop}, next: c}\n"
       "- {step: c, tool: {kind: noop}, loop: {iterator: job, cursor: {claim: x}, spec: {mode: cursor}}}\n"));
   s.complete("start");
   for (int frame = 0; frame < 200; ++frame) {
      s.complete("c", R"({"rows":[{"id":1}]})");
      s.complete("c");
      ASSERT_EQ(s.state.steps.at("c").frames.size(), 1u);
      ASSERT_LE(s.state.commands.size(), 3u);
   }
   s.complete("c", R"({"rows":[]})");
   EXPECT_EQ(s.state.status(), run_status::completed);
   EXPECT_EQ(detail::json_text(*detail::member(&s.state.results, "c")), R"({"cursor":"drained","frames":200})");
}

TEST(flatness, a_cycle_has_a_state_of_one_size_in_every_round) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: a}\n"
                             "- {step: a, tool: {kind: noop}, next: b}\n"
                             "- {step: b, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: {arcs: "
                             "[{step: a, when: 'n < 100000'}]}}\n"));
   s.complete("start");
   std::size_t early = 0, memory = 0;
   for (int round = 0; round < 1'500; ++round) {
      s.complete("a", R"({"note":"text"})");
      s.complete("b", R"({"note":"text"})");
      if (round == 100) early = state_text(s.state).size(), memory = detail::memory_of(s.state);
   }
   EXPECT_LT(state_text(s.state).size(), early + 100) << "only numbers have become longer";
   EXPECT_LE(detail::memory_of(s.state), memory + 200);
   EXPECT_LE(s.state.commands.size(), 3u);
}

TEST(flatness, steps_that_end_without_their_command_leave_no_records_of_earlier_visits) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: {arcs: [{step: start, when: 'true'}]}}\n"));
   for (int i = 0; i < 50; ++i) {
      noetl::event e;
      e.event_type = "step.exit";
      e.node_name = "start";
      e.result = noetl::raw_json(R"({"status":"COMPLETED"})");
      s.append(e);
      s.pass();
   }
   EXPECT_EQ(s.issued["start"], 51);
   EXPECT_LE(s.state.commands.size(), 1u);
}

TEST(flatness, the_estimate_of_memory_follows_the_data) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: {arcs: [{step: start, when: 'true'}]}}\n"));
   s.complete("start", "{\"v\":\"" + std::string(100'000, 'x') + "\"}");
   auto const large = detail::memory_of(s.state);
   EXPECT_GT(large, 200'000u) << "user data is held twice";
   EXPECT_LT(large, 1'000'000u);
   s.complete("start", "{}");
   EXPECT_LT(detail::memory_of(s.state), 20'000u) << "what was overwritten is gone";
}
