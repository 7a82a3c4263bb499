// Variables of a run and commands rendered from them: orchestration.md sections 1.7, 1.8 and 2.7, cases by number.
#include "simulator.hpp"

#include <gtest/gtest.h>

using namespace noetl::workflow;
using noetl::workflow::testing::arcs;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using noetl::workflow::testing::step_text;
using noetl::workflow::testing::text_of;

TEST(decide_context, the_start_step_sees_the_execution_id_C18_L30) {
   simulator s(playbook_text(
       "- {step: start, tool: {kind: noop, e: 'x{{ execution_id }}', c: 'x{{ catalog_id }}', p: '{{ path }}'}}\n"));
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"c":"x5","e":"x7001","p":"demo/path"})");
}

TEST(decide_context, step_data_and_context_have_their_three_names_C14) {
   simulator s(playbook_text(step_text("start", "next: a, set: {ctx.v: 4}") +
                                 "- {step: a, tool: {kind: noop, a: '{{ start.l.f }}{{ start.data.f }}{{ start.f }}', "
                                 "b: '{{ steps.start.context.result.status }}', c: '{{ v }}{{ ctx.v }}{{ ctx.w }}{{ "
                                 "workload.w }}{{ w }}'}}\n",
                             "{w: 7}"));
   s.complete("start", R"({"l":{"f":1}})");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"a":111,"b":"success","c":44777})");
}

TEST(decide_context, an_arc_set_reaches_its_target_and_later_steps_and_sees_output_C44_L24_L25) {
   simulator s(playbook_text(
       step_text("start", arcs("{step: a, set: {ctx.k: '{{ output.v + 1 }}'}}")) +
       "- {step: a, tool: {kind: noop, k: '{{ k }}'}, next: b}\n- {step: b, tool: {kind: noop, k: '{{ k }}'}}\n"));
   s.complete("start", R"({"v":1})");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"k":2})");
   s.complete("a");
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"k":2})");
   EXPECT_EQ(s.traced(), "issue start, set {\"k\":2}, enter a, issue a, enter b, issue b");
}

TEST(decide_context, context_updates_of_the_worker_are_kept_once_and_before_the_steps_set_L36) {
   simulator s(playbook_text(step_text("start", "set: {ctx.b: '{{ a }}'}, next: e") +
                             step_text("e", "set: {ctx.a: 9}, next: f") + step_text("f")));
   s.complete("start", R"({"_context_updates":{"ctx.a":5}})");
   s.complete("e");
   s.complete("f");
   EXPECT_EQ(s.traced(),
             "issue start, set {\"a\":5,\"b\":5}, enter e, issue e, set {\"a\":9}, enter f, issue f, end COMPLETED");
   EXPECT_EQ(text_of(s.state.ctx), R"({"a":9,"b":5})");
}

TEST(decide_context, a_set_that_cannot_be_rendered_is_kept_as_written_with_a_warning) {
   simulator s(playbook_text(step_text("start", "set: {ctx.b: \"{{ '' | int }}\"}, next: e") + step_text("e")));
   s.complete("start");
   EXPECT_EQ(text_of(s.state.ctx), R"({"b":"{{ '' | int }}"})");
   ASSERT_EQ(s.last.warnings.size(), 1u);
}

TEST(decide_context, event_is_known_under_its_old_name_too_L29) {
   simulator s(playbook_text(step_text("start", arcs("{step: a, when: \"event.name == 'call.done'\"}, {step: b}")) +
                             step_text("a", arcs("{step: b, when: \"event.name == 'step.done'\"}")) + step_text("b")));
   s.run();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a, enter b, issue b, end COMPLETED");
}

TEST(decide_context, set_and_spec_of_a_single_tool_wait_for_the_worker_L23) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop, set: {ctx.a: '{{ output.x }}'}, spec: {policy: "
                             "{rules: [{when: '{{ output.y }}'}]}}, url: '{{ w }}'}}\n",
                             "{w: u}"));
   EXPECT_EQ(
       text_of(s.open.front().tool_config),
       R"x({"set":{"ctx.a":"{{ output.x }}"},"spec":{"policy":{"rules":[{"when":"{{ output.y }}"}]}},"url":"u"})x");
}

TEST(decide_context, a_pipeline_renders_what_is_known_and_leaves_the_rest_to_the_worker_C09_L22) {
   simulator s(playbook_text("- step: start\n  tool:\n    - {name: pull, kind: http, url: '{{ base }}/x', args: {q: "
                             "'{{ base }}'}, set: {ctx.page: '{{ output.data }}'}}\n"
                             "    - shape: {kind: python, code: '{{ pull.data }}', params: {p: '{{ page }}', b: '{{ "
                             "base }}'}, command: '{{ base }}', spec: {x: '{{ base }}'}}\n",
                             "{base: h, page: 0}"));
   EXPECT_EQ(s.open.front().kind, "task_sequence");
   EXPECT_EQ(
       text_of(s.open.front().tool_config),
       R"x([{"pull":{"input":{"q":"{{ base }}"},"kind":"http","name":"pull","set":{"ctx.page":"{{ output.data }}"},"url":"h/x"}},)x"
       R"x({"shape":{"code":"{{ pull.data }}","command":"{{ base }}","kind":"python","params":{"b":"h","p":"{{ page }}"},"spec":{"x":"{{ base }}"}}}])x");
}

TEST(decide_context, keychain_templates_are_left_to_the_worker_L31) {
   simulator s(playbook_text("- {step: start, tool: {kind: http, headers: {a: 'Bearer {{ keychain.t.token }}'}}}\n"));
   EXPECT_EQ(text_of(s.open.front().tool_config), R"x({"headers":{"a":"Bearer {{ keychain.t.token }}"}})x");
}

TEST(decide_context, untemplated_texts_stay_as_written_L28) {
   simulator s(playbook_text("- {step: start, args: {raw: '{{ n }}'}, tool: {kind: noop, a: '007', b: '', c: '1e3', d: "
                             "'{{ n }}', e: '{{ s }}'}}\n",
                             "{n: 3, s: '007'}"));
   EXPECT_EQ(text_of(s.open.front().tool_config), R"({"a":"007","b":"","c":"1e3","d":3,"e":7})");
   EXPECT_EQ(text_of(s.open.front().args), R"x({"raw":"{{ n }}"})x");
}
