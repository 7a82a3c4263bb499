// M6: how fast the state of a long execution is rebuilt, how much memory that takes, and how long it takes with a
// snapshot and 100 events behind it. The log is what the engine and a worker write for a playbook that goes round 10
// steps until 100,000 events (or the first argument) are there; its rows lie in a real database. The limits are the
// floors of goals.md: 50,000 events/s, 128 MB, 10 ms.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <noetl/events/detail/append_rows.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/workflow/decide.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/states.hpp>

#include "pg/blocking.hpp"
#include "pg/test_database.hpp"
#include "program.hpp"
#include "workflow/simulator.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;
using clock_type = std::chrono::steady_clock;
using workflow::testing::simulator;

double seconds_since(clock_type::time_point start) {
   return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Ten steps in a row, the last leads to the first again.
std::string playbook() {
   std::string steps;
   for (int i = 0; i < 10; ++i) {
      auto const name = [](int n) { return n % 10 == 0 ? std::string("start") : "step_" + std::to_string(n % 10); };
      steps += "- step: " + name(i) + "\n  tool: {kind: http, url: 'https://example.org/{{ workload.region }}'}\n";
      if (i == 9) steps += "  set: {ctx.rounds: '{{ (rounds | default(0)) + 1 }}'}\n";
      steps += "  next: [{step: " + name(i + 1) + "}]\n";
   }
   return workflow::testing::playbook_text(steps, "{region: eu-west, customer: {id: 4711, name: 'Example'}}");
}

std::vector<event> recorded(std::size_t count) {
   simulator s(playbook());
   while (s.log.size() < count) {
      if (s.open.empty()) throw std::runtime_error("the run ended early");
      auto const o = s.open.front();
      s.open.pop_front();
      for (auto& e : simulator::success(o, R"({"id":42,"items":[1,2,3],"note":"some text of a worker"})"))
         s.append(std::move(e));
      s.pass();
   }
   s.log.resize(count);
   return std::move(s.log);
}

/// Kilobytes of a line of /proc/self/status.
long status_kb(std::string const& name) {
   std::ifstream status("/proc/self/status");
   for (std::string line; std::getline(status, line);)
      if (line.starts_with(name + ":")) return std::strtol(line.c_str() + name.size() + 1, nullptr, 10);
   throw std::runtime_error("no " + name + " in /proc/self/status");
}

template <class T>
T must(result<T> got) {
   if (!got) throw std::runtime_error(got.error().message + " " + got.error().detail);
   return *std::move(got);
}

void run(std::size_t count, int rounds) {
   test::database database("noetl_bench_rebuild");
   must(pg::migrate(database.settings()));
   execution_id const id{7001};
   {
      auto log = recorded(count);
      pg::connection db(database.settings());
      for (std::size_t from = 0; from < log.size(); from += 1'000) {
         std::vector<event const*> page;
         for (auto i = from; i < std::min(log.size(), from + 1'000); ++i) page.push_back(&log[i]);
         noetl::detail::event_rows(page).copy(db);
      }
      db.exec(
          "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id) values ($1, $2, 0, 5)",
          id, log.size());
      db.script("vacuum analyze noetl.event");
   }
   pg::shard_map shards(database.settings());
   workflow::workflow_states states(shards);
   (void)must(test::blocking(states.load(id))); // warm: pages of the database and of this process
   std::vector<double> figures, short_ms;
   long most_kb = 0;
   for (int i = 0; i < rounds; ++i) {
      std::ofstream("/proc/self/clear_refs") << "5"; // the highest mark starts again from the present
      auto const before = status_kb("VmRSS");
      auto const start = clock_type::now();
      auto const full = must(test::blocking(states.load(id)));
      figures.push_back(static_cast<double>(full.report.events) / seconds_since(start));
      auto const extra = std::max(0L, status_kb("VmHWM") - before);
      most_kb = std::max(most_kb, extra);
      if (full.report.from_snapshot || full.report.events != count) throw std::runtime_error("not a full rebuild");
      std::printf("round %d: %.0f events/s, %ld kB more memory\n", i + 1, figures.back(), extra);
   }
   // A snapshot of all but the last 100 events.
   {
      workflow::workflow_state state;
      log_reader reader(shards);
      while (state.version + 100 < static_cast<std::int64_t>(count)) {
         auto const left = static_cast<std::int64_t>(count) - 100 - state.version;
         auto page = must(test::blocking(
             reader.read(id, {false, state.version, static_cast<std::size_t>(std::min<std::int64_t>(left, 1'000))})));
         for (auto const& e : page.events) apply(state, e);
      }
      auto row = states.snapshots().prepare(state, now());
      std::printf("snapshot: %zu bytes\n", row.text.size());
      (void)must(test::blocking(states.snapshots().save(id, std::move(row))));
   }
   for (int i = 0; i < 4 * rounds; ++i) {
      auto const start = clock_type::now();
      auto const tail = must(test::blocking(states.load(id)));
      short_ms.push_back(1'000 * seconds_since(start));
      if (!tail.report.from_snapshot || tail.report.events != 100) throw std::runtime_error("not snapshot and tail");
   }
   std::sort(figures.begin(), figures.end());
   std::sort(short_ms.begin(), short_ms.end());
   auto const median = figures[figures.size() / 2];
   auto const ms = short_ms[short_ms.size() / 2];
   constexpr double floor_of_goals = 50'000, floor_mb = 128, floor_ms = 10;
   std::printf("rebuild ratio=%.2f (%.2f..%.2f over %d rounds)\n", median / floor_of_goals,
               figures.front() / floor_of_goals, figures.back() / floor_of_goals, rounds);
   std::printf("rebuild-memory ratio=%.2f ours=%.1f limit=%.0f unit=MB\n",
               static_cast<double>(most_kb) / 1024 / floor_mb, static_cast<double>(most_kb) / 1024, floor_mb);
   std::printf("rebuild-snapshot ratio=%.2f ours=%.2f limit=%.0f unit=ms (%.2f..%.2f)\n", ms / floor_ms, ms, floor_ms,
               short_ms.front(), short_ms.back());
   std::printf("rebuild ratio=%.2f ours=%.0f limit=%.0f unit=events/s\n", median / floor_of_goals, median,
               floor_of_goals);
}

} // namespace

int main(int argc, char** argv) {
   return program_with_servers("rebuild", [&] {
      run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000, argc > 2 ? std::atoi(argv[2]) : 5);
   });
}
