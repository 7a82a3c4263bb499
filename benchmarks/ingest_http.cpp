// M3: POST /api/events on noetl-server, one event each with an id of the producer, 64 clients, durable answers ÷ the
// best rate of pgbench single-row commits over 1, 8, 32, 64 clients into the same table. Both sides alternate; every
// answer is 200 and every event must be in the table at the end.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/reflect/json.hpp>

#include "http_load.hpp"
#include "program.hpp"
#include "single_row_commits.hpp"
#include "support/deployment.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;

constexpr char const* playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: load, path: bench/load}
workflow:
  - step: start
    tool: {kind: noop}
)";

/// A request as the worker sends it, with the same bytes in the three columns as the rows of pgbench.
class reports {
public:
   reports(std::vector<execution_id> executions, int port) : executions_(std::move(executions)), port_(port) {}

   void next(std::string& out) {
      auto const id = executions_[count_++ % executions_.size()];
      static auto const sample = report(id);
      body_ = R"({"execution_id":)" + std::to_string(id.value) +
              R"(,"event_type":"call.done","step":"fetch","status":"COMPLETED",)" +
              R"("created_at":"2026-06-17T22:15:00.123456789Z","event_id":)" + std::to_string(ids_.next()) +
              R"(,"worker_id":"worker-1","meta":{"attempts":0},"context":)" + payload(sample) + "}";
      out = "POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) +
            "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n" +
            body_;
   }

private:
   /// result.context of the sample: what the contract stores there is the payload of the request.
   static std::string payload(event const& sample) {
      auto const& text = sample.result.text;
      auto const at = text.find(R"("context":)") + 10;
      return text.substr(at, text.size() - at - 1);
   }
   std::vector<execution_id> executions_;
   int port_;
   snowflake ids_{900};
   std::size_t count_ = 0;
   std::string body_;
};

void run(int pairs, std::chrono::milliseconds time) {
   test::deployment site;
   site.start_server({{"NOETL_LOG_LEVEL", "warn"}, {"NOETL_REANNOUNCE_AFTER", "3600"}});
   site.register_playbook(playbook);
   std::vector<execution_id> executions;
   for (int i = 0; i < 64; ++i) executions.emplace_back(std::stoll(site.execute("bench/load")));
   pg::connection db(site.db.settings());
   db.script("create sequence noetl.bench_ids");
   reports source(executions, site.port);
   auto const ours = [&] {
      return requests_per_second(
          static_cast<std::uint16_t>(site.port), [&](std::string& out) { source.next(out); }, time);
   };
   auto const pg = site.db.settings();
   auto const plain = execution_id{1};
   auto const seconds = std::max(1, static_cast<int>(time.count() / 1000));
   ours(); // warm
   auto const clients = pgbench(pg, plain, 1, {1, 8, 32, 64}).second;
   std::vector<pair_of_figures> figures;
   for (int i = 0; i < pairs; ++i) {
      pair_of_figures p{};
      p.ours = ours();
      p.limit = pgbench(pg, plain, seconds, {clients}).first;
      figures.push_back(p);
      std::printf("pair %d: ours %6.0f events/s, pgbench %6.0f rows/s with %d clients\n", i + 1, p.ours, p.limit,
                  clients);
   }
   quote("ingest_http", figures);
}

} // namespace

int main(int argc, char** argv) {
   return program_with_servers("ingest_http", [&] {
      run(argc > 1 ? std::atoi(argv[1]) : 5, std::chrono::milliseconds{argc > 2 ? std::atoi(argv[2]) : 3000});
   });
}
