// check_playbook(): everything that is wrong or doubtful at once, with places. L-12, L-13, L-20, L-21, C-08.
#include <noetl/workflow/document_report.hpp>
#include <noetl/workflow/playbook_parser.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "workflow/books.hpp"

using namespace noetl::workflow;
using noetl::test::book;

namespace {

std::string const good = "- {step: start, tool: {kind: noop}, next: end}\n- {step: end, tool: {kind: noop}}\n";

std::string place(document_finding const& f) {
   return f.line ? std::to_string(*f.line) + ":" + std::to_string(*f.column) : "-";
}
/// `step|key|message` of each.
std::vector<std::string> lines(std::vector<document_finding> const& all) {
   std::vector<std::string> out;
   for (auto const& f : all) out.push_back(f.step.value_or("") + "|" + f.key.value_or("") + "|" + f.message);
   return out;
}
std::string errors(std::string const& yaml) {
   std::string out;
   for (auto const& one : check_playbook(yaml).errors) out += place(one) + " " + one.message + "\n";
   return out;
}
std::string warnings(std::string const& yaml) {
   auto const report = check_playbook(yaml);
   std::string out;
   for (auto const& one : report.errors) out += "error: " + one.message + "\n";
   for (auto const& one : report.warnings) out += one.message + "\n";
   return out;
}
/// Warnings of a step `start` with these further members, before `end`.
std::string of_step(std::string const& members, std::string const& head = "") {
   return warnings(
       book("- {step: start, tool: {kind: noop}, " + members + "}\n- {step: end, tool: {kind: noop}}\n", head));
}

} // namespace

TEST(playbook_report, a_good_playbook_has_no_findings) {
   auto const report = check_playbook(book(good));
   EXPECT_TRUE(report.valid);
   EXPECT_EQ(lines(report.errors), std::vector<std::string>{});
   EXPECT_EQ(lines(report.warnings), std::vector<std::string>{});
}

TEST(playbook_report, all_errors_are_listed_with_step_key_line_and_column) {
   EXPECT_EQ(errors("apiVersion: noetl.io/v1\n"
                    "kind: playbook\n"
                    "metadata: {path: a}\n"
                    "workflow:\n"
                    "- step: start\n"
                    "  tool: {kind: agent}\n"
                    "  loop: {in: [1], iterator: x}\n"
                    "  next:\n"
                    "    arcs:\n"
                    "    - {step: nowhere, when: '{% if a %}'}\n"
                    "- step: b\n"
                    "  tool: {kind: http, url: 5}\n"
                    "  set: 7\n"
                    "- {tool: {kind: noop}}\n"
                    "- {step: b, tool: []}\n"),
             "3:11 metadata.name: is missing\n"
             "6:16 step 'start': tool.kind: unknown tool kind 'agent'\n"
             "7:14 step 'start': loop.in: must be a string\n"
             "13:8 step 'b': set: must be a mapping\n"
             "12:27 step 'b': tool.url: must be a string\n"
             "14:3 workflow[2].step: is missing\n"
             "1:13 Unsupported API version: noetl.io/v1. Expected noetl.io/v2\n"
             "2:7 Unsupported kind: playbook. Expected Playbook\n"
             "15:3 step 'b': Duplicate step name, also in line 11\n"
             "10:14 step 'start': next: unknown step 'nowhere'\n"
             "10:29 step 'start': next, arc to 'nowhere', when: bad condition '{% if a %}': '{' without '{{'\n"
             "15:19 step 'b': tool: the pipeline is empty\n");
}

TEST(playbook_report, the_first_error_is_the_one_that_parsing_gives) {
   for (std::string const& yaml :
        {book("- {step: start}\n- {step: start, tool: {kind: noop}, case: 1}\n"), book("- {step: a, tool: []}\n"),
         book("- {step: start, tool: [], loop: {iterator: '', in: x}, when: ''}\n"), std::string("a: [1"),
         std::string("- 1"), std::string(), book("- {step: start, tool: {kind: noop}, next: nowhere}\n"),
         book("- {step: start, tool: {kind: workbook, name: x}}\n", "kind2: 1\n")}) {
      auto const report = check_playbook(yaml);
      auto const parsed = parse_playbook(yaml);
      ASSERT_FALSE(report.valid) << yaml;
      ASSERT_FALSE(parsed) << yaml;
      EXPECT_TRUE(parsed.error().message.starts_with(report.errors[0].message))
          << parsed.error().message << " / " << report.errors[0].message;
   }
}

TEST(playbook_report, what_is_no_yaml_is_one_error) {
   EXPECT_EQ(errors("a: 1\nb: [1, 2\nc: 3"), errors("a: 1\nb: [1, 2\nc: 3").substr(0, 200));
   EXPECT_EQ(check_playbook("a: 1\na: 2").errors.size(), 1U);
   EXPECT_EQ(errors("a: 1\na: 2"), "2:1 YAML: duplicate key 'a'\n");
   EXPECT_EQ(errors("[1]"), "1:1 a playbook must be a YAML mapping\n");
   EXPECT_EQ(errors(""), "- a playbook must be a YAML mapping\n");
}

TEST(playbook_report, unknown_keys_are_named_with_the_nearest_known_one_C08) {
   EXPECT_EQ(
       warnings(book("- {step: start, tol: 1, tool: {kind: noop, whatever: 1}, spec: {next_mod: x}, next: {arc: [], "
                     "spec: {mdoe: x}, arcs: [{step: end, whn: x, args: {}}]}, loop: {in: '{{ a }}', iterator: q, "
                     "iter: 1, spec: {max_inflight: 2}}}\n- {step: end, tool: {kind: noop}}\n",
                     "worklod: {}\nx-anchors: 1\n")),
       "worklod: unknown key, has no effect (did you mean 'workload'?)\n"
       "step 'start': tol: unknown key, has no effect (did you mean 'tool'?)\n"
       "step 'start': spec.next_mod: unknown key, has no effect (did you mean 'next_mode'?)\n"
       "step 'start': loop.iter: unknown key, has no effect\n"
       "step 'start': loop.spec.max_inflight: unknown key, has no effect (did you mean 'max_in_flight'?)\n"
       "step 'start': next.arc: unknown key, has no effect (did you mean 'arcs'?)\n"
       "step 'start': next.spec.mdoe: unknown key, has no effect (did you mean 'mode'?)\n"
       "step 'start': next.arcs[0].whn: unknown key, has no effect (did you mean 'when'?)\n"
       "step 'start': next.arcs[0].args: has no effect\n");
}

TEST(playbook_report, keys_that_nobody_reads_are_named_L20_L21) {
   EXPECT_EQ(
       of_step("input: {a: 1}, output: x, retry: 3, vars: {a: 1}, spec: {timeout: 5, on_error: fail, policy: {admit: "
               "x}}, next: end",
               "executor: {profile: x}\nvars: {a: 1}\nworkload: 5\n"),
       "executor: has no effect\n"
       "vars: has no effect; use 'workload'\n"
       "workload: only a mapping has an effect\n"
       "step 'start': input: has no effect\n"
       "step 'start': output: has no effect\n"
       "step 'start': retry: has no effect\n"
       "step 'start': spec.timeout: has no effect\n"
       "step 'start': spec.on_error: has no effect\n"
       "step 'start': spec.policy: has no effect\n"
       "step 'start': vars: has no effect; use 'set'\n");
}

TEST(playbook_report, zero_arcs_are_pointed_out_L12) {
   EXPECT_EQ(
       of_step("next: {step: end}"),
       "step 'start': next: 'next: {step: end}' has no arcs, the step is a leaf; write 'next: end' or 'next: {arcs: "
       "[...]}'\n"
       "step 'start': next.step: has no effect\n"
       "step 'start': next: has no arcs: the step is a leaf\n"
       "step 'start': has no way on: a run that ends here does not go through 'end'\n"
       "step 'end': is not reachable from 'start'\n"
       "workflow: no way leads from 'start' to 'end'\n");
   EXPECT_NE(of_step("next: []").find("next: has no arcs"), std::string::npos);
   EXPECT_NE(of_step("next: {arcs: []}").find("next: has no arcs"), std::string::npos);
}

TEST(playbook_report, ways_that_miss_the_end_are_pointed_out_L13) {
   EXPECT_EQ(warnings(book("- {step: start, tool: {kind: noop}}\n")),
             "workflow: no step 'end': the run ends when nothing is left to do\n");
   EXPECT_EQ(warnings(book("- {step: start, tool: {kind: noop}, next: [a, end]}\n- {step: a, tool: {kind: noop}}\n"
                           "- {step: end, tool: {kind: noop}}\n- {step: ghost, tool: {kind: noop}, next: end}\n")),
             "step 'a': has no way on: a run that ends here does not go through 'end'\n"
             "step 'ghost': is not reachable from 'start'\n");
}

TEST(playbook_report, arcs_that_are_never_taken_and_modes_that_are_none) {
   EXPECT_EQ(of_step("next: {spec: {mode: some}, arcs: [{step: end}, {step: start, when: x}]}"),
             "step 'start': next.spec.mode: unknown mode 'some' counts as exclusive\n"
             "step 'start': next.arcs[1]: is never taken: an earlier arc without 'when' always matches first\n");
   EXPECT_EQ(of_step("next: {spec: {mode: Inclusive}, arcs: [{step: end}, {step: start, when: x}]}"), "");
   EXPECT_EQ(of_step("when: x, next: end"), "step 'start': when: is not evaluated for 'start'\n");
}

TEST(playbook_report, labels_and_policies_of_pipelines_are_checked) {
   EXPECT_EQ(
       warnings(book("- step: start\n"
                     "  next: end\n"
                     "  tool:\n"
                     "  - {name: a, kind: noop, spec: {policy: {rule: 1, rules: [{whne: x, then: {do: rety}}, "
                     "{then: {do: jump, to: b}}, {else: {then: {do: jump}}}, {when: x}]}}}\n"
                     "  - a: {kind: noop}\n"
                     "  - {kind: noop, eval: [{do: fail}]}\n"
                     "- {step: end, tool: {kind: noop}}\n")),
       "step 'start': tool[1].a: two tasks have the label 'a'\n"
       "step 'start': tool[2].eval: has no effect; use spec.policy.rules of a pipeline task\n"
       "step 'start': tool[2]: a pipeline task without name: later tasks cannot read its result\n"
       "step 'start': tool[0].spec.policy.rule: unknown key, has no effect (did you mean 'rules'?)\n"
       "step 'start': tool[0].spec.policy.rules[0].whne: unknown key, has no effect (did you mean 'when'?)\n"
       "step 'start': tool[0].spec.policy.rules[0].then.do: unknown action 'rety' counts as continue (did you mean "
       "'retry'?)\n"
       "step 'start': tool[0].spec.policy.rules[1].then.to: no task has the label 'b' (did you mean 'a'?)\n"
       "step 'start': tool[0].spec.policy.rules[2].then.to: jump needs the label of a task\n"
       "step 'start': tool[0].spec.policy.rules[3]: a rule without 'then' means continue\n");
}

TEST(playbook_report, names_and_keys_of_loops_that_clash_or_do_nothing) {
   EXPECT_EQ(of_step("next: end, loop: {in: '{{ a }}', iterator: end, mode: parallel, spec: {max_in_flight: 2, frame: "
                     "{max_rows: 1}}, cursor: {claim: x}}"),
             "step 'start': loop.mode: has no effect\n"
             "step 'start': loop.iterator: 'end' is also the name of a step, which it hides\n"
             "step 'start': loop.spec.max_in_flight: has no effect unless loop.spec.mode is parallel\n"
             "step 'start': loop.spec.frame: has no effect unless loop.spec.mode is cursor\n"
             "step 'start': loop.cursor: has no effect unless loop.spec.mode is cursor\n");
   EXPECT_EQ(of_step("next: end, loop: {in: '{{ a }}', iterator: a}", "workload: {a: 1}\n"),
             "step 'start': loop.iterator: 'a' is also a key of workload, which it hides\n");
   EXPECT_EQ(of_step("next: end, loop: {in: x, iterator: workload, spec: {mode: cursor}, cursor: {claim: x}}"),
             "step 'start': loop.iterator: 'workload' is also a name of the context, which it hides\n"
             "step 'start': loop.in: has no effect when loop.spec.mode is cursor\n");
}

TEST(playbook_report, syntax_errors_of_templates_are_found_where_they_stand) {
   auto const found = check_playbook(book("- step: start\n"
                                          "  tool:\n"
                                          "    kind: http\n"
                                          "    url: '{{ a ! }}'\n"
                                          "    params: {'{{ k + }}': [1, '{{ b | }}', '{% if %}{% endif %}']}\n"
                                          "  set: {x: '{{ c d }}'}\n"
                                          "  loop: {in: '{{ a + }}', iterator: i, spec: {max_in_flight: '{{ ( }}'}}\n"
                                          "  next: [{step: end, when: 'x ==' }]\n"
                                          "- {step: end, when: '{{ x', tool: {kind: noop}}\n"))
                          .warnings;
   std::vector<std::string> where;
   for (auto const& f : found) where.push_back(place(f) + " " + f.key.value_or(""));
   EXPECT_EQ(where, (std::vector<std::string>{"11:62 loop.spec.max_in_flight", "10:12 set.x", "11:14 loop.in",
                                              "11:62 loop.spec.max_in_flight", "8:10 tool.url",
                                              "9:14 tool.params.{{ k + }}", "9:31 tool.params.{{ k + }}[1]",
                                              "9:44 tool.params.{{ k + }}[2]", "12:28 next[0].when", "13:21 when"}))
       << warnings(book(""));
   EXPECT_EQ(of_step("next: end, loop: {in: 'a, b', iterator: x}"), "");
   EXPECT_NE(found[1].message.find("Template render error"), std::string::npos) << found[1].message;
}

TEST(playbook_report, merge_keys_are_pointed_out) {
   EXPECT_EQ(of_step("next: end", "x-a: &a {b: 1}\nworkload: {<<: *a}\n"), "<<: merge keys are not expanded\n");
}

TEST(playbook_report, lists_of_findings_and_texts_in_them_are_bounded) {
   std::string steps = "- {step: start, tool: {kind: noop}, next: end}\n- {step: end, tool: {kind: noop}}\n";
   for (int i = 0; i < 500; ++i) steps += "- {step: s" + std::to_string(i) + ", tool: 5, next: nowhere}\n";
   auto const report = check_playbook(book(steps));
   EXPECT_EQ(report.errors.size(), max_findings + 1);
   EXPECT_EQ(report.warnings.size(), max_findings + 1);
   EXPECT_EQ(report.errors.back().message, "there are more; only the first 100 are listed");
   auto const name = std::string(100'000, 'x');
   for (auto const& f :
        check_playbook(book("- {step: " + name + ", tool: {kind: " + name + "}, next: " + name + "y}\n")).errors)
      EXPECT_LT(f.message.size(), 400U);
}
