// POST /api/events/batch: http-execution.md section 10.7.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct batch : contract {
   std::string execution;

   void SetUp() override {
      contract::SetUp();
      if (!IsSkipped()) execution = start_linear(server());
   }
   reply post(std::string const& items, std::string const& more = {}) {
      return server().post("/api/events/batch",
                           R"({"execution_id":)" + execution + R"(,"events":[)" + items + "]" + more + "}");
   }
   std::string cell(std::string const& what, reply const& got, std::size_t index) {
      return server().cell("select " + what + " from noetl.event where execution_id = " + execution +
                           " and event_id = " + number(got.at("event_ids." + std::to_string(index))));
   }
};

} // namespace

TEST_F(batch, events_are_acknowledged_with_numeric_ids_in_their_order) {
   auto const got =
       post(R"({"step":"start","event_type":"command.started"},{"step":"other","name":"call.done","context":{"a":1}})");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{commands_generated:integer,event_ids:array,status:string}");
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_EQ(got.at("commands_generated").as<int>(), 0);
   ASSERT_EQ(got.at("event_ids").get_array().size(), 2U);
   EXPECT_TRUE(got.at("event_ids.0").is_integer());
   EXPECT_EQ(cell("concat_ws(',', event_type, node_id, node_name, status)", got, 0),
             "command.started,start,start,RUNNING");
   EXPECT_EQ(cell("concat_ws(',', event_type, node_id, node_name, status)", got, 1), "call.done,other,other,COMPLETED");
   EXPECT_EQ(text(parse(cell("result", got, 1))), R"({"context":{"a":1},"status":"COMPLETED"})");
}

TEST_F(batch, all_events_share_time_worker_and_flags) {
   auto const got = server().post("/api/events/batch",
                                  R"({"execution_id":")" + execution +
                                      R"(","worker_id":"w-7","events":[{"step":"a","event_type":"x"},)"
                                      R"({"step":"a","event_type":"y","actionable":true,"informative":false}]})");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(cell("created_at", got, 0), cell("created_at", got, 1));
   EXPECT_EQ(cell("worker_id", got, 0), "w-7");
   EXPECT_EQ(text(parse(cell("meta", got, 0))), R"({"actionable":false,"informative":true,"worker_id":"w-7"})");
   EXPECT_EQ(text(parse(cell("meta", got, 1))), R"({"actionable":true,"informative":false,"worker_id":"w-7"})");
   EXPECT_EQ(text(parse(cell("meta", post(R"({"step":"a","event_type":"x"})"), 0))),
             R"({"actionable":false,"informative":true})");
}

TEST_F(batch, what_only_the_single_route_knows_is_ignored_per_item) {
   auto const got = post(
       R"({"step":"a","event_type":"x","meta":{"k":1},"status":"S","event_id":5,"created_at":"no","worker_id":"w","result_kind":7})");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(cell("concat_ws(',', status, worker_id, meta ? 'k', event_id = 5)", got, 0), "RUNNING,f,f");
}

TEST_F(batch, an_empty_batch_answers_with_no_ids_whatever_the_execution) {
   auto const got = server().post("/api/events/batch", R"({"execution_id":1,"events":[]})");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(got.body, R"({"status":"ok","event_ids":[],"commands_generated":0})");
}

TEST_F(batch, an_unknown_execution_answers_404_and_one_bad_item_refuses_all) {
   EXPECT_TRUE(
       is_error(server().post("/api/events/batch", R"({"execution_id":321,"events":[{"step":"a","event_type":"x"}]})"),
                404, "Execution not found: 321"));
   EXPECT_TRUE(
       is_error(server().post("/api/events/batch", R"({"execution_id":"x","events":[{"step":"a","event_type":"x"}]})"),
                422, "execution_id"));
   EXPECT_TRUE(is_error(post(R"({"step":"a","event_type":"x"},{"step":5,"event_type":"x"})"), 422, "events[1].step"));
   EXPECT_TRUE(is_error(post(R"({"step":"a","event_type":"x","actionable":"yes"})"), 422, "events[0].actionable"));
   EXPECT_EQ(log_of(server(), execution).size(), 2U) << "nothing of them is stored";
}

TEST_F(batch, a_batched_completion_leads_to_the_next_step) {
   auto const id = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), id).status, 200U);
   auto const context = R"("context":)" + about(command_id(execution, "start", id)) + "}";
   ASSERT_EQ(post(R"({"step":"start","name":"command.started",)" + context +
                  R"(},{"step":"start","name":"call.done",)" + context +
                  R"(},{"step":"start","name":"command.completed",)" + context + "}")
                 .status,
             200U);
   EXPECT_EQ(server().cell("select status from noetl.command where event_id = " + id), "COMPLETED");
   EXPECT_NE(issued(server(), execution, "end"), "");
}

TEST_F(batch, W12_a_batched_failure_ends_the_execution) {
   auto const id = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), id).status, 200U);
   ASSERT_EQ(post(R"({"step":"start","name":"command.failed","context":)" + about(command_id(execution, "start", id)) +
                  R"(,"error":"boom"}})")
                 .status,
             200U);
   EXPECT_EQ(ending(server(), execution), "FAILED");
   EXPECT_EQ(server().cell("select status from noetl.command where event_id = " + id), "FAILED");
}

TEST_F(batch, W6_a_batched_claim_is_a_claim) {
   auto const id = issued(server(), execution, "start");
   auto const context = R"("context":)" + about(command_id(execution, "start", id)) + "}";
   auto const claim_and_start = R"({"step":"start","name":"command.claimed",)" + context +
                                R"(},{"step":"start","name":"command.started",)" + context + "}";
   auto const first = post(claim_and_start, R"(,"worker_id":"w-1")");
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(server().cell("select concat_ws(',', status, worker_id) from noetl.command where event_id = " + id),
             "RUNNING,w-1");

   auto const other = post(claim_and_start, R"(,"worker_id":"w-2")");
   EXPECT_TRUE(is_error(other, 409, "Command already claimed by w-1")) << other.body;
   auto const again = post(claim_and_start, R"(,"worker_id":"w-1")");
   ASSERT_EQ(again.status, 200U) << again.body;
   EXPECT_EQ(again.at("event_ids.0").as<int>(), 0) << "a repeat by the owner";
   EXPECT_NE(number(again.at("event_ids.1")), "0");
   EXPECT_EQ(server().cell("select count(*) from noetl.event where event_type = 'command.claimed' and execution_id = " +
                           execution),
             "1");
   EXPECT_EQ(text(post(R"({"step":"start","name":"command.claimed",)" + context + "}", R"(,"worker_id":"w-1")")
                      .at("event_ids")),
             "[0]");
}
