#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include <noetl/pg/pool.hpp>

#include "blocking.hpp"
#include "gate.hpp"
#include "support/eventually.hpp"
#include "test_database.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

class pool_test : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
};

TEST_F(pool_test, runs_on_database_threads_and_answers_the_caller) {
   pg::pool pool(maintenance());
   auto work = [](pg::connection& db) { return pg::as<int>(db.exec("select 41 + $1::int", 1)[0][0]); };
   EXPECT_EQ(blocking(pool.run(work)).value(), 42);
   EXPECT_EQ(pool.run_blocking(work).value(), 42);
   auto refuses = [](pg::connection&) -> result<int> { return fail(error_code::conflict, "mine"); };
   EXPECT_EQ(blocking(pool.run(refuses)).error().message, "mine");
   auto breaks = [](pg::connection& db) { db.exec("selekt"); };
   EXPECT_EQ(blocking(pool.run(breaks)).error().code, error_code::database);
   auto throws = [](pg::connection&) -> int { throw std::runtime_error("x"); };
   EXPECT_EQ(blocking(pool.run(throws)).error().code, error_code::internal);
}

TEST_F(pool_test, an_exhausted_pool_sheds_load_instead_of_queueing) {
   auto how = maintenance();
   how.max_connections = 1;
   how.max_waiting = 2;
   how.acquire_timeout = 1s;
   pg::pool pool(how);
   ASSERT_TRUE(pool.wait_connected(5s));
   std::promise<void> release;
   auto const free = release.get_future().share();
   auto const slow = [free](pg::connection&) { free.wait(); };
   auto first = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   bool const busy = eventually([&] { return pool.stats().idle == 0; }, 10s, 1ms);
   auto second = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   auto third = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   bool const full = eventually([&] { return pool.stats().waiting == 2; }, 900ms, 1ms);
   if (busy && full) {
      EXPECT_EQ(pool.run_blocking(slow).error().message, "too many calls wait for the database");
      EXPECT_EQ(second.get().error().message, "no database connection became free in time");
      EXPECT_EQ(third.get().error().code, error_code::unavailable);
   }
   release.set_value(); // nothing may hang, whatever was found
   EXPECT_TRUE(busy);
   EXPECT_TRUE(full);
   EXPECT_TRUE(first.get());
}

TEST_F(pool_test, stopping_does_not_wait_for_a_statement_that_hangs_goal_12) {
   auto how = maintenance();
   how.max_connections = 2;
   pg::pool pool(how);
   ASSERT_TRUE(pool.wait_connected(5s));
   auto hanging = std::async(std::launch::async,
                             [&] { return pool.run_blocking([](auto& db) { db.exec("select pg_sleep(60)"); }); });
   ASSERT_TRUE(eventually([&] { return pool.stats().idle < pool.stats().connected; }));
   auto stopped = std::async(std::launch::async, [&] { pool.stop(100ms); });
   ASSERT_EQ(stopped.wait_for(10s), std::future_status::ready);
   EXPECT_EQ(hanging.get().error().code, error_code::unavailable);
   auto const later = pool.run_blocking([](pg::connection&) { return 1; });
   EXPECT_EQ(later.error().message, "the server is stopping");
   pool.stop();
}

TEST_F(pool_test, stopping_lets_short_statements_end) {
   pg::pool pool(maintenance());
   ASSERT_TRUE(pool.wait_connected(5s));
   auto running = std::async(std::launch::async, [&] {
      return pool.run_blocking([](auto& db) { return pg::as<int>(db.exec("select 1 from pg_sleep(0.3)")[0][0]); });
   });
   ASSERT_TRUE(eventually([&] { return pool.stats().idle < pool.stats().connected; }));
   pool.stop(20s);
   EXPECT_TRUE(running.get());
}

TEST_F(pool_test, sessions_killed_while_idle_cost_no_call) {
   auto how = maintenance();
   how.application_name = "noetl-pool-victim";
   how.max_connections = 3;
   pg::pool pool(how);
   ASSERT_TRUE(pool.wait_connected(5s));
   pg::connection killer(maintenance());
   for (int round = 0; round < 3; ++round) {
      killer.exec(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'noetl-pool-victim'");
      std::this_thread::sleep_for(50ms);
      for (int i = 0; i < 10; ++i) {
         auto const got = pool.run_blocking([](pg::connection& db) { return pg::as<int>(db.exec("select 1")[0][0]); });
         ASSERT_TRUE(got) << got.error().message << got.error().detail;
      }
   }
}

TEST_F(pool_test, a_call_that_wakes_a_dead_session_goes_to_a_live_one_at_once) {
   gate g(maintenance().host, maintenance().port);
   auto how = maintenance();
   how.host = "127.0.0.1";
   how.port = g.port();
   how.application_name = "noetl-pool-half-dead";
   how.max_connections = 2;
   pg::pool pool(how);
   pg::connection killer(maintenance());
   auto const sessions = [&] {
      return pg::as<int>(
          killer.exec("select count(*) from pg_stat_activity where application_name = 'noetl-pool-half-dead'")[0][0]);
   };
   for (int round = 0; round < 6; ++round) { // either thread may be the one that is woken
      ASSERT_TRUE(eventually([&] { return pool.stats().connected == 2 && sessions() == 2; }));
      g.refuse_new();
      killer.exec("select pg_terminate_backend(pid, 5000) from (select pid from pg_stat_activity where "
                  "application_name = 'noetl-pool-half-dead' order by pid limit 1 offset $1) x",
                  round % 2);
      std::this_thread::sleep_for(50ms); // the gate passes it on
      auto const begin = std::chrono::steady_clock::now();
      auto const got = pool.run_blocking([](pg::connection& db) { return pg::as<int>(db.exec("select 1")[0][0]); });
      EXPECT_TRUE(got) << round << ": " << got.error().message << got.error().detail;
      EXPECT_LT(std::chrono::steady_clock::now() - begin, 300ms);
      g.start_accepting();
   }
}

TEST_F(pool_test, database_down_is_unavailable_at_once_and_recovers_by_itself) {
   gate g(maintenance().host, maintenance().port);
   auto how = maintenance();
   how.port = g.port();
   how.host = "127.0.0.1";
   how.max_connections = 2;
   pg::pool pool(how);
   ASSERT_TRUE(pool.wait_connected(5s));
   g.stop_accepting();
   auto const look = [](pg::connection& db) { return pg::as<int>(db.exec("select 1")[0][0]); };
   auto const start = std::chrono::steady_clock::now();
   while (pool.connected() && std::chrono::steady_clock::now() - start < 5s) (void)pool.run_blocking(look);
   auto const down = std::chrono::steady_clock::now();
   for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.run_blocking(look).error().code, error_code::unavailable);
   EXPECT_LT(std::chrono::steady_clock::now() - down, 500ms);
   g.start_accepting();
   EXPECT_TRUE(pool.wait_connected(5s));
   EXPECT_TRUE(pool.run_blocking(look));
}

TEST_F(pool_test, a_pool_for_a_database_that_is_not_there_yet_refuses_and_keeps_trying) {
   auto how = maintenance();
   how.port = 1;
   how.max_connections = 2;
   auto pool = std::make_unique<pg::pool>(how);
   auto const got = pool->run_blocking([](pg::connection&) { return 1; });
   EXPECT_EQ(got.error().message, "the database is not reachable");
   EXPECT_FALSE(pool->connected());
   auto const start = std::chrono::steady_clock::now();
   pool.reset();
   EXPECT_LT(std::chrono::steady_clock::now() - start, 1s) << "stops in the middle of a pause";
}

} // namespace
} // namespace noetl::test
