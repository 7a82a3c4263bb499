// Snapshot and tail against full replay, over random logs: items 123 to 127, D-53 to D-57.
// The seed is printed on failure; NOETL_SEED repeats one.
#include "chance.hpp"
#include "simulator.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <noetl/events/catching_up.hpp>
#include <noetl/workflow/aggregate.hpp>

using namespace noetl::workflow;
using noetl::catching_up;
using noetl::event;
using noetl::event_id;
using noetl::log_page;
using noetl::log_request;
using noetl::raw_json;
using noetl::workflow::testing::order;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using workflow_test::pick;
using workflow_test::random_source;
using workflow_test::seed;

namespace {

/// A log as the database shows it at one moment.
struct memory_log {
   std::vector<event> unversioned; ///< by event_id
   std::vector<event> numbered;    ///< by stream_version
   std::size_t visible = 0;        ///< of `numbered`

   [[nodiscard]] log_page read(log_request const& what) const {
      log_page page;
      page.unversioned = unversioned.size();
      if (visible > 0) page.head_version = numbered[visible - 1].stream_version;
      auto const end = numbered.begin() + static_cast<std::ptrdiff_t>(what.unversioned ? 0 : visible);
      auto const from = std::upper_bound(numbered.begin(), end, what.after,
                                         [](auto after, event const& e) { return after < e.stream_version; });
      auto const add = [&](event const& e) {
         if (page.events.size() < what.limit) page.events.push_back(e);
      };
      if (what.unversioned)
         for (auto const& e : unversioned) e.event_id.value > what.after ? add(e) : void();
      else
         std::for_each(from, end, add);
      return page;
   }
};

/// As aggregate_states does it. \return restarts
int catch_up(workflow_state& state, memory_log const& log, std::size_t page) {
   using step = catching_up<workflow_aggregate>::step;
   for (int restarts = 0;; ++restarts) {
      catching_up<workflow_aggregate> progress(state, page);
      auto next = step::more;
      while (next == step::more) next = progress.take(log.read(progress.next()));
      if (next == step::done) return restarts;
      state = {};
   }
}

/// Some event about one of two steps and three commands, whether it makes sense there or not.
event random_event(random_source& random) {
   static constexpr std::array types{"step.enter",        "step.enter",      "command.issued", "command.issued",
                                     "command.claimed",   "command.started", "call.done",      "command.completed",
                                     "command.completed", "command.failed",  "step.exit",      "ctx.updated",
                                     "step.skipped",      "step.routed",     "some.thing",     "playbook_started"};
   event e;
   e.execution_id = noetl::execution_id(7);
   e.catalog_id = noetl::catalog_id(5);
   e.event_type = types[pick(random, types.size())];
   if (pick(random, 60) == 0) e.event_type = pick(random, 2) ? "playbook_cancelled" : "playbook.completed";
   std::string const name(1, static_cast<char>('a' + pick(random, 2)));
   e.node_name = name;
   e.created_at = noetl::timestamp{std::chrono::seconds{1'700'000'000 + pick(random, 1000)}}; // any producer's clock
   auto const command = "\"command_id\":\"7:" + name + ":" + std::to_string(pick(random, 3)) + "\"";
   if (e.event_type == "step.enter") {
      static constexpr std::array loops{R"({"status":"RUNNING"})",
                                        R"({"status":"RUNNING","context":{"iterations_expected":2}})",
                                        R"({"status":"RUNNING","context":{"__cursor_loop":true}})"};
      e.result = raw_json(loops[pick(random, loops.size())]);
      e.meta = raw_json(R"({"emitted_by":"orchestrator"})");
   } else if (e.event_type == "command.issued") {
      static constexpr std::array places{"", R"(,"iteration_index":0)", R"(,"iteration_index":1)",
                                         R"(,"cursor":{"phase":"claim","frame":1})",
                                         R"(,"cursor":{"phase":"body","frame":1})"};
      e.meta = raw_json("{" + command + places[pick(random, places.size())] + "}");
   } else if (e.event_type == "ctx.updated") {
      e.result = raw_json(R"({"status":"OK","context":{"step":")" + name + R"(","gen":1,"values":{"v":1.5}}})");
   } else if (e.event_type == "step.routed") {
      e.meta = raw_json(R"({"emitted_by":"orchestrator","routed":{")" + name + R"(":{"arcs":[1],"set":true}}})");
   } else if (pick(random, 8) != 0) {
      e.result = raw_json(R"({"status":"OK","context":{)" + command + R"(,"data":{"v":2}}})");
   }
   return e;
}

/// Random events, the first of them from an older server, ids and times in any order.
memory_log random_log(random_source& random) {
   memory_log log;
   auto const older = pick(random, 3) == 0 ? 1 + pick(random, 4) : 0;
   for (int i = 0; i < older; ++i) {
      log.unversioned.push_back(random_event(random));
      log.unversioned.back().event_id = event_id(100 * (i + 1));
   }
   auto const newer = 1 + pick(random, 12);
   for (int i = 0; i < newer; ++i) {
      log.numbered.push_back(random_event(random));
      log.numbered.back().event_id = event_id(static_cast<std::int64_t>(1 + random() % 1'000'000));
      log.numbered.back().stream_version = older + i + 1;
   }
   return log;
}

/// Log that the real engine and a worker wrote.
memory_log recorded(std::string const& steps) {
   simulator s(playbook_text(steps));
   s.run([](order const& o) { return "{\"v\":\"" + o.step + "\"}"; });
   memory_log log;
   log.numbered = s.log;
   return log;
}

/// Everything that one log can be asked, answered once: states stored at every cut, and full replays.
struct exam {
   explicit exam(memory_log given, random_source& random) : log(std::move(given)), with_late(log) {
      if (!log.unversioned.empty()) { // a row of the older server that lands below, between or above
         auto late = random_event(random);
         late.event_id = event_id(static_cast<std::int64_t>(1 + random() % (100 * (log.unversioned.size() + 1))));
         auto const place = std::upper_bound(with_late.unversioned.begin(), with_late.unversioned.end(), late,
                                             [](event const& a, event const& b) { return a.event_id < b.event_id; });
         if (place == with_late.unversioned.begin() || std::prev(place)->event_id != late.event_id)
            with_late.unversioned.insert(place, late);
      }
      for (log.visible = 0; log.visible <= log.numbered.size(); ++log.visible) {
         workflow_state state;
         catch_up(state, log, 1 + pick(random, 20));
         replayed.push_back(state_text(state));
         kept.push_back(parse_state(replayed.back()).value());
      }
      late_replayed.resize(replayed.size());
   }

   memory_log log, with_late;
   std::vector<std::string> replayed;
   std::vector<workflow_state> kept; ///< read back from their texts
   std::vector<std::string> late_replayed;

   std::string const& late_replay(std::size_t visible) {
      if (late_replayed[visible].empty()) {
         workflow_state state;
         with_late.visible = visible;
         catch_up(state, with_late, 1'000);
         late_replayed[visible] = state_text(state);
      }
      return late_replayed[visible];
   }
};

/// One case: a cut, a tail, an overlap that is applied again, and at times a late row.
void examine(exam& about, random_source& random) {
   auto const cut = pick(random, about.kept.size());
   auto const end = std::min(about.kept.size() - 1, cut + pick(random, pick(random, 4) == 0 ? about.kept.size() : 3));
   bool const late = !about.log.unversioned.empty() && pick(random, 8) == 0;
   auto& log = late ? about.with_late : about.log;
   log.visible = end;
   auto state = about.kept[cut];
   catch_up(state, log, 1 + pick(random, 8));
   auto const overlap = pick(random, end + 1);
   for (auto i = end - overlap; i < end; ++i) apply(state, log.numbered[i]);
   if (pick(random, 4) == 0)
      for (auto const& e : log.unversioned) apply(state, e);
   auto const& wanted = late ? about.late_replay(end) : about.replayed[end];
   ASSERT_EQ(state_text(state), wanted) << "cut " << cut << " end " << end << " overlap " << overlap << " late "
                                        << late;
   ASSERT_GE(state.version, about.kept[cut].version);
}

} // namespace

TEST(rebuild_property,
     snapshot_and_tail_equal_full_replay_for_any_cut_overlap_and_late_event_items_124_125_126_127_D53_D54_D57) {
   auto const first = seed();
   constexpr unsigned logs = 1'000, cases = 100;
   for (unsigned i = 0; i < logs; ++i) {
      random_source random(first + i);
      exam about(random_log(random), random);
      for (unsigned k = 0; k < cases; ++k) {
         examine(about, random);
         ASSERT_FALSE(HasFatalFailure()) << "NOETL_SEED=" << first + i << " case " << k;
      }
   }
   std::printf("%u cases, seed %u\n", logs * cases, first);
}

TEST(rebuild_property, holds_for_logs_that_the_engine_wrote_item_125) {
   auto const first = seed();
   random_source random(first);
   for (char const* steps :
        {"- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n",
         "- {step: start, tool: {kind: noop}, loop: {in: '[1,2,3]', iterator: x}, next: b}\n- {step: b, tool: {kind: "
         "noop}}\n",
         "- {step: start, tool: {kind: noop}, set: {ctx.n: '{{ 1 }}'}, next: [b, c]}\n- {step: b, tool: {kind: noop}, "
         "loop: {in: '[1,2]', iterator: x, spec: {mode: parallel}}, next: d}\n- {step: c, tool: {kind: noop}, next: "
         "{arcs: "
         "[{step: d, when: 'n > 0'}]}}\n- {step: d, tool: {kind: noop}}\n"}) {
      exam about(recorded(steps), random);
      for (std::size_t cut = 0; cut < about.kept.size(); ++cut) {
         about.log.visible = about.kept.size() - 1;
         auto state = about.kept[cut];
         EXPECT_EQ(catch_up(state, about.log, 3), 0);
         ASSERT_EQ(state_text(state), about.replayed.back()) << "cut " << cut;
         for (std::size_t from = 0; from < cut; ++from) { // every prefix again, whatever its length
            apply(state, about.log.numbered[from]);
         }
         ASSERT_EQ(state_text(state), about.replayed.back()) << "NOETL_SEED=" << first << " cut " << cut;
      }
   }
}

TEST(rebuild_property,
     a_late_row_of_an_older_server_costs_a_full_rebuild_and_is_folded_in_its_place_items_124_126_D54) {
   memory_log log;
   for (std::int64_t id : {10, 30}) {
      event e;
      e.event_id = event_id(id);
      e.event_type = id == 10 ? "playbook_started" : "some.thing";
      log.unversioned.push_back(e);
   }
   event cancelled;
   cancelled.event_id = event_id(5);
   cancelled.event_type = "playbook_cancelled";
   cancelled.stream_version = 3;
   log.numbered.push_back(cancelled);
   log.visible = 1;
   workflow_state state;
   EXPECT_EQ(catch_up(state, log, 1'000), 0);
   EXPECT_EQ(state.version, 3);
   EXPECT_EQ(state.applied, 3U);
   auto late = log.unversioned[1];
   late.event_id = event_id(20);
   late.event_type = "playbook.failed";
   log.unversioned.insert(log.unversioned.begin() + 1, late);
   EXPECT_EQ(catch_up(state, log, 1'000), 1);
   EXPECT_EQ(state.run, run_status::failed) << "it came before the cancellation";
   EXPECT_EQ(state.version, 3) << "numbers are the server's: a row without one does not move them";
   EXPECT_EQ(state.applied, 4U);
}

TEST(rebuild_property, cancelled_is_terminal_in_both_spellings_item_140_D65) {
   for (char const* type : {"playbook_cancelled", "playbook.cancelled", "execution.cancelled"}) {
      simulator s(playbook_text("- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}}\n"));
      auto const o = s.take("start");
      event e;
      e.event_type = type;
      e.status = "CANCELLED";
      s.append(e);
      EXPECT_EQ(s.state.run, run_status::cancelled) << type;
      for (auto& late : simulator::success(o, "{}")) s.append(late);
      s.pass();
      EXPECT_TRUE(s.last.empty()) << type << ": a late completion must issue nothing";
   }
}
