// Random playbooks under random schedules: order, repetition and restarts of the log must not change what a run does.
// The seed is printed on failure; NOETL_SEED repeats one.
#include "chance.hpp"
#include "simulator.hpp"

#include <cstdio>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include <noetl/workflow/aggregate.hpp>

using namespace noetl::workflow;
using noetl::event;
using noetl::workflow::testing::order;
using noetl::workflow::testing::playbook_text;
using noetl::workflow::testing::simulator;
using workflow_test::pick;
using workflow_test::random_source;
using workflow_test::seed;

namespace {

/// A random acyclic playbook of up to nine steps: conditions on the step's own data, guards, joins, loops, both router
/// modes.
std::string random_playbook(random_source& random) {
   int const n = 3 + pick(random, 7);
   std::string steps;
   for (int i = 0; i < n; ++i) {
      std::string const name = i == 0 ? "start" : "s" + std::to_string(i);
      steps += "- step: " + name + "\n  tool: {kind: noop}\n";
      if (i != 0 && pick(random, 6) == 0) steps += "  when: '" + std::string(pick(random, 2) ? "go" : "not go") + "'\n";
      if (i != 0 && pick(random, 5) == 0)
         steps += "  loop: {in: '" + std::to_string(pick(random, 4)) +
                  "', iterator: x, spec: {mode: " + (pick(random, 2) ? "parallel, max_in_flight: 2" : "sequential") +
                  "}}\n";
      if (pick(random, 4) == 0) steps += "  set: {ctx.seen_" + name + ": 1}\n";
      std::string arcs;
      for (int to = i + 1; to < n; ++to) {
         if (pick(random, 3) != 0 && !(to == i + 1 && arcs.empty())) continue;
         arcs += (arcs.empty() ? "" : ", ") + std::string("{step: s") + std::to_string(to);
         int const kind = pick(random, 4);
         if (kind == 0) arcs += ", when: '{{ output.v | default(7) > 4 }}'";
         if (kind == 1) arcs += ", when: '{{ output.v | default(7) <= 4 }}'";
         arcs += "}";
      }
      if (!arcs.empty())
         steps += "  next: {spec: {mode: " + std::string(pick(random, 2) ? "inclusive" : "exclusive") + "}, arcs: [" +
                  arcs + "]}\n";
   }
   return playbook_text(steps, "{go: true}");
}

/// What a step returns depends on its name only, so every schedule sees the same data.
std::string data_of(std::string const& step, unsigned salt) {
   return "{\"v\":" + std::to_string((std::hash<std::string>{}(step) ^ salt) % 10) + "}";
}

/// What a run did, without the order in which it did it.
std::string summary(simulator const& s) {
   std::string out(to_text(s.state.status()));
   for (auto const& [step, count] : s.issued) out += " " + step + "*" + std::to_string(count);
   for (auto const& [name, step] : s.state.steps)
      if (step.phase == step_phase::skipped) out += " -" + name;
   return out;
}

/// In a playbook without cycles no step may start or end after one that it leads to was entered.
void expect_joins_waited(simulator const& s) {
   std::map<std::string, std::size_t> entered;
   for (std::size_t at = 0; at < s.log.size(); ++at) {
      auto const& e = s.log[at];
      if (!e.node_name || s.book.find(*e.node_name) == nullptr) continue;
      if (e.event_type == "step.enter") entered.emplace(*e.node_name, at);
      if (e.event_type != "step.enter" && e.event_type != "command.issued") continue;
      for (auto const& a : s.book.find(*e.node_name)->next.arcs)
         EXPECT_FALSE(entered.contains(a.step)) << a.step << " was entered before " << *e.node_name;
   }
}

/// Runs to the end with a random choice of the next worker event; repeats some events, delays some, restarts at times.
std::string run_randomly(std::string const& yaml, random_source& random, unsigned salt, bool acyclic) {
   simulator s(yaml);
   std::vector<std::vector<event>> underway; // events left of each claimed command, in the worker's order
   std::vector<event> stragglers;
   for (int guard = 0; guard < 5000 && !s.state.terminal(); ++guard) {
      int const choice = pick(random, 10);
      if (choice < 4 && !s.open.empty()) {
         auto const at = s.open.begin() + pick(random, static_cast<int>(s.open.size()));
         auto events = simulator::success(*at, data_of(at->step, salt));
         if (pick(random, 3) == 0) { // a started that arrives after everything else
            stragglers.push_back(events.front());
            events.erase(events.begin());
         }
         underway.push_back(std::move(events));
         s.open.erase(at);
      } else if (!underway.empty()) {
         auto const at = underway.begin() + pick(random, static_cast<int>(underway.size()));
         auto const e = at->front();
         at->erase(at->begin());
         s.append(e);
         if (pick(random, 4) == 0) s.append(e); // the same fact under another event id
         if (at->empty()) underway.erase(at);
         if (!stragglers.empty() && pick(random, 3) == 0) {
            s.append(stragglers.back());
            stragglers.pop_back();
         }
         if (pick(random, 4) != 0 || (s.open.empty() && underway.empty())) { // sometimes several facts meet in one pass
            s.pass();
            s.pass();
            EXPECT_TRUE(s.last.empty()) << "a second decision without a new fact";
         }
      } else {
         s.pass();
      }
      if (pick(random, 8) == 0) { // a restart: the state comes from the log alone
         workflow_state rebuilt;
         for (auto const& e : s.log) {
            apply(rebuilt, e);
            if (pick(random, 4) == 0) apply(rebuilt, e);
         }
         s.state = rebuilt;
      }
   }
   if (acyclic) expect_joins_waited(s);
   return summary(s);
}

} // namespace

TEST(properties, every_schedule_of_a_run_does_the_same_work) {
   unsigned const first = seed();
   for (unsigned i = 0; i < 24; ++i) {
      SCOPED_TRACE("NOETL_SEED=" + std::to_string(first + i));
      random_source random(first + i);
      auto const yaml = random_playbook(random);
      auto const salt = static_cast<unsigned>(random());
      simulator straight(yaml);
      straight.run([&](order const& o) { return data_of(o.step, salt); });
      ASSERT_TRUE(straight.state.terminal()) << yaml << straight.traced();
      for (int schedule = 0; schedule < 4; ++schedule)
         ASSERT_EQ(run_randomly(yaml, random, salt, true), summary(straight)) << yaml << straight.traced();
   }
}

TEST(properties, every_prefix_of_a_log_decides_as_the_live_state_did) {
   unsigned const first = seed();
   for (unsigned i = 0; i < 12; ++i) {
      SCOPED_TRACE("NOETL_SEED=" + std::to_string(first + i));
      random_source random(first + i);
      auto const yaml = random_playbook(random);
      simulator s(yaml);
      s.run([&](order const& o) { return data_of(o.step, first); });
      workflow_state folded;
      for (std::size_t cut = 0; cut < s.log.size(); ++cut) {
         apply(folded, s.log[cut]);
         workflow_state again = folded; // overlap: the whole prefix once more
         for (std::size_t k = 0; k <= cut; ++k) apply(again, s.log[k]);
         auto const a = decide(s.book, folded), b = decide(s.book, again);
         ASSERT_TRUE(a && b);
         ASSERT_EQ(a->events.size(), b->events.size());
         ASSERT_EQ(a->commands.size(), b->commands.size());
         for (std::size_t k = 0; k < a->commands.size(); ++k) {
            EXPECT_EQ(a->commands[k].step, b->commands[k].step);
            EXPECT_EQ(a->commands[k].render_context, b->commands[k].render_context);
         }
         ASSERT_EQ(a->end.has_value(), b->end.has_value());
      }
   }
}

namespace {

/// Everything at once: both router modes, old lists of targets, joins, arcs back with a bound, self arcs, guards, loops
/// of each mode, conditions over data and variables. Every such run ends: each arc back is taken at most twice.
std::string mixed_playbook(random_source& random) {
   int const n = 4 + pick(random, 6);
   std::string steps;
   for (int i = 0; i < n; ++i) {
      auto const name = [](int k) { return k == 0 ? std::string("start") : "s" + std::to_string(k); };
      bool const back = i > 1 && pick(random, 4) == 0;
      steps += "- step: " + name(i) + "\n  tool: {kind: noop, v: '{{ n_" + std::to_string(i) + " | default(0) }}'}\n";
      // a guard on a step with an arc back could let a round pass without counting it
      if (i != 0 && !back && pick(random, 6) == 0)
         steps += "  when: '" + std::string(pick(random, 2) ? "go" : "n_1 | default(0) > 1") + "'\n";
      int const loop = i == 0 ? 9 : pick(random, 8);
      if (loop == 0)
         steps += "  loop: {in: '" + std::to_string(pick(random, 5)) +
                  "', iterator: x, spec: {mode: parallel, max_in_flight: '{{ 2 }}'}}\n";
      if (loop == 1) steps += "  loop: {in: '{{ xs }}', iterator: x, spec: {mode: sequential}}\n";
      if (loop == 2)
         steps += "  loop: {iterator: x, cursor: {claim: c}, spec: {mode: cursor, frame: {row_concurrency: " +
                  std::to_string(1 + pick(random, 2)) + "}}}\n";
      auto const count = "n_" + std::to_string(i);
      steps += "  set: {ctx." + count + ": '{{ (" + count + " | default(0)) + 1 }}'}\n";
      std::string arcs;
      auto const add = [&](int to, std::string const& when) {
         arcs += (arcs.empty() ? "" : ", ") + std::string("{step: ") + name(to) +
                 (when.empty() ? "" : ", when: '" + when + "'") +
                 (pick(random, 5) == 0 ? ", set: {ctx.from_" + std::to_string(i) + ": 1}" : "") + "}";
      };
      if (back) add(1 + pick(random, i), count + " < " + std::to_string(2 + pick(random, 2)));
      for (int to = i + 1; to < n; ++to) {
         if (pick(random, 3) != 0 && !(to == i + 1 && arcs.empty())) continue;
         static constexpr char const* conditions[] = {"", "", "output.v | default(7) > 4", "output.v | default(7) <= 4",
                                                      "n_0 == 1"};
         add(to, conditions[pick(random, 5)]);
      }
      if (!arcs.empty())
         steps += "  next: {spec: {mode: " + std::string(pick(random, 2) ? "inclusive" : "exclusive") + "}, arcs: [" +
                  arcs + "]}\n";
   }
   return playbook_text(steps, "{go: true, xs: [a, b, c]}");
}

/// A claim finds rows in its first frame only.
std::string mixed_data(order const& o, unsigned salt) {
   auto const phase = detail::as_text(detail::member(&o.meta, "cursor", "phase"));
   if (phase != "claim") return data_of(o.step, salt);
   return detail::as_integer(detail::member(&o.meta, "cursor", "frame")) == 0 ? R"({"rows":[1,2,3]})"
                                                                              : R"({"rows":[]})";
}

/// Each iteration, row and claim of a visit is issued once, each plain step once a visit.
void expect_each_effect_once(simulator const& s) {
   std::map<std::string, int> visits;
   std::map<std::string, int> seen;
   for (auto const& e : s.log) {
      if (e.event_type == "step.enter") ++visits[*e.node_name];
      if (e.event_type != "command.issued") continue;
      auto const meta = noetl::workflow::testing::parsed(e.meta.text);
      auto const part = [&](auto const*... path) {
         auto const* found = detail::member(&meta, path...);
         return found == nullptr ? std::string("-") : detail::json_text(*found);
      };
      auto const key = *e.node_name + " visit " + std::to_string(visits[*e.node_name]) + " iteration " +
                       part("iteration_index") + " frame " + part("cursor", "frame") + " " + part("cursor", "phase");
      EXPECT_EQ(++seen[key], 1) << key;
   }
}

/// A worker pool without manners: any order, repeats under other ids, late events, failures; a server that restarts
/// from the log or from a stored state.
void run_mixed(simulator& s, random_source& random, unsigned salt, bool may_fail) {
   std::vector<std::vector<event>> underway;
   std::vector<event> late;
   for (int guard = 0; guard < 20'000 && !s.state.terminal(); ++guard) {
      if (!s.open.empty() && (underway.empty() || pick(random, 3) == 0)) {
         auto const at = s.open.begin() + pick(random, static_cast<int>(s.open.size()));
         auto events = may_fail && pick(random, 25) == 0 ? simulator::failure(*at, "by chance")
                                                         : simulator::success(*at, mixed_data(*at, salt));
         if (pick(random, 4) == 0) late.push_back(events.front()), events.erase(events.begin());
         if (events.size() == 3 && pick(random, 8) == 0) std::swap(events[1], events[2]);
         underway.push_back(std::move(events));
         s.open.erase(at);
      } else if (!underway.empty()) {
         auto const at = underway.begin() + pick(random, static_cast<int>(underway.size()));
         auto const e = at->front();
         at->erase(at->begin());
         s.append(e);
         if (pick(random, 5) == 0) s.append(e);
         if (pick(random, 5) == 0) late.push_back(e);
         if (at->empty()) underway.erase(at);
         if (!late.empty() && pick(random, 3) == 0) s.append(late.back()), late.pop_back();
         if (pick(random, 4) == 0 && !(s.open.empty() && underway.empty())) continue; // several facts meet in one pass
         auto const plain = decide(s.book, s.state);
         s.pass();
         ASSERT_TRUE(plain);
         ASSERT_EQ(plain->commands.size(), s.last.commands.size()) << "the memo changed a decision";
         for (std::size_t k = 0; k < plain->commands.size(); ++k)
            ASSERT_EQ(plain->commands[k].tool_config, s.last.commands[k].tool_config);
         s.pass();
         ASSERT_TRUE(s.last.empty()) << "a second decision without a new fact";
      } else {
         break; // nothing is open, and the run has not ended
      }
      if (pick(random, 10) == 0) { // killed, and started again
         workflow_state again;
         if (pick(random, 2) == 0)
            again = *parse_state(state_text(s.state));
         else
            for (auto const& e : s.log) apply(again, e);
         ASSERT_EQ(state_text(again), state_text(s.state));
         s.state = std::move(again);
         s.memo = {};
      }
   }
}

} // namespace

TEST(properties, mixed_playbooks_always_end_with_each_effect_once_whatever_workers_and_crashes_do) {
   unsigned const first = seed();
   std::map<std::string, int> ends;
   for (unsigned i = 0; i < 60; ++i) {
      SCOPED_TRACE("NOETL_SEED=" + std::to_string(first + i));
      random_source random(first + i);
      auto const yaml = mixed_playbook(random);
      auto const salt = static_cast<unsigned>(random());
      for (bool const may_fail : {false, true}) {
         simulator s(yaml);
         run_mixed(s, random, salt, may_fail);
         ASSERT_FALSE(HasFatalFailure()) << yaml << s.traced();
         ASSERT_TRUE(s.state.terminal()) << yaml << s.traced();
         if (!may_fail) {
            ASSERT_EQ(s.state.status(), run_status::completed) << yaml << s.traced();
         }
         expect_each_effect_once(s);
         workflow_state again;
         for (auto const& e : s.log) apply(again, e);
         ASSERT_EQ(state_text(again), state_text(s.state)) << yaml;
         ++ends[std::string(to_text(s.state.status()))];
      }
   }
   std::printf("120 runs, %d failed, seed %u\n", ends["FAILED"], first);
}

TEST(properties, cycles_do_the_same_rounds_under_every_schedule) {
   auto const yaml = playbook_text(
       "- {step: start, tool: {kind: noop}, next: a}\n- {step: a, tool: {kind: noop}, next: [b, c]}\n- {step: b, tool: "
       "{kind: noop}, next: j}\n"
       "- {step: c, tool: {kind: noop}, loop: {in: '[1,2]', iterator: x, spec: {mode: parallel}}, next: j}\n"
       "- {step: j, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: {arcs: [{step: a, when: 'n < "
       "3'}, {step: end}]}}\n- {step: end, tool: {kind: noop}}\n");
   unsigned const first = seed();
   for (unsigned i = 0; i < 16; ++i) {
      SCOPED_TRACE("NOETL_SEED=" + std::to_string(first + i));
      random_source random(first + i);
      ASSERT_EQ(run_randomly(yaml, random, 1, false), "COMPLETED a*3 b*3 c*6 end*1 j*3 start*1");
   }
}
