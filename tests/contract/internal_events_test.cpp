// /api/internal/events: http-platform.md 5.1 and 5.2, requirements-checklist.md 80-87.
#include "contract/internal.hpp"

using namespace noetl::test;

namespace {

struct internal_events : internal_contract {
   /// An execution id that nothing is known about.
   static std::string unknown() { return minted_id(); }
   static reply project(std::string const& events) { return post("/events/project", R"({"events":[)" + events + "]}"); }
   static reply materialize(std::string const& events) { return post("/events/materialize", "[" + events + "]"); }
   static std::string envelope(std::string const& execution, std::string const& event, std::string const& more = "") {
      return R"({"execution_id":)" + execution + R"(,"event_id":)" + event +
             R"(,"event_type":"call.done","status":"DONE")" + more + "}";
   }
   static std::string of(std::string const& execution, std::string const& what, std::string const& where = "true") {
      return cell("select " + what + " from noetl.event where execution_id = " + execution + " and " + where);
   }
   static std::string head(std::string const& execution, std::string const& what) {
      return cell("select " + what + " from noetl.stream_head where execution_id = " + execution);
   }
};

} // namespace

TEST_F(internal_events, item_80_D43_a_whole_row_travels_and_comes_back_with_every_column) {
   auto const from = unknown();
   at().query(
       "insert into noetl.event (execution_id, catalog_id, event_id, parent_event_id, parent_execution_id, created_at, "
       "event_type, node_id, node_name, node_type, status, duration, context, result, meta, error, current_index, "
       "current_item, worker_id, distributed_state, context_key, context_value, trace_component, stack_trace, "
       "tenant_id, organization_id, stream_id, stream_version, aggregate_id, aggregate_type, schema_name, "
       "schema_version, event_time, ingest_time, producer, causation_id, correlation_id, idempotency_key, "
       "payload_ref, envelope_checksum, command_id, stage_id, frame_id, prev_event_id) values (" +
       from +
       ", 5, 11, 10, 9, '2026-06-17 16:48:21.379403', 'call.done', 'n', 'node', 'http', 'DONE', 1.5, '{\"a\": 1}', "
       "'{\"status\": \"ok\"}', '[1, \"zwei\"]', 'err', 3, 'item', 'w', 'ds', 'ck', 'cv', '{\"span\": [1]}', 'st', "
       "'ten', 'org', 'sid', 1, 'ag', 'at', 'sn', 4, '2026-01-01 00:00:00.5+00', '2026-01-02+00', 'p', 'ca', 'co', "
       "'ik', '{\"u\": 1}', 'sum', 21, 22, 23, 24)");
   auto const row = cell("select to_jsonb(e)::text from noetl.event e where execution_id = " + from);
   auto const to = unknown();
   auto body = row;
   body.replace(body.find(from), from.size(), to);
   auto const got = project(body);
   EXPECT_EQ(got.body, R"({"projected":1,"duplicates":0})");
   EXPECT_EQ(cell("select (to_jsonb(e) - 'ingest_xid')::text from noetl.event e where execution_id = " + to),
             cell("select (to_jsonb(e) - 'ingest_xid' || jsonb_build_object('execution_id', " + to +
                  "::bigint))::text from noetl.event e where execution_id = " + from));
}

TEST_F(internal_events, item_80_unknown_members_and_odd_values_of_extra_members_cost_nothing) {
   auto const execution = unknown();
   auto const got =
       project(envelope(execution, "1",
                        R"(,"catalog_id":"77","trace_component":{"a":1},"worker_id":5,"current_index":"x",)"
                        R"("stage_id":"12","event_time":"never","nonsense":[1],"tenant_id":"","frame_id":1.5)"));
   EXPECT_EQ(got.body, R"({"projected":1,"duplicates":0})");
   EXPECT_EQ(of(execution,
                "catalog_id || ' ' || trace_component || ' ' || worker_id || ' ' || stage_id || ' ' || tenant_id "
                "|| (current_index is null) || (frame_id is null)"),
             R"(77 {"a": 1} 5 12 defaulttruetrue)");
}

TEST_F(internal_events, item_81_85_only_the_event_id_is_required_and_the_rest_has_defaults) {
   auto const id = minted_id();
   EXPECT_EQ(project(R"({"event_id":)" + id + "}").body, R"({"projected":1,"duplicates":0})");
   EXPECT_EQ(of("0",
                "catalog_id || tenant_id || organization_id || (event_type is null) || (context is null) || "
                "(abs(extract(epoch from now() at time zone 'utc' - created_at)) < 60)",
                "event_id = " + id),
             "0defaultdefaulttruetruetrue");
   auto const nulls = minted_id();
   EXPECT_EQ(
       project(R"({"event_id":)" + nulls +
               R"(,"execution_id":null,"event_type":null,"status":null,"context":null,"result":null,"timestamp":null})")
           .body,
       R"({"projected":1,"duplicates":0})");
   EXPECT_EQ(of("0", "(result is null) || ' ' || (status is null)", "event_id = " + nulls), "true true");
}

TEST_F(internal_events, item_82_83_the_same_batch_again_is_all_duplicates) {
   auto const execution = unknown();
   std::string batch;
   for (int i = 1; i <= 20; ++i) batch += (i == 1 ? "" : ",") + envelope(execution, std::to_string(i));
   EXPECT_EQ(project(batch).body, R"({"projected":20,"duplicates":0})");
   EXPECT_EQ(project(batch).body, R"({"projected":0,"duplicates":20})");
   EXPECT_EQ(project(batch + "," + envelope(execution, "21") + "," + envelope(execution, "21")).body,
             R"({"projected":1,"duplicates":21})");
   EXPECT_EQ(project(envelope(unknown(), "21")).body, R"({"projected":1,"duplicates":0})") << "another execution";
   EXPECT_EQ(of(execution, "count(*) || ' ' || max(stream_version)"), "21 21");
   EXPECT_EQ(head(execution, "version || ' ' || status"), "21 PROJECTED");
}

TEST_F(internal_events, item_84_D40_fault_7_one_bad_row_of_500_is_reported_and_499_are_stored) {
   auto const execution = unknown();
   std::string batch;
   for (int i = 1; i <= 500; ++i)
      batch += (i == 1 ? "" : ",") +
               envelope(execution, std::to_string(i), i == 250 ? R"(,"result":{"status":"x","more":1})" : "");
   auto const got = project(batch);
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(number(got.at("projected")), "499");
   EXPECT_EQ(number(got.at("duplicates")), "0");
   ASSERT_EQ(got.at("failed").get_array().size(), 1U);
   EXPECT_EQ(number(got.at("failed.0.event_id")), "250");
   EXPECT_EQ(number(got.at("failed.0.execution_id")), execution);
   EXPECT_NE(got.at("failed.0.error").get_string().find("result"), std::string::npos);
   EXPECT_EQ(of(execution, "count(*) || ' ' || max(stream_version)"), "499 499") << "no hole in the positions";
   auto const again = project(batch);
   EXPECT_EQ(number(again.at("duplicates")), "499") << "the answer to a redelivery is the same kind, never a 5xx";
}

TEST_F(internal_events, D07_what_is_said_of_bad_rows_holds_no_SQL) {
   auto const execution = unknown();
   auto const got = project(envelope(execution, "1", R"(,"result":{"status":5})") + "," +
                            envelope(execution, "2", R"(,"context":{"a":"\u0000"})") + "," +
                            envelope(execution, "3", R"(,"error":"a\u0000b")") + "," +
                            envelope(execution, "4", R"(,"current_index":99999999999)") + "," +
                            envelope(execution, "5", R"(,"created_at":"yesterday")") + "," + envelope(execution, "6"));
   EXPECT_EQ(number(got.at("projected")), "1");
   EXPECT_EQ(got.at("failed").get_array().size(), 5U);
   for (auto const* word : {"insert", "INSERT", "noetl.", "constraint", "violates", "ERROR", "unnest"})
      EXPECT_EQ(got.body.find(word), std::string::npos) << got.body;
}

TEST_F(internal_events, item_85_D42_the_catalog_id_is_that_of_the_execution) {
   auto const path = fresh("projected/run");
   auto const catalog = enroll(at(), linear(path));
   auto const execution = execute(at(), path);
   auto const version = std::stoll(head(execution, "version"));
   EXPECT_EQ(project(envelope(execution, "5") + "," + envelope(execution, "6", R"(,"catalog_id":3)")).body,
             R"({"projected":2,"duplicates":0})");
   EXPECT_EQ(of(execution, "string_agg(catalog_id::text, ' ' order by event_id)", "event_id in (5, 6)"),
             catalog + " 3");
   EXPECT_EQ(head(execution, "version || status"), std::to_string(version + 2) + "RUNNING");
   auto const other = unknown();
   project(envelope(other, "1") + "," + envelope(other, "2", R"(,"catalog_id":44)"));
   EXPECT_EQ(of(other, "string_agg(catalog_id::text, ' ' order by event_id)"), "44 44")
       << "a later row of the batch tells";
   project(envelope(other, "3"));
   EXPECT_EQ(of(other, "catalog_id", "event_id = 3"), "44");
}

TEST_F(internal_events, item_86_times_with_and_without_zone_are_taken_and_nothing_else) {
   struct sample {
      std::string given, stored;
   };
   auto const execution = unknown();
   int id = 0;
   for (auto const& [given, stored] : std::vector<sample>{{"2026-06-17T16:48:21.379403", "2026-06-17 16:48:21.379403"},
                                                          {"2026-06-17 16:48:21.379403", "2026-06-17 16:48:21.379403"},
                                                          {"2026-06-17T16:48:21", "2026-06-17 16:48:21"},
                                                          {"2026-06-17T16:48:21Z", "2026-06-17 16:48:21"},
                                                          {"2026-06-17T16:48:21.5+02:00", "2026-06-17 14:48:21.5"}}) {
      ++id;
      ASSERT_EQ(project(envelope(execution, std::to_string(id), R"(,"timestamp":")" + given + "\"")).status, 200U)
          << given;
      EXPECT_EQ(of(execution, "created_at", "event_id = " + std::to_string(id)), stored) << given;
   }
   for (auto const* unset : {"null", "\"\"", "\"  \""}) {
      ++id;
      ASSERT_EQ(project(envelope(execution, std::to_string(id), std::string(R"(,"timestamp":)") + unset)).status, 200U);
      EXPECT_EQ(of(execution, "abs(extract(epoch from now() at time zone 'utc' - created_at)) < 60",
                   "event_id = " + std::to_string(id)),
                "t");
   }
   for (auto const* wrong : {"\"yesterday\"", "\"2026-06-17\"", "\"2026-13-17T00:00:00Z\"", "5"})
      EXPECT_TRUE(is_error(project(envelope(execution, "99", std::string(R"(,"timestamp":)") + wrong)), 422,
                           "events[0].timestamp"))
          << wrong;
}

TEST_F(internal_events, item_87_D44_an_offset_in_created_at_is_kept) {
   auto const execution = unknown();
   project(envelope(execution, "1", R"(,"created_at":"2026-01-01T02:00:00+02:00")") + "," +
           envelope(execution, "2", R"(,"created_at":"2026-01-01 02:00:00+02")") + "," +
           envelope(execution, "3", R"(,"created_at":"2026-01-01T02:00:00","timestamp":"2026-01-01T05:00:00Z")"));
   EXPECT_EQ(of(execution, "string_agg(created_at::text, ', ' order by event_id)"),
             "2026-01-01 00:00:00, 2026-01-01 00:00:00, 2026-01-01 05:00:00");
}

TEST_F(internal_events, wrong_shapes_answer_400_415_and_422) {
   EXPECT_TRUE(is_error(project(""), 400, "events"));
   EXPECT_TRUE(is_error(post("/events/project", "{}"), 422, "events"));
   EXPECT_TRUE(is_error(post("/events/project", "[]"), 422, "expected object"));
   EXPECT_TRUE(is_error(post("/events/project", "{}", "text/csv"), 415, ""));
   EXPECT_TRUE(is_error(post("/events/project", "{"), 400, ""));
   for (auto const* wrong :
        {R"({"event_id":"1"})", R"({"event_id":null})", R"({"event_id":1.5})", "{}", R"({"event_id":1,"event_id":2})"})
      EXPECT_TRUE(is_error(project(wrong), 422, "events[0].event_id")) << wrong;
   EXPECT_TRUE(is_error(project(R"({"event_id":1,"execution_id":"7"})"), 422, "execution_id"));
   EXPECT_TRUE(is_error(project(R"({"event_id":1,"event_type":5})"), 422, "event_type"));
   EXPECT_TRUE(is_error(project(R"({"event_id":1,"duration":"long"})"), 422, "duration"));
   EXPECT_TRUE(is_error(post("/events/materialize", "{}"), 422, "expected array"));
   EXPECT_TRUE(is_error(materialize(R"({"execution_id":"x","step":"s","event_type":"e"})"), 422, "[0].execution_id"));
   EXPECT_TRUE(is_error(materialize(R"({"execution_id":1,"event_type":"e"})"), 422, "[0].step"));
}

TEST_F(internal_events, D41_bodies_of_many_megabytes_are_taken) {
   auto const execution = unknown();
   std::string batch;
   std::string const filling(900'000, 'x');
   for (int i = 1; i <= 10; ++i)
      batch += (i == 1 ? "" : ",") + envelope(execution, std::to_string(i), R"(,"context":{"a":")" + filling + "\"}");
   EXPECT_EQ(project(batch).body, R"({"projected":10,"duplicates":0})");
}

TEST_F(internal_events, an_execution_that_was_only_recorded_is_driven_once_somebody_reports_about_it) {
   auto const execution = unknown();
   project(envelope(execution, "1", R"(,"catalog_id":5)"));
   ASSERT_EQ(head(execution, "status"), "PROJECTED");
   EXPECT_EQ(at().post("/api/events", R"({"execution_id":)" + execution + R"(,"step":"s","event_type":"note"})").status,
             200U);
   EXPECT_EQ(head(execution, "version || status"), "2RUNNING");
}

TEST_F(internal_events, a_projected_end_of_a_running_execution_ends_it_here_too) {
   auto const path = fresh("projected/end");
   enroll(at(), linear(path));
   auto const execution = execute(at(), path);
   auto const command = issued(at(), execution, "start");
   auto const done =
       envelope(execution, "8",
                R"(,"node_name":"start","meta":{"command_id":")" + command_id(execution, "start", command) + "\"}");
   auto const completed = [&](std::string text) {
      return text.replace(text.find("call.done"), 9, "command.completed");
   };
   EXPECT_EQ(project(completed(done)).status, 200U);
   EXPECT_EQ(cell("select status from noetl.command where execution_id = " + execution + " and event_id = " + command),
             "COMPLETED");
   auto end = envelope(execution, "9");
   end.replace(end.find("call.done"), 9, "playbook.failed");
   EXPECT_EQ(project(end).status, 200U);
   EXPECT_EQ(head(execution, "status"), "FAILED");
}

TEST_F(internal_events, materialize_stores_what_ingest_would) {
   auto const path = fresh("materialized/run");
   auto const catalog = enroll(at(), linear(path));
   auto const execution = execute(at(), path);
   auto const id = minted_id();
   auto const event = R"({"execution_id":")" + execution +
                      R"(","step":"start","name":"call.done","context":{"a":1},)"
                      R"("meta":{"m":1},"worker_id":"w","event_id":")" +
                      id + R"(","created_at":"2026-06-17T10:00:00+02:00"})";
   EXPECT_EQ(materialize(event).body, R"({"materialized":1,"duplicates":0})");
   EXPECT_EQ(materialize(event).body, R"({"materialized":0,"duplicates":1})");
   EXPECT_EQ(of(execution, "catalog_id || event_type || node_id || node_name || status || created_at || result || meta",
                "event_id = " + id),
             catalog + "call.donestartstartCOMPLETED2026-06-17 08:00:00" +
                 R"({"status": "COMPLETED", "context": {"a": 1}})" +
                 R"({"m": 1, "worker_id": "w", "actionable": true, "informative": true})");
   EXPECT_EQ(materialize("").body, R"({"materialized":0,"duplicates":0})");
}

TEST_F(internal_events, D45_events_without_ids_get_the_same_ids_each_time) {
   auto const execution = unknown();
   auto const event = [&](std::string const& more) {
      return R"({"execution_id":)" + execution + R"(,"step":"s","event_type":"step.exit")" + more + "}";
   };
   auto const batch = event(R"(,"payload":{"n":1})") + "," + event(R"(,"payload":{"n":2})") + "," +
                      event(R"(,"payload":{"n":2})") + "," + event(R"(,"created_at":"2026-06-17T10:00:00Z")");
   EXPECT_EQ(materialize(batch).body, R"({"materialized":4,"duplicates":0})")
       << "equal events of one batch are two events";
   EXPECT_EQ(materialize(batch).body, R"({"materialized":0,"duplicates":4})");
   EXPECT_EQ(of(execution, "(event_id >> 22) + 1704067200000", "created_at = '2026-06-17 10:00:00'"),
             cell("select (extract(epoch from timestamptz '2026-06-17 10:00:00Z') * 1000)::bigint"));
   EXPECT_EQ(of(execution, "bool_and(event_id > 0 and (event_id >> 22) - (execution_id >> 22) between 0 and 4194304)",
                "created_at > '2026-06-17 10:00:01'"),
             "t");
}

TEST_F(internal_events, D45_the_first_event_of_an_execution_brings_its_catalog_id) {
   auto const first = unknown();
   EXPECT_EQ(materialize(R"({"execution_id":)" + first +
                         R"(,"step":"playbook","event_type":"playbook_started","meta":{"catalog_id":"123"}})")
                 .body,
             R"({"materialized":1,"duplicates":0})");
   EXPECT_EQ(of(first, "catalog_id"), "123");
   materialize(R"({"execution_id":)" + first + R"(,"step":"s","event_type":"step.enter"})");
   EXPECT_EQ(of(first, "string_agg(catalog_id::text, ' ')"), "123 123");
}

TEST_F(internal_events, D45_more_events_than_a_statement_has_parameters_are_taken) {
   auto const execution = unknown();
   std::string batch;
   for (int i = 1; i <= 7000; ++i)
      batch += (i == 1 ? "" : ",") + (R"({"execution_id":)" + execution +
                                      R"(,"step":"s","event_type":"e","event_id":)" + std::to_string(i) + "}");
   EXPECT_EQ(materialize(batch).body, R"({"materialized":7000,"duplicates":0})");
   EXPECT_EQ(of(execution, "count(*) || ' ' || max(stream_version)"), "7000 7000");
   auto const metrics = at().get("/metrics").body;
   EXPECT_NE(metrics.find("noetl_events_materialized_total"), std::string::npos);
   EXPECT_NE(metrics.find("noetl_events_projected_total"), std::string::npos);
}
