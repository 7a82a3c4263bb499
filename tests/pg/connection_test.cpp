#include <atomic>
#include <future>
#include <thread>

#include <noetl/pg/pool.hpp>

#include "blocking.hpp"
#include "driver.hpp"
#include "gate.hpp"
#include "test_database.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

class connection_test : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
};

TEST_F(connection_test, sessions_speak_utc_and_utf8_and_have_limits) {
   auto how = maintenance();
   how.statement_timeout = 1234ms;
   pg::connection db(how);
   EXPECT_EQ(db.exec("show timezone")[0][0], "UTC");
   EXPECT_EQ(db.exec("show client_encoding")[0][0], "UTF8");
   EXPECT_EQ(db.exec("show statement_timeout")[0][0], "1234ms");
   EXPECT_EQ(db.exec("show idle_in_transaction_session_timeout")[0][0], "30s");
   EXPECT_EQ(db.exec("show application_name")[0][0], "noetl-test");
}

TEST_F(connection_test, values_survive_the_round_trip) {
   pg::connection db(maintenance());
   std::vector<std::optional<std::string>> const texts{"a", "", "NULL", "x\"y\\z", "{,}\n\t", "\xC3\xA9", std::nullopt};
   auto const rows = db.exec("select t from unnest($1::text[]) with ordinality x(t, n) order by n", texts);
   ASSERT_EQ(rows.size(), texts.size());
   for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(rows[i].get<std::optional<std::string>>(0), texts[i]);
   auto const binary = std::string("\x00\x01\xfe\xff'\\", 6);
   EXPECT_EQ(*pg::decode_bytea(*db.exec("select $1::bytea", pg::bytea{binary})[0][0]), binary);
   EXPECT_EQ(db.exec("select $1::jsonb ->> 'a'", raw_json(R"({"a":"\u00e9"})"))[0][0], "\xC3\xA9");
}

TEST_F(connection_test, copy_writes_what_insert_would) {
   pg::connection db(maintenance());
   db.script("create temporary table t (a text, b bigint, c jsonb)");
   std::vector<std::string> const columns{"a", "b", "c"};
   std::vector<pg::param> cells;
   std::string const odd = "tab\tline\nreturn\r\\N \\. back\\slash";
   for (int i = 0; i < 1000; ++i) {
      cells.emplace_back(odd);
      cells.emplace_back(i);
      cells.emplace_back(nullptr);
   }
   db.copy("t", columns, cells);
   auto const rows = db.exec("select count(*), count(distinct a), min(a), max(b), count(c) from t");
   EXPECT_EQ(rows[0][0], "1000");
   EXPECT_EQ(rows[0][1], "1");
   EXPECT_EQ(rows[0][2], odd);
   EXPECT_EQ(rows[0][3], "999");
   EXPECT_EQ(rows[0][4], "0");
   cells[2] = pg::param("{");
   EXPECT_THROW(db.copy("t", columns, cells), pg::sql_error);
   EXPECT_EQ(db.exec("select 1")[0][0], "1") << "the session goes on after a refused COPY";
}

TEST_F(connection_test, refused_statements_carry_their_state) {
   pg::connection db(maintenance());
   try {
      db.exec("select 1 / $1::int", 0);
      FAIL();
   } catch (pg::sql_error const& e) {
      EXPECT_EQ(e.sqlstate(), "22012");
      auto const mapped = pg::detail::to_error(e);
      EXPECT_EQ(mapped.code, error_code::validation);
      EXPECT_EQ(mapped.message.find("select"), std::string::npos);
      EXPECT_NE(mapped.detail.find("22012"), std::string::npos);
   }
   EXPECT_EQ(db.exec("select 1 / $1::int", 1)[0][0], "1");
}

TEST_F(connection_test, a_failed_statement_cannot_be_committed_by_mistake) {
   pg::connection db(maintenance());
   db.script("create temporary table t (a int)");
   EXPECT_THROW(db.transaction([&] {
      db.exec("insert into t values (1)");
      try {
         db.exec("select 1 / 0");
      } catch (pg::sql_error const&) {
         // swallowed: PostgreSQL would turn the COMMIT into a ROLLBACK without an error
      }
   }),
                pg::sql_error);
   EXPECT_EQ(db.exec("select count(*) from t")[0][0], "0");
   auto const kept = db.transaction([&]() -> result<int> {
      db.exec("insert into t values (2)");
      return fail(error_code::conflict, "no");
   });
   EXPECT_FALSE(kept);
   EXPECT_EQ(db.exec("select count(*) from t")[0][0], "0");
}

TEST_F(connection_test, the_statement_cache_is_bounded) {
   auto how = maintenance();
   how.statement_cache = 5;
   pg::connection db(how);
   for (int i = 0; i < 20; ++i)
      EXPECT_EQ(db.exec("select $1::int + " + std::to_string(i), 1)[0][0], std::to_string(i + 1));
   EXPECT_LE(pg::as<int>(db.exec("select count(*) from pg_prepared_statements")[0][0]), 5);
}

TEST_F(connection_test, behind_a_transaction_pooler_nothing_stays_in_the_session) {
   auto how = maintenance();
   how.statement_cache = 0;
   how.statement_timeout = 4321ms;
   pg::connection db(how);
   db.exec("select $1::int", 1);
   EXPECT_EQ(db.exec("select count(*) from pg_prepared_statements")[0][0], "0");
   db.transaction([&] { EXPECT_EQ(db.exec("show statement_timeout")[0][0], "4321ms"); });
   EXPECT_EQ(db.exec("show statement_timeout")[0][0], "0");
}

TEST_F(connection_test, a_changed_table_does_not_break_a_prepared_statement_for_ever) {
   database own;
   pg::connection db(own.settings()), other(own.settings());
   db.script("create table t (a int)");
   EXPECT_EQ(db.exec("select * from t").columns(), 1U);
   other.script("alter table t add column b int");
   try {
      db.exec("select * from t");
   } catch (pg::sql_error const& e) {
      EXPECT_EQ(e.sqlstate(), "0A000");
   }
   EXPECT_EQ(db.exec("select * from t").columns(), 2U);
}

TEST_F(connection_test, a_killed_session_is_seen_without_a_round_trip) {
   pg::connection db(maintenance()), killer(maintenance());
   EXPECT_FALSE(db.stale());
   killer.exec("select pg_terminate_backend($1)", db.backend_pid());
   for (int i = 0; i < 100 && !db.stale(); ++i) std::this_thread::sleep_for(10ms);
   EXPECT_TRUE(db.stale());
   EXPECT_THROW(db.exec("select 1"), pg::connection_lost);
   EXPECT_FALSE(db.is_open());
}

TEST_F(connection_test, nobody_there_is_a_lost_connection) {
   auto how = maintenance();
   how.port = 1;
   EXPECT_THROW(pg::connection db(how), pg::connection_lost);
}

class pool_test : public connection_test {};

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
   how.acquire_timeout = 200ms;
   pg::pool pool(how);
   ASSERT_TRUE(pool.wait_connected(5s));
   auto const slow = [](pg::connection& db) { db.exec("select pg_sleep(1)"); };
   auto first = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   while (pool.stats().idle > 0) std::this_thread::sleep_for(1ms);
   auto const start = std::chrono::steady_clock::now();
   auto second = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   auto third = std::async(std::launch::async, [&] { return pool.run_blocking(slow); });
   while (pool.stats().waiting < 2) std::this_thread::sleep_for(1ms);
   auto const fourth = pool.run_blocking(slow);
   EXPECT_EQ(fourth.error().message, "too many calls wait for the database");
   EXPECT_EQ(second.get().error().message, "no database connection became free in time");
   EXPECT_EQ(third.get().error().code, error_code::unavailable);
   EXPECT_LT(std::chrono::steady_clock::now() - start, 600ms);
   EXPECT_TRUE(first.get());
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
