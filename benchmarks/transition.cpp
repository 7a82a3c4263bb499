// M4: from posting `command.completed` to the notification of the next command at a subscriber: noetl-server,
// PostgreSQL and NATS on one machine, 16 executions in flight, each posting as soon as its notification has come. Then
// the same with executions that have 1,000 and 100,000 events behind them, beside fresh ones: what a decision costs
// must not grow with the log. The path is the real one: HTTP, commit, fold, decision, commit, outbox, JetStream with
// file storage, pull consumer. Left out is the worker: nothing is claimed and no `call.done` is posted. Limits: the
// floors of goals.md, 10 and 50 ms; for the long logs the fresh executions of the same run.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/events/detail/append_rows.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/pg/connection.hpp>

#include "program.hpp"
#include "support/deployment.hpp"
#include "workflow/simulator.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;
using clock_type = std::chrono::steady_clock;
using workflow::testing::simulator;

constexpr std::size_t in_flight = 16;

/// A cycle that goes on for ever, with a variable and a condition in each round.
std::string playbook() {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: cycle, path: bench/cycle}\nworkflow:\n"
          "- {step: start, tool: {kind: noop, region: '{{ workload.region }}'}, next: a}\n"
          "- {step: a, tool: {kind: noop, n: '{{ n }}'}, next: b}\n"
          "- {step: b, tool: {kind: noop}, set: {ctx.n: '{{ (n | default(0)) + 1 }}'}, next: {arcs: [{step: a, when: "
          "'n < 1000000000'}]}}\n";
}

struct notice {
   std::string command, step;
   clock_type::time_point at;
};

/// Notifications as they come, by execution. Thread-safe.
class subscriber {
public:
   explicit subscriber(std::string const& url)
       : bus_(how(url)),
         reader_(bus_, {.stream = "noetl_commands", .durable = "bench", .filter_subject = "noetl.commands.>"}) {
      runner_ = std::jthread([this](std::stop_token stop) { run(stop); });
   }
   notice next(std::string const& execution) {
      std::unique_lock lock(mutex_);
      auto& waiting = arrived_[execution];
      if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !waiting.empty(); }))
         throw std::runtime_error("no notification for execution " + execution + " within 60 s");
      auto out = std::move(waiting.front());
      waiting.erase(waiting.begin());
      return out;
   }

private:
   static nats::connection_settings how(std::string const& url) {
      nats::connection_settings settings;
      settings.url = url;
      settings.send_at_once = true;
      return settings;
   }
   void run(std::stop_token const& stop) {
      while (!stop.stop_requested()) {
         auto got = reader_.fetch(256, std::chrono::milliseconds(200));
         auto const at = clock_type::now();
         if (!got) continue;
         for (auto& one : *got) {
            auto const note = tao::json::from_string(std::string(one.data()));
            std::lock_guard const lock(mutex_);
            arrived_[std::to_string(note.at("execution_id").as<std::int64_t>())].push_back(
                {note.at("command_id").get_string(), note.at("step").get_string(), at});
            (void)one.ack(); // a lost acknowledgement only means one more delivery after the end
         }
         changed_.notify_all();
      }
   }

   nats::connection bus_;
   nats::consumer reader_;
   std::mutex mutex_;
   std::condition_variable changed_;
   std::map<std::string, std::vector<notice>> arrived_;
   std::jthread runner_;
};

/// One execution and the command that it waits for.
struct run_at {
   std::string execution, command, step;
};

/// What the engine and a worker write for the playbook until `count` events are there, one command being open.
std::pair<std::vector<event>, workflow::testing::order> recorded(std::size_t count) {
   simulator s(playbook(), R"({"region":"eu-west"})");
   while (s.log.size() < count || s.open.empty()) s.complete(s.open.front().step, R"({"id":42,"note":"some text"})");
   return {std::move(s.log), s.open.front()};
}

/// Puts copies of a log into the database as executions of their own.
std::vector<run_at> preloaded(pg::connection& db, snowflake& ids, catalog_id catalog, std::size_t copies,
                              std::size_t count) {
   auto const [log, open] = recorded(count);
   auto const own = [](std::string text, std::string const& id) {
      for (auto at = text.find("7001:"); at != std::string::npos; at = text.find("7001:", at + id.size()))
         text.replace(at, 4, id);
      return text;
   };
   std::vector<run_at> out;
   for (std::size_t i = 0; i < copies; ++i) {
      execution_id const id{ids.next()};
      auto const name = std::to_string(id.value);
      for (std::size_t from = 0; from < log.size(); from += 1'000) {
         std::vector<event> page(log.begin() + static_cast<std::ptrdiff_t>(from),
                                 log.begin() + static_cast<std::ptrdiff_t>(std::min(log.size(), from + 1'000)));
         std::vector<event const*> rows;
         for (auto& e : page) {
            e.execution_id = id;
            e.catalog_id = catalog;
            e.meta.text = own(std::move(e.meta.text), name);
            e.result.text = own(std::move(e.result.text), name);
            rows.push_back(&e);
         }
         noetl::detail::event_rows(rows).copy(db);
      }
      db.exec(
          "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id) values ($1, $2, 0, $3)",
          id, log.size(), catalog);
      out.push_back({name, own(open.id, name), open.step});
   }
   db.script("vacuum analyze noetl.event");
   return out;
}

/// \return milliseconds of `transitions` transitions of each execution, after `warm` that do not count
std::vector<std::vector<double>> measure(test::deployment& site, subscriber& notices, std::vector<run_at>& runs,
                                         std::size_t transitions, std::size_t warm) {
   std::vector<std::vector<double>> all(runs.size());
   std::vector<std::string> failures(runs.size());
   {
      std::vector<std::jthread> clients;
      for (std::size_t i = 0; i < runs.size(); ++i)
         clients.emplace_back([&, i] {
            try {
               http::blocking_client client(site.base());
               for (std::size_t k = 0; k < transitions + warm; ++k) {
                  auto const body = R"({"execution_id":")" + runs[i].execution +
                                    R"(","event_type":"command.completed","step":")" + runs[i].step +
                                    R"(","status":"success","context":{"command_id":")" + runs[i].command +
                                    R"(","status":"success"}})";
                  auto const posted = clock_type::now();
                  auto const got = test::deployment::to_answer(client.post("/api/events", body));
                  if (got.status != 200) throw std::runtime_error(got.body);
                  auto const next = notices.next(runs[i].execution);
                  if (next.command == runs[i].command) throw std::runtime_error("a command was told twice");
                  runs[i].command = next.command;
                  runs[i].step = next.step;
                  if (k >= warm) all[i].push_back(std::chrono::duration<double, std::milli>(next.at - posted).count());
               }
            } catch (std::exception const& e) {
               failures[i] = e.what();
            }
         });
   }
   for (auto const& one : failures)
      if (!one.empty()) throw std::runtime_error(one);
   return all;
}

std::vector<double> merged(std::vector<std::vector<double>> const& all, std::size_t from, std::size_t to) {
   std::vector<double> out;
   for (auto i = from; i < to; ++i) out.insert(out.end(), all[i].begin(), all[i].end());
   std::sort(out.begin(), out.end());
   return out;
}
double at(std::vector<double> const& sorted, double part) {
   return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}
void tell(char const* what, std::vector<double> const& ms) {
   std::printf("%s: %zu transitions, p50 %.2f, p90 %.2f, p99 %.2f, max %.2f ms\n", what, ms.size(), at(ms, 0.5),
               at(ms, 0.9), at(ms, 0.99), ms.back());
   std::fflush(stdout);
}
void quote(char const* name, double ours, double limit) {
   std::printf("%s ratio=%.2f ours=%.2f limit=%.2f unit=ms\n", name, limit / ours, ours, limit);
}

void run(std::size_t transitions, std::size_t long_log) {
   test::deployment site;
   site.start_server({{"NOETL_LOG_LEVEL", "warn"}});
   site.register_playbook(playbook());
   subscriber notices(site.nats.url());
   pg::connection db(site.db.settings());
   snowflake ids(1000);
   auto const started = [&](std::size_t count) {
      std::vector<run_at> runs;
      for (std::size_t i = 0; i < count; ++i) {
         auto const execution = site.execute("bench/cycle", R"({"region":"eu-west"})");
         auto const first = notices.next(execution);
         runs.push_back({execution, first.command, first.step});
      }
      return runs;
   };
   auto fresh = started(in_flight);
   auto const short_ms = merged(measure(site, notices, fresh, transitions, 20), 0, in_flight);
   tell("fresh", short_ms);
   auto const catalog = db.exec("select catalog_id from noetl.stream_head limit 1")[0].get<catalog_id>(0);

   // Half of those in flight have a log, the others are fresh ones under the same load.
   struct figure {
      double ours, limit;
   };
   auto const beside = [&](std::size_t copies, std::size_t count, std::string const& name) {
      auto runs = preloaded(db, ids, catalog, copies, count);
      for (auto& one : started(in_flight - copies)) runs.push_back(std::move(one));
      auto const all = measure(site, notices, runs, transitions, 20);
      auto const with = merged(all, 0, copies), without = merged(all, copies, in_flight);
      tell((name + " events behind them").c_str(), with);
      tell("fresh ones beside them", without);
      return figure{at(with, 0.5), at(without, 0.5)};
   };
   auto const thousand = beside(8, 1'000, "1,000");
   auto const many = beside(4, long_log, std::to_string(long_log));
   quote("transition-1k", thousand.ours, thousand.limit);
   quote("transition-100k", many.ours, many.limit);
   quote("transition-p99", at(short_ms, 0.99), 50);
   quote("transition", at(short_ms, 0.5), 10);
}

} // namespace

int main(int argc, char** argv) {
   return program_with_servers("transition", [&] {
      run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200, argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100'000);
   });
}
