// POST /api/events: http-execution.md section 10, worker-protocol.md section 8.
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct events : contract {
   std::string execution;

   void SetUp() override {
      contract::SetUp();
      if (!IsSkipped()) execution = start_linear(server());
   }
   // `members` follow execution_id, step and event_type.
   reply post(std::string const& members, std::string const& type = "call.done") {
      return server().post("/api/events", R"({"execution_id":)" + execution + R"(,"step":"start","event_type":")" +
                                              type + "\"" + members + "}");
   }
   // One column of the event that `got` acknowledged.
   std::string stored(reply const& got, std::string const& column) {
      if (got.status != 200) return got.body;
      return server().cell("select " + column + " from noetl.event where execution_id = " + execution +
                           " and event_id = " + number(got.at("event_id")));
   }
   std::string stored_json(reply const& got, std::string const& column) { return text(parse(stored(got, column))); }
   std::string count(std::string const& condition = "true") {
      return server().cell("select count(*) from noetl.event where execution_id = " + execution + " and " + condition);
   }
};

} // namespace

TEST_F(events, an_event_is_acknowledged_with_a_numeric_id) {
   auto const got = post("");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{commands_generated:integer,event_id:integer,status:string}");
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_EQ(got.at("commands_generated").as<int>(), 0);
   EXPECT_EQ(count("event_id = " + number(got.at("event_id"))), "1");
}

TEST_F(events, ids_may_be_text_or_integers_and_the_chosen_one_is_kept) {
   auto const id = minted_id();
   auto const got =
       server().post("/api/events", R"({"execution_id":")" + execution +
                                        R"(","step":"start","name":"call.done","event_id":")" + id + "\"}");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(number(got.at("event_id")), id);
   auto const other = minted_id();
   EXPECT_EQ(number(post(R"(,"event_id":)" + other).at("event_id")), other);
   for (auto const* bad : {"\"x\"", "1.0", "[1]", "true", "9223372036854775808"})
      EXPECT_TRUE(is_error(post(R"(,"event_id":)" + std::string(bad)), 422, "event_id")) << bad;
}

TEST_F(events, an_event_for_an_unknown_execution_answers_404) {
   EXPECT_TRUE(is_error(server().post("/api/events", R"({"execution_id":321,"step":"s","event_type":"x"})"), 404,
                        "Execution not found: 321"));
   EXPECT_EQ(server().cell("select count(*) from noetl.event where execution_id = 321"), "0");
   EXPECT_EQ(server().cell("select count(*) from noetl.stream_head where execution_id = 321"), "0");
}

TEST_F(events, W10_the_same_event_again_answers_the_same_and_stays_one_row) {
   report const once{execution, "call.done", "start", "COMPLETED",
                     R"({"command_id":"c","call_index":0,"result":{"status":"success"}})"};
   auto const first = send(server(), once);
   auto const second = send(server(), once);
   EXPECT_EQ(first.status, 200U);
   EXPECT_EQ(second.status, 200U);
   EXPECT_EQ(second.body, first.body);
   EXPECT_EQ(count("event_id = " + once.event_id), "1");
}

TEST_F(events, W10_another_event_under_a_taken_id_answers_409_and_changes_nothing) {
   report const once{execution, "call.done", "start", "COMPLETED", R"({"a":1})"};
   ASSERT_EQ(send(server(), once).status, 200U);
   auto other = once;
   other.context = R"({"a":2})";
   EXPECT_TRUE(is_error(send(server(), other), 409, once.event_id));
   other = once;
   other.type = "call.error";
   EXPECT_TRUE(is_error(send(server(), other), 409, once.event_id));
   EXPECT_EQ(
       count("event_id = " + once.event_id + " and event_type = 'call.done' and (result->'context'->>'a')::int = 1"),
       "1");
}

TEST_F(events, W10_the_same_id_in_two_executions_is_two_events) {
   report once{execution, "call.done", "start", "COMPLETED", "{}"};
   ASSERT_EQ(send(server(), once).status, 200U);
   once.execution = start_linear(server());
   EXPECT_EQ(send(server(), once).status, 200U);
}

TEST_F(events, the_status_is_derived_from_the_type_unless_given) {
   struct sample {
      std::string type, status;
   };
   for (auto const& [type, status] : std::vector<sample>{{"call.done", "COMPLETED"},
                                                         {"step.exit", "COMPLETED"},
                                                         {"something.completed", "COMPLETED"},
                                                         {"call.error", "FAILED"},
                                                         {"step.failed", "FAILED"},
                                                         {"frame.abandoned", "COMPLETED"},
                                                         {"command.cancelled", "RUNNING"},
                                                         {"CALL.DONE", "RUNNING"},
                                                         {"x", "RUNNING"}}) {
      auto const got = post("", type);
      EXPECT_EQ(stored(got, "status"), status) << type;
      EXPECT_EQ(stored(got, "result->>'status'"), status) << type;
   }
   EXPECT_EQ(stored(post(R"(,"status":"Any text at ALL")"), "status"), "Any text at ALL");
}

TEST_F(events, the_result_column_holds_status_and_an_object_payload_or_a_reference) {
   EXPECT_EQ(stored_json(post(R"(,"payload":{"b":[1,9223372036854775807],"a":"ö"})"), "result"),
             R"({"context":{"a":"ö","b":[1,9223372036854775807]},"status":"COMPLETED"})");
   EXPECT_EQ(stored_json(post(R"(,"context":{"a":1})"), "result"), R"({"context":{"a":1},"status":"COMPLETED"})");
   for (auto const* payload : {"null", "5", "\"x\"", "[1]"})
      EXPECT_EQ(stored_json(post(R"(,"payload":)" + std::string(payload)), "result"), R"({"status":"COMPLETED"})")
          << payload;
   struct sample {
      std::string uri, tier;
   };
   for (auto const& [uri, tier] :
        std::vector<sample>{{"gs://b/o", "gcs"}, {"s3://b/o", "s3"}, {"file:///x", "artifact"}})
      EXPECT_EQ(stored_json(post(R"(,"payload":{"a":1},"result_kind":"ref","result_uri":")" + uri + "\""), "result"),
                R"({"reference":{"logical_uri":")" + uri + R"(","store_tier":")" + tier +
                    R"("},"status":"COMPLETED"})");
   EXPECT_EQ(
       stored_json(post(R"(,"payload":{"a":1},"result_kind":"refs","event_ids":[9223372036854775807,-1])"), "result"),
       R"({"reference":{"event_ids":[9223372036854775807,-1],"total_parts":2},"status":"COMPLETED"})");
   for (auto const* kind : {R"("result_kind":"ref")", R"("result_kind":"refs")", R"("result_kind":"other")"})
      EXPECT_EQ(stored_json(post(R"(,"payload":{"a":1},)" + std::string(kind)), "result"),
                R"({"context":{"a":1},"status":"COMPLETED"})")
          << kind;
}

TEST_F(events, the_meta_column_holds_the_flags_and_the_worker) {
   EXPECT_EQ(stored_json(post(""), "meta"), R"({"actionable":true,"informative":true})");
   EXPECT_EQ(
       stored_json(post(R"(,"worker_id":"w-1","actionable":false,"meta":{"attempts":0,"actionable":"x"})"), "meta"),
       R"({"actionable":false,"attempts":0,"informative":true,"worker_id":"w-1"})");
   EXPECT_EQ(stored_json(post(R"(,"meta":[1],"worker_id":"w-1")"), "meta"), "[1]");
   EXPECT_EQ(stored(post(R"(,"worker_id":"w-1")"), "worker_id"), "NULL");
}

TEST_F(events, W4_the_command_id_of_the_payload_is_copied_into_meta) {
   EXPECT_EQ(stored(post(R"(,"context":{"command_id":"1:start:2"})"), "meta->>'command_id'"), "1:start:2");
   EXPECT_EQ(stored(post(R"(,"context":{"command_id":"no"},"meta":{"command_id":"yes"})"), "meta->>'command_id'"),
             "yes");
}

TEST_F(events, node_and_time_come_from_the_request) {
   auto const got = post(R"(,"created_at":"2026-06-18T00:15:00.123456789+02:00")");
   EXPECT_EQ(stored(got, "concat_ws(',', node_id, node_name)"), "start,start");
   EXPECT_EQ(stored(got, "created_at"), "2026-06-17 22:15:00.123456");
   EXPECT_EQ(stored(post(""), "abs(extract(epoch from created_at - now() at time zone 'utc')) < 60"), "t");
   for (auto const* time : {"\"2026-06-17T22:15:00\"", "\"2026-06-17 22:15\"", "\"yesterday\"", "1750198500"})
      EXPECT_TRUE(is_error(post(R"(,"created_at":)" + std::string(time)), 422, "created_at")) << time;
}

TEST_F(events, W14_ingested_data_is_stored_as_sent) {
   std::string const data =
       R"({"author":"A","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","tokens_used":5})";
   EXPECT_EQ(stored_json(post(R"(,"payload":)" + data), "result->'context'"), data);
}

TEST_F(events, W15_a_strange_attempt_in_meta_harms_nobody) {
   ASSERT_EQ(post(R"(,"meta":{"attempt":"three","attempts":null})").status, 200U);
   work(server(), execution, "start");
   work(server(), execution, "end");
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
}

TEST_F(events, events_of_an_ended_execution_are_taken_and_change_nothing) {
   work(server(), execution, "start");
   work(server(), execution, "end");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(post("", "command.failed").status, 200U);
   EXPECT_EQ(post("", "subscription.message.spooled").status, 200U);
   auto const got = server().get("/api/executions/" + execution + "/status");
   EXPECT_EQ(got.at("status").get_string(), "COMPLETED");
}

TEST_F(events, W21_a_completed_command_with_an_error_status_counts_as_completed) {
   auto const id = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), id).status, 200U);
   auto const name = about(command_id(execution, "start", id));
   ASSERT_EQ(send(server(), {execution, "command.completed", "start", "error", name + R"(,"status":"error"})"}).status,
             200U);
   EXPECT_NO_THROW(work(server(), execution, "end"));
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
}

TEST_F(events, many_different_events_at_once_are_all_kept_in_one_gapless_order) {
   std::vector<std::string> bodies;
   for (int i = 0; i < 40; ++i) bodies.push_back(report{execution, "call.done", "start", "COMPLETED", "{}"}.body());
   for (auto const& got : server().post_together("/api/events", bodies)) EXPECT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(count(), "42");
   EXPECT_EQ(server().cell(
                 "select min(stream_version) || '..' || max(stream_version) || ' ' || count(distinct stream_version)"
                 " from noetl.event where execution_id = " +
                 execution),
             "1..42 42");
}
