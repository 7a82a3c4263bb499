// Reading playbooks: orchestration.md section 1, cases C-02 to C-10.
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/playbook_parser.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "workflow/books.hpp"

using namespace noetl::workflow;
using detail::json_text;
using noetl::test::book;

namespace {

std::string const start = "- {step: start, tool: {kind: noop}}\n";

int status(std::string const& yaml) {
   auto const r = parse_playbook(yaml);
   return r ? 200 : r.error().status();
}
std::string message(std::string const& yaml) {
   auto const r = parse_playbook(yaml);
   return r ? "accepted" : r.error().message;
}
} // namespace

TEST(playbook_parser, header_must_match_exactly_C02) {
   EXPECT_EQ(message("apiVersion: noetl.io/v10\nkind: Playbook\nmetadata: {name: a}\nworkflow:\n" + start),
             "Unsupported API version: noetl.io/v10. Expected noetl.io/v2 (line 1, column 13)");
   EXPECT_EQ(status("apiVersion: noetl.io/v10\nkind: Playbook\nmetadata: {name: a}\nworkflow:\n" + start), 422);
   EXPECT_EQ(status("apiVersion: noetl.io/v2\nkind: playbook\nmetadata: {name: a}\nworkflow:\n" + start), 422);
   EXPECT_EQ(status("apiVersion: noetl.io/v2\nmetadata: {name: a}\nworkflow:\n" + start), 400);
   EXPECT_EQ(status("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {path: a}\nworkflow:\n" + start), 400);
   EXPECT_EQ(status("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: a}\n"), 400);
   EXPECT_EQ(status("[1, 2]"), 400);
   EXPECT_EQ(status(""), 400);
   EXPECT_EQ(status(book(start)), 200);
}

TEST(playbook_parser, start_is_required_names_are_unique_and_case_is_refused_C03) {
   EXPECT_EQ(status(book("- {step: a, tool: {kind: noop}}\n")), 422);
   EXPECT_EQ(message(book(start + start)), "step 'start': Duplicate step name, also in line 5 (line 6, column 3)");
   EXPECT_EQ(status(book(start + start)), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, case: []}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, case: []}\n")), 422); // before the shape
}

TEST(playbook_parser, shapes_are_bad_requests_C04) {
   for (std::string const& bad :
        {std::string("- {step: start}\n"), std::string("- {step: start, tool: {kind: agent}}\n"),
         std::string("- {step: start, tool: {kind: noop, input: {}, args: {}}}\n"),
         std::string("- {step: start, tool: {kind: http, headers: {n: 5}}}\n"),
         std::string("- {step: start, tool: {kind: noop}, loop: {in: [1, 2], iterator: x}}\n"),
         std::string("- {step: start, tool: {kind: http, url: 5}}\n"),
         std::string("- {step: start, tool: {kind: http, params: [1]}}\n"),
         std::string("- {step: start, tool: noop}\n"),
         std::string("- {step: start, tool: {kind: noop}, loop: {in: x, iterator: x, spec: {mode: other}}}\n"),
         std::string("- {step: start, tool: {kind: noop}, loop: {in: x, iterator: x, spec: {max_in_flight: two}}}\n"),
         std::string("- {step: start, tool: {kind: noop}, loop: {in: x}}\n"),
         std::string("- {step: start, tool: {kind: noop}, set: 5}\n"),
         std::string("- {step: start, tool: {kind: noop}, next: 5}\n"),
         std::string("- {step: start, tool: {kind: noop}, next: [start, {step: start}]}\n"),
         std::string("- {step: start, tool: {kind: noop}, next: {arcs: {step: a}}}\n"),
         std::string("- {step: start, tool: {kind: noop}, next: {arcs: [{when: a}]}}\n"),
         std::string("- {step: start, tool: [{name: a, kind: agent}]}\n"), std::string("- {step: start, tool: [5]}\n"),
         std::string("- 5\n")})
      EXPECT_EQ(status(book(bad)), 400) << bad;
}

TEST(playbook_parser, references_and_loops_are_checked_C05) {
   EXPECT_EQ(message(book("- {step: start, tool: {kind: noop}, next: nowhere}\n")),
             "step 'start': next: unknown step 'nowhere' (line 5, column 43)");
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, next: nowhere}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, next: end}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, loop: {iterator: x, spec: {mode: cursor}}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, loop: {iterator: x}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, loop: {in: '{{ a }}', iterator: ''}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: []}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: [{a: {kind: noop}, b: {kind: noop}}]}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop, eval: [{do: explode}]}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop, eval: [{expr: 'a { b', do: fail}]}}\n")), 422);
   EXPECT_EQ(status(book(
                 "- {step: start, tool: {kind: noop, eval: [{expr: '{{ a }}', do: fail}, {else: {do: continue}}]}}\n")),
             200);
}

TEST(playbook_parser, a_plain_true_is_a_condition_on_a_step_but_not_on_an_arc_C06) {
   EXPECT_EQ(status(book("- {step: start, when: true, tool: {kind: noop}}\n")), 200);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, next: {arcs: [{step: start, when: true}]}}\n")), 400);
   EXPECT_EQ(status(book("- {step: start, when: '', tool: {kind: noop}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, when: '{% if a %}b{% endif %}', tool: {kind: noop}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, when: 'x > 1', tool: {kind: noop}}\n")), 200);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, next: {arcs: [{step: start, when: 'a { b'}]}}\n")), 422);
}

TEST(playbook_parser, a_workbook_reference_becomes_the_item_C07) {
   auto const yaml = book("- {step: start, tool: {kind: workbook, name: fetch, input: {b: 9, c: 3}, url: dropped}}\n",
                          "workbook:\n- {name: fetch, tool: {kind: http, url: 5, input: {a: 1, b: 2}}}\n");
   auto const r = parse_playbook(yaml);
   ASSERT_TRUE(r) << r.error().message;
   EXPECT_EQ(r->workflow[0].tool.kind, "http");
   EXPECT_EQ(json_text(r->workflow[0].tool.config), R"({"args":{"a":1,"b":9,"c":3},"url":"5"})");
   EXPECT_EQ(message(book("- {step: start, tool: {kind: workbook, name: other}}\n",
                          "workbook:\n- {name: fetch, tool: {kind: http}}\n")),
             "step 'start': tool.name: unknown workbook item 'other'; available: fetch (line 7, column 46)");
   EXPECT_EQ(status(book("- {step: start, tool: {kind: workbook}}\n")), 422);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: workbook, name: x}}\n")), 422);
}

TEST(playbook_parser, workbook_references_cannot_multiply_bytes) {
   std::string steps = start;
   for (int i = 0; i < 40; ++i) steps += "- {step: s" + std::to_string(i) + ", tool: {kind: workbook, name: big}}\n";
   auto const item = "workbook:\n- {name: big, tool: {kind: python, code: '" + std::string(500'000, 'x') + "'}}\n";
   EXPECT_EQ(status(book(steps, item)), 422);
   EXPECT_NE(message(book(steps, item)).find("workbook items that steps refer to come to more than"),
             std::string::npos);
}

TEST(playbook_parser, unknown_keys_are_accepted_without_effect_C08) {
   auto const r = parse_playbook(book("- {step: start, tool: {kind: noop}, input: {a: 1}, retry: 3, next: {arcs: "
                                      "[{step: end, args: {x: 1}, cond: y}]}}\n- {step: end, tool: {kind: noop}}\n",
                                      "executor: {profile: x}\n"));
   ASSERT_TRUE(r) << r.error().message;
   EXPECT_TRUE(r->workflow[0].next.arcs[0].args.is_null());
}

TEST(playbook_parser, flat_and_nested_pipeline_items_have_one_wire_form_C09) {
   auto const r =
       parse_playbook(book("- step: start\n  tool:\n  - {name: pull, kind: http, args: {q: 1}, auth: ~, extra: ~}\n  - "
                           "shape: {kind: python, code: c, input: {z: 2}}\n  - {kind: noop}\n"));
   ASSERT_TRUE(r) << r.error().message;
   auto const& tool = r->workflow[0].tool;
   EXPECT_EQ(tool.kind, "task_sequence");
   EXPECT_EQ(
       json_text(tool.config),
       R"([{"pull":{"extra":null,"input":{"q":1},"kind":"http","name":"pull"}},{"shape":{"code":"c","input":{"z":2},"kind":"python"}},{"":{"kind":"noop"}}])");
}

TEST(playbook_parser, numbers_of_a_loop_may_be_templates_C10) {
   auto const r = parse_playbook(book("- {step: start, tool: {kind: noop}, loop: {in: '{{ xs }}', iterator: x, spec: "
                                      "{mode: parallel, max_in_flight: '{{ n }}'}}}\n"));
   ASSERT_TRUE(r) << r.error().message;
   EXPECT_EQ(r->workflow[0].loop->max_in_flight.get_string(), "{{ n }}");
}

TEST(playbook_parser, numbers_of_loops_and_frames_are_numbers_or_templates_L40) {
   auto const with = [](std::string const& spec) {
      return status(book("- {step: start, tool: {kind: noop}, loop: {in: x, iterator: x, spec: " + spec + "}}\n"));
   };
   for (auto const* good : {"{max_in_flight: 2}", "{max_in_flight: ~}", "{frame: {max_rows: '{{ n }}', process: x}}",
                            "{frame: {row_concurrency: 4, max_seconds: 1.5, max_bytes: '{{ b }}'}}"})
      EXPECT_EQ(with(good), 200) << good;
   for (auto const* bad :
        {"{max_in_flight: two}", "{max_in_flight: -1}", "{max_in_flight: 1.5}", "{max_in_flight: true}", "{frame: 5}",
         "{frame: {max_rows: x}}", "{frame: {row_concurrency: -1}}", "{frame: {max_seconds: soon}}",
         "{frame: {lease_seconds: [1]}}"})
      EXPECT_EQ(with(bad), 400) << bad;
}

TEST(playbook_parser, the_lenient_zone_takes_any_scalar_and_the_strict_zone_texts_only) {
   EXPECT_EQ(
       status(book("- {step: start, desc: 5, when: 1, spec: {next_mode: 7, timeout: 5}, tool: {kind: noop}, loop: "
                   "{in: 3, iterator: 5}}\n",
                   "keychain: [{name: 5, scope: true, map: {a: 1}, allowed_regions: [1], auto_renew: true}]\n"
                   "vars: {a: 1}\nworkload: 5\n")),
       200);
   EXPECT_EQ(
       status("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: 5, path: 7, labels: {a: 1, b: true, c: }}\n"
              "workflow:\n" +
              start),
       200);
   for (auto const* tool :
        {"code: 5", "url: true", "method: 1.5", "query: [a]", "connection: {a: 1}", "headers: {a: ~}", "headers: x",
         "params: '{{ x }}'", "eval: {do: fail}", "eval: [5]", "eval: [{do: 5}]", "eval: [{do: fail, expr: 5}]",
         "eval: [{else: 5}]", "eval: [{do: fail, set_vars: 5}]"})
      EXPECT_EQ(status(book("- {step: start, tool: {kind: noop, " + std::string(tool) + "}}\n")), 400) << tool;
   for (auto const* root :
        {"keychain: 5", "keychain: [5]", "keychain: [{scope: x}]", "keychain: [{name: x, auth: {a: 1}}]",
         "keychain: [{name: x, map: [1]}]", "keychain: [{name: x, auto_renew: yes}]",
         "keychain: [{name: x, allowed_regions: x}]", "vars: 5", "workbook: 5", "workbook: [5]",
         "workbook: [{tool: {kind: noop}}]", "workbook: [{name: a}]", "workbook: [{name: a, tool: []}]"})
      EXPECT_EQ(status(book(start, root + std::string("\n"))), 400) << root;
   for (auto const* next : {"5", "true", "[5]", "[[start]]", "{spec: 5}", "{spec: {mode: 5}}", "{arcs: [5]}",
                            "{arcs: [{step: 5}]}", "{arcs: [{step: start, set: 5}]}", "[{step: start, args: 5}]"})
      EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, next: " + std::string(next) + "}\n")), 400) << next;
}

TEST(playbook_parser, problems_are_told_in_the_order_of_the_reference) {
   // Each is told although the next one is there too (1.14).
   std::string const wrong = "apiVersion: x\nkind: y\nmetadata: {name: a}\nworkflow:\n";
   EXPECT_NE(message(wrong + "- {step: a, tool: 5, case: 1}\n").find("case"), std::string::npos);
   EXPECT_NE(message(wrong + "- {step: a, tool: 5}\n- {step: b, tool: {kind: workbook}}\n").find("tool: must be"),
             std::string::npos);
   EXPECT_NE(message(wrong + "- {step: b, tool: {kind: workbook}}\n").find("workbook"), std::string::npos);
   EXPECT_NE(message(wrong + "- {step: b, tool: []}\n").find("API version"), std::string::npos);
   auto const v2 = "apiVersion: noetl.io/v2\n" + wrong.substr(wrong.find("kind"));
   EXPECT_NE(message(v2 + "- {step: b, tool: []}\n").find("Unsupported kind"), std::string::npos);
   EXPECT_NE(message(book("- {step: b, tool: []}\n- {step: b, tool: []}\n")).find("'start'"), std::string::npos);
   std::string const last = ", loop: {in: 'a{', iterator: ''}, when: '', next: [{step: z, when: ''}]}\n";
   EXPECT_NE(message(book(start + "- {step: b, tool: []}\n- {step: b, tool: []}\n")).find("Duplicate"),
             std::string::npos);
   EXPECT_NE(message(book("- {step: start, tool: []" + last)).find("pipeline is empty"), std::string::npos);
   EXPECT_NE(message(book("- {step: start, tool: {kind: noop, eval: [{do: x}]}" + last)).find("eval"),
             std::string::npos);
   EXPECT_NE(message(book("- {step: start, tool: {kind: noop}" + last)).find("loop.in"), std::string::npos);
   EXPECT_NE(message(book("- {step: start, tool: {kind: noop}, when: '', next: z}\n")).find("when: is blank"),
             std::string::npos);
   EXPECT_EQ(status(book("- {step: start, tool: {kind: noop}, loop: {in: '[{\"a\": 1}]', iterator: i}}\n")), 200);
}

TEST(playbook_parser, all_kinds_of_tools_are_known) {
   for (auto const* kind :
        {"http",    "postgres",     "duckdb",    "ducklake", "python",    "playbook", "playbooks",
         "secrets", "iterator",     "container", "script",   "snowflake", "transfer", "snowflake_transfer",
         "gcs",     "gateway",      "nats",      "shell",    "artifact",  "noop",     "task_sequence",
         "rhai",    "subscription", "wasm"})
      EXPECT_EQ(status(book("- {step: start, tool: {kind: " + std::string(kind) + "}}\n")), 200) << kind;
   for (auto const* kind : {"agent", "mcp", "HTTP", "Python", "''", "5", "[http]"})
      EXPECT_EQ(status(book("- {step: start, tool: {kind: " + std::string(kind) + "}}\n")), 400) << kind;
   EXPECT_EQ(message(book("- {step: start, tool: {kind: pyhton}}\n")),
             "step 'start': tool.kind: unknown tool kind 'pyhton' (did you mean 'python'?) (line 5, column 30)");
}

TEST(playbook_parser, next_has_all_its_forms) {
   auto const read = [](std::string const& next) {
      auto r = parse_playbook(book("- {step: start, spec: {next_mode: Inclusive}, tool: {kind: noop}, next: " + next +
                                   "}\n- {step: b, tool: {kind: noop}}\n"));
      return r ? r->workflow[0].next : router{};
   };
   EXPECT_EQ(read("b").arcs.size(), 1u);
   EXPECT_EQ(read("[b, start]").arcs.size(), 2u);
   EXPECT_EQ(read("[b, start]").mode, route_mode::inclusive);
   EXPECT_EQ(read("[{step: b, when: x, args: {k: 1}}]").arcs[0].args.get_object().size(), 1u);
   EXPECT_EQ(read("{spec: {mode: EXCLUSIVE}, arcs: [{step: b, set: {a: 1}}]}").mode, route_mode::exclusive);
   EXPECT_EQ(read("{spec: {mode: whatever}, arcs: [{step: b}]}").mode, route_mode::exclusive);
   EXPECT_EQ(read("{arcs: [{step: b}]}").mode, route_mode::inclusive);
   EXPECT_EQ(read("~").arcs.size(), 0u);
   EXPECT_EQ(read("[]").arcs.size(), 0u);
   EXPECT_EQ(read("{step: b}").arcs.size(), 0u);
}

TEST(playbook_parser, the_graph_knows_upstreams_and_what_start_reaches) {
   auto const r = parse_playbook(book("- {step: start, tool: {kind: noop}, next: [a, a]}\n- {step: a, tool: {kind: "
                                      "noop}}\n- {step: ghost, tool: {kind: noop}, next: a}\n"));
   ASSERT_TRUE(r) << r.error().message;
   EXPECT_EQ(r->upstream[1], (std::vector<std::size_t>{0, 2}));
   EXPECT_TRUE(r->reachable[1]);
   EXPECT_FALSE(r->reachable[2]);
   EXPECT_EQ(r->path, "demo/a");
   EXPECT_EQ(r->find("a")->name, "a");
   EXPECT_EQ(r->find("x"), nullptr);
}
