// Ending executions from outside: cancel, cancellation-check, finalize. http-execution.md 13.4 to 13.6.
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct cancelling : contract {
   static reply cancel(std::string const& execution, std::string const& body = "{}") {
      return server().post("/api/executions/" + execution + "/cancel", body);
   }
   static reply finalize(std::string const& execution, std::string const& body) {
      return server().post("/api/executions/" + execution + "/finalize", body);
   }
   static std::string status(std::string const& execution) {
      return server().get("/api/executions/" + execution + "/status").at("status").get_string();
   }
   static std::string ends(std::string const& execution) {
      return server().cell("select coalesce(string_agg(event_type, ',' order by stream_version), '') from noetl.event"
                           " where (event_type like 'playbook%' or event_type like 'execution.%')"
                           " and event_type <> 'playbook_started' and execution_id = " +
                           execution);
   }
   static std::string open_commands(std::string const& execution) {
      return server().cell("select count(*) from noetl.command where execution_id = " + execution +
                           " and status in ('PENDING', 'CLAIMED', 'RUNNING')");
   }
   static std::string start_of(std::string const& path, std::string const& parent) {
      return execute(server(), path, R"(,"parent_execution_id":)" + parent);
   }
   // 422 with `error`, which everybody reads, and `message`, which the command line reads.
   static testing::AssertionResult is_refusal(reply const& got, std::string const& why) {
      if (got.status != 422 || shape(got.value) != "{error:string,message:string,status:integer}" ||
          got.at("error").get_string() != why || got.at("message").get_string() != why)
         return testing::AssertionFailure() << got.status << " " << got.body;
      return testing::AssertionSuccess();
   }
};

} // namespace

TEST_F(cancelling, W5_a_cancelled_execution_is_over_and_none_of_its_commands_can_be_claimed) {
   auto const execution = start_linear(server());
   auto const id = issued(server(), execution, "start");
   auto const got = cancel(execution, R"({"cascade":false,"reason":"not needed"})");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{cancelled_executions:array,execution_id:integer,message:string,status:string}");
   EXPECT_EQ(number(got.at("execution_id")), execution);
   EXPECT_EQ(got.at("status").get_string(), "cancelled");
   EXPECT_EQ(got.at("message").get_string(), "Execution cancellation requested");
   EXPECT_EQ(text(got.at("cancelled_executions")), "[\"" + execution + "\"]");
   EXPECT_EQ(ends(execution), "playbook_cancelled");
   EXPECT_EQ(server().cell("select concat_ws(',', node_id, node_name, status, meta->>'reason') from noetl.event"
                           " where event_type = 'playbook_cancelled' and execution_id = " +
                           execution),
             "playbook,playbook,CANCELLED,not needed");
   EXPECT_TRUE(is_error(claim(server(), id), 409, "Execution has been cancelled"));
   EXPECT_EQ(server().cell("select concat_ws(',', status, completed_at is not null) from noetl.command"
                           " where event_id = " +
                           id),
             "CANCELLED,t");
   EXPECT_EQ(server().cell("select status from noetl.outbox where event_id = " + id), "PUBLISHED");
   EXPECT_EQ(status(execution), "CANCELLED");
   auto const view = server().get("/api/executions/" + execution + "/status");
   EXPECT_EQ(text(view.at("is_cancelled")), "true");
   EXPECT_EQ(text(view.at("completed")), "true");
   EXPECT_EQ(text(view.at("failed")), "true") << "or the command line says COMPLETED";
   EXPECT_EQ(view.at("error").get_string(), "Execution cancelled: not needed");
}

TEST_F(cancelling, W5_140_a_worker_that_goes_on_may_report_and_starts_nothing_more) {
   auto const execution = start_linear(server());
   auto const id = issued(server(), execution, "start");
   auto const name = about(command_id(execution, "start", id));
   ASSERT_EQ(claim(server(), id).status, 200U);
   ASSERT_EQ(cancel(execution).status, 200U);
   EXPECT_TRUE(is_error(claim(server(), id), 409, "Execution has been cancelled")) << "not even to its owner";
   EXPECT_EQ(send(server(), {execution, "command.started", "start", "STARTED", name + "}"}).status, 200U);
   EXPECT_EQ(send(server(), {execution, "command.completed", "start", "success", name + "}"}).status, 200U);
   // What a decision would have led to has had its time once a later execution has come to its end.
   auto const other = start_linear(server());
   work(server(), other, "start");
   work(server(), other, "end");
   ASSERT_EQ(ending(server(), other), "COMPLETED");
   EXPECT_EQ(ends(execution), "playbook_cancelled");
   EXPECT_EQ(status(execution), "CANCELLED");
   EXPECT_EQ(server().cell("select count(*) from noetl.command where execution_id = " + execution), "1");
   EXPECT_EQ(open_commands(execution), "0");
}

TEST_F(cancelling, without_a_body_or_with_an_empty_one_it_works_too) {
   auto const first = start_linear(server());
   EXPECT_EQ(server().send({"POST", "/api/executions/" + first + "/cancel"}).status, 200U);
   auto const second = start_linear(server());
   EXPECT_EQ(cancel(second, "").status, 200U);
   EXPECT_EQ(status(first), "CANCELLED");
   EXPECT_EQ(status(second), "CANCELLED");
   auto const third = start_linear(server());
   EXPECT_TRUE(is_error(cancel(third, "{"), 400, ""));
   EXPECT_TRUE(is_error(cancel(third, R"({"cascade":1})"), 422, "cascade"));
   EXPECT_TRUE(is_error(server().send({"POST", "/api/executions/" + third + "/cancel", "{}", "text/plain"}), 415, ""));
   EXPECT_EQ(status(third), "RUNNING");
}

TEST_F(cancelling, a_repeat_is_answered_alike_and_writes_nothing) {
   auto const execution = start_linear(server());
   ASSERT_EQ(cancel(execution).status, 200U);
   auto const again = cancel(execution);
   EXPECT_EQ(again.status, 200U) << again.body;
   EXPECT_EQ(again.at("status").get_string(), "cancelled");
   EXPECT_EQ(text(again.at("cancelled_executions")), "[]");
   EXPECT_EQ(ends(execution), "playbook_cancelled");
}

TEST_F(cancelling, what_has_ended_otherwise_is_refused_with_error_and_message) {
   auto const done = start_linear(server());
   work(server(), done, "start");
   work(server(), done, "end");
   ASSERT_EQ(ending(server(), done), "COMPLETED");
   EXPECT_TRUE(is_refusal(cancel(done), "Cannot cancel execution in COMPLETED state"));
   auto const failed = start_linear(server());
   ASSERT_EQ(finalize(failed, R"({"status":"FAILED"})").status, 200U);
   EXPECT_TRUE(is_refusal(cancel(failed), "Cannot cancel execution in FAILED state"));
   EXPECT_EQ(ends(done), "playbook.completed");
}

TEST_F(cancelling, what_is_no_execution_answers_404) {
   EXPECT_TRUE(is_error(cancel("321"), 404, "Execution not found: 321"));
   EXPECT_TRUE(is_error(finalize("321", R"({"status":"FAILED"})"), 404, "Execution not found: 321"));
   EXPECT_TRUE(is_error(cancel("x"), 400, "execution_id"));
   auto const check = server().get("/api/executions/321/cancellation-check");
   EXPECT_EQ(check.status, 200U);
   EXPECT_EQ(check.body, R"({"execution_id":321,"is_cancelled":false,"cancelled":false})");
   EXPECT_TRUE(is_error(server().get("/api/executions/x/cancellation-check"), 400, "execution_id"));
}

TEST_F(cancelling, a_cascade_reaches_descendants_past_those_that_have_ended) {
   auto const path = fresh("cancel/tree");
   enroll(server(), linear(path));
   auto const root = execute(server(), path);
   auto const child = start_of(path, root);
   auto const ended = start_of(path, root);
   auto const grandchild = start_of(path, child);
   auto const of_ended = start_of(path, ended);
   auto const stranger = execute(server(), path);
   ASSERT_EQ(finalize(ended, R"({"status":"COMPLETED"})").status, 200U);

   auto const got = cancel(root, R"({"cascade":true,"reason":"all"})");
   ASSERT_EQ(got.status, 200U) << got.body;
   std::vector<std::string> ids;
   for (auto const& id : got.at("cancelled_executions").get_array()) ids.push_back(id.get_string());
   EXPECT_EQ(ids.front(), root);
   std::ranges::sort(ids);
   std::vector<std::string> wanted{root, child, grandchild, of_ended};
   std::ranges::sort(wanted);
   EXPECT_EQ(ids, wanted);
   for (auto const& id : wanted) {
      EXPECT_EQ(status(id), "CANCELLED");
      EXPECT_EQ(open_commands(id), "0");
      EXPECT_EQ(text(server().get("/api/executions/" + id + "/cancellation-check").at("cancelled")), "true");
   }
   EXPECT_EQ(status(ended), "COMPLETED");
   EXPECT_EQ(status(stranger), "RUNNING");
   EXPECT_EQ(server().cell("select meta->>'cascaded_from' from noetl.event where event_type = 'playbook_cancelled'"
                           " and execution_id = " +
                           grandchild),
             root);
   EXPECT_EQ(text(cancel(root, R"({"cascade":true})").at("cancelled_executions")), "[]");
}

TEST_F(cancelling, nothing_starts_below_a_cancelled_execution) {
   auto const path = fresh("cancel/late");
   enroll(server(), linear(path));
   auto const root = execute(server(), path);
   ASSERT_EQ(cancel(root).status, 200U);
   auto const got = server().post("/api/execute", R"({"path":")" + path + R"(","parent_execution_id":)" + root + "}");
   EXPECT_TRUE(is_error(got, 409, "parent_execution_id")) << got.body;
   EXPECT_EQ(server().cell("select count(*) from noetl.event where parent_execution_id = " + root), "0");
}

TEST_F(cancelling, children_started_during_a_cascade_end_with_it) {
   auto const path = fresh("cancel/during");
   enroll(server(), linear(path));
   for (int round = 0; round < 10; ++round) {
      auto const root = execute(server(), path);
      std::thread starting([&] {
         std::vector<std::string> const bodies(8, R"({"path":")" + path + R"(","parent_execution_id":)" + root + "}");
         server().post_together("/api/execute", bodies);
      });
      auto const got = cancel(root, R"({"cascade":true})");
      starting.join();
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(
          server().cell("select count(*) from noetl.stream_head h where h.status <> 'CANCELLED' and exists (select"
                        " from noetl.event e where e.execution_id = h.execution_id and e.parent_execution_id = " +
                        root + ")"),
          "0")
          << "round " << round;
   }
}

TEST_F(cancelling, without_cascade_children_run_on) {
   auto const path = fresh("cancel/alone");
   enroll(server(), linear(path));
   auto const root = execute(server(), path);
   auto const child = start_of(path, root);
   ASSERT_EQ(cancel(root).status, 200U);
   EXPECT_EQ(status(child), "RUNNING");
   EXPECT_EQ(text(server().get("/api/executions/" + child + "/cancellation-check").at("is_cancelled")), "false");
   work(server(), child, "start");
   work(server(), child, "end");
   EXPECT_EQ(ending(server(), child), "COMPLETED");
}

TEST_F(cancelling, W5_of_cancellations_and_a_completion_at_the_same_time_one_end_is_written) {
   for (int round = 0; round < 8; ++round) {
      auto const execution = start_linear(server());
      work(server(), execution, "start");
      auto const id = issued(server(), execution, "end");
      ASSERT_EQ(claim(server(), id).status, 200U);
      ASSERT_EQ(server()
                    .post("/api/events", report{execution, "command.completed", "end", "success",
                                                about(command_id(execution, "end", id)) + "}"}
                                             .body())
                    .status,
                200U);
      auto const answers = server().post_together("/api/executions/" + execution + "/cancel", {"{}", "{}", "{}"});
      auto const outcome = ending(server(), execution);
      EXPECT_TRUE(outcome == "COMPLETED" || outcome == "CANCELLED") << outcome;
      for (auto const& one : answers) EXPECT_EQ(one.status, outcome == "CANCELLED" ? 200U : 422U) << one.body;
      auto const written = ends(execution);
      EXPECT_EQ(written, outcome == "CANCELLED" ? "playbook_cancelled" : "playbook.completed");
   }
}

TEST_F(cancelling, finalizing_ends_an_execution_as_told) {
   for (std::string const end : {"COMPLETED", "FAILED"}) {
      auto const execution = start_linear(server());
      auto const id = issued(server(), execution, "start");
      auto const got = finalize(execution, R"({"status":")" + end + R"(","error":"by hand"})");
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(got.body, R"({"execution_id":)" + execution + R"(,"status":")" + end +
                              R"(","message":"Execution finalized with status: )" + end + "\"}");
      EXPECT_EQ(status(execution), end);
      EXPECT_EQ(ends(execution), end == "COMPLETED" ? "playbook_completed" : "playbook_failed");
      EXPECT_EQ(
          server().cell("select error from noetl.event where node_name = 'playbook' and execution_id = " + execution),
          "by hand");
      EXPECT_TRUE(is_error(claim(server(), id), 409, "Execution has ended: " + end));
      EXPECT_EQ(open_commands(execution), "0");
   }
}

TEST_F(cancelling, W5_the_first_end_stays) {
   auto const execution = start_linear(server());
   ASSERT_EQ(finalize(execution, R"({"status":"FAILED"})").status, 200U);
   EXPECT_EQ(finalize(execution, R"({"status":"FAILED","error":"again"})").status, 200U);
   EXPECT_TRUE(
       is_error(finalize(execution, R"({"status":"COMPLETED"})"), 422, "Cannot finalize execution in FAILED state"));
   EXPECT_EQ(ends(execution), "playbook_failed");
   EXPECT_EQ(status(execution), "FAILED");
   auto const cancelled = start_linear(server());
   ASSERT_EQ(cancel(cancelled).status, 200U);
   EXPECT_TRUE(
       is_error(finalize(cancelled, R"({"status":"COMPLETED"})"), 422, "Cannot finalize execution in CANCELLED state"));
   EXPECT_EQ(ends(cancelled), "playbook_cancelled");
}

TEST_F(cancelling, a_misshapen_finalization_is_refused) {
   auto const execution = start_linear(server());
   EXPECT_TRUE(
       is_error(finalize(execution, R"({"status":"CANCELLED"})"), 422, "Invalid finalization status: CANCELLED"));
   EXPECT_TRUE(is_error(finalize(execution, "{}"), 422, "status"));
   EXPECT_TRUE(is_error(finalize(execution, "["), 400, ""));
   EXPECT_TRUE(is_error(
       server().send({"POST", "/api/executions/" + execution + "/finalize", R"({"status":"FAILED"})", "text/plain"}),
       415, ""));
   EXPECT_EQ(ends(execution), "");
}

TEST_F(cancelling, W5_every_spelling_of_an_end_that_is_posted_closes_the_commands) {
   for (std::string const type :
        {"playbook_cancelled", "playbook.cancelled", "execution.cancelled", "playbook_failed"}) {
      auto const execution = start_linear(server());
      ASSERT_EQ(server()
                    .post("/api/events",
                          R"({"execution_id":)" + execution + R"(,"step":"playbook","event_type":")" + type + "\"}")
                    .status,
                200U);
      EXPECT_EQ(open_commands(execution), "0") << type;
   }
}
