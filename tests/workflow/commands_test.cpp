// Rows of commands: http-execution.md sections 7 and 8, W30.
#include <noetl/workflow/commands.hpp>

#include <string>

#include <gtest/gtest.h>

using namespace noetl::workflow;

namespace {
planned_command fetch() {
   planned_command c;
   c.step = "fetch";
   c.tool_kind = "http";
   c.tool_config = noetl::raw_json(R"({"url":"u"})");
   c.render_context = noetl::raw_json(R"({"a":1})");
   return c;
}
run_identity run() {
   run_identity r;
   r.execution = noetl::execution_id(7001);
   r.catalog = noetl::catalog_id(5);
   return r;
}
} // namespace

TEST(commands, a_pool_that_an_older_server_let_in_does_not_stop_an_execution) {
   EXPECT_EQ(stored_command_pool("gpu", "a/b"), "gpu");
   EXPECT_EQ(stored_command_pool("two words", "a/b"), "shared");
   EXPECT_EQ(stored_command_pool("two.words", "system/a"), "system");
   EXPECT_FALSE(command_pool("two words", "a/b")) << "a new one is refused";
}

TEST(commands, ids_follow_7_2) {
   auto c = fetch();
   EXPECT_EQ(command_id_text(noetl::execution_id(7001), c, noetl::event_id(9001)), "7001:fetch:9001");
   c.iteration = planned_iteration{3, 5, "x"};
   EXPECT_EQ(command_id_text(noetl::execution_id(7001), c, noetl::event_id(9001)), "7001:fetch:9001:i3");
}

TEST(commands, bodies_follow_7_1) {
   auto c = fetch();
   EXPECT_EQ(command_context(c).text, R"({"args":{},"render_context":{"a":1},"tool_config":{"url":"u"}})");
   EXPECT_EQ(
       command_meta(c, run(), noetl::event_id(9001)).text,
       R"({"actionable":true,"attempt":1,"catalog_id":"5","command_id":"7001:fetch:9001","execution_id":"7001","max_attempts":3,"step":"fetch","tool_kind":"http"})");
   c.iteration = planned_iteration{0, 2, "x"};
   c.cursor = noetl::raw_json(R"({"phase":"body"})");
   auto r = run();
   r.trace = noetl::raw_json(R"({"traceparent":"t"})");
   EXPECT_EQ(
       command_meta(c, r, noetl::event_id(9001), 2).text,
       R"({"actionable":true,"attempt":2,"catalog_id":"5","command_id":"7001:fetch:9001:i0","cursor":{"phase":"body"},"execution_id":"7001","item_var":"x","iteration_index":0,)"
       R"("iteration_total":2,"iterator_step":"fetch","max_attempts":3,"step":"fetch","tool_kind":"http","trace":{"traceparent":"t"}})");
}

TEST(commands, an_issued_row_carries_node_kind_and_parent) {
   auto const e = to_event(fetch(), run(), noetl::event_id(9001), noetl::event_id(8), {});
   EXPECT_EQ(e.event_type, "command.issued");
   EXPECT_EQ(e.node_id, "fetch");
   EXPECT_EQ(e.node_name, "fetch");
   EXPECT_EQ(e.node_type, "http");
   EXPECT_EQ(e.status, "PENDING");
   EXPECT_EQ(e.parent_event_id, noetl::event_id(8));
   EXPECT_EQ(e.catalog_id, noetl::catalog_id(5));
}

TEST(commands, the_notification_follows_8) {
   EXPECT_EQ(
       command_notification(fetch(), run(), noetl::event_id(9001), "http://s", "shared").text,
       R"({"execution_id":7001,"event_id":9001,"command_id":"7001:fetch:9001","step":"fetch","server_url":"http://s","execution_pool":"shared"})");
   EXPECT_EQ(command_subject("shared", noetl::execution_id(7001)), "noetl.commands.shared.7001");
}

TEST(commands, the_pool_is_chosen_by_request_then_path_then_shared_C60_W30) {
   EXPECT_EQ(*command_pool("gpu-1", "system/x"), "gpu-1");
   EXPECT_EQ(*command_pool("", "system/x"), "system");
   EXPECT_EQ(*command_pool(std::nullopt, "system/x"), "system");
   EXPECT_EQ(*command_pool(std::nullopt, "subscription/x"), "subscription");
   EXPECT_EQ(*command_pool(std::nullopt, "systems/x"), "shared");
   EXPECT_EQ(*command_pool(std::nullopt, std::nullopt), "shared");
   for (std::string const& bad : {std::string("a.b"), std::string("*"), std::string(">"), std::string("a b"),
                                  std::string("a\r\nb"), std::string(129, 'a')}) {
      auto const r = command_pool(bad, std::nullopt);
      ASSERT_FALSE(r) << bad;
      EXPECT_EQ(r.error().code, noetl::error_code::validation);
   }
}

TEST(commands, ends_are_playbook_events) {
   auto const good = to_event(planned_end{}, run(), noetl::event_id(1), std::nullopt, {});
   EXPECT_EQ(good.event_type, "playbook.completed");
   EXPECT_EQ(good.result.text, R"({"status":"COMPLETED"})");
   EXPECT_EQ(good.meta.text, R"({"emitted_by":"orchestrator","status":"COMPLETED"})");
   planned_end end;
   end.status = run_status::failed;
   end.error = "Orchestrator evaluate failed: x";
   end.evaluate_error = true;
   auto const bad = to_event(end, run(), noetl::event_id(1), std::nullopt, {});
   EXPECT_EQ(bad.event_type, "playbook.failed");
   EXPECT_EQ(bad.error, "Orchestrator evaluate failed: x");
   EXPECT_EQ(bad.result.text, R"({"status":"FAILED","context":{"error":"Orchestrator evaluate failed: x"}})");
   EXPECT_EQ(
       bad.meta.text,
       R"({"emitted_by":"orchestrator","error":"Orchestrator evaluate failed: x","reason":"evaluate_error","status":"FAILED"})");
}
