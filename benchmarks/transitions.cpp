// Subscription transitions on noetl-server, 16 clients with a subscription each, durable answers ÷ pgbench doing in one
// transaction the two statements that such a transition needs at least (read the current state, insert one event row),
// 16 clients. Both sides alternate; every answer is 200, and every transition must be a row at the end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <noetl/pg/connection.hpp>
#include <noetl/reflect/json.hpp>

#include "http_load.hpp"
#include "program.hpp"
#include "single_row_commits.hpp"
#include "support/deployment.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;

constexpr std::size_t clients = 16;

/// Registered and activated. \return its id as text
std::string subscription(test::deployment& site, std::size_t number) {
   auto const path = "bench/subscription-" + std::to_string(number);
   site.register_playbook("kind: Subscription\nmetadata: {path: " + path +
                          "}\nspec: {source: nats, mode: pull, dispatch: {playbook: bench}}\n");
   auto const made = site.post("/api/subscriptions/register", R"({"path":")" + path + R"("})");
   if (made.status != 200) throw std::runtime_error("register: " + made.body);
   auto id = made.json.at("subscription_id").get_string();
   auto const active = site.send({.method = http::verb::post, .target = "/api/subscriptions/" + id + "/activate"});
   if (active.status != 200) throw std::runtime_error("activate: " + active.body);
   return id;
}

/// Reads the newest state of the client's own subscription and adds a row of the same bytes as ours.
std::string two_statements() {
   return "\\set id 1000 + :client_id\n"
          "begin;\n"
          "select event_id, event_type, status, stream_version from noetl.event where execution_id = :id and "
          "event_type in "
          "('subscription.registered', 'subscription.activated', 'subscription.paused', 'subscription.resumed', "
          "'subscription.draining', 'subscription.deactivated') order by stream_version desc nulls last, event_id desc "
          "limit 1;\n"
          "insert into noetl.event (execution_id, event_id, catalog_id, created_at, event_type, node_id, node_name, "
          "node_type, status, context, meta, stream_version) values (:id, nextval('noetl.bench_ids'), 7, now() at time "
          "zone "
          "'utc', 'subscription.paused', 'subscription', 'bench/subscription-1', 'subscription', 'PAUSED', :context, "
          ":meta, "
          "currval('noetl.bench_ids'));\n"
          "end;\n";
}

double quantile(std::vector<double> seconds, double part) {
   std::sort(seconds.begin(), seconds.end());
   return seconds.empty() ? 0
                          : seconds[std::min(seconds.size() - 1,
                                             static_cast<std::size_t>(part * static_cast<double>(seconds.size())))];
}

void run(int pairs, std::chrono::milliseconds time) {
   test::deployment site;
   site.start_server({{"NOETL_LOG_LEVEL", "warn"}});
   std::vector<std::string> requests[2]; // pause, resume: allowed from both states
   for (std::size_t i = 0; i < clients; ++i) {
      auto const id = subscription(site, i);
      for (std::size_t k = 0; k < 2; ++k)
         requests[k].push_back("POST /api/subscriptions/" + id + (k == 0 ? "/pause" : "/resume") +
                               " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(site.port) +
                               "\r\nContent-Length: 0\r\n\r\n");
   }
   pg::connection db(site.db.settings());
   db.script("create sequence noetl.bench_ids");
   std::vector<std::size_t> turn(clients, 0);
   std::vector<double> seconds;
   std::size_t sent = 0;
   auto const ours = [&] {
      return requests_per_second(
          static_cast<std::uint16_t>(site.port), clients,
          [&](std::size_t client, std::string& out) { out = requests[turn[client]++ % 2][client], ++sent; }, time,
          &seconds);
   };
   auto const values =
       R"( -D context='{"path": "bench/subscription-1", "catalog_id": "382436020831916032", "subscription_id": )"
       R"("382436020831916033"}' -D meta='{"emitter": "control_plane", "emitted_at": "2026-06-17T22:15:00.123456Z", )"
       R"("subscription_lifecycle": true}')";
   auto const plain = [&](int for_seconds) {
      return pgbench_rate(site.db.settings(), two_statements(), static_cast<int>(clients), for_seconds, values);
   };
   ours(), plain(1); // warm
   seconds.clear();
   std::vector<pair_of_figures> figures;
   for (int i = 0; i < pairs; ++i) {
      pair_of_figures p{};
      p.ours = ours();
      p.limit = plain(std::max(1, static_cast<int>(time.count() / 1000)));
      figures.push_back(p);
      std::printf("pair %d: ours %6.0f transitions/s, pgbench %6.0f transactions/s\n", i + 1, p.ours, p.limit);
   }
   auto const rows = [&] {
      return db
          .exec(
              "select count(*) from noetl.event where execution_id > 1000000 and event_type in ('subscription.paused', "
              "'subscription.resumed')")[0]
          .get<std::size_t>(0);
   };
   auto const answered = seconds.size();
   // Each connection may end with one request whose answer nobody read.
   if (rows() > sent || rows() < answered) throw std::runtime_error("answers and rows differ");
   std::printf("transitions p50=%.2f ms p99=%.2f ms with %zu clients, %zu answers\n", quantile(seconds, 0.5) * 1e3,
               quantile(seconds, 0.99) * 1e3, clients, answered);
   quote("transitions", figures, "transitions/s");
}

} // namespace

int main(int argc, char** argv) {
   return program_with_servers("transitions", [&] {
      run(argc > 1 ? std::atoi(argv[1]) : 5, std::chrono::milliseconds{argc > 2 ? std::atoi(argv[2]) : 3000});
   });
}
