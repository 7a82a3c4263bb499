// The event stream of real servers: off by default, leaders killed and paused, NATS away and wiped, a transaction held
// open. Each test can be run alone: ctest -R 'fault.event_stream'.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer.hpp>

#include "fault/evidence.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;

namespace {

constexpr auto patience = 90s;

/// A deployment with up to two servers that stream.
class event_stream : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      system = std::make_unique<deployment>();
   }
   static deployment::variables on(deployment::variables more = {}) {
      deployment::variables all{{"NOETL_EVENT_STREAM_ENABLED", "Yes"},
                                {"NOETL_EVENT_STREAM_BACKFILL", "on"},
                                {"NOETL_EVENT_STREAM_LEASE_MS", "400"},
                                {"NOETL_EVENT_STREAM_POLL_MS", "50"},
                                {"NOETL_EVENT_STREAM_AUDIT_SECS", "3600"}};
      for (auto& [name, value] : more) all[name] = value;
      return all;
   }
   /// Rows straight into the table, as any other writer does.
   static void write(noetl::pg::connection& db, std::int64_t first, std::int64_t count) {
      db.exec(
          "insert into noetl.event (execution_id, event_id, catalog_id, event_type, status) select 1 + n % 7, n, 7, "
          "'call.done', 'x' from generate_series($1::bigint, $2::bigint) n",
          first, first + count - 1);
   }
   std::vector<std::string> stream_ids(std::size_t count, std::chrono::milliseconds limit = patience) {
      noetl::nats::connection_settings how;
      how.url = system->nats.url();
      noetl::nats::connection bus(how);
      (void)bus.wait_connected(10s);
      static int number = 0;
      noetl::nats::consumer reader(bus, {.stream = "noetl_events",
                                         .durable = "check_" + std::to_string(++number),
                                         .filter_subject = "noetl.events.>",
                                         .max_ack_pending = 100'000});
      std::vector<std::string> out;
      auto const until = std::chrono::steady_clock::now() + limit;
      while (std::chrono::steady_clock::now() < until) {
         auto got = reader.fetch(500, out.size() < count ? 500ms : 200ms);
         if (!got) std::this_thread::sleep_for(100ms);
         if (got && got->empty() && out.size() >= count) break;
         if (!got) continue;
         for (auto& one : *got) {
            out.emplace_back(one.header("Nats-Msg-Id"));
            (void)one.ack();
         }
      }
      return out;
   }
   std::map<std::string, double> metrics(int port) {
      noetl::http::base_url where;
      where.port = static_cast<std::uint16_t>(port);
      noetl::http::blocking_client client(where, {});
      auto const got = client.get("/metrics");
      std::map<std::string, double> out;
      if (!got) return out;
      std::istringstream lines(got->body);
      for (std::string line; std::getline(lines, line);) {
         if (line.empty() || line[0] == '#') continue;
         auto const end = line.rfind(' ');
         out[line.substr(0, end)] = std::strtod(line.c_str() + end + 1, nullptr);
      }
      return out;
   }
   static double sum(std::map<std::string, double> const& all, std::string const& name) {
      double total = 0;
      for (auto const& [key, value] : all)
         if (key == name || key.starts_with(name + "{")) total += value;
      return total;
   }
   std::unique_ptr<process> start(int port, int machine, std::string const& log, deployment::variables change = on()) {
      auto environment = system->server_environment(port, machine);
      for (auto& [name, value] : change) environment[name] = value;
      return std::make_unique<process>(std::vector<std::string>{deployment::program("examples/server/noetl-server")},
                                       std::move(environment), system->folder.path() / log);
   }
   bool leads(int port) {
      auto const all = metrics(port);
      return sum(all, "noetl_event_stream_leading") > 0;
   }
   std::unique_ptr<deployment> system;
};

} // namespace

TEST_F(event_stream, items_15_25_off_by_default_nothing_is_made) {
   system->start_server();
   ASSERT_TRUE(
       eventually([&] { return system->server->output().find("event_stream.off") != std::string::npos; }, patience));
   evidence found(*system);
   write(found.database(), 1, 3);
   std::this_thread::sleep_for(1s);
   EXPECT_EQ(found.number("select count(*) from noetl.stream_cursor"), 0);
   EXPECT_TRUE(stream_ids(1, 1s).empty());
   EXPECT_EQ(system->server->output().find("stream.ready"), std::string::npos);
}

TEST_F(event_stream, items_36_54_goal_3_metrics_tell_what_was_published_what_waits_and_who_holds_the_horizon) {
   system->start_server(on());
   evidence found(*system);
   write(found.database(), 1, 2);
   found.database().script("insert into noetl.event (execution_id, event_id, catalog_id, event_type, error) values (1, "
                           "3, 7, 'x.y', repeat('x', 1000000))");
   auto all = metrics(system->port);
   ASSERT_TRUE(eventually(
       [&] {
          all = metrics(system->port);
          return sum(all, "noetl_event_stream_published_total") >= 3;
       },
       patience))
       << tail(system->server->output());
   EXPECT_EQ((all[R"(noetl_event_stream_published_total{shard="0",event_type="call.done"})"]), 2);
   EXPECT_EQ((all[R"(noetl_event_stream_published_total{shard="0",event_type="x.y"})"]), 1);
   EXPECT_EQ(sum(all, "noetl_event_stream_skipped_total"), 0);
   EXPECT_EQ(sum(all, "noetl_event_stream_by_reference_total"), 1);
   EXPECT_EQ(sum(all, "noetl_event_stream_cursor"), 3);
   EXPECT_EQ(sum(all, "noetl_event_stream_leading"), 1);
   EXPECT_GE(sum(all, "noetl_event_stream_lease_epoch"), 1);
   EXPECT_EQ(system->get("/readyz").json.at("event_stream").get_string(), "leading");

   // Goal 3 with a shorter time: a transaction held open. Everything behind it waits, and its pid is shown.
   noetl::pg::connection open(system->db.settings());
   open.begin();
   write(open, 100, 1);
   write(found.database(), 200, 50);
   EXPECT_TRUE(eventually(
       [&] {
          all = metrics(system->port);
          return sum(all, "noetl_event_stream_horizon_pid") == open.backend_pid() &&
                 sum(all, "noetl_event_stream_lag_events") == 50 &&
                 sum(all, "noetl_event_stream_horizon_age_seconds") > 1 &&
                 sum(all, "noetl_event_stream_lag_seconds") > 1;
       },
       patience))
       << sum(all, "noetl_event_stream_horizon_pid") << " " << open.backend_pid();
   open.commit();
   EXPECT_EQ(stream_ids(54).size(), 54U);
   EXPECT_TRUE(eventually(
       [&] {
          all = metrics(system->port);
          return sum(all, "noetl_event_stream_consumer_pending") == 2 * 54 &&
                 sum(all, "noetl_event_stream_consumer_oldest_seconds") > 0;
       },
       patience))
       << "neither projector nor materializer read anything";
}

TEST_F(event_stream,
       items_26_59_goal_5_nats_absent_at_boot_restarted_and_wiped_everything_arrives_and_the_api_stays_up) {
   system->nats.stop();
   system->start_server(on());
   evidence found(*system);
   write(found.database(), 1, 100);
   std::this_thread::sleep_for(1s);
   EXPECT_EQ(system->get("/livez").status, 200U);
   auto const ready = system->get("/readyz");
   EXPECT_EQ(ready.status, 200U);
   EXPECT_EQ(ready.json.at("status").get_string(), "degraded");
   EXPECT_TRUE(ready.json.at("event_stream").get_string().starts_with("waiting")) << ready.body;
   system->nats.start();
   EXPECT_EQ(stream_ids(100).size(), 100U) << tail(system->server->output());
   system->nats.stop(SIGKILL);
   write(found.database(), 101, 100);
   std::this_thread::sleep_for(2s);
   system->nats.start();
   EXPECT_EQ(stream_ids(200).size(), 200U) << tail(system->server->output());
   system->nats.stop(SIGKILL);
   system->nats.wipe();
   write(found.database(), 201, 100);
   system->nats.start();
   auto const got = stream_ids(300);
   std::vector<std::string> wanted;
   for (int i = 1; i <= 300; ++i) wanted.push_back(std::to_string(i));
   EXPECT_EQ(std::set(got.begin(), got.end()), std::set(wanted.begin(), wanted.end()))
       << tail(system->server->output());
}

TEST_F(event_stream, items_37_40_D29_every_shard_is_streamed_into_one_stream) {
   database second("noetl_shard");
   auto const dsn = [](noetl::pg::settings const& s) {
      return "host=" + s.host + ";port=" + std::to_string(s.port) + ";user=" + s.user + ";password=" + s.password +
             ";database=" + s.database;
   };
   system->start_server(on({{"NOETL_SHARDS", dsn(system->db.settings()) + "," + dsn(second.settings())}}));
   noetl::pg::connection first_db(system->db.settings()), second_db(second.settings());
   write(first_db, 1, 50);
   write(second_db, 1'001, 50);
   EXPECT_EQ(stream_ids(100).size(), 100U) << tail(system->server->output());
   EXPECT_TRUE(eventually([&] { return sum(metrics(system->port), "noetl_event_stream_leading") == 2; }, patience));
}

// One of the pauses lasts 30 s, the others until the lease was taken over. NOETL_TEST_LONG_PAUSES: how many last 30 s,
// for example 50 (half an hour).
TEST_F(event_stream,
       items_5_10_37_D26_goal_4_leaders_killed_and_paused_fifty_times_lose_nothing_and_the_cursor_never_goes_back) {
   constexpr auto long_pause = 30s;
   auto const* wish = std::getenv("NOETL_TEST_LONG_PAUSES");
   int const long_pauses = wish != nullptr ? std::atoi(wish) : 1;
   int const rounds = std::max(50, long_pauses * 5 / 4 + 1); // every fifth is a kill
   auto const between_writes = long_pauses > 5 ? 50ms : 5ms;
   int const ports[] = {system->port, free_port()};
   std::unique_ptr<process> servers[2];
   for (int i = 0; i < 2; ++i) servers[i] = start(ports[i], i + 1, "server-" + std::to_string(i) + ".log");
   ASSERT_TRUE(eventually([&] { return leads(ports[0]) || leads(ports[1]); }, patience));
   evidence found(*system);
   std::int64_t written = 0;
   std::jthread const writer([&](std::stop_token stop) {
      noetl::pg::connection db(system->db.settings());
      while (!stop.stop_requested()) {
         write(db, written + 1, 5);
         written += 5;
         std::this_thread::sleep_for(between_writes);
      }
   });
   std::vector<std::string> places;
   bool went_back = false;
   noetl::pg::connection watch(system->db.settings());
   auto const look = [&] {
      // PostgreSQL compares, so that 9 < 10.
      auto const now = watch.exec(
          "select xid::text, execution_id, event_id, lease_epoch from noetl.stream_cursor where name = 'event_feed'");
      if (now.empty()) return;
      std::string place = std::string(*now[0][0]) + " " + std::string(*now[0][1]) + " " + std::string(*now[0][2]);
      if (!places.empty() && place != places.back()) {
         auto const cut = [](std::string const& text) {
            std::istringstream in(text);
            std::tuple<std::uint64_t, std::int64_t, std::int64_t> out;
            in >> std::get<0>(out) >> std::get<1>(out) >> std::get<2>(out);
            return out;
         };
         went_back = went_back || cut(place) < cut(places.back());
      }
      if (places.empty() || place != places.back()) places.push_back(std::move(place));
   };
   double stale = 0;
   int paused = 0, killed = 0;
   for (int round = 0; round < rounds; ++round) {
      int leader = -1;
      ASSERT_TRUE(eventually(
          [&] {
             look();
             for (int i = 0; i < 2; ++i)
                if (leads(ports[i])) leader = i;
             return leader >= 0;
          },
          patience))
          << "round " << round << tail(servers[0]->output()) << tail(servers[1]->output());
      auto const others = 1 - leader;
      if (round % 5 == 4) {
         servers[leader]->kill(SIGKILL);
         ++killed;
         ASSERT_TRUE(eventually([&] { return look(), leads(ports[others]); }, patience))
             << tail(servers[others]->output());
         servers[leader] = start(ports[leader], leader + 1, "server-" + std::to_string(leader) + ".log");
         continue;
      }
      auto const before = sum(metrics(ports[leader]), "noetl_event_stream_stale_writes_refused_total");
      servers[leader]->send(SIGSTOP);
      auto const stopped = std::chrono::steady_clock::now();
      auto const taken_over = eventually([&] { return look(), leads(ports[others]); }, patience);
      if (paused++ < long_pauses)
         (void)eventually([&] { return look(), std::chrono::steady_clock::now() - stopped > long_pause; },
                          2 * long_pause);
      servers[leader]->send(SIGCONT);
      ASSERT_TRUE(taken_over) << tail(servers[others]->output());
      // The woken one tries to go on, is refused, and follows.
      EXPECT_TRUE(eventually([&] { return look(), !leads(ports[leader]); }, patience));
      stale += sum(metrics(ports[leader]), "noetl_event_stream_stale_writes_refused_total") - before;
   }
   const_cast<std::jthread&>(writer).request_stop();
   const_cast<std::jthread&>(writer).join();
   auto const got = stream_ids(static_cast<std::size_t>(written));
   std::set<std::string> const different(got.begin(), got.end());
   std::map<std::int64_t, std::int64_t> last;
   std::size_t disordered = 0;
   std::set<std::string> seen;
   for (auto const& id : got) {
      if (!seen.insert(id).second) continue;
      auto const number = std::stoll(id);
      auto& before = last[1 + number % 7];
      disordered += number < before ? 1 : 0;
      before = std::max(before, static_cast<std::int64_t>(number));
   }
   say(std::to_string(paused) + " pauses (" + std::to_string(std::min(paused, long_pauses)) + " of 30 s), " +
       std::to_string(killed) + " kills; " + std::to_string(written) + " events, " + std::to_string(got.size()) +
       " messages, " + std::to_string(places.size()) + " places of the cursor, " +
       std::to_string(static_cast<int>(stale)) + " stale writes refused");
   EXPECT_EQ(static_cast<std::int64_t>(different.size()), written) << "events were lost";
   EXPECT_EQ(disordered, 0U);
   EXPECT_FALSE(went_back) << "the cursor went back";
   EXPECT_GT(stale, 0) << "no stale write was tried: the test shows nothing";
}
