// M5: no-op steps per second from start to finish: noetl-server, PostgreSQL, NATS and noetl-worker-stub on one machine.
//   steps         10 steps in a row, 32 executions in flight
//   steps-fanout  one step, then 100 at once, 2 executions in flight
//   steps-loop    a parallel loop over 1,000 items, 32 of them in flight
//   steps-rss     memory of the server after 200,000 events (or the third argument), in MB
// A step counts when its execution has ended as COMPLETED and the log holds its command.completed. The limit is the
// floor of goals.md, for memory the floor of M6.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <noetl/pg/connection.hpp>

#include "program.hpp"
#include "support/deployment.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;
using clock_type = std::chrono::steady_clock;

constexpr double floor_of_goals = 300, floor_mb = 128;

std::string playbook(std::string const& path, std::string const& steps) {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  name: steps\n  path: bench/" + path + "\nworkflow:\n" +
          steps;
}
std::string name_of(int n) {
   return n == 0 ? std::string("start") : "step_" + std::to_string(n);
}
std::string ten_in_a_row() {
   std::string steps;
   for (int i = 0; i < 10; ++i) {
      steps += "  - step: " + name_of(i) + "\n    tool:\n      kind: noop\n      message: \"{{ execution_id }}\"\n";
      if (i + 1 < 10) steps += "    next:\n      - step: " + name_of(i + 1) + "\n";
   }
   return playbook("ten", steps);
}
std::string fan_out() {
   std::string targets, steps;
   for (int i = 1; i <= 100; ++i) {
      targets += (i == 1 ? "" : ", ") + name_of(i);
      steps += "  - {step: " + name_of(i) + ", tool: {kind: noop}}\n";
   }
   return playbook("fanout", "  - {step: start, tool: {kind: noop}, next: [" + targets + "]}\n" + steps);
}
std::string loop() {
   return playbook("loop",
                   "  - {step: start, tool: {kind: noop}, next: each}\n"
                   "  - {step: each, tool: {kind: noop, message: '{{ x }}'}, loop: {in: '1000', iterator: x, spec: "
                   "{mode: parallel, max_in_flight: 32}}, next: end}\n  - {step: end, tool: {kind: noop}}\n");
}

/// One kind of load.
struct load {
   std::string path;
   int steps = 0; ///< of an execution
   int in_flight = 0;
};

std::int64_t count(pg::connection& db, std::string const& event_type) {
   return pg::as<std::int64_t>(db.exec("select count(*) from noetl.event where event_type = $1", event_type)[0][0]);
}

/// Executions that have ended. Cheap, so that watching does not take part in the race.
std::int64_t ended_executions(pg::connection& db) {
   return pg::as<std::int64_t>(db.exec("select count(*) from noetl.stream_head where status <> 'RUNNING'")[0][0]);
}

/// \return steps per second of `executions` runs
double round(test::deployment& site, pg::connection& db, load const& what, int executions) {
   auto const ended_before = ended_executions(db);
   http::blocking_client client(site.base());
   auto const start = clock_type::now();
   int started = 0;
   std::int64_t ended = 0;
   while (ended < executions) {
      while (started < executions && started - ended < what.in_flight) {
         auto const got =
             test::deployment::to_answer(client.post("/api/execute", R"({"path":"bench/)" + what.path + "\"}"));
         if (got.status != 200) throw std::runtime_error("execute: " + got.body);
         ++started;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      ended = ended_executions(db) - ended_before;
      if (clock_type::now() - start > std::chrono::minutes{3}) throw std::runtime_error("not finished in 3 minutes");
   }
   std::chrono::duration<double> const took = clock_type::now() - start;
   return executions * what.steps / took.count();
}

void quote(std::string const& name, std::vector<double> figures) {
   std::sort(figures.begin(), figures.end());
   auto const median = figures[figures.size() / 2];
   std::printf("%s ratio=%.2f (%.2f..%.2f over %zu rounds)\n", name.c_str(), median / floor_of_goals,
               figures.front() / floor_of_goals, figures.back() / floor_of_goals, figures.size());
   std::printf("%s ratio=%.2f ours=%.0f limit=%.0f unit=steps/s\n", name.c_str(), median / floor_of_goals, median,
               floor_of_goals);
   std::fflush(stdout);
}

std::vector<double> measure(test::deployment& site, pg::connection& db, load const& what, int rounds, int executions) {
   round(site, db, what, executions / 10 + 1); // warm
   std::vector<double> figures;
   for (int i = 0; i < rounds; ++i) {
      figures.push_back(round(site, db, what, executions));
      std::printf("%s, round %d: %.0f steps/s\n", what.path.c_str(), i + 1, figures.back());
   }
   return figures;
}

double resident_mb(pid_t process) {
   std::ifstream status("/proc/" + std::to_string(process) + "/status");
   for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
   throw std::runtime_error("no VmRSS of the server");
}

void run(int rounds, int executions, std::int64_t events) {
   test::deployment site;
   auto& server = site.start_server({{"NOETL_LOG_LEVEL", "warn"}});
   for (auto const& yaml : {ten_in_a_row(), fan_out(), loop()}) site.register_playbook(yaml);
   site.start_worker("bench-worker", {}, {{"WORKER_MAX_CONCURRENT", "32"}});
   pg::connection db(site.db.settings());
   auto const idle = resident_mb(server.pid());
   load const ten{"ten", 10, 32}, wide{"fanout", 101, 2}, looped{"loop", 1'002, 1};
   auto const in_a_row = measure(site, db, ten, rounds, executions);
   quote("steps-fanout", measure(site, db, wide, rounds, std::max(1, executions / 20)));
   quote("steps-loop", measure(site, db, looped, rounds, std::max(1, executions / 150)));
   auto const written = [&] { return db.exec("select count(*) from noetl.event")[0].get<std::int64_t>(0); };
   auto last = written();
   while (last < events) {
      round(site, db, looped, 2);
      round(site, db, ten, 100);
      last = written();
   }
   auto const issued = count(db, "command.issued");
   auto const completed = count(db, "command.completed");
   if (issued != completed || count(db, "playbook.failed") != 0)
      throw std::runtime_error("some step ran twice or failed");
   auto const mb = resident_mb(server.pid());
   std::printf("steps-rss ratio=%.2f ours=%.1f limit=%.0f unit=MB (%.1f idle, %lld events)\n", mb / floor_mb, mb,
               floor_mb, idle, static_cast<long long>(last));
   quote("steps", in_a_row);
}

} // namespace

int main(int argc, char** argv) {
   return program_with_servers("steps", [&] {
      run(argc > 1 ? std::atoi(argv[1]) : 5, argc > 2 ? std::atoi(argv[2]) : 300,
          argc > 3 ? std::atoll(argv[3]) : 200'000);
   });
}
