// M5: no-op steps per second from start to finish: noetl-server, PostgreSQL, NATS and noetl-worker-stub on one machine.
// A playbook of 10 steps in a row is executed many times, 32 executions in flight; a step counts when its execution has ended
// as COMPLETED and the log holds its command.completed. The limit is the floor of goals.md.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <noetl/pg/connection.hpp>

#include "support/deployment.hpp"

namespace {

using namespace noetl;
using clock_type = std::chrono::steady_clock;

constexpr int steps_per_execution = 10;

std::string playbook() {
   std::string yaml = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  name: ten\n  path: bench/ten\nworkflow:\n";
   for (int i = 0; i < steps_per_execution; ++i) {
      auto const name = [](int n) { return n == 0 ? std::string("start") : "step_" + std::to_string(n); };
      yaml += "  - step: " + name(i) + "\n    tool:\n      kind: noop\n      message: \"{{ execution_id }}\"\n";
      if (i + 1 < steps_per_execution) yaml += "    next:\n      - step: " + name(i + 1) + "\n";
   }
   return yaml;
}

std::int64_t count(pg::connection& db, std::string const& event_type) {
   return pg::as<std::int64_t>(db.exec("select count(*) from noetl.event where event_type = $1", event_type)[0][0]);
}

/// Executions that have ended. Cheap, so that watching does not take part in the race.
std::int64_t ended_executions(pg::connection& db) {
   return pg::as<std::int64_t>(db.exec("select count(*) from noetl.stream_head where status <> 'RUNNING'")[0][0]);
}

/// \return steps per second of `executions` runs
double round(test::deployment& site, pg::connection& db, int executions, int in_flight) {
   auto const ended_before = ended_executions(db);
   http::blocking_client client(site.base());
   auto const start = clock_type::now();
   int started = 0;
   std::int64_t ended = 0;
   while (ended < executions) {
      while (started < executions && started - ended < in_flight) {
         auto const got = test::deployment::to_answer(client.post("/api/execute", R"({"path":"bench/ten"})"));
         if (got.status != 200) throw std::runtime_error("execute: " + got.body);
         ++started;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      ended = ended_executions(db) - ended_before;
      if (clock_type::now() - start > std::chrono::minutes{3}) throw std::runtime_error("not finished in 3 minutes");
   }
   std::chrono::duration<double> const took = clock_type::now() - start;
   return executions * steps_per_execution / took.count();
}

int run(int rounds, int executions) {
   test::deployment site;
   site.start_server({{"NOETL_LOG_LEVEL", "warn"}});
   site.register_playbook(playbook());
   site.start_worker("bench-worker", {}, {{"WORKER_MAX_CONCURRENT", "32"}});
   pg::connection db(site.db.settings());
   round(site, db, executions / 10 + 1, 32); // warm
   std::vector<double> figures;
   for (int i = 0; i < rounds; ++i) {
      figures.push_back(round(site, db, executions, 32));
      std::printf("round %d: %.0f steps/s\n", i + 1, figures.back());
   }
   auto const issued = count(db, "command.issued");
   auto const completed = count(db, "command.completed");
   if (issued != completed || count(db, "playbook.failed") != 0) throw std::runtime_error("some step ran twice or failed");
   std::sort(figures.begin(), figures.end());
   auto const median = figures[figures.size() / 2];
   constexpr double floor_of_goals = 300;
   std::printf("steps ratio=%.2f (%.2f..%.2f over %d rounds)\n", median / floor_of_goals, figures.front() / floor_of_goals,
               figures.back() / floor_of_goals, rounds);
   std::printf("steps ratio=%.2f ours=%.0f limit=%.0f unit=steps/s\n", median / floor_of_goals, median, floor_of_goals);
   return 0;
}

} // namespace

int main(int argc, char** argv) {
   auto const* dsn = std::getenv("NOETL_BENCH_PG");
   if (dsn == nullptr) return std::fprintf(stderr, "NOETL_BENCH_PG is not set\n"), 2;
   setenv("NOETL_TEST_PG", dsn, 1);
   try {
      return run(argc > 1 ? std::atoi(argv[1]) : 5, argc > 2 ? std::atoi(argv[2]) : 300);
   } catch (std::exception const& e) {
      return std::fprintf(stderr, "bench-steps: %s\n", e.what()), 1;
   }
}
