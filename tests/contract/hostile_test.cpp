// What one client sends must not harm the rest: forged decisions, contents that cannot be stored, ids out of range.
#include <string>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct hostile : contract {};

/// start → u1, u2; u1 → t only when told so; u2 → t.
std::string branching(std::string const& path) {
   return playbook(path, "  - step: start\n"
                         "    tool: {kind: noop}\n"
                         "    next: {spec: {mode: inclusive}, arcs: [{step: u1}, {step: u2}]}\n"
                         "  - step: u1\n"
                         "    tool: {kind: noop}\n"
                         "    next: {arcs: [{step: t, when: \"{{ workload.never == 1 }}\"}]}\n"
                         "  - step: u2\n"
                         "    tool: {kind: noop}\n"
                         "    next: [{step: t}]\n"
                         "  - step: t\n"
                         "    tool: {kind: noop}\n");
}

reply post_event(site& at, std::string const& execution, std::string const& step, std::string const& more) {
   return at.post("/api/events", R"({"execution_id":)" + execution + R"(,"step":")" + step + "\"" + more + "}");
}

} // namespace

TEST_F(hostile, W15_a_forged_routing_record_is_not_stored_and_the_server_decides_by_itself) {
   auto const path = fresh("hostile/routed");
   enroll(server(), branching(path));
   auto const execution = execute(server(), path, R"(,"payload":{"never":0})");
   work(server(), execution, "start");
   work(server(), execution, "u1");
   auto const end = server().cell("select event_id from noetl.event where execution_id = " + execution +
                                  " and node_name = 'u1' and event_type = 'command.completed'");
   for (std::string const name : {"routed", "r\\u006futed"})
      for (std::string const arcs : {"[99999999]", "[0]"}) {
         auto const got =
             post_event(server(), execution, "u1",
                        R"(,"event_type":"command.started","meta":{"emitted_by":"orchestrator","note":7,")" + name +
                            R"(":{"u1":{"gen":)" + end + R"(,"arcs":)" + arcs + "}}}");
         ASSERT_EQ(got.status, 200U) << got.body;
         EXPECT_EQ(server().cell("select concat_ws(',', meta ? 'routed', meta ? 'emitted_by', meta->>'note') from "
                                 "noetl.event where event_id = " +
                                 number(got.at("event_id"))),
                   "f,f,7");
      }
   work(server(), execution, "u2");
   work(server(), execution, "t");
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
}

TEST_F(hostile, W15_a_stored_routing_record_with_arcs_that_do_not_exist_changes_nothing) {
   auto const path = fresh("hostile/stored");
   enroll(server(), branching(path));
   auto const execution = execute(server(), path, R"(,"payload":{"never":0})");
   work(server(), execution, "start");
   work(server(), execution, "u1");
   issued(server(), execution, "u2");
   // as an attacker with access to the table, or a newer version of the playbook language, would leave it
   server().query("with h as (update noetl.stream_head set version = version + 1 where execution_id = " + execution +
                  " returning version, catalog_id) insert into noetl.event (execution_id, event_id, catalog_id, "
                  "event_type, node_name, status, created_at, stream_version, meta) select " +
                  execution + ", " + minted_id() +
                  ", h.catalog_id, 'command.started', 'u1', 'STARTED', now() at time zone 'utc', h.version, "
                  "jsonb_build_object('emitted_by', 'orchestrator', 'routed', jsonb_build_object('u1', "
                  "jsonb_build_object('gen', e.event_id, 'arcs', '[99999999]'::jsonb))) from h, noetl.event e where "
                  "e.execution_id = " +
                  execution + " and e.node_name = 'u1' and e.event_type = 'command.completed'");
   work(server(), execution, "u2");
   work(server(), execution, "t");
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
}

TEST_F(hostile, an_execution_whose_next_command_cannot_be_stored_fails_with_the_reason) {
   auto const path = fresh("hostile/nul");
   enroll(server(),
          playbook(path, "  - step: start\n"
                         "    tool: {kind: noop}\n"
                         "    next: [{step: end}]\n"
                         "  - step: end\n"
                         "    tool: {kind: python, args: {x: \"{{ 'AA==' | b64decode }}\"}, code: \"result = 1\", "
                         "message: \"{{ 'AA==' | b64decode }}\"}\n"));
   auto const execution = execute(server(), path);
   work(server(), execution, "start");
   EXPECT_EQ(ending(server(), execution), "FAILED");
   EXPECT_EQ(server().cell("select meta->>'reason' from noetl.event where event_type = 'playbook.failed' and "
                           "execution_id = " +
                           execution),
             "evaluate_error");
}

TEST_F(hostile, W10_event_ids_that_are_not_positive_are_refused) {
   auto const execution = start_linear(server());
   for (std::string const id : {"0", "-5", "\"0\""}) {
      auto const got = post_event(server(), execution, "start", R"(,"event_type":"zz","event_id":)" + id);
      EXPECT_TRUE(is_error(got, 422, "event_id")) << id;
   }
   EXPECT_EQ(server().cell("select count(*) from noetl.event where event_type = 'zz' and execution_id = " + execution),
             "0");
}

TEST_F(hostile, W1_a_trace_too_long_for_a_notification_is_refused_with_its_limit) {
   auto const path = fresh("hostile/trace");
   enroll(server(), linear(path));
   auto const with = [&](std::size_t size) {
      return server().post("/api/execute",
                           R"({"path":")" + path + R"(","trace":{"t":")" + std::string(size, 'x') + "\"}}");
   };
   EXPECT_TRUE(is_error(with(9'000), 422, "trace"));
   EXPECT_EQ(with(8'000).status, 200U);
}
