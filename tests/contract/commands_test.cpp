// Fetching and claiming commands: http-execution.md section 9, worker-protocol.md section 5.
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct commands : contract {
   std::string execution, id, name; // a fresh execution, its first command, and that command's textual id

   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      execution = start_linear(server());
      id = issued(server(), execution, "start");
      name = command_id(execution, "start", id);
   }
   std::string row(std::string const& columns) {
      return server().cell("select concat_ws(',', " + columns + ") from noetl.command where event_id = " + id);
   }
   std::string claims() {
      return server().cell("select count(*) from noetl.event where event_type = 'command.claimed' and execution_id = " +
                           execution);
   }
   // command.claimed as an event, as other producers write it.
   reply claim_by_event(std::string const& worker) {
      return server().post("/api/events", R"({"execution_id":)" + execution +
                                              R"(,"step":"start","event_type":"command.claimed","worker_id":")" +
                                              worker + R"(","payload":)" + about(name) + "}}");
   }
};

} // namespace

TEST_F(commands, a_command_is_shown_by_the_id_of_its_issued_event) {
   auto const got = server().get("/api/commands/" + id);
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value),
             "{action:string,context:object,execution_id:integer,meta:object,node_id:string,node_name:string}");
   EXPECT_EQ(number(got.at("execution_id")), execution);
   EXPECT_EQ(got.at("node_id").get_string(), "start");
   EXPECT_EQ(got.at("node_name").get_string(), "start");
   EXPECT_EQ(got.at("action").get_string(), "python");
   EXPECT_EQ(got.at("meta.command_id").get_string(), name);
   EXPECT_EQ(row("status"), "PENDING") << "showing changes nothing";
}

TEST_F(commands, an_id_that_is_no_issued_command_answers_404) {
   auto const started = server().cell(
       "select event_id from noetl.event where event_type = 'playbook_started' and execution_id = " + execution);
   for (auto const& other : {std::string("322"), started}) {
      EXPECT_TRUE(is_error(server().get("/api/commands/" + other), 404, "command.issued event not found: " + other));
      EXPECT_TRUE(is_error(claim(server(), other), 404, "command.issued event not found: " + other));
   }
}

TEST_F(commands, a_claim_answers_with_the_command_its_event_id_and_ok) {
   auto const shown = server().get("/api/commands/" + id);
   auto const got = claim(server(), id);
   EXPECT_EQ(got.status, 200U);
   auto expected = shown.value;
   expected["status"] = "ok";
   expected["event_id"] = std::stoll(id);
   EXPECT_EQ(text(got.value), text(expected));
}

TEST_F(commands, the_same_worker_claims_again_and_gets_the_same_answer_without_a_new_event) {
   auto const first = claim(server(), id);
   auto const second = claim(server(), id);
   EXPECT_EQ(second.status, 200U);
   EXPECT_EQ(second.body, first.body);
   EXPECT_EQ(claims(), "1");
}

TEST_F(commands, another_worker_gets_409_with_the_owner) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   EXPECT_TRUE(is_error(claim(server(), id, "w-2"), 409, "Command already claimed by w-1"));
   EXPECT_EQ(claims(), "1");
   EXPECT_EQ(row("status, worker_id"), "CLAIMED,w-1");
}

TEST_F(commands, the_claim_event_has_the_documented_columns) {
   ASSERT_EQ(server().post("/api/commands/" + id + "/claim", R"({"worker_id":"w \"ö\""})").status, 200U);
   auto const where = " from noetl.event where event_type = 'command.claimed' and execution_id = " + execution;
   EXPECT_EQ(server().cell("select concat_ws(',', node_id, node_name, status, worker_id)" + where),
             "start,start,RUNNING,w \"ö\"");
   EXPECT_EQ(text(parse(server().cell("select result" + where))),
             R"({"context":{"command_id":")" + name + R"(","worker_id":"w \"ö\""},"status":"RUNNING"})");
   EXPECT_EQ(text(parse(server().cell("select meta" + where))),
             R"({"actionable":false,"command_id":")" + name + R"(","informative":true,"worker_id":"w \"ö\""})");
}

TEST_F(commands, W13_the_command_row_follows_the_commands_life) {
   EXPECT_EQ(row("status, attempt, step_name, tool_kind, worker_id, claimed_at, started_at, completed_at"),
             "PENDING,1,start,python");
   EXPECT_EQ(server().cell(
                 "select c.context = e.context and c.meta = e.meta and c.catalog_id = e.catalog_id from noetl.command c"
                 " join noetl.event e using (execution_id, event_id) where c.event_id = " +
                 id),
             "t");
   ASSERT_EQ(claim(server(), id).status, 200U);
   EXPECT_EQ(row("status, worker_id, claimed_at is not null, started_at is not null"), "CLAIMED,w-1,t,f");
   ASSERT_EQ(send(server(), {execution, "command.started", "start", "STARTED", about(name) + "}"}).status, 200U);
   EXPECT_EQ(row("status, worker_id, started_at is not null, completed_at is not null"), "RUNNING,w-1,t,f");
   ASSERT_EQ(
       send(server(), {execution, "command.completed", "start", "success", about(name) + R"(,"status":"success"})"})
           .status,
       200U);
   EXPECT_EQ(row("status, worker_id, completed_at is not null"), "COMPLETED,w-1,t");
   ASSERT_EQ(send(server(), {execution, "command.started", "start", "STARTED", about(name) + "}"}).status, 200U);
   EXPECT_EQ(row("status"), "COMPLETED") << "a late report does not take it back";
}

TEST_F(commands, W13_a_failed_command_keeps_status_FAILED_in_its_row) {
   ASSERT_EQ(claim(server(), id).status, 200U);
   ASSERT_EQ(
       send(server(), {execution, "command.failed", "start", "FAILED", about(name) + R"(,"error":"boom"})"}).status,
       200U);
   EXPECT_EQ(row("status, completed_at is not null"), "FAILED,t");
}

TEST_F(commands, W4_W7_after_its_end_nobody_can_claim_a_command_not_even_its_owner) {
   for (auto const* end : {"command.completed", "command.failed"}) {
      SCOPED_TRACE(end);
      execution = start_linear(server());
      id = issued(server(), execution, "start");
      name = command_id(execution, "start", id);
      ASSERT_EQ(claim(server(), id).status, 200U);
      ASSERT_EQ(send(server(), {execution, "call.done", "start", "COMPLETED", about(name) + "}"}).status, 200U);
      EXPECT_EQ(claim(server(), id).status, 200U) << "call.done is not the end";
      // The real worker names the command in `context` only.
      ASSERT_EQ(send(server(), {execution, end, "start", "success", about(name) + "}"}).status, 200U);
      EXPECT_TRUE(is_error(claim(server(), id, "w-1"), 409, "terminal"));
      EXPECT_TRUE(is_error(claim(server(), id, "w-2"), 409, "terminal"));
      EXPECT_EQ(claims(), "1");
   }
}

TEST_F(commands, W4_the_end_is_recognised_by_meta_and_by_nested_data_too) {
   auto const finish = [&](std::string const& members) {
      execution = start_linear(server());
      id = issued(server(), execution, "start");
      name = command_id(execution, "start", id);
      auto body =
          R"({"execution_id":)" + execution + R"(,"step":"start","event_type":"command.completed",)" + members + "}";
      body.replace(body.find("NAME"), 4, name);
      EXPECT_EQ(server().post("/api/events", body).status, 200U);
      return claim(server(), id);
   };
   EXPECT_TRUE(is_error(finish(R"("meta":{"command_id":"NAME"})"), 409, "terminal"));
   EXPECT_TRUE(is_error(finish(R"("payload":{"command_id":"NAME"})"), 409, "terminal"));
   EXPECT_TRUE(is_error(finish(R"("payload":{"data":{"command_id":"NAME"}})"), 409, "terminal"));
}

TEST_F(commands, W6_a_claim_by_route_holds_against_a_claim_by_event) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   EXPECT_TRUE(is_error(claim_by_event("w-2"), 409, "Command already claimed by w-1"));
   auto const repeated = claim_by_event("w-1");
   EXPECT_EQ(repeated.status, 200U);
   EXPECT_EQ(repeated.at("event_id").as<int>(), 0) << "nothing is written";
   EXPECT_EQ(claims(), "1");
}

TEST_F(commands, W6_a_claim_by_event_holds_against_a_claim_by_route) {
   ASSERT_EQ(claim_by_event("w-1").status, 200U);
   EXPECT_EQ(row("status, worker_id"), "CLAIMED,w-1");
   EXPECT_TRUE(is_error(claim(server(), id, "w-2"), 409, "Command already claimed by w-1"));
   EXPECT_EQ(claim(server(), id, "w-1").status, 200U);
   EXPECT_EQ(claims(), "1");
}

TEST_F(commands, W6_of_many_workers_that_claim_at_once_exactly_one_wins) {
   std::vector<std::string> bodies;
   for (int i = 0; i < 16; ++i) bodies.push_back(R"({"worker_id":"racer-)" + std::to_string(i) + "\"}");
   auto const answers = server().post_together("/api/commands/" + id + "/claim", bodies);
   EXPECT_EQ(std::ranges::count(answers, 200U, &reply::status), 1);
   EXPECT_EQ(std::ranges::count(answers, 409U, &reply::status), 15);
   EXPECT_EQ(claims(), "1");
}

TEST_F(commands, a_later_command_of_the_execution_has_an_id_and_a_row_of_its_own) {
   work(server(), execution, "start", R"({"v":1})");
   auto const next = issued(server(), execution, "end");
   EXPECT_NE(next, id);
   auto const got = claim(server(), next);
   EXPECT_EQ(got.at("action").get_string(), "noop");
   EXPECT_EQ(got.at("meta.command_id").get_string(), command_id(execution, "end", next));
   EXPECT_EQ(number(got.at("context.render_context.start.v")), "1");
}

TEST_F(commands, W5_a_command_of_a_cancelled_execution_is_not_given_out) {
   for (std::string const type : {"execution.cancelled", "playbook_cancelled"}) {
      execution = start_linear(server());
      id = issued(server(), execution, "start");
      ASSERT_EQ(server()
                    .post("/api/events",
                          R"({"execution_id":)" + execution + R"(,"step":"playbook","event_type":")" + type + "\"}")
                    .status,
                200U);
      EXPECT_TRUE(is_error(claim(server(), id), 409, "Execution has been cancelled"));
      EXPECT_EQ(row("status"), "CANCELLED");
      EXPECT_EQ(claims(), "0");
   }
}

TEST_F(commands, W8_a_command_offered_again_tells_its_attempt_to_the_worker) {
   server().query("update noetl.command set attempt = 2 where event_id = " + id);
   auto const first = claim(server(), id);
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(number(first.at("meta.attempt")), "2");
   EXPECT_EQ(claim(server(), id).body, first.body);
}
