// Loops and cursor loops: orchestration.md section 6, C-36 to C-48.
#include "simulator.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <noetl/workflow/detail/decide_loops.hpp>

using namespace noetl::workflow;
using noetl::workflow::testing::order;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using noetl::workflow::testing::text_of;

namespace {

/// start -> each (a loop with `spec`) -> end
std::string loop_book(std::string const& in, std::string const& spec, std::string const& workload = "{}",
                      std::string const& more = "") {
   return playbook_text("- {step: start, tool: {kind: noop}, next: each}\n"
                        "- {step: each, tool: {kind: noop, v: '{{ x }}', args: {x: author}}, loop: {in: \"" +
                            in + "\", iterator: x, spec: " + spec + "}" + more +
                            ", next: {arcs: [{step: end, when: \"event.name == 'loop.done'\"}]}}\n"
                            "- {step: end, tool: {kind: noop, all: '{{ each }}'}}\n",
                        workload);
}

} // namespace

TEST(loops, parallel_enters_once_and_issues_all_and_goes_on_once_C36) {
   simulator s(loop_book("{{ xs }}", "{mode: parallel}", "{xs: [a, b, c]}"));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "enter each, issue each:0, issue each:1, issue each:2");
   EXPECT_TRUE(s.open[2].id.ends_with(":i2"));
   EXPECT_EQ(text_of(s.open[1].tool_config), R"({"args":{"_index":1,"_total":3,"x":"b"},"v":"b"})");
   EXPECT_EQ(text_of(*detail::member(&s.open[1].render_context, "iter")), R"({"_index":1,"_total":3,"x":"b"})");
   EXPECT_EQ(text_of(*detail::member(&s.open[1].render_context, "_index")), "1");
   EXPECT_EQ(text_of(*detail::member(&s.open[1].meta, "iteration_total")), "3");
   EXPECT_EQ(text_of(*detail::member(&s.open[1].meta, "item_var")), R"("x")");
   EXPECT_EQ(text_of(*detail::member(&s.open[1].meta, "iterator_step")), R"("each")");
   auto const enter =
       std::find_if(s.log.begin(), s.log.end(), [](auto const& e) { return e.event_type == "step.enter"; });
   EXPECT_EQ(enter->result.text, R"({"context":{"iterations_expected":3,"iterator_var":"x"},"status":"ENTERED"})");
   s.complete("each");
   s.complete("each");
   EXPECT_EQ(s.news(), "");
   s.complete("each");
   EXPECT_EQ(s.news(), "enter end, issue end");
}

TEST(loops, sequential_issues_the_next_iteration_after_the_last_C37) {
   simulator s(loop_book("{{ xs }}", "{mode: sequential}", "{xs: [a, b]}"));
   s.complete("start");
   EXPECT_EQ(s.open.size(), 1u);
   EXPECT_EQ(text_of(s.open[0].tool_config), R"({"args":{"_index":0,"_total":2,"x":"a"},"v":"a"})");
   s.news();
   s.complete("each");
   EXPECT_EQ(s.news(), "issue each:1");
   EXPECT_EQ(text_of(s.open[0].tool_config), R"({"args":{"_index":1,"_total":2,"x":"b"},"v":"b"})");
   s.complete("each");
   EXPECT_EQ(s.news(), "enter end, issue end");
}

TEST(loops, max_in_flight_is_a_window_and_may_be_a_template_C38_C10_L26_L40) {
   for (std::string const limit : {"2", "'{{ n }}'"}) {
      simulator s(loop_book("{{ xs }}", "{mode: parallel, max_in_flight: " + limit + "}", "{xs: [1,2,3,4,5], n: 2}"));
      s.run();
      EXPECT_EQ(s.most_open, 2u) << limit;
      EXPECT_EQ(s.issued["each"], 5);
      EXPECT_EQ(s.state.status(), run_status::completed);
   }
}

TEST(loops, one_completion_sent_twice_counts_once_C39) {
   simulator s(loop_book("{{ xs }}", "{mode: parallel}", "{xs: [1,2]}"));
   s.complete("start");
   auto const o = s.take("each");
   auto const events = simulator::success(o, "{}");
   for (auto const& e : events) s.append(e);
   s.append(events.back());
   s.pass();
   EXPECT_EQ(s.state.steps.at("each").ended, 1);
   EXPECT_EQ(s.state.steps.at("each").phase, step_phase::running);
}

TEST(loops, an_empty_list_enters_the_successor_in_the_same_pass_C40_W11) {
   simulator s(loop_book("{{ xs }}", "{mode: parallel}", "{xs: []}"));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "enter each, exit each, enter end, issue end");
   EXPECT_EQ(text_of(s.open[0].tool_config), R"({"all":[]})");
   s.complete("end");
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(loops, an_empty_list_on_start_goes_on_at_once_C40_W11) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, loop: {in: '{{ xs }}', iterator: x}, next: end, set: "
                             "{ctx.k: 1}}\n- {step: end, tool: {kind: noop}}\n",
                             "{xs: []}"));
   EXPECT_EQ(s.traced(), "set {\"k\":1}, enter start, exit start, enter end, issue end");
   EXPECT_EQ(s.last.commands_generated, 0u);
   s.complete("end");
   EXPECT_EQ(s.state.status(), run_status::completed);
   EXPECT_EQ(s.issued["end"], 1);
}

TEST(loops, a_looped_start_reports_all_items_and_refuses_anything_but_a_list) {
   std::string const book = "- {step: start, tool: {kind: noop}, loop: {in: '{{ xs }}', iterator: x}}\n";
   simulator s(playbook_text(book, "{xs: [1,2,3]}"));
   EXPECT_EQ(s.traced(), "enter start, issue start:0");
   EXPECT_EQ(s.last.commands_generated, 3u);
   s.run();
   EXPECT_EQ(s.issued["start"], 3);
   simulator bad(playbook_text(book, "{xs: text}"));
   ASSERT_TRUE(bad.last.end);
   EXPECT_EQ(bad.last.end->code, noetl::error_code::validation);
   EXPECT_EQ(bad.last.end->error,
             "Orchestrator evaluate failed: start step loop.in must resolve to a JSON array, got: string");
}

TEST(loops, collections_of_other_kinds_are_made_lists_C41) {
   struct row {
      char const* workload;
      char const* values;
   };
   for (auto const& r : {row{"{xs: {b: 1, a: 2}}", R"({"key":"a","value":2} {"key":"b","value":1} )"},
                         row{"{xs: 'a, b'}", R"("a" "b" )"}, row{"{xs: 3}", "0 1 2 "}, row{"{xs: '[4,5]'}", "4 5 "},
                         row{"{xs: -1}", ""}, row{"{xs: 1.5}", ""}, row{"{xs: \"p\\n\\nq\"}", R"("p" "q" )"}}) {
      simulator s(loop_book("{{ xs }}", "{}", r.workload));
      std::string seen;
      s.run([&](order const& o) {
         if (o.step == "each") seen += text_of(*detail::member(&o.tool_config, "args", "x")) + " ";
         return std::string("{}");
      });
      EXPECT_EQ(seen, r.values) << r.workload;
      EXPECT_EQ(s.state.status(), run_status::completed);
   }
   for (char const* bad : {"{xs: ~}", "{xs: true}"}) {
      simulator s(loop_book("{{ xs }}", "{}", bad));
      s.complete("start");
      EXPECT_EQ(s.state.status(), run_status::failed) << bad;
   }
}

TEST(loops, the_result_is_the_iterations_data_in_index_order_C42_L27) {
   simulator s(loop_book("{{ xs }}", "{mode: parallel}", "{xs: [1,2,3]}"));
   s.complete("start");
   std::reverse(s.open.begin(), s.open.end());
   s.run([](order const& o) {
      return o.step == "each" ? "{\"n\":" + text_of(*detail::member(&o.tool_config, "v")) + "}" : std::string("{}");
   });
   EXPECT_EQ(text_of(*detail::member(&s.state.data, "each")), R"([{"n":1},{"n":2},{"n":3}])");
}

TEST(loops, a_loop_in_a_cycle_starts_again_C43_L10) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: each}\n"
                             "- {step: each, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x}, next: check}\n"
                             "- {step: check, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: "
                             "{arcs: [{step: each, when: 'n < 2'}, {step: end}]}}\n"
                             "- {step: end, tool: {kind: noop}}\n"));
   s.run();
   EXPECT_EQ(s.issued["each"], 6);
   EXPECT_EQ(s.issued["end"], 1);
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(loops, an_arc_set_is_visible_in_every_iteration_and_after_C44) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: {arcs: [{step: each, set: {ctx.k: 7}}]}}\n"
                             "- {step: each, tool: {kind: noop, k: '{{ k }}'}, loop: {in: '[1,2]', iterator: x}, next: "
                             "end}\n- {step: end, tool: {kind: noop, k: '{{ k }}'}}\n"));
   std::string seen;
   s.run([&](order const& o) {
      if (auto const* k = detail::member(&o.tool_config, "k")) seen += text_of(*k) + " ";
      return std::string("{}");
   });
   EXPECT_EQ(seen, "7 7 7 ");
}

TEST(loops, a_failed_iteration_fails_the_step_when_the_open_ones_have_ended_L27) {
   simulator s(loop_book("{{ xs }}", "{mode: parallel, max_in_flight: 2}", "{xs: [1,2,3,4]}"));
   s.complete("start");
   s.news();
   s.fail("each", "bad row");
   EXPECT_EQ(s.news(), "");
   s.complete("each");
   EXPECT_EQ(s.news(), "end FAILED: Failed steps: each");
   EXPECT_EQ(s.state.steps.at("each").error, "iteration 0: bad row");
}

namespace {
std::string cursor_book(std::string const& frame) {
   return playbook_text(
       "- {step: start, tool: {kind: noop}, next: c}\n"
       "- step: c\n  tool: {kind: noop, v: '{{ job.id }}'}\n  loop: {iterator: job, cursor: {auth: pg, claim: 'LIMIT "
       "{{ __frame_max_rows }}'}, spec: {mode: cursor, frame: " +
       frame +
       "}}\n  next: {arcs: [{step: end, when: \"event.name == 'loop.done'\"}]}\n- {step: end, tool: {kind: noop}}\n");
}
std::string const two_rows = R"({"rows":[{"id":1},{"id":2}]})", one_row = R"({"rows":[{"id":3}]})",
                  no_rows = R"({"rows":[]})";
} // namespace

TEST(cursor_loops, claim_frames_row_by_row_until_a_claim_is_empty_C45) {
   simulator s(cursor_book("{max_rows: 2}"));
   s.news();
   s.complete("start");
   EXPECT_EQ(s.news(), "enter c, issue c");
   EXPECT_EQ(s.open[0].kind, "postgres");
   EXPECT_EQ(text_of(s.open[0].tool_config), R"({"auth":"pg","command":"LIMIT 2"})");
   EXPECT_EQ(text_of(*detail::member(&s.open[0].meta, "cursor")), R"({"frame":0,"phase":"claim","step":"c"})");
   EXPECT_NE(detail::member(&s.open[0].render_context, "ctx"), nullptr);
   s.complete("c", two_rows);
   EXPECT_EQ(s.news(), "issue c:0");
   EXPECT_EQ(text_of(*detail::member(&s.open[0].meta, "cursor")), R"({"frame":0,"phase":"body","row":0,"step":"c"})");
   EXPECT_EQ(text_of(s.open[0].tool_config), R"({"args":{"_index":0,"_total":2,"job":{"id":1}},"v":1})");
   s.complete("c");
   EXPECT_EQ(s.news(), "issue c:1");
   s.complete("c");
   EXPECT_EQ(s.news(), "issue c");
   EXPECT_EQ(text_of(*detail::member(&s.open[0].meta, "cursor")), R"({"frame":1,"phase":"claim","step":"c"})");
   s.complete("c", one_row);
   EXPECT_EQ(s.news(), "issue c:0");
   s.complete("c");
   s.news();
   s.complete("c", no_rows);
   EXPECT_EQ(s.news(), "exit c, enter end, issue end");
   s.complete("end");
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(cursor_loops, row_concurrency_is_a_window_C46) {
   simulator s(cursor_book("{max_rows: '{{ 3 }}', row_concurrency: 2}"));
   s.complete("start");
   s.news();
   s.complete("c", R"({"rows":[{"id":1},{"id":2},{"id":3}]})");
   EXPECT_EQ(s.news(), "issue c:0, issue c:1");
   s.complete("c");
   EXPECT_EQ(s.news(), "issue c:2");
   s.complete("c");
   EXPECT_EQ(s.news(), "");
}

TEST(cursor_loops, an_empty_first_claim_drains_C47) {
   simulator s(cursor_book("{}"));
   s.complete("start");
   s.news();
   s.complete("c", no_rows);
   EXPECT_EQ(s.news(), "exit c, enter end, issue end");
   EXPECT_EQ(text_of(*detail::member(&s.state.results, "c")), R"({"cursor":"drained","frames":0})");
}

TEST(cursor_loops, a_step_entered_again_starts_at_frame_0_C48) {
   simulator s(playbook_text(
       "- {step: start, tool: {kind: noop}, next: c}\n"
       "- {step: c, tool: {kind: noop}, loop: {iterator: job, cursor: {claim: x}, spec: {mode: cursor}}, next: check}\n"
       "- {step: check, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: {arcs: [{step: c, when: "
       "'n < 2'}, {step: end}]}}\n"
       "- {step: end, tool: {kind: noop}}\n"));
   s.complete("start");
   s.complete("c", no_rows);
   s.complete("check");
   EXPECT_EQ(text_of(*detail::member(&s.open[0].meta, "cursor", "frame")), "0");
   s.complete("c", one_row);
   s.complete("c");
   s.complete("c", no_rows);
   s.complete("check");
   s.complete("end");
   EXPECT_EQ(s.state.status(), run_status::completed);
}

TEST(loops, a_window_of_large_commands_is_issued_in_parts_and_all_of_it_runs) {
   auto const large = std::string(1 << 20, 'x');
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: each}\n"
                             "- {step: each, tool: {kind: noop}, loop: {in: '{{ range(40) | list }}', iterator: x, "
                             "spec: {mode: parallel}}, next: end}\n- {step: end, tool: {kind: noop}}\n",
                             "{text: " + large + "}"));
   s.complete("start");
   EXPECT_GE(s.issued["each"], 1);
   EXPECT_LT(s.issued["each"], 40) << "each command carries a megabyte of variables";
   EXPECT_LE(s.last.commands.size() * (1U << 20), 2 * detail::most_command_bytes);
   while (!s.open.empty()) s.complete(s.open.front().step);
   EXPECT_EQ(s.issued["each"], 40);
   EXPECT_EQ(s.issued["end"], 1);
   EXPECT_EQ(s.state.run, run_status::completed);
}

TEST(cursor_loops, a_claim_without_rows_fails_the_run) {
   simulator s(cursor_book("{}"));
   s.complete("start");
   s.complete("c", "{}");
   EXPECT_EQ(s.state.status(), run_status::failed);
}
