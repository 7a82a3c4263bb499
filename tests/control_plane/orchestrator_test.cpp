// The orchestrator and the reconciler on a real database, servers of the test's own: items 128, 130, 132, 134, 137-140;
// D-52, D-60, D-61, D-64, D-65.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/snapshot_keeper.hpp>

#include "control_plane/orchestrator_fixture.hpp"
#include "pg/blocking.hpp"
#include "support/eventually.hpp"

using namespace noetl;
using namespace noetl::test;
using namespace std::chrono_literals;

namespace {

auto const two_steps = playbook_of("- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n");
auto const looped = playbook_of("- {step: start, tool: {kind: noop}, loop: {in: '[1,2,3,4]', iterator: x}, next: a}\n"
                                "- {step: a, tool: {kind: noop}}\n");

} // namespace

TEST_F(orchestrator_and_snapshots, writes_two_snapshots_in_1000_events_items_130_131_D52) {
   brain server(how(), 1, two_steps);
   auto const id = server.start();
   ASSERT_EQ(next_command().step, "start");
   auto events = ask<std::int64_t>("select count(*) from noetl.event");
   auto const saved = [&] { return server.states.snapshots().stats().saved; };
   for (; events < 500; ++events) ASSERT_TRUE(server.append(id, {plain("step.progress")}));
   ASSERT_TRUE(eventually([&] { return saved() == 1; }));
   EXPECT_EQ(ask<std::int64_t>("select (meta->>'applied_count')::bigint from noetl.projection_snapshot"), 500);
   for (; events < 1'000; ++events) ASSERT_TRUE(server.append(id, {plain("step.progress")}));
   ASSERT_TRUE(eventually([&] { return saved() == 2; }));
   EXPECT_EQ(ask<std::int64_t>("select (meta->>'applied_count')::bigint from noetl.projection_snapshot"), 1'000);
   EXPECT_EQ(saved(), 2U);
   auto const again = blocking(server.states.load(id));
   ASSERT_TRUE(again);
   EXPECT_TRUE(again->report.from_snapshot);
   EXPECT_EQ(again->report.events, 0U);
   EXPECT_EQ(workflow::state_text(again->state), folded(id)) << "126: what is stored equals a full replay";
}

TEST_F(orchestrator_and_snapshots, a_restart_keeps_pool_segment_and_trace_from_the_snapshot_items_128_136) {
   workflow::orchestrator_settings each;
   each.snapshot_events = 1;
   execution_id id;
   {
      brain first(how(), 1, two_steps, each);
      id = first.start(R"({"execution_pool":"gpu","trace":{"traceparent":"00-abc-def-01"}})");
      next_command();
      ASSERT_TRUE(eventually([&] { return ask<int>("select count(*) from noetl.projection_snapshot") == 1; }));
   }
   EXPECT_EQ(ask<std::string>("select meta->>'routing_meta' from noetl.projection_snapshot"),
             R"({"trace": {"traceparent": "00-abc-def-01"}, "execution_pool": "gpu"})");
   brain second(how(), 2, two_steps, each);
   complete(second, next_command());
   ASSERT_TRUE(eventually([&] { return ask<int>("select count(*) from noetl.outbox") == 2; }));
   EXPECT_EQ(second.from_snapshot, 1) << "the start event was not read again";
   EXPECT_EQ(ask<int>("select count(*) from noetl.outbox where subject = 'noetl.commands.gpu." +
                      std::to_string(id.value) + "'"),
             2);
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.issued' "
                      "and meta->'trace'->>'traceparent' = '00-abc-def-01'"),
             2);
   auto const state = blocking(second.states.load(id));
   ASSERT_TRUE(state && state->state.started_at);
   EXPECT_EQ(*state->state.started_at, ask<timestamp>("select created_at from noetl.event "
                                                      "where event_type = 'playbook_started'"))
       << "136: event times, not load times";
}

TEST_F(orchestrator_and_snapshots, a_snapshot_that_cannot_be_saved_fails_no_pass_item_132) {
   db->script("alter table noetl.projection_snapshot rename to elsewhere");
   workflow::orchestrator_settings each;
   each.snapshot_events = 1;
   {
      brain server(how(), 1, two_steps, each);
      server.start();
      complete(server, next_command());
      complete(server, next_command());
      EXPECT_TRUE(ended());
      EXPECT_TRUE(eventually([&] { return server.states.snapshots().stats().failed > 0; }));
      EXPECT_EQ(server.states.snapshots().stats().saved, 0U);
      EXPECT_EQ(server.orchestrator.stats().failures, 0U);
   }
   db->script("alter table noetl.elsewhere rename to projection_snapshot");
}

TEST_F(orchestrator_and_snapshots, with_snapshots_owned_by_the_projector_it_reads_them_and_writes_none_item_134) {
   workflow::orchestrator_settings reads_only;
   reads_only.snapshot_events = 0;
   execution_id id;
   {
      brain first(how(), 1, two_steps, reads_only);
      id = first.start();
      next_command();
      for (int i = 0; i < 600; ++i) ASSERT_TRUE(first.append(id, {plain("step.progress")}));
      auto const state = blocking(first.states.load(id)); // what the projection route does
      ASSERT_TRUE(state);
      auto row = first.states.snapshots().prepare(state->state, state->read_at);
      auto const saved = blocking(first.states.snapshots().save(id, std::move(row)));
      ASSERT_TRUE(saved && *saved == save_outcome::saved);
      EXPECT_EQ(first.states.snapshots().stats().saved, 1U) << "by this test, not by the orchestrator";
   }
   brain second(how(), 2, two_steps, reads_only);
   complete(second, next_command());
   EXPECT_EQ(next_command().step, "a");
   EXPECT_EQ(second.from_snapshot, 1);
   EXPECT_EQ(second.states.snapshots().stats().saved, 0U);
}

TEST_F(orchestrator_and_snapshots, an_execution_left_in_mid_flight_goes_on_after_a_restart_item_137_D61) {
   workflow::orchestrator_settings each;
   each.snapshot_events = 1;
   {
      brain first(how(), 1, two_steps, each);
      auto const id = first.start();
      auto const command = next_command();
      first.deaf = true; // killed between commit and decision
      complete(first, command);
      ASSERT_TRUE(first.append(id, {plain("step.progress")})); // and the last event triggers nothing
   }
   ASSERT_TRUE(open().empty());
   brain second(how(), 2, two_steps, each, brain::often());
   EXPECT_EQ(next_command().step, "a");
   complete(second, next_command());
   EXPECT_TRUE(ended());
}

TEST_F(orchestrator_and_snapshots, ended_executions_leave_memory_whoever_ends_them_item_138_D60_L44) {
   brain server(how(), 1, two_steps, {}, brain::often());
   brain other(how(), 2, two_steps);
   struct way {
      char const* what;
      std::function<void(execution_id)> end;
   };
   std::vector<way> const ways{
       {"cancelled here", [&](auto id) { EXPECT_TRUE(server.append(id, {plain("playbook_cancelled", "CANCELLED")})); }},
       {"cancelled with a dot",
        [&](auto id) { EXPECT_TRUE(server.append(id, {plain("playbook.cancelled", "CANCELLED")})); }},
       {"finalized here", [&](auto id) { EXPECT_TRUE(server.append(id, {plain("playbook.completed", "COMPLETED")})); }},
       {"cancelled elsewhere",
        [&](auto id) { EXPECT_TRUE(other.append(id, {plain("playbook_cancelled", "CANCELLED")})); }},
       {"completed elsewhere",
        [&](auto id) { EXPECT_TRUE(other.append(id, {plain("playbook.completed", "COMPLETED")})); }},
   };
   for (auto const& [what, end] : ways) {
      auto const id = server.start();
      ASSERT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 1; })) << what;
      end(id);
      EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 0; })) << what;
   }
}

TEST_F(orchestrator_and_snapshots, an_execution_that_fails_leaves_memory_and_late_triggers_leave_nothing_item_138) {
   // Alone: a second server that knows another playbook by this name would go on with it.
   brain server(how(), 1,
                playbook_of("- {step: start, tool: {kind: noop}, next: a}\n"
                            "- {step: a, tool: {kind: noop, v: \"{{ '' | int }}\"}}\n"),
                {}, brain::often());
   auto const id = server.start();
   ASSERT_TRUE(eventually([&] {
      return ask<int>("select count(*) from noetl.command where execution_id = " + std::to_string(id.value)) == 1;
   }));
   for (auto const& c : open())
      if (c.execution == id) complete(server, c);
   EXPECT_TRUE(ended("FAILED")) << "a template that cannot be evaluated ends the run";
   EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 0; }));
   // A trigger that comes after the end is looked at once and forgotten.
   auto const looks = server.orchestrator.stats().rebuilds;
   ASSERT_TRUE(server.append(id, {fact("command.completed", "start", "nobody")}));
   EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().rebuilds > looks; }));
   EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 0; }));
}

TEST_F(orchestrator_and_snapshots, who_is_put_off_does_not_count_as_being_advanced) {
   brain server(how(), 1, "this is no playbook");
   server.start();
   ASSERT_TRUE(eventually([&] { return server.orchestrator.stats().failures > 0; }));
   EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().active == 0; })) << "the reconciler waits for those";
   EXPECT_EQ(server.orchestrator.stats().cached, 1U);
}

TEST_F(orchestrator_and_snapshots, two_replicas_never_issue_the_same_command_twice_item_139_D64) {
   auto const yaml = playbook_of("- {step: start, tool: {kind: noop}, next: [a, b, c]}\n"
                                 "- {step: a, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x}, next: j}\n"
                                 "- {step: b, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x, spec: {mode: "
                                 "parallel}}, next: j}\n- {step: c, tool: {kind: noop}, next: j}\n"
                                 "- {step: j, tool: {kind: noop}}\n");
   workflow::orchestrator_settings each;
   each.snapshot_events = 3;
   brain left(how(), 1, yaml, each, brain::often());
   brain right(how(), 2, yaml, each, brain::often());
   constexpr int runs = 6;
   for (int i = 0; i < runs; ++i) (i % 2 == 0 ? left : right).start();
   std::mt19937 random{7};
   bool const all = eventually([&] {
      for (auto const& c : open()) complete(random() % 2 == 0 ? left : right, c);
      return ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'") == runs;
   });
   EXPECT_TRUE(all) << ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'");
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.issued'"), runs * 9);
   EXPECT_EQ(ask<int>("select count(*) from (select 1 from noetl.event where event_type = 'command.issued' group by "
                      "execution_id, node_name, meta->>'iteration_index' having count(*) > 1) twice"),
             0);
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'playbook.completed'"), runs);
   EXPECT_GT(ask<int>("select count(*) from noetl.projection_snapshot"), 0);
   EXPECT_EQ(left.states.snapshots().stats().corrupt + right.states.snapshots().stats().corrupt, 0U);
}

// Loops of every mode, a cycle and a cursor, on servers of which one or the other is gone at any moment.
TEST_F(orchestrator_and_snapshots,
       loops_cycles_and_cursors_go_on_whoever_restarts_and_issue_nothing_twice_item_139_L11_L19) {
   auto const yaml = playbook_of(
       "- {step: start, tool: {kind: noop}, next: [l, c]}\n"
       "- {step: l, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x}, next: j}\n"
       "- {step: c, tool: {kind: noop}, loop: {iterator: job, cursor: {claim: x}, spec: {mode: cursor, frame: "
       "{row_concurrency: 2}}}, next: j}\n"
       "- {step: j, tool: {kind: noop}, set: {ctx.r: '{{ (r | default(0)) + 1 }}'}, next: {arcs: [{step: l, when: 'r < "
       "2'}, {step: p}]}}\n"
       "- {step: p, tool: {kind: noop}, loop: {in: '5', iterator: x, spec: {mode: parallel, max_in_flight: 2}}}\n");
   workflow::orchestrator_settings each;
   each.snapshot_events = 3;
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937 random{seed};
   unsigned machine = 0;
   std::vector<std::unique_ptr<brain>> servers(2);
   auto const restart = [&](std::size_t which) {
      servers[which].reset();
      servers[which] = std::make_unique<brain>(how(), ++machine, yaml, each, brain::often());
   };
   restart(0), restart(1);
   constexpr int runs = 4;
   for (int i = 0; i < runs; ++i) servers[i % 2U]->start();
   auto const work = [&] {
      for (auto const& c : open()) {
         auto& at = *servers[random() % 2];
         if (random() % 6 == 0) at.deaf = true; // it will not hear of what it has committed
         auto const places =
             db->exec("select coalesce(meta->'cursor'->>'phase', ''), coalesce(meta->'cursor'->>'frame', '') "
                      "from noetl.command where execution_id = $1 and event_id = $2",
                      c.execution, c.issued);
         bool const first_claim = places[0].get<std::string>(0) == "claim" && places[0].get<std::string>(1) == "0";
         std::string const rows = first_claim ? "[1,2,3]" : "[]";
         append_request request;
         request.execution_id = c.execution;
         request.events = {fact("call.done", c.step, c.id, R"(,"result":{"context":{"data":{"rows":)" + rows + "}}}"),
                           fact("command.completed", c.step, c.id)};
         request.updates = {{c.execution, c.issued, "COMPLETED", {}, {}, false}};
         auto const stored = blocking(at.store.append(std::move(request)));
         EXPECT_TRUE(stored) << stored.error().message;
         if (at.deaf) restart(&at == servers[0].get() ? 0 : 1);
      }
      return ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'") == runs;
   };
   ASSERT_TRUE(eventually(work, std::chrono::minutes{2}))
       << ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'");
   struct wanted {
      char const* step;
      int commands;
   };
   for (auto const& [step, commands] :
        {wanted{"start", 1}, wanted{"l", 6}, wanted{"c", 5}, wanted{"j", 2}, wanted{"p", 5}})
      EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.issued' and node_name = '" +
                         std::string(step) + "'"),
                runs * commands)
          << step;
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'playbook.completed'"), runs);
}

// A long execution must not push the others out of memory, nor write its whole state every few events.
TEST_F(orchestrator_and_snapshots, the_memory_counted_for_an_execution_is_that_of_its_state_not_of_its_log) {
   workflow::orchestrator_settings how_much;
   how_much.snapshot_events = 10;
   brain server(how(), 1, two_steps, how_much);
   auto const id = server.start();
   ASSERT_EQ(next_command().step, "start");
   std::string const text(10'000, 'x');
   for (int i = 0; i < 60; ++i) { // the same variable again and again
      event e;
      e.event_type = "ctx.updated";
      e.status = "CONTEXT";
      e.result = raw_json(R"({"status":"CONTEXT","context":{"values":{"v":")" + text + "\"}}}");
      ASSERT_TRUE(server.append(id, {e}));
   }
   EXPECT_TRUE(eventually([&] {
      auto const bytes = server.orchestrator.stats().bytes;
      return bytes > 10'000 && bytes < 400'000;
   })) << server.orchestrator.stats().bytes;
}

TEST_F(orchestrator_and_snapshots, a_cancelled_execution_is_never_driven_again_item_140_D65) {
   for (char const* spelling : {"playbook_cancelled", "playbook.cancelled"}) {
      db->script("truncate noetl.event, noetl.command, noetl.stream_head, noetl.outbox, noetl.projection_snapshot");
      brain server(how(), 1, looped, {}, brain::often());
      brain other(how(), 2, looped, {}, brain::often());
      auto const id = server.start();
      auto const command = next_command();
      ASSERT_TRUE(other.append(id, {plain(spelling, "CANCELLED")}));
      complete(server, command); // late, and to a server that has not heard of the cancellation
      auto const passes = server.reconciler->passes();
      ASSERT_TRUE(eventually([&] { return server.reconciler->passes() > passes + 2; }));
      EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.issued'"), 1) << spelling;
      EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type like 'playbook.%' and event_type not like "
                         "'%cancelled'"),
                0)
          << spelling;
      EXPECT_EQ(ask<std::string>("select status from noetl.stream_head"), "CANCELLED");
      // A decision that was made before the cancellation and comes after it is refused.
      auto const refused = server.append(id, {plain("step.enter")}, {expected::undecided_since, 1'000'000});
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, error_code::conflict);
      EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 0; })) << spelling;
   }
}

TEST_F(orchestrator_and_snapshots, snapshots_of_executions_that_ended_long_ago_are_deleted) {
   workflow::orchestrator_settings each;
   each.snapshot_events = 1;
   brain server(how(), 1, two_steps, each);
   auto const id = server.start();
   next_command();
   ASSERT_TRUE(eventually([&] { return ask<int>("select count(*) from noetl.projection_snapshot") == 1; }));
   control_plane::snapshot_keeper_settings often;
   often.retention = std::chrono::seconds{0};
   often.interval = 50ms;
   boost::asio::io_context io;
   control_plane::snapshot_keeper keeper(io.get_executor(), server.states, 1, often);
   keeper.start();
   std::jthread const turning([&] { io.run(); });
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(ask<int>("select count(*) from noetl.projection_snapshot"), 1) << "it runs";
   ASSERT_TRUE(server.append(id, {plain("playbook_cancelled", "CANCELLED")}));
   EXPECT_TRUE(eventually([&] { return ask<int>("select count(*) from noetl.projection_snapshot") == 0; }));
   io.stop();
}
