// Cases of orchestration.md sections 5 and 6 that no other test of this folder settles, by number.
#include "simulator.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include <noetl/workflow/aggregate.hpp>

using namespace noetl::workflow;
using noetl::event;
using noetl::workflow::testing::order;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using noetl::workflow::testing::text_of;

namespace {

std::string const strict = R"({"emitter":"control_plane","strict_tool_status":true})";

/// What a worker sends of a tool that returned with `status`.
std::vector<event> reported(order const& o, std::string const& status, std::string const& error = "") {
   auto const why = error.empty() ? "" : ",\"error\":\"" + error + "\"";
   return {simulator::worker_event(o, "call.done", "COMPLETED",
                                   ",\"result\":{\"status\":\"" + status + "\",\"context\":{\"status\":\"" + status +
                                       "\"" + why + "}}"),
           simulator::worker_event(o, "command.completed", status, ",\"status\":\"" + status + "\"")};
}
void report(simulator& s, std::string const& step, std::string const& status, std::string const& error = "") {
   auto const o = s.take(step);
   for (auto& e : reported(o, status, error)) s.append(std::move(e));
   s.pass();
}
/// The state from the log alone.
workflow_state rebuilt(simulator const& s) {
   workflow_state state;
   for (auto const& e : s.log) apply(state, e);
   return state;
}
/// What the callback route writes when it knows no command.
event callback(std::string const& step, std::string const& status = "COMPLETED") {
   event e;
   e.event_type = "call.done";
   e.node_id = e.node_name = step;
   e.status = status;
   e.result = noetl::raw_json("{\"status\":\"" + status + "\",\"context\":{\"terminal_state\":\"x\",\"exit_code\":0}}");
   e.meta = noetl::raw_json(R"({"node_type":"container"})");
   return e;
}
std::string const jobs = playbook_text("- {step: start, tool: {kind: container, image: i}, next: a}\n"
                                       "- {step: a, tool: {kind: noop, code: '{{ start.exit_code }}'}}\n");

} // namespace

TEST(conformance, a_default_of_nothing_becomes_a_number_C15) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop, n: '{{ v | default(1) | int }}'}}\n", "{v: ~}"));
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"n":1})");
}

TEST(conformance, a_fraction_stays_a_number_in_json_C17_L32) {
   simulator s(
       playbook_text("- {step: start, tool: {kind: noop, n: '{{ 1.5 | tojson }}', l: '{{ [1.5, 2] | tojson }}'}}\n"));
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"l":[1.5,2],"n":1.5})");
}

TEST(conformance, an_end_with_a_tool_runs_before_the_run_completes_C31) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: end}\n- {step: end, tool: {kind: noop}}\n"));
   s.complete("start");
   EXPECT_EQ(s.news(), "issue start, enter end, issue end");
   s.complete("end");
   EXPECT_EQ(s.news(), "end COMPLETED");
}

TEST(conformance, a_completion_with_an_id_below_all_others_is_applied_and_dispatches_once_C57) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n"));
   auto const o = s.take("start");
   std::int64_t id = 0;
   for (auto& e : simulator::success(o, "{}")) {
      e.event_id = noetl::event_id(++id); // a worker whose clock is far behind
      s.append(std::move(e));
   }
   s.pass();
   s.pass();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
   EXPECT_EQ(decide(s.book, rebuilt(s)).value().commands.size(), 0u);
}

TEST(conformance, a_claim_whose_result_comes_after_its_completion_issues_the_bodies_C58) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: c}\n"
                             "- {step: c, tool: {kind: noop}, loop: {iterator: job, cursor: {claim: x}, spec: {mode: "
                             "cursor, frame: {row_concurrency: 2}}}}\n"));
   s.complete("start");
   auto const o = s.take("c");
   auto events = simulator::success(o, R"({"rows":[1,2]})");
   std::swap(events[1], events[2]);
   s.append(events[0]);
   s.append(events[1]);
   s.news();
   s.pass();
   EXPECT_EQ(s.news(), "") << "what was claimed is not known yet";
   s.append(events[2]);
   s.pass();
   EXPECT_EQ(s.news(), "issue c:0, issue c:1");
}

TEST(conformance, after_a_restart_a_sequential_loop_goes_on_at_the_right_index_C58_L11) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, loop: {in: '[1,2,3,4]', iterator: x}}\n"));
   for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(text_of(*detail::member(&s.open.front().meta, "iteration_index")), std::to_string(i));
      auto const kept = state_text(s.state);
      s.state = *parse_state(kept);
      for (auto const& e : s.log) apply(s.state, e); // the whole log once more
      s.memo = {};
      EXPECT_EQ(state_text(s.state), kept);
      s.complete("start");
   }
   EXPECT_EQ(s.issued["start"], 4);
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(conformance, a_loop_over_nothing_completes_at_once_in_the_middle_and_on_start_L08) {
   for (std::string const first : {"- {step: start, tool: {kind: noop}, next: l}\n- {step: l, ", "- {step: start, "}) {
      simulator s(playbook_text(first + "tool: {kind: noop}, loop: {in: '[]', iterator: x}}\n"));
      s.run();
      EXPECT_EQ(s.state.status(), run_status::completed) << s.traced();
   }
}

TEST(conformance, nothing_leads_to_end_by_itself_L13) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}}\n- {step: end, tool: {kind: noop}}\n"));
   s.complete("start");
   EXPECT_EQ(s.traced(), "issue start, end COMPLETED");
}

TEST(conformance, times_in_the_state_are_those_of_the_events_L16) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}}\n"));
   auto events = simulator::success(s.take("start"), "{}");
   noetl::timestamp const at{std::chrono::seconds{1'700'000'000}};
   for (auto& e : events) {
      e.created_at = at;
      s.append(std::move(e));
   }
   EXPECT_EQ(s.state.steps.at("start").completed_at, at);
}

TEST(conformance, a_step_that_succeeds_after_a_failure_has_not_failed_L41) {
   simulator s(
       playbook_text("- {step: start, tool: {kind: noop}, next: [a, w]}\n- {step: a, tool: {kind: noop}, next: w}\n"
                     "- {step: w, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: {arcs: "
                     "[{step: a, when: 'n < 2'}]}}\n"));
   s.complete("start");
   s.fail("a");
   s.run();
   EXPECT_EQ(s.issued["a"], 2) << s.traced();
   EXPECT_EQ(s.state.status(), run_status::completed) << s.traced();
   EXPECT_TRUE(s.state.steps.at("a").error.empty());
}

TEST(conformance, a_drained_cursor_applies_its_set_in_the_same_pass_and_has_one_result_after_a_rebuild_L43) {
   simulator s(
       playbook_text("- {step: start, tool: {kind: noop}, next: c}\n"
                     "- {step: c, tool: {kind: noop}, set: {ctx.done: '{{ output.frames }}'}, loop: {iterator: job, "
                     "cursor: {claim: x}, spec: {mode: cursor}}, next: e}\n"
                     "- {step: e, tool: {kind: noop, v: '{{ done }}', r: '{{ c.cursor }}'}}\n"));
   s.complete("start");
   s.complete("c", R"({"rows":[1]})");
   s.complete("c");
   s.complete("c", R"({"rows":[]})");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"r":"drained","v":1})");
   EXPECT_EQ(text_of(*detail::member(&s.state.results, "c")), R"({"cursor":"drained","frames":1})");
   EXPECT_EQ(state_text(rebuilt(s)), state_text(s.state));
}

TEST(conformance, tools_that_report_an_error_fail_their_step_only_when_the_start_event_says_so_L01_W21) {
   std::string const book =
       playbook_text("- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n");
   for (std::string const word : {"error", "ERROR", "timeout", "Failed"}) {
      simulator kind(book);
      report(kind, "start", word, "no such host");
      EXPECT_EQ(kind.news(), "issue start, enter a, issue a") << word;
      simulator hard(book, "{}", strict);
      report(hard, "start", word, "no such host");
      EXPECT_EQ(hard.news(), "issue start, end FAILED: Failed steps: start") << word;
      EXPECT_EQ(hard.state.steps.at("start").error, "the tool reported " + word + ": no such host");
      EXPECT_EQ(state_text(rebuilt(hard)), state_text(hard.state));
   }
   simulator good(book, "{}", strict);
   report(good, "start", "success");
   EXPECT_EQ(good.news(), "issue start, enter a, issue a");
}

TEST(conformance, an_iteration_that_reports_an_error_fails_a_strict_loop_L01_L27) {
   std::string const book = playbook_text("- {step: start, tool: {kind: noop}, loop: {in: '[1,2]', iterator: x, spec: "
                                          "{mode: parallel}}}\n");
   simulator kind(book), hard(book, "{}", strict);
   for (auto* s : {&kind, &hard}) {
      report(*s, "start", "error");
      report(*s, "start", "success");
   }
   EXPECT_EQ(kind.state.status(), run_status::completed);
   EXPECT_EQ(hard.state.status(), run_status::failed);
   EXPECT_EQ(hard.state.steps.at("start").error, "iteration 0: the tool reported error");
}

TEST(conformance, a_claim_that_needs_the_keychain_is_left_to_the_worker_L31) {
   simulator s(
       playbook_text("- {step: start, tool: {kind: noop}, next: c}\n"
                     "- {step: c, tool: {kind: noop}, loop: {iterator: job, cursor: {claim: '{{ keychain.k.v }} LIMIT "
                     "{{ __frame_max_rows }}'}, spec: {mode: cursor, frame: {max_rows: 3}}}}\n"));
   s.complete("start");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"x({"command":"{{ keychain.k.v }} LIMIT {{ __frame_max_rows }}"})x");
   EXPECT_EQ(text_of(*detail::member(&s.open.front().render_context, "__frame_max_rows")), "3");
}

TEST(conformance, a_container_step_waits_for_the_callback_with_or_without_a_command_id_L42) {
   for (bool const with_id : {false, true}) {
      simulator s(jobs);
      auto const o = s.take("start");
      s.append(simulator::worker_event(o, "command.completed", "success", ",\"status\":\"success\""));
      s.pass();
      EXPECT_EQ(s.news(), "issue start") << "the worker has only started the job";
      auto e = callback("start");
      if (with_id) e.meta = noetl::raw_json("{\"node_type\":\"container\",\"command_id\":\"" + o.id + "\"}");
      s.append(e);
      s.pass();
      EXPECT_EQ(s.news(), "enter a, issue a");
      EXPECT_EQ(text_of(s.open.front().tool_config), R"({"code":0})");
      s.append(e); // told again
      s.pass();
      EXPECT_EQ(s.news(), "");
      EXPECT_EQ(state_text(rebuilt(s)), state_text(s.state));
   }
}

TEST(conformance, a_callback_that_is_faster_than_the_worker_counts_and_a_result_that_says_pending_does_not_L42) {
   simulator fast(jobs);
   auto o = fast.take("start");
   fast.append(callback("start"));
   fast.pass();
   EXPECT_EQ(fast.news(), "issue start");
   fast.append(simulator::worker_event(o, "command.completed", "success", ""));
   fast.pass();
   EXPECT_EQ(fast.news(), "enter a, issue a");

   simulator s(playbook_text("- {step: start, tool: {kind: script}, next: a}\n- {step: a, tool: {kind: noop}}\n"));
   o = s.take("start");
   s.append(simulator::worker_event(o, "call.done", "COMPLETED",
                                    R"(,"result":{"context":{"status":"success","pending_callback":true}})"));
   s.append(simulator::worker_event(o, "command.completed", "success", ""));
   s.pass();
   EXPECT_EQ(s.news(), "issue start");
   s.append(callback("start"));
   s.pass();
   EXPECT_EQ(s.news(), "enter a, issue a");
}

TEST(conformance, container_iterations_are_called_back_one_by_one_L42) {
   simulator s(playbook_text("- {step: start, tool: {kind: container}, loop: {in: '[1,2]', iterator: x, spec: {mode: "
                             "parallel}}}\n"));
   auto const first = s.take("start"), second = s.take("start");
   for (auto const& o : {first, second}) s.append(simulator::worker_event(o, "command.completed", "success", ""));
   s.append(callback("start"));
   s.pass();
   EXPECT_EQ(s.state.steps.at("start").ended, 1);
   s.append(callback("start"));
   s.pass();
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(conformance, a_failed_job_fails_a_strict_run_L42_L01) {
   for (bool const is_strict : {false, true}) {
      simulator s(jobs, "{}", is_strict ? strict : "{}");
      s.append(simulator::worker_event(s.take("start"), "command.completed", "success", ""));
      s.append(callback("start", "FAILED"));
      s.pass();
      EXPECT_EQ(s.news(), is_strict ? "issue start, end FAILED: Failed steps: start" : "issue start, enter a, issue a");
   }
}
