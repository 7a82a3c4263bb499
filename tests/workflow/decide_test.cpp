// Routing, joins, skips and failure: orchestration.md section 6, cases by number.
#include "simulator.hpp"

#include <gtest/gtest.h>

using namespace noetl::workflow;
using noetl::workflow::testing::arcs;
using noetl::workflow::testing::order;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using noetl::workflow::testing::step_text;
using noetl::workflow::testing::text_of;

TEST(decide, a_minimal_start_leaf_issues_one_command_and_then_completes_C01) {
   simulator s(playbook_text(step_text("start")));
   EXPECT_EQ(s.news(), "issue start");
   s.complete("start");
   EXPECT_EQ(s.news(), "end COMPLETED");
   EXPECT_EQ(s.state.status(), run_status::completed);
   EXPECT_TRUE(s.state.terminal());
}

TEST(decide, linear_steps_enter_before_they_issue_C19) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a", "next: end") + step_text("end")));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a, enter end, issue end, end COMPLETED");
}

TEST(decide, exclusive_takes_the_only_true_arc_and_skips_the_other_C20) {
   simulator s(
       playbook_text(step_text("start", arcs("{step: a, when: 'start.v > 5'}, {step: b, when: 'start.v <= 5'}")) +
                     step_text("a") + step_text("b")));
   s.news();
   s.complete("start", R"({"v":1})");
   EXPECT_EQ(s.news(), "skip a, enter b, issue b");
   s.complete("b");
   EXPECT_EQ(s.news(), "end COMPLETED");
}

TEST(decide, exclusive_with_both_true_takes_the_first_C21) {
   simulator s(playbook_text(step_text("start", arcs("{step: a, when: 'true'}, {step: b, when: 'true'}")) +
                             step_text("a") + step_text("b")));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "skip b, enter a, issue a");
}

TEST(decide, inclusive_takes_every_true_arc_in_one_pass_C22) {
   simulator s(playbook_text(
       step_text("start", arcs("{step: a, when: 'true'}, {step: b, when: 'false'}, {step: c}", "inclusive")) +
       step_text("a") + step_text("b") + step_text("c")));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "skip b, enter a, enter c, issue a, issue c");
}

TEST(decide, a_list_of_names_takes_all_of_them) {
   simulator s(playbook_text(step_text("start", "next: [a, b]") + step_text("a") + step_text("b")));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "enter a, enter b, issue a, issue b");
}

TEST(decide, legacy_targets_follow_next_mode_and_pass_their_args) {
   simulator s(playbook_text(
       "- {step: start, tool: {kind: noop}, spec: {next_mode: inclusive}, next: [{step: a, args: {k: 1}}, "
       "{step: b, when: 'false'}]}\n- {step: a, tool: {kind: noop, v: '{{ k + 1 }}'}}\n" +
       step_text("b")));
   s.complete("start");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"v":2})");
   EXPECT_EQ(s.log[s.log.size() - 2].result.text, R"({"context":{"k":1},"status":"ENTERED"})");
}

TEST(decide, a_diamond_joins_once_after_both_branches_C23) {
   simulator s(playbook_text(step_text("start", "next: [a, b]") + step_text("a", "next: j") +
                             step_text("b", "next: j") + step_text("j")));
   s.complete("start");
   s.news();
   s.complete("a");
   EXPECT_EQ(s.news(), "");
   s.complete("b");
   EXPECT_EQ(s.news(), "enter j, issue j");
   s.complete("j");
   EXPECT_EQ(s.news(), "end COMPLETED");
}

TEST(decide, a_join_does_not_wait_for_a_skipped_branch_C24) {
   simulator s(
       playbook_text(step_text("start", arcs("{step: a, when: 'true'}, {step: b, when: 'false'}", "inclusive")) +
                     step_text("a", "next: j") + step_text("b", "next: j") + step_text("j")));
   s.complete("start");
   s.news();
   s.complete("a");
   EXPECT_EQ(s.news(), "enter j, issue j");
}

TEST(decide, a_bypass_arc_does_not_skip_the_join_it_bypasses_to_C25_L03) {
   simulator s(playbook_text(step_text("start", arcs("{step: x, when: 'true'}, {step: j}")) +
                             step_text("x", "next: j") + step_text("j")));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, enter x, issue x, enter j, issue j, end COMPLETED");
}

TEST(decide, skips_are_transitive_so_a_join_runs_behind_a_dead_branch_C26_L04) {
   simulator s(playbook_text(step_text("start", arcs("{step: a, when: 'true'}, {step: b}")) +
                             step_text("a", "next: a2") + step_text("a2", "next: j") + step_text("b", "next: b2") +
                             step_text("b2", "next: j") + step_text("j")));
   s.complete("start");
   s.complete("a");
   s.news();
   s.complete("a2");
   EXPECT_EQ(s.news(), "enter j, issue j");
   EXPECT_NE(s.traced().find("skip b, skip b2"), std::string::npos);
}

TEST(decide, an_unreachable_upstream_does_not_hold_a_join_C27) {
   simulator s(playbook_text(step_text("start", "next: j") + step_text("ghost", "next: j") + step_text("j")));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, enter j, issue j, end COMPLETED");
}

TEST(decide, two_branches_into_a_loop_step_make_one_fan_out_C28_L07) {
   simulator s(playbook_text(step_text("start", "next: [a, b]") + step_text("a", "next: l") +
                             step_text("b", "next: l") +
                             step_text("l", "loop: {in: '[1,2]', iterator: x, spec: {mode: parallel}}")));
   s.complete("start");
   s.news();
   s.complete("b");
   s.complete("a");
   EXPECT_EQ(s.news(), "enter l, issue l:0, issue l:1");
}

TEST(decide, a_false_guard_skips_the_step_and_enters_its_successor_in_the_same_pass_C29) {
   simulator s(playbook_text(step_text("start", "next: g") + step_text("g", "when: 'go', next: h") + step_text("h"),
                             "{go: false}"));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "skip g, enter h, issue h");
   s.complete("h");
   EXPECT_EQ(s.news(), "end COMPLETED");
}

TEST(decide, a_false_guard_or_no_true_arc_at_the_end_completes_the_run_C30_L38) {
   simulator guard(playbook_text(step_text("start", "next: g") + step_text("g", "when: 'false'")));
   guard.complete("start");
   EXPECT_EQ(guard.traced(), "issue start, skip g, end COMPLETED");
   simulator arc(playbook_text(step_text("start", arcs("{step: a, when: 'false'}")) + step_text("a")));
   arc.complete("start");
   EXPECT_EQ(arc.traced(), "issue start, skip a, end COMPLETED");
}

TEST(decide, a_step_without_arcs_is_a_leaf_whatever_its_next_looks_like_L12) {
   for (std::string const next : {"next: []", "next: {arcs: []}", "next: {step: a}"}) {
      simulator s(playbook_text(step_text("start", next) + step_text("a")));
      s.complete("start");
      EXPECT_EQ(s.traced(), "issue start, end COMPLETED") << next;
   }
}

TEST(decide, the_run_ends_only_when_every_branch_has_C32_L14) {
   simulator s(
       playbook_text(step_text("start", "next: [a, b]") + step_text("a") + step_text("b", "next: c") + step_text("c")));
   s.complete("start");
   s.news();
   s.complete("a");
   EXPECT_EQ(s.news(), "");
   s.complete("b");
   EXPECT_EQ(s.news(), "enter c, issue c");
   s.complete("c");
   EXPECT_EQ(s.news(), "end COMPLETED");
}

TEST(decide, a_cycle_of_two_steps_counts_in_set_and_leaves_its_exit_alone_meanwhile_C33) {
   simulator s(playbook_text(step_text("start", "next: head") +
                                 "- {step: head, tool: {kind: noop, seen: '{{ n }}'}, set: {ctx.n: '{{ n + 1 }}'}, " +
                                 arcs("{step: body, when: 'n < 3'}, {step: out}") + "}\n" +
                                 step_text("body", "next: head") + step_text("out"),
                             "{n: 0}"));
   std::string seen;
   s.run([&](order const& o) {
      if (o.step == "head") seen += text_of(*detail::member(&o.tool_config, "seen")) + " ";
      return std::string("{}");
   });
   EXPECT_EQ(seen, "0 1 2 ");
   EXPECT_EQ(s.traced(),
             "issue start, enter head, issue head, set {\"n\":1}, enter body, issue body, enter head, issue head, "
             "set {\"n\":2}, enter body, issue body, enter head, issue head, set {\"n\":3}, enter out, issue out, end "
             "COMPLETED");
}

TEST(decide, a_self_arc_enters_again_C34_L06) {
   simulator s(playbook_text(step_text("start", "next: poll") +
                             "- {step: poll, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, " +
                             arcs("{step: poll, when: 'n < 3'}, {step: end}") + "}\n" + step_text("end")));
   s.run();
   EXPECT_EQ(s.issued["poll"], 3);
   EXPECT_EQ(s.issued["end"], 1);
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(decide, the_same_completion_twice_has_one_effect_C35_L37) {
   simulator s(playbook_text(step_text("start", "set: {ctx.x: 1}, next: a") + step_text("a")));
   auto const o = s.take("start");
   auto events = simulator::success(o, "{}");
   for (auto& e : events) s.append(e);
   s.pass();
   s.news();
   s.append(events.back());
   s.pass();
   EXPECT_EQ(s.news(), "");
   EXPECT_TRUE(s.last.empty());
}

TEST(decide, an_arc_is_decided_once_even_when_its_condition_flips_later_L37) {
   // b sets x after start's arcs were decided; the arc to c must neither fire nor skip again
   simulator s(
       playbook_text(step_text("start", arcs("{step: b, when: 'x == 0'}, {step: c, when: 'x == 1'}", "inclusive")) +
                         step_text("b", "set: {ctx.x: 1}, next: d") + step_text("c") + step_text("d"),
                     "{x: 0}"));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, skip c, enter b, issue b, set {\"x\":1}, enter d, issue d, end COMPLETED");
}

TEST(decide, a_decision_that_appends_nothing_else_is_kept_by_a_marker) {
   simulator s(playbook_text(step_text("start", "next: [a, b]") + step_text("a", arcs("{step: j, when: 'go'}")) +
                                 step_text("b", "set: {ctx.go: false}, next: j") + step_text("j"),
                             "{go: true}"));
   s.complete("start");
   s.news();
   s.complete("a");
   EXPECT_EQ(s.news(), "routed a");
   s.complete("b");
   EXPECT_EQ(s.news(), "set {\"go\":false}, enter j, issue j");
}

TEST(decide, a_join_inside_a_cycle_waits_in_every_round) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a", "next: [b, c]") +
                             step_text("b", "next: j") + step_text("c", "next: j") +
                             "- {step: j, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, " +
                             arcs("{step: a, when: 'n < 2'}, {step: end}") + "}\n" + step_text("end")));
   s.complete("start");
   for (int round = 0; round < 2; ++round) {
      s.complete("a");
      s.news();
      s.complete("b");
      EXPECT_EQ(s.news(), "") << round;
      s.complete("c");
      EXPECT_EQ(s.news(), "enter j, issue j") << round;
      s.complete("j");
   }
   s.complete("end");
   EXPECT_EQ(s.state.status(), run_status::completed);
   EXPECT_EQ(s.issued["j"], 2);
}

TEST(decide, a_cycle_of_false_guards_ends_the_run_L39) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a", "when: 'false', next: b") +
                             step_text("b", "when: 'false', next: a")));
   s.complete("start");
   EXPECT_EQ(s.traced(), "issue start, skip a, skip b, end COMPLETED");
}

TEST(decide, a_cycle_of_false_guards_beside_a_running_step_does_not_spin_L39) {
   simulator s(playbook_text(step_text("start", "next: [a, w]") + step_text("a", "when: 'false', next: b") +
                             step_text("b", "when: 'false', next: a") + step_text("w")));
   s.complete("start");
   s.pass();
   EXPECT_TRUE(s.last.empty());
   s.complete("w");
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(decide, a_failing_second_step_fails_the_run_and_is_named_C49) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a", "next: b") + step_text("b")));
   s.complete("start");
   s.news();
   s.fail("a");
   EXPECT_EQ(s.news(), "end FAILED: Failed steps: a");
   EXPECT_EQ(s.state.status(), run_status::failed);
   EXPECT_EQ(s.log.back().event_type, "playbook.failed");
   EXPECT_EQ(s.log.back().meta.text,
             R"({"emitted_by":"orchestrator","error":"Failed steps: a","failed_steps":["a"],"status":"FAILED"})");
}

TEST(decide, a_failing_first_step_fails_the_run_C50_L02) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a")));
   s.fail("start");
   EXPECT_EQ(s.traced(), "issue start, end FAILED: Failed steps: start");
}

TEST(decide, a_failed_branch_ends_the_run_only_after_the_other_branch_C51) {
   simulator s(playbook_text(step_text("start", "next: [a, b]") + step_text("a", "next: j") +
                             step_text("b", "next: j") + step_text("j")));
   s.complete("start");
   s.news();
   s.fail("a");
   EXPECT_EQ(s.news(), "");
   s.complete("b");
   EXPECT_EQ(s.news(), "enter j, issue j"); // the join counts the failed upstream as done
   s.complete("j");
   EXPECT_EQ(s.news(), "end FAILED: Failed steps: a");
}

TEST(decide, a_tool_that_reports_an_error_is_routed_onward_C52_L01) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a")));
   auto const o = s.take("start");
   s.append(simulator::worker_event(o, "command.completed", "error", ",\"status\":\"error\""));
   s.pass();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
}

TEST(decide, nothing_happens_after_any_spelling_of_cancel_C53_W5) {
   for (std::string const type : {"playbook_cancelled", "playbook.cancelled", "execution.cancelled"}) {
      simulator s(playbook_text(step_text("start", "next: a") + step_text("a")));
      noetl::event e;
      e.event_type = type;
      e.status = "CANCELLED";
      s.append(e);
      s.complete("start");
      EXPECT_EQ(s.traced(), "issue start") << type;
      e.event_type = "playbook.completed";
      s.append(e);
      EXPECT_EQ(s.state.status(), run_status::cancelled) << type;
   }
}

TEST(decide, nothing_happens_after_finalize_C54) {
   simulator s(playbook_text(step_text("start", "next: a") + step_text("a")));
   noetl::event e;
   e.event_type = "playbook_failed";
   e.error = "by hand";
   s.append(e);
   s.complete("start");
   EXPECT_EQ(s.traced(), "issue start");
   EXPECT_EQ(s.state.status(), run_status::failed);
   EXPECT_EQ(s.state.error, "by hand");
}

TEST(decide, a_template_that_cannot_be_evaluated_fails_the_run_and_appends_nothing_else_C16) {
   for (std::string const bad : {"{{ '' | int }}", "{{ start.get('x') }}"}) {
      simulator s(playbook_text(step_text("start", "next: a, set: {ctx.x: 1}") +
                                "- {step: a, tool: {kind: noop, v: \"" + bad + "\"}}\n"));
      s.news();
      s.complete("start");
      EXPECT_EQ(s.last.events.size() + s.last.commands.size(), 0u);
      ASSERT_TRUE(s.last.end);
      EXPECT_TRUE(s.last.end->evaluate_error);
      EXPECT_EQ(s.last.end->error.rfind("Orchestrator evaluate failed: Template render error: ", 0), 0u)
          << s.last.end->error;
      EXPECT_NE(s.log.back().meta.text.find("\"reason\":\"evaluate_error\""), std::string::npos);
   }
}

TEST(decide, a_start_that_cannot_be_rendered_fails_at_once_L09) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop, v: \"{{ '' | int }}\"}}\n"));
   EXPECT_EQ(s.state.status(), run_status::failed);
}
