// GET /api/replay/state (http-execution.md section 17) and POST /api/internal/projection/advance
// (http-platform.md 5.3): items 127, 132, 133, 134; D-51, D-55.
#include "contract/hand.hpp"

#include <cstdlib>
#include <memory>

#include <noetl/core/sha256.hpp>

using namespace noetl::test;

namespace {

struct replay : contract {};

std::string replay_of(std::string const& execution, std::string const& more = {}) {
   return "/api/replay/state?execution_id=" + execution + more;
}

/// Ids of the events of an execution in the order of the log.
std::vector<std::string> event_ids(site& at, std::string const& execution) {
   std::vector<std::string> out;
   for (auto const& row : at.query("select event_id from noetl.event where execution_id = " + execution +
                                   " order by stream_version nulls first, event_id"))
      out.push_back(*row[0]);
   return out;
}

/// A server with a token, whose own snapshots are written by the projector only.
class projection : public contract {
protected:
   static void SetUpTestSuite() {
      if (std::getenv("NOETL_TEST_PG") == nullptr) return;
      own_ = std::make_unique<site>(variables{{"NOETL_INTERNAL_API_TOKEN", "let-me-in"},
                                              {"NOETL_PROJECTOR_OWNS_SNAPSHOT", "true"},
                                              {"NOETL_SNAPSHOT_EVENTS", "1"}});
   }
   static void TearDownTestSuite() { own_.reset(); }
   static site& own() { return *own_; }
   static reply advance(std::string const& body, std::string const& token = "Bearer let-me-in") {
      wish what{.method = "POST",
                .target = "/api/internal/projection/advance",
                .body = body,
                .content_type = "application/json"};
      if (!token.empty()) what.headers.emplace_back("Authorization", token);
      return own().send(what);
   }
   static inline std::unique_ptr<site> own_{};
};

} // namespace

TEST_F(replay, has_the_documented_members) {
   auto const execution = start_linear(server());
   work(server(), execution, "start");
   work(server(), execution, "end");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   auto const got = server().get(replay_of(execution));
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{business_objects:object,checksum:object,commands:object,event_count:integer,"
                               "execution:object,execution_id:integer,frames:object,last_event_id:integer,"
                               "last_event_type:string,loops:object,organization_id:string,projection:string,"
                               "projection_checksums:object,stages:object,tenant_id:string}");
   EXPECT_EQ(shape(got.at("projection_checksums")), "{business_object:string,command:string,execution:string,"
                                                    "frame:string,loop:string,stage:string}");
   EXPECT_EQ(number(got.at("execution_id")), execution);
   EXPECT_EQ(got.at("tenant_id").get_string(), "default");
   EXPECT_EQ(got.at("projection").get_string(), "all");
   EXPECT_EQ(got.at("execution.status").get_string(), "COMPLETED");
   EXPECT_EQ(got.at("execution.last_node_name").get_string(), "end");
   EXPECT_EQ(got.at("last_event_type").get_string(), "playbook.completed");
   EXPECT_EQ(number(got.at("event_count")), std::to_string(event_ids(server(), execution).size()));
   EXPECT_EQ(got.at("commands").get_object().size(), 2U);
   EXPECT_EQ(got.at("checksum.type").get_string(), "sha256");
   auto whole = got.value;
   whole.get_object().erase("checksum");
   EXPECT_EQ(got.at("checksum.value").get_string(), noetl::sha256_hex(text(whole)));
   EXPECT_EQ(got.at("projection_checksums.command").get_string(), noetl::sha256_hex(text(got.at("commands"))));
   EXPECT_EQ(server().get(replay_of(execution)).body, got.body) << "a fold of the same log is the same text";
}

TEST_F(replay, stops_behind_any_event_wherever_a_late_one_stands) {
   auto const execution = start_linear(server());
   work(server(), execution, "start");
   issued(server(), execution, "end");
   report late{execution, "command.heartbeat", "start", "RUNNING", "{}"};
   late.event_id = std::to_string(std::stoll(execution) - 1000); // older than everything, and last in the log
   ASSERT_EQ(send(server(), late).status, 200U);
   auto const ids = event_ids(server(), execution);
   ASSERT_EQ(ids.back(), late.event_id);
   for (std::size_t i = 0; i < ids.size(); ++i) {
      auto const got = server().get(replay_of(execution, "&as_of_event_id=" + ids[i]));
      EXPECT_EQ(number(got.at("event_count")), std::to_string(i + 1)) << ids[i];
      EXPECT_EQ(number(got.at("last_event_id")), ids[i]);
      EXPECT_EQ(server().get(replay_of(execution, "&as_of_position=" + ids[i])).at("checksum.value"),
                got.at("checksum.value"));
   }
   EXPECT_EQ(number(server().get(replay_of(execution, "&as_of_event_id=1")).at("event_count")), "0");
   EXPECT_EQ(number(server().get(replay_of(execution, "&limit=2")).at("event_count")), "2") << "oldest first";
   EXPECT_EQ(number(server().get(replay_of(execution, "&limit=0")).at("event_count")), "1") << "clamped";
   EXPECT_EQ(number(server().get(replay_of(execution, "&as_of_time=2020-01-01T00:00:00Z")).at("event_count")), "0");
   auto const now = server().get(replay_of(execution, "&as_of_time=2200-01-01T00:00:00Z&tenant_id=t&projection=loop"));
   EXPECT_EQ(number(now.at("event_count")), std::to_string(ids.size()));
   EXPECT_EQ(now.at("tenant_id").get_string(), "t");
   EXPECT_EQ(now.at("projection").get_string(), "loop");
}

TEST_F(replay, of_an_unknown_execution_is_empty) {
   auto const got = server().get(replay_of("321"));
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(number(got.at("event_count")), "0");
   EXPECT_EQ(got.at("execution.status").get_string(), "UNKNOWN");
   EXPECT_EQ(got.value.find("last_event_id"), nullptr);
}

TEST_F(replay, refuses_two_cutoffs_and_unknown_projections) {
   EXPECT_TRUE(is_error(server().get(replay_of("1", "&as_of_event_id=1&as_of_position=2")), 400,
                        "Use only one replay cutoff: as_of_event_id, as_of_position, or as_of_time"));
   EXPECT_TRUE(is_error(
       server().get(replay_of("1", "&projection=x")), 400,
       "unknown projection \"x\"; expected one of: execution, stage, frame, command, business_object, loop, all"));
   EXPECT_EQ(server().get("/api/replay/state").status, 400U);
   EXPECT_EQ(server().get(replay_of("one")).status, 400U);
}

TEST_F(replay, folds_stages_frames_loops_and_business_objects) {
   auto const execution = start_linear(server());
   auto const insert = [&](std::string const& n, std::string const& type, std::string const& meta,
                           std::string const& columns = "", std::string const& values = "") {
      server().query(
          "insert into noetl.event (execution_id, catalog_id, event_id, event_type, node_name, status, meta, "
          "stream_version, result" +
          columns + ") values (" + execution + ", 1, " + n + ", '" + type + "', 'load', '', '" + meta + "', 1000 + " +
          n + ", '{\"status\":\"OK\",\"reference\":{\"ref\":\"r" + n +
          "\",\"rows_ref\":{\"meta\":{\"row_count\":5}}}}'" + values + ") returning 1");
   };
   insert("1", "stage.opened", R"({"stage_id":"s1","kind":"map"})");
   insert("2", "frame.dispatched", R"({"attempt":2})", ", stage_id, frame_id", ", 11, 12");
   insert("3", "frame.committed", R"({"attempt":1,"row_count":5})", ", frame_id", ", 12");
   insert("4", "stage.closed", R"({"stage_id":"s1","frame_count":1,"row_count":5})");
   insert("5", "loop.shard.done", R"({"loop_id":"l1","total":3})");
   insert("6", "loop.done", R"({"loop_id":"l1"})");
   insert("7", "order.created", R"({"business_object":{"type":"order","id":9,"state":{"a":1}}})");
   insert("8", "order.changed", R"({"business_object":{"type":"order","id":9,"patch":{"b":2}}})");
   auto const got = server().get(replay_of(execution));
   EXPECT_EQ(got.at("stages.s1.status").get_string(), "CLOSED");
   EXPECT_EQ(number(got.at("stages.s1.row_count")), "5");
   EXPECT_EQ(number(got.at("stages.s1.opened_event_id")), "1");
   EXPECT_EQ(got.at("frames.12.status").get_string(), "COMPLETED");
   EXPECT_EQ(number(got.at("frames.12.attempts")), "2");
   EXPECT_EQ(number(got.at("frames.12.terminal_event_id")), "3");
   EXPECT_EQ(number(got.at("frames.12.output_ref_summary.row_count")), "5");
   EXPECT_EQ(number(got.at("loops.l1.done")), "1");
   EXPECT_EQ(number(got.at("loops.l1.total")), "3");
   EXPECT_EQ(text(got.at("loops.l1.completed")), "true");
   EXPECT_EQ(text(got.at("business_objects.order/9.attributes")), R"({"a":1,"b":2})");
   EXPECT_EQ(number(got.at("business_objects.order/9.event_count")), "2");
   EXPECT_EQ(got.at("business_objects.order/9.last_payload_ref.ref").get_string(), "r8");
   EXPECT_EQ(got.at("execution.payload_refs").get_array().size(), 8U);
}

TEST_F(projection, advance_needs_the_token_and_a_body) {
   EXPECT_EQ(advance(R"({"execution_ids":[]})", "").status, 403U);
   EXPECT_EQ(advance("{", "Bearer wrong").status, 403U) << "the gate wins over a malformed body";
   EXPECT_EQ(advance("{}").status, 422U);
   auto const none = advance(R"({"execution_ids":[]})");
   EXPECT_EQ(none.status, 200U);
   EXPECT_EQ(none.body, R"({"advanced":[],"failed":[]})");
}

TEST_F(projection, advance_folds_saves_and_dispatches_nothing_items_133_134_D51_D55) {
   auto const execution = start_linear(own());
   issued(own(), execution, "start");
   auto const saved = [&] {
      return own().query("select version, meta->>'applied_count', updated_at from noetl.projection_snapshot where "
                         "aggregate_type = 'orchestrator_workflow_state_cpp_v1' and aggregate_id = '" +
                         execution + "'");
   };
   EXPECT_TRUE(saved().empty()) << "134: the orchestrator leaves snapshots to the projector";
   auto const events = own().cell("select count(*) from noetl.event where execution_id = " + execution);
   auto const got = advance(R"({"execution_ids":[)" + execution + ",321," + execution + "]}");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.body, R"({"advanced":[{"execution_id":)" + execution + R"(,"version":)" + events + R"(,"events":)" +
                           events + R"(}],"failed":[{"execution_id":321,"error":"Execution not found: 321"}]})");
   ASSERT_EQ(saved().size(), 1U);
   EXPECT_EQ(saved()[0][0], events);
   EXPECT_EQ(saved()[0][1], events);
   EXPECT_EQ(advance(R"({"execution_ids":[)" + execution + "]}").body, R"({"advanced":[{"execution_id":)" + execution +
                                                                           R"(,"version":)" + events + R"(,"events":)" +
                                                                           events + R"(}],"failed":[]})")
       << "again: the same";
   EXPECT_EQ(own().cell("select count(*) from noetl.event where execution_id = " + execution), events);
   work(own(), execution, "start");
   issued(own(), execution, "end");
   auto const later = advance(R"({"execution_ids":[)" + execution + "]}");
   EXPECT_GT(later.at("advanced.0.version").as<int>(), std::stoi(events)) << "127: only forward";
   EXPECT_EQ(number(later.at("advanced.0.events")), number(later.at("advanced.0.version")));
}

TEST_F(projection, a_snapshot_that_cannot_be_saved_is_told_in_failed_item_132) {
   auto const execution = start_linear(own());
   issued(own(), execution, "start");
   own().query("alter table noetl.projection_snapshot add constraint no_more check (version < 0) not valid");
   auto const got = advance(R"({"execution_ids":[)" + execution + "]}");
   own().query("alter table noetl.projection_snapshot drop constraint no_more");
   EXPECT_EQ(got.status, 200U);
   EXPECT_TRUE(got.at("advanced").get_array().empty()) << got.body;
   EXPECT_EQ(number(got.at("failed.0.execution_id")), execution);
   EXPECT_EQ(advance(R"({"execution_ids":[)" + execution + "]}").at("failed").get_array().size(), 0U);
}

TEST_F(projection, figures_of_snapshots_and_rebuilds_have_help_texts) {
   auto const execution = start_linear(own());
   issued(own(), execution, "start");
   ASSERT_EQ(advance(R"({"execution_ids":[)" + execution + "]}").status, 200U);
   ASSERT_EQ(advance(R"({"execution_ids":[)" + execution + "]}").status, 200U);
   own().query("update noetl.projection_snapshot set checksum = 'x' where aggregate_id = '" + execution + "'");
   ASSERT_EQ(advance(R"({"execution_ids":[)" + execution + "]}").status, 200U);
   auto const metrics = own().get("/metrics").body;
   for (char const* name :
        {"noetl_snapshots_saved_total", "noetl_snapshots_refused_total", "noetl_snapshots_ignored_total",
         "noetl_snapshot_age_seconds", "noetl_rebuild_duration_seconds", "noetl_rebuild_events",
         "noetl_projection_advanced_total"})
      EXPECT_NE(metrics.find("# HELP " + std::string(name) + " "), metrics.npos) << name;
   EXPECT_NE(metrics.find("noetl_snapshots_ignored_total{reason=\"corrupt\"} 1"), metrics.npos);
   EXPECT_NE(metrics.find("noetl_rebuild_events_count{source=\"snapshot\"}"), metrics.npos);
   EXPECT_NE(metrics.find("noetl_rebuild_events_count{source=\"log\"}"), metrics.npos);
}
