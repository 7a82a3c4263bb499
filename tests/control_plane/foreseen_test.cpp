// Decisions that are made before their cause is stored, and committed with it (decision 114): the orchestrator on a
// real database, a worker's part by hand.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "control_plane/orchestrator_fixture.hpp"
#include "pg/blocking.hpp"
#include "support/eventually.hpp"

using namespace noetl;
using namespace noetl::test;

namespace {

auto const three_steps = playbook_of("- {step: start, tool: {kind: noop}, next: a}\n"
                                     "- {step: a, tool: {kind: noop}, next: b}\n- {step: b, tool: {kind: noop}}\n");
auto const branches = playbook_of("- {step: start, tool: {kind: noop}, next: [a, b]}\n"
                                  "- {step: a, tool: {kind: noop}, next: j}\n"
                                  "- {step: b, tool: {kind: noop}, next: j}\n- {step: j, tool: {kind: noop}}\n");

class foreseen : public orchestrator_and_snapshots {
protected:
   static append_request report(open_command const& c, std::string const& worker = "w1") {
      append_request request;
      request.execution_id = c.execution;
      request.events = {fact("call.done", c.step, c.id, R"(,"result":{"context":{"data":{"v":1}}})"),
                        fact("command.completed", c.step, c.id)};
      request.updates = {{c.execution, c.issued, "COMPLETED", worker, {}, false, true}};
      return request;
   }
   static result<append_result> tell(brain& at, append_request request) {
      return blocking(at.orchestrator.append(std::move(request)));
   }
   /// What was decided last has come back to the orchestrator, so that it is at rest.
   static void rest(brain& at) {
      EXPECT_TRUE(eventually([&] { return at.orchestrator.stats().active == 0; }));
   }
   open_command next(brain& at) {
      auto const one = next_command();
      rest(at);
      return one;
   }
   int issued(std::string const& step) {
      return ask<int>("select count(*) from noetl.event where event_type = 'command.issued' and node_name = '" + step +
                      "'");
   }
   /// The step was entered in the transaction that stored the end of the other one.
   bool with_its_cause(std::string const& step, std::string const& cause) {
      return ask<bool>("select exists (select 1 from noetl.event i join noetl.event c using (execution_id, ingest_xid) "
                       "where i.event_type = 'command.issued' and i.node_name = '" +
                       step + "' and c.event_type = 'command.completed' and c.node_name = '" + cause + "')");
   }
};

} // namespace

TEST_F(foreseen, a_report_and_the_next_command_are_one_transaction) {
   brain server(how(), 1, three_steps);
   auto const id = server.start();
   for (auto const* step : {"start", "a", "b"}) {
      auto const command = next(server);
      ASSERT_EQ(command.step, step);
      auto const stored = tell(server, report(command));
      ASSERT_TRUE(stored) << stored.error().message;
      EXPECT_TRUE(stored->followed) << step;
   }
   EXPECT_TRUE(ended());
   EXPECT_TRUE(with_its_cause("a", "start"));
   EXPECT_TRUE(with_its_cause("b", "a"));
   EXPECT_TRUE(ask<bool>("select count(distinct ingest_xid) = 1 from noetl.event where event_type = "
                         "'playbook.completed' or (event_type = 'command.completed' and node_name = 'b')"));
   EXPECT_EQ(ask<int>("select count(*) from noetl.command where status <> 'COMPLETED'"), 0);
   EXPECT_EQ(server.orchestrator.stats().decisions, 4U) << "one of the start, three with reports";
   EXPECT_EQ(server.orchestrator.stats().conflicts, 0U);
   EXPECT_EQ(server.orchestrator.stats().rebuilds, 0U) << "the state was right each time";
   EXPECT_TRUE(eventually([&] { return server.orchestrator.stats().cached == 0; })) << "138";
   EXPECT_TRUE(blocking(server.states.load(id))->state.terminal());
}

TEST_F(foreseen, on_the_threads_of_the_orchestrator_it_is_the_same) {
   brain server(how(), 1, three_steps);
   server.start();
   for (auto const* step : {"start", "a", "b"}) {
      auto const command = next(server);
      ASSERT_EQ(command.step, step);
      auto const stored = server.within(server.orchestrator.append(report(command)));
      EXPECT_TRUE(stored && stored->followed) << step;
   }
   EXPECT_TRUE(ended());
   EXPECT_EQ(server.orchestrator.stats().rebuilds, 0U);
}

TEST_F(foreseen, a_loop_that_is_issued_in_parts_gets_one_part_with_the_report_102) {
   std::string const large(1U << 20U, 'x');
   brain server(how(), 1,
                playbook_of("- {step: start, tool: {kind: noop}, set: {ctx.text: " + large + "}, next: each}\n" +
                            "- {step: each, tool: {kind: noop}, loop: {in: '{{ range(40) | list }}', iterator: x, "
                            "spec: {mode: parallel}}}\n"));
   server.start();
   auto const stored = tell(server, report(next(server)));
   ASSERT_TRUE(stored && stored->followed) << (stored ? "" : stored.error().message);
   auto const with_it = issued("each");
   EXPECT_GE(with_it, 1);
   EXPECT_LT(with_it, 20) << "each command carries a megabyte of variables";
   rest(server);
   EXPECT_EQ(issued("each"), with_it) << "nothing has ended, so nothing more is due";
}

TEST_F(foreseen, snapshots_made_of_it_are_those_of_the_log_items_126_130) {
   workflow::orchestrator_settings often;
   often.snapshot_events = 2;
   brain server(how(), 1, three_steps, often);
   auto const id = server.start();
   for (int i = 0; i < 2; ++i) {
      auto const stored = tell(server, report(next(server)));
      EXPECT_TRUE(stored && stored->followed);
      rest(server);
   }
   ASSERT_TRUE(eventually([&] { return server.states.snapshots().stats().saved >= 2; }));
   auto const again = blocking(server.states.load(id));
   ASSERT_TRUE(again && again->report.from_snapshot);
   EXPECT_EQ(workflow::state_text(again->state), folded(id));
}

TEST_F(foreseen, with_two_commands_open_reports_are_stored_alone_and_decided_afterwards) {
   brain server(how(), 1, branches);
   server.start();
   ASSERT_TRUE(tell(server, report(next(server))));
   ASSERT_TRUE(eventually([&] { return open().size() == 2; }));
   rest(server);
   auto const both = open();
   EXPECT_FALSE(tell(server, report(both[0]))->followed) << "the other one may be reported at the same moment";
   rest(server);
   EXPECT_TRUE(tell(server, report(both[1]))->followed) << "the last of them leaves nobody else";
   EXPECT_EQ(next(server).step, "j");
   EXPECT_EQ(issued("j"), 1);
}

TEST_F(foreseen, a_report_that_is_refused_leaves_no_trace_in_memory_W7) {
   brain server(how(), 1, three_steps);
   server.start();
   auto const command = next(server);
   append_request claim;
   claim.execution_id = command.execution;
   claim.events = {plain("command.claimed", "CLAIMED")};
   claim.updates = {{command.execution, command.issued, "CLAIMED", "w2", {}, true}};
   ASSERT_TRUE(blocking(server.store.append(std::move(claim))));
   rest(server);
   for (int i = 0; i < 3; ++i) {
      auto const refused = tell(server, report(command, "w1"));
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error(), fail(error_code::conflict, "Command already claimed by w2"));
      rest(server);
   }
   EXPECT_EQ(issued("a"), 0);
   ASSERT_TRUE(tell(server, report(command, "w2")));
   EXPECT_EQ(next(server).step, "a");
   EXPECT_EQ(issued("a"), 1);
}

TEST_F(foreseen, a_repeat_is_answered_like_the_first_time_and_decides_nothing_anew_W10) {
   brain server(how(), 1, three_steps);
   server.start();
   auto first = report(next(server));
   first.ids_from_client = true;
   for (auto& e : first.events) e.event_id = event_id{server.ids.next()};
   auto const stored = tell(server, first);
   ASSERT_TRUE(stored && stored->followed);
   rest(server);
   auto const again = tell(server, first);
   ASSERT_TRUE(again) << again.error().message;
   EXPECT_TRUE(again->duplicate);
   EXPECT_EQ(again->event_ids, stored->event_ids);
   rest(server);
   EXPECT_EQ(issued("a"), 1);
   ASSERT_TRUE(tell(server, report(next(server)))) << "and the execution goes on";
   EXPECT_EQ(next(server).step, "b");
   EXPECT_EQ(issued("b"), 1);
}

TEST_F(foreseen, a_repeat_does_not_stand_for_an_event_that_this_server_has_not_heard_of) {
   brain server(how(), 1, three_steps), other(how(), 2, three_steps);
   auto const id = server.start();
   auto first = report(next(server));
   first.ids_from_client = true;
   for (auto& e : first.events) e.event_id = event_id{server.ids.next()};
   first.events.erase(first.events.begin()); // command.completed alone
   ASSERT_TRUE(tell(server, first));
   auto const second = next(server);
   ASSERT_EQ(second.step, "a");
   // As many events as the repeat has: the version alone tells nothing.
   ASSERT_TRUE(other.append(id, {fact("call.done", "a", second.id, R"(,"result":{"context":{"data":{"v":2}}})")}));
   auto const again = tell(server, first);
   ASSERT_TRUE(again && again->duplicate);
   rest(server);
   auto last = report(second);
   last.events.erase(last.events.begin());
   ASSERT_TRUE(tell(server, last));
   EXPECT_EQ(next(server).step, "b");
   EXPECT_TRUE(ask<bool>("select count(distinct stream_version) = count(*) from noetl.event"));
   EXPECT_EQ(workflow::state_text(blocking(server.states.load(id))->state), folded(id));
   ASSERT_TRUE(tell(server, report(next(server))));
   EXPECT_TRUE(ended());
   EXPECT_GE(server.orchestrator.stats().rebuilds, 1U) << "what it had foreseen was forgotten";
}

TEST_F(foreseen, a_report_whose_id_is_far_ahead_of_our_clock_is_stored_first) {
   brain server(how(), 1, three_steps);
   server.start();
   auto ahead = report(next(server));
   ahead.ids_from_client = true;
   ahead.events[0].event_id = event_id{server.ids.next()};
   ahead.events[1].event_id = event_id{server.ids.next() + (std::int64_t{60'000} << 22U)}; // a minute
   auto const stored = tell(server, ahead);
   ASSERT_TRUE(stored) << stored.error().message;
   EXPECT_FALSE(stored->followed);
   EXPECT_EQ(next(server).step, "a");
   EXPECT_FALSE(with_its_cause("a", "start")) << "one transaction would stream the command before its cause";
}

TEST_F(foreseen, what_another_server_appended_meanwhile_is_read_before_the_decision) {
   brain server(how(), 1, three_steps), other(how(), 2, three_steps);
   auto const id = server.start();
   auto const command = next(server);
   ASSERT_TRUE(other.append(id, {plain("step.progress")})); // `server` does not hear of it
   auto const stored = tell(server, report(command));
   ASSERT_TRUE(stored) << stored.error().message;
   EXPECT_FALSE(stored->followed);
   EXPECT_EQ(next(server).step, "a");
   EXPECT_EQ(issued("a"), 1);
   EXPECT_EQ(server.orchestrator.stats().conflicts, 1U);
   EXPECT_EQ(server.orchestrator.stats().rebuilds, 1U);
   EXPECT_EQ(workflow::state_text(blocking(server.states.load(id))->state), folded(id));
}

TEST_F(foreseen, a_decision_that_cannot_be_stored_does_not_take_its_report_with_it) {
   // A table that refuses a step's name stands for every refusal of a decision's rows.
   struct refusal {
      explicit refusal(pg::connection& where) : db(where) {
         db.script("alter table noetl.command add constraint no_b check (step_name <> 'b')");
      }
      ~refusal() { db.script("alter table noetl.command drop constraint no_b"); }
      pg::connection& db;
   };
   refusal const no_b(*db);
   brain server(how(), 1, three_steps);
   server.start();
   ASSERT_TRUE(tell(server, report(next(server))));
   auto const stored = tell(server, report(next(server)));
   ASSERT_TRUE(stored) << stored.error().message;
   EXPECT_FALSE(stored->followed);
   EXPECT_TRUE(ended("FAILED")) << "with the reason, as for decisions that come afterwards";
   EXPECT_EQ(ask<int>("select count(*) from noetl.command where step_name = 'a' and status = 'COMPLETED'"), 1);
}

TEST_F(foreseen, concurrent_repeats_and_two_servers_issue_each_command_once_W10_W24) {
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937 random{seed};
   auto const yaml = playbook_of("- {step: start, tool: {kind: noop}, next: l}\n"
                                 "- {step: l, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x}, next: [a, b]}\n"
                                 "- {step: a, tool: {kind: noop}, next: j}\n- {step: b, tool: {kind: noop}, next: j}\n"
                                 "- {step: j, tool: {kind: noop}}\n");
   brain left(how(), 1, yaml, {}, brain::often()), right(how(), 2, yaml, {}, brain::often());
   constexpr int runs = 8;
   for (int i = 0; i < runs; ++i) (i % 2 == 0 ? left : right).start();
   std::atomic<int> refused{0};
   bool const all = eventually(
       [&] {
          std::vector<std::future<void>> calls;
          for (auto const& c : open()) {
             auto request = report(c);
             request.ids_from_client = true;
             for (auto& e : request.events) e.event_id = event_id{left.ids.next()};
             for (auto copies = 1 + random() % 3; copies > 0; --copies) {
                auto& at = random() % 3 == 0 ? right : left;
                calls.push_back(std::async(std::launch::async, [&at, &refused, request] {
                   if (!tell(at, request)) ++refused;
                }));
             }
          }
          calls.clear(); // waits
          return ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'") == runs;
       },
       std::chrono::minutes{2});
   EXPECT_TRUE(all) << ask<int>("select count(*) from noetl.stream_head where status = 'COMPLETED'");
   EXPECT_EQ(refused, 0);
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.issued'"), runs * 7);
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'command.completed'"), runs * 7);
   EXPECT_EQ(ask<int>("select count(*) from noetl.event where event_type = 'playbook.completed'"), runs);
   EXPECT_TRUE(
       ask<bool>("select bool_and(n = versions and n = last) from (select count(*) n, count(distinct "
                 "stream_version) versions, max(stream_version) last from noetl.event group by execution_id) x"))
       << "no hole and no version twice";
}
