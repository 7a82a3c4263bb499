// Stored states: item 122, D-50, and what PostgreSQL's jsonb does to a text must not change the state.
#include "simulator.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include <noetl/core/sha256.hpp>
#include <noetl/workflow/aggregate.hpp>

using namespace noetl::workflow;
using noetl::event;
using noetl::workflow::testing::json;
using noetl::workflow::testing::order;
using noetl::workflow::testing::parsed;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;

namespace {

/// Every member of every part has another value than its first.
workflow_state full_state() {
   noetl::timestamp const at{std::chrono::nanoseconds{1'782'000'000'123'456'000}};
   workflow_state s;
   s.execution_id = noetl::execution_id(9'223'372'036'854'775'807);
   s.catalog_id = noetl::catalog_id(2);
   s.path = "demo/\"path\"\n\x7f ü";
   s.parent_execution_id = noetl::execution_id(-3);
   s.execution_pool = "";
   s.strict_tool_status = true;
   s.trace =
       parsed(R"({"traceparent":"00-1","n":[1,-2,3.5,1e300,5e-324,0.1,18446744073709551615,true,null,"",[],{}]})");
   s.workload = parsed(R"({"b":1,"a":{"z":100000.0,"y":1e22,"x":-0.0}})");
   s.run = run_status::failed;
   s.started_at = at;
   s.completed_at = at + std::chrono::seconds{1};
   s.error = "boom";
   step_state step;
   step.phase = step_phase::skipped;
   step.visit = 1;
   step.entered_order = 2;
   step.done_order = 3;
   step.completion = 4;
   step.entered_at = at;
   step.completed_at = at;
   step.command_seen = step.has_result = step.cursor = step.drained = true;
   step.error = "e";
   step.decided = 5;
   step.arcs = {0, 7};
   step.set_applied = 6;
   step.expected = 0;
   step.issued = 8;
   step.ended = 9;
   step.failures = 10;
   step.finished = {{0, 2}, {5, 6}};
   step.iteration_data[10] = tao::json::null;
   step.iteration_data[9] = 1.0;
   step.claims_issued = 11;
   step.frames[-1] = {true, parsed("[1]"), 1, 2, true};
   step.frames[0] = {};
   s.steps["a"] = step;
   s.steps["zero"] = {};
   command_record command;
   command.step = "a";
   command.phase = command_phase::failed;
   command.issued = true;
   command.visit = 1;
   command.index = 0;
   command.end_event = -5;
   command.error = "x";
   command.outside = command.parked = command.called = true;
   command.cursor_phase = "body";
   command.frame = 2;
   command.early_result = parsed(R"({"a":[]})");
   s.commands["c"] = command;
   s.unmatched = 1;
   s.changes = 17;
   s.ctx["k"] = 1;
   s.data["a"] = parsed("{}");
   s.results["a"] = "text";
   s.version = 12;
   s.applied = 13;
   s.unversioned = 14;
   s.last_unversioned = noetl::event_id(15);
   s.current_step = "a";
   s.last_event = noetl::event_id(16);
   return s;
}

/// A long log of everything that the engine knows: loops, cursors, conditions, failures, repeats.
std::vector<event> recorded_log() {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, set: {ctx.n: '{{ 1 + 1 }}'}, next: [a, b]}\n"
                             "- {step: a, tool: {kind: noop}, loop: {in: '[3,1,2]', iterator: x}, next: j}\n"
                             "- {step: b, tool: {kind: noop}, next: {arcs: [{step: c, when: 'n > 5'}, {step: j}]}}\n"
                             "- {step: c, tool: {kind: noop}, next: j}\n- {step: j, tool: {kind: noop}}\n",
                             "{go: true, list: [1, 2.5, \"x\"]}"));
   s.run([](order const& o) { return "{\"v\":\"" + o.step + "\",\"list\":[1.0,2,1e5]}"; });
   return s.log;
}

workflow_state folded(std::vector<event> const& log) {
   workflow_state s;
   for (auto const& e : log) apply(s, e);
   return s;
}

} // namespace

TEST(state_text, holds_every_member_and_reads_back_as_the_same_state_item_122_D50) {
   auto const text = state_text(full_state());
   for (char const* member : {"answered",
                              "applied",
                              "arcs",
                              "called",
                              "catalog_id",
                              "changes",
                              "claims_issued",
                              "command_seen",
                              "commands",
                              "completed_at",
                              "completion",
                              "ctx",
                              "current_step",
                              "cursor",
                              "cursor_phase",
                              "data",
                              "decided",
                              "done_order",
                              "drained",
                              "early_result",
                              "end_event",
                              "ended",
                              "entered_at",
                              "entered_order",
                              "error",
                              "execution_id",
                              "execution_pool",
                              "expected",
                              "failures",
                              "finished",
                              "frame",
                              "frames",
                              "has_result",
                              "index",
                              "issued",
                              "iteration_data",
                              "last_event",
                              "last_unversioned",
                              "outside",
                              "parent_execution_id",
                              "parked",
                              "path",
                              "phase",
                              "results",
                              "rows",
                              "run",
                              "set_applied",
                              "started_at",
                              "step",
                              "steps",
                              "strict_tool_status",
                              "trace",
                              "unmatched",
                              "unversioned",
                              "version",
                              "visit",
                              "workload"})
      EXPECT_NE(text.find("\"" + std::string(member) + "\":"), text.npos) << member;
   auto const again = parse_state(text);
   ASSERT_TRUE(again);
   EXPECT_EQ(state_text(*again), text);
   EXPECT_EQ(again->started_at, full_state().started_at);
   EXPECT_EQ(again->steps.at("a").arcs, full_state().steps.at("a").arcs);
   EXPECT_EQ(again->trace, full_state().trace);
}

TEST(state_text, is_canonical_JSON_with_sorted_members_item_122) {
   auto const text = state_text(full_state());
   // What taoJSON sorts comes out in the order that we wrote: parsing and writing again changes no byte.
   EXPECT_EQ(state_text(*parse_state(text)), text);
   EXPECT_TRUE(text.starts_with(R"({"applied":13,"catalog_id":2,"changes":17,"commands":{"c":{)")) << text;
}

TEST(state_text, of_an_empty_state_is_an_empty_object) {
   EXPECT_EQ(state_text({}), "{}");
   auto const again = parse_state("{ }");
   ASSERT_TRUE(again);
   EXPECT_EQ(state_text(*again), "{}");
}

TEST(state_text, writes_numbers_so_that_decimals_keep_their_kind) {
   workflow_state s;
   s.workload = parsed(R"([1e5,1e22,0.1,-0.0,123456789012345678,-7,1.5e-7])");
   EXPECT_EQ(state_text(s),
             R"({"workload":[100000.0,10000000000000000000000.0,0.1,0.0,123456789012345678,-7,0.00000015]})");
}

TEST(state_text, of_other_shapes_is_refused_item_129) {
   for (char const* text : {"", "null", "[]", "{", R"({"unknown":1})", R"({"version":"1"})", R"({"version":1.5})",
                            R"({"applied":-1})", R"({"run":"asleep"})", R"({"steps":[]})", R"({"steps":{"a":{"x":1}}})",
                            R"({"started_at":"yesterday"})", R"({"steps":{"a":{"frames":[[1]]}}})",
                            R"({"steps":{"a":{"frames":[[1,{}],[1,{}]]}}})", R"({"version":9223372036854775808})"})
      EXPECT_FALSE(parse_state(text)) << text;
}

TEST(state_text, nested_as_deep_as_events_may_be_reads_back) {
   std::string deep = "1";
   for (int i = 0; i < 250; ++i) deep = "[" + deep + "]";
   workflow_state s;
   s.steps["a"].iteration_data[0] = parsed(deep);
   ASSERT_FALSE(s.steps["a"].iteration_data[0].is_null());
   auto const again = parse_state(state_text(s));
   ASSERT_TRUE(again);
   EXPECT_EQ(state_text(*again), state_text(s));
}

TEST(state_text, of_a_recorded_log_is_equal_in_two_processes_item_122) {
   auto const mine = noetl::sha256_hex(state_text(folded(recorded_log())));
   // Another process with another heap, another address space and another start of its hash functions.
   auto const program = std::string(NOETL_BINARY_DIR) + "/tests/test-workflow";
   auto const command = program + " --gtest_filter=state_text.DISABLED_prints_the_checksum_of_a_recorded_log"
                                  " --gtest_also_run_disabled_tests 2>/dev/null";
   std::string output;
   auto* const pipe = popen(command.c_str(), "r");
   ASSERT_NE(pipe, nullptr);
   std::array<char, 256> piece;
   while (std::fgets(piece.data(), static_cast<int>(piece.size()), pipe) != nullptr) output += piece.data();
   ASSERT_EQ(pclose(pipe), 0);
   EXPECT_NE(output.find("checksum " + mine + "\n"), output.npos) << mine << "\n" << output;
}

TEST(state_text, DISABLED_prints_the_checksum_of_a_recorded_log) {
   std::printf("checksum %s\n", noetl::sha256_hex(state_text(folded(recorded_log()))).c_str());
}

TEST(state_text, routing_meta_holds_pool_and_trace_item_128) {
   workflow_state s;
   EXPECT_EQ(routing_meta(s).text, "{}");
   s.execution_pool = "gpu";
   s.trace = parsed(R"({"traceparent":"00-1"})");
   EXPECT_EQ(routing_meta(s).text, R"({"execution_pool":"gpu","trace":{"traceparent":"00-1"}})");
}

TEST(state_text, keeps_event_times_as_the_database_does_item_136_D58) {
   event e;
   e.execution_id = noetl::execution_id(1);
   e.event_id = noetl::event_id(2);
   e.event_type = "playbook_started";
   e.stream_version = 1;
   e.created_at = *noetl::from_rfc3339("2026-06-17T22:15:00.123456789Z");
   workflow_state s;
   apply(s, e);
   auto const again = parse_state(state_text(s));
   ASSERT_TRUE(again && again->started_at);
   EXPECT_EQ(noetl::to_rfc3339(*again->started_at), "2026-06-17T22:15:00.123456Z");
}
