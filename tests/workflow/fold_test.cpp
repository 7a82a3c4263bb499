// Folding the log: orchestration.md section 3, and the repairs W5, W25, L-10, L-15, L-35, L-42.
#include "simulator.hpp"

#include <string>

#include <gtest/gtest.h>

using namespace noetl::workflow;
using noetl::event;
using noetl::workflow::testing::order;
using noetl::workflow::testing::parsed;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using noetl::workflow::testing::text_of;

namespace {

std::string const two_steps =
    playbook_text("- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n");

step_phase phase_of(simulator const& s, std::string const& name) {
   auto const found = s.state.steps.find(name);
   return found == s.state.steps.end() ? step_phase::pending : found->second.phase;
}

} // namespace

TEST(fold, start_sets_path_workload_pool_and_trace) {
   workflow_state state;
   event e;
   e.execution_id = noetl::execution_id(1);
   e.catalog_id = noetl::catalog_id(2);
   e.parent_execution_id = noetl::execution_id(3);
   e.event_type = "playbook_started";
   e.stream_version = 1;
   e.context = noetl::raw_json(R"({"path":"p","workload":{"a":1},"catalog_id":"2"})");
   e.meta = noetl::raw_json(R"({"execution_pool":"gpu","trace":{"traceparent":"x"}})");
   apply(state, e);
   EXPECT_EQ(state.status(), run_status::running);
   EXPECT_EQ(state.path, "p");
   EXPECT_EQ(state.execution_pool, "gpu");
   EXPECT_EQ(text_of(state.trace), R"({"traceparent":"x"})");
   EXPECT_EQ(text_of(state.workload), R"({"a":1})");
   EXPECT_EQ(state.parent_execution_id, noetl::execution_id(3));
   EXPECT_EQ(state.version, 1);
   EXPECT_EQ(run_identity(state).trace.text, R"({"traceparent":"x"})");
}

TEST(fold, an_event_at_or_below_the_version_changes_nothing) {
   simulator s(two_steps);
   s.complete("start");
   auto const before = s.state;
   for (auto const& e : s.log) apply(s.state, e);
   EXPECT_EQ(s.state.applied, before.applied);
   EXPECT_EQ(s.state.version, before.version);
   EXPECT_EQ(s.state.steps.at("a").visit, before.steps.at("a").visit);
}

TEST(fold, rows_of_an_older_server_count_up_as_adoption_does) {
   simulator s(two_steps);
   s.complete("start");
   workflow_state adopted;
   for (auto e : s.log) {
      e.stream_version = 0;
      apply(adopted, e);
   }
   EXPECT_EQ(adopted.version, s.state.version);
   EXPECT_EQ(adopted.steps.at("a").phase, step_phase::running);
}

TEST(fold, late_claimed_and_started_never_reactivate_a_finished_step_W25_L15) {
   simulator s(two_steps);
   auto const o = s.take("start");
   auto events = simulator::success(o, "{}");
   s.append(events[1]);
   s.append(events[2]);
   EXPECT_EQ(phase_of(s, "start"), step_phase::completed);
   s.append(events[0]);
   s.append(simulator::worker_event(o, "command.claimed", "RUNNING", ""));
   EXPECT_EQ(phase_of(s, "start"), step_phase::completed);
   EXPECT_EQ(s.state.commands.at(o.id).phase, command_phase::completed);
}

TEST(fold, completed_before_issued_is_remembered_W25_L15) {
   simulator s(two_steps);
   auto const o = s.take("start");
   auto const events = simulator::success(o, R"({"v":1})");
   workflow_state state;
   auto version = std::int64_t{0};
   auto const feed = [&](event e) {
      e.stream_version = ++version;
      apply(state, e);
   };
   feed(s.log[0]);
   for (auto e : events) {
      e.event_id = noetl::event_id(500 + version);
      feed(e);
   }
   EXPECT_FALSE(state.steps.contains("start") && state.steps.at("start").phase != step_phase::pending);
   feed(s.log[1]);
   EXPECT_EQ(state.steps.at("start").phase, step_phase::completed);
   EXPECT_EQ(text_of(*detail::member(&state.data, "start", "v")), "1");
}

TEST(fold, every_spelling_of_an_end_is_known_and_the_first_one_stays_W5_L35) {
   struct row {
      char const* type;
      run_status wanted;
   };
   for (auto const& r :
        {row{"playbook.completed", run_status::completed}, row{"playbook_completed", run_status::completed},
         row{"playbook.failed", run_status::failed}, row{"playbook_failed", run_status::failed},
         row{"playbook.cancelled", run_status::cancelled}, row{"playbook_cancelled", run_status::cancelled},
         row{"execution.cancelled", run_status::cancelled}}) {
      simulator s(two_steps);
      for (char const* type : {r.type, "playbook.completed", "playbook_failed", "playbook_cancelled"}) {
         event e;
         e.event_type = type;
         s.append(e);
      }
      EXPECT_EQ(s.state.status(), r.wanted) << r.type;
      EXPECT_TRUE(s.state.terminal());
   }
}

TEST(fold, synonyms_of_older_workers_are_accepted) {
   simulator s(two_steps);
   auto const o = s.take("start");
   s.append(simulator::worker_event(o, "action_started", "STARTED", ""));
   EXPECT_EQ(s.state.commands.at(o.id).phase, command_phase::started);
   s.append(simulator::worker_event(o, "action_done", "COMPLETED", R"(,"result":{"context":{"data":{"v":4}}})"));
   s.append(simulator::worker_event(o, "action_completed", "success", ""));
   EXPECT_EQ(phase_of(s, "start"), step_phase::completed);
   EXPECT_EQ(text_of(*detail::member(&s.state.data, "start", "v")), "4");
   simulator f(two_steps);
   f.append(simulator::worker_event(f.take("start"), "step_failed", "FAILED", R"(,"error":"e")"));
   EXPECT_EQ(phase_of(f, "start"), step_phase::failed);
   EXPECT_EQ(f.state.steps.at("start").error, "e");
}

TEST(fold, a_step_exit_of_a_worker_completes_the_step_once) {
   simulator s(two_steps);
   auto const o = s.take("start");
   event e;
   e.event_type = "step.exit";
   e.node_name = "start";
   e.result = noetl::raw_json(R"({"status":"COMPLETED","context":{"status":"done","data":{"k":1}}})");
   s.append(e);
   auto const completion = s.state.steps.at("start").completion;
   EXPECT_EQ(phase_of(s, "start"), step_phase::completed);
   s.append(simulator::worker_event(o, "command.completed", "success", ""));
   EXPECT_EQ(s.state.steps.at("start").completion, completion);
   EXPECT_EQ(text_of(*detail::member(&s.state.data, "start", "k")), "1");
}

TEST(fold, a_foreign_step_enter_does_not_block_a_step) {
   simulator s(two_steps);
   event e;
   e.event_type = "step_started";
   e.node_name = "a";
   s.append(e);
   EXPECT_EQ(phase_of(s, "a"), step_phase::pending);
   s.complete("start");
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
}

TEST(fold, a_completion_waits_for_a_pending_callback_L42) {
   simulator s(two_steps);
   auto const o = s.take("start");
   s.append(simulator::worker_event(o, "command.completed", "success", R"(,"pending_callback":true)"));
   s.pass();
   EXPECT_EQ(phase_of(s, "start"), step_phase::running);
   s.append(simulator::worker_event(o, "call.done", "COMPLETED", R"(,"result":{"context":{"data":{"v":2}}})"));
   EXPECT_EQ(phase_of(s, "start"), step_phase::completed);
   s.pass();
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
   EXPECT_EQ(text_of(*detail::member(&s.state.data, "start", "v")), "2");
}

TEST(fold, a_command_of_an_earlier_visit_changes_nothing) {
   simulator s(
       playbook_text("- {step: start, tool: {kind: noop}, next: {arcs: [{step: start, when: 'start.again'}]}}\n"));
   auto const first = s.open.front();
   s.complete("start", R"({"again":true})");
   EXPECT_EQ(s.state.steps.at("start").visit, 2u);
   s.append(simulator::worker_event(first, "command.failed", "FAILED", R"(,"error":"late")"));
   s.append(simulator::worker_event(first, "call.done", "COMPLETED", R"(,"result":{"context":{"data":{"again":5}}})"));
   EXPECT_EQ(phase_of(s, "start"), step_phase::running);
   EXPECT_EQ(text_of(*detail::member(&s.state.data, "start", "again")), "true");
   EXPECT_LE(s.state.commands.size(), 2u);
}

TEST(fold, ids_that_nobody_issued_do_not_fill_the_memory) {
   simulator s(two_steps);
   order stray{"x", "start", "noop", {}, {}, {}, {}};
   for (int i = 0; i < 3000; ++i) {
      stray.id = "stray:" + std::to_string(i);
      s.append(simulator::worker_event(stray, "command.started", "STARTED", ""));
      s.append(simulator::worker_event(stray, "command.completed", "success", ""));
   }
   EXPECT_LE(s.state.commands.size(), 1001u);
   EXPECT_EQ(phase_of(s, "start"), step_phase::running);
   s.complete("start");
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
}

TEST(fold, user_data_follows_3_6) {
   struct row {
      char const* envelope;
      char const* wanted;
   };
   for (auto const& r :
        {row{"null", "null"}, row{R"({"context":{"result":{"context":{"data":{"x":1}}}}})", R"({"x":1})"},
         row{R"({"context":{"data":[1]}})", "[1]"}, row{R"({"context":{"a":1}})", R"({"a":1})"}, row{"5", "5"},
         row{R"({"status":"x"})", R"({"status":"x"})"},
         row{R"({"context":{"result":{"context":{"data":{"l":{"x":1},"m":{"x":2,"y":3}}}}}})",
             R"({"l":{"x":1},"m":{"x":2,"y":3},"x":2,"y":3})"},
         row{R"({"context":{"data":{"l":{"x":1},"m":null}}})", R"({"l":{"x":1},"m":null})"},
         row{R"({"context":{"data":{}}})", "{}"}, row{R"({"context":{"result":{"context":{"data":null}}}})", "null"},
         row{R"({"context":{"command_id":"c","result":{"status":"s"}}})",
             R"({"command_id":"c","result":{"status":"s"}})"}})
      EXPECT_EQ(text_of(user_data(parsed(r.envelope))), r.wanted) << r.envelope;
   EXPECT_EQ(text_of(exposed(parsed(R"({"x":1})"))), R"({"data":{"x":1},"x":1})");
   EXPECT_EQ(text_of(exposed(parsed(R"({"data":1})"))), R"({"data":1})");
   EXPECT_EQ(text_of(exposed(parsed("[1]"))), "[1]");
}

TEST(fold, malformed_bodies_and_unknown_types_change_nothing) {
   simulator s(two_steps);
   for (char const* type :
        {"command.completed", "command.failed", "call.done", "ctx.updated", "step.enter", "weird", "command.issued"}) {
      event e;
      e.event_type = type;
      e.result = noetl::raw_json("{broken");
      e.meta = noetl::raw_json("[\"routed\"]");
      s.append(e); // without a node
   }
   EXPECT_EQ(phase_of(s, "start"), step_phase::running);
   EXPECT_EQ(s.state.steps.size(), 1u);
   auto const version = s.state.version;
   s.complete("start");
   EXPECT_GT(s.state.version, version);
   EXPECT_EQ(s.traced(), "issue start, enter a, issue a");
}

TEST(fold, progress_counts_steps_by_phase) {
   simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: {arcs: [{step: a, when: 'true'}, {step: "
                             "b}]}}\n- {step: a, tool: {kind: noop}}\n- {step: b, tool: {kind: noop}}\n"));
   s.complete("start");
   auto const c = s.state.progress();
   EXPECT_EQ(c.total, 2u);
   EXPECT_EQ(c.completed, 1u);
   EXPECT_EQ(c.running, 1u);
   EXPECT_EQ(c.skipped, 1u);
   EXPECT_EQ(s.state.current_step, "a");
}
