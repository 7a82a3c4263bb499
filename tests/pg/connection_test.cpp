#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/session.hpp>

#include "driver.hpp"
#include "support/eventually.hpp"
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
   EXPECT_EQ(db.exec("select $1::jsonb ->> 'a'", raw_json(R"({"a":"\u00e9"})"))[0][0], "\xC3\xA9");
}

TEST_F(connection_test, copy_takes_whole_rows_only) {
   pg::connection db(maintenance());
   db.script("create temporary table t (a text, b bigint)");
   std::vector<std::string> const columns{"a", "b"};
   std::vector<pg::param> cells{"x", 1, "y"};
   EXPECT_THROW(db.copy("t", columns, cells), std::invalid_argument);
   EXPECT_THROW(db.copy("t", {}, cells), std::invalid_argument);
   EXPECT_THROW(db.copy("t", {}, {}), std::invalid_argument);
   cells.emplace_back(2);
   db.copy("t", columns, cells);
   EXPECT_EQ(db.exec("select count(*) from t")[0][0], "2") << "the session is as it was";
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

TEST_F(connection_test, a_zero_byte_is_refused_and_never_cuts_a_text_W3) {
   pg::connection db(maintenance());
   std::string const key("k\0one", 5);
   auto const state = [&](auto const& work) -> std::string {
      try {
         work();
      } catch (pg::sql_error const& e) {
         EXPECT_EQ(pg::detail::to_error(e).code, error_code::validation);
         return e.sqlstate();
      }
      return "stored";
   };
   std::vector<std::string> const list{"fine", key};
   EXPECT_EQ(state([&] { db.exec("select $1::text", key); }), "22021");
   EXPECT_EQ(state([&] { db.exec("select $1::text", std::optional(key)); }), "22021");
   EXPECT_EQ(state([&] { db.exec("select $1::text[]", list); }), "22021");
   db.script("create temporary table t (a text)");
   std::vector<std::string> const columns{"a"};
   std::vector<pg::param> cells;
   cells.emplace_back(key);
   EXPECT_EQ(state([&] { db.copy("t", columns, cells); }), "22021");
   auto const committed = [&] {
      db.transaction([&] {
         try {
            db.exec("insert into t values ($1)", key);
         } catch (pg::sql_error const&) {
            // swallowed: must not count as done
         }
      });
   };
   EXPECT_EQ(state([&] {
                try {
                   committed();
                } catch (pg::sql_error const& e) {
                   EXPECT_EQ(e.sqlstate(), "25P02");
                   throw pg::sql_error("22021", "");
                }
             }),
             "22021");
   EXPECT_EQ(db.exec("select count(*) from t")[0][0], "0") << "the session goes on";
   auto how = maintenance();
   how.statement_cache = 0;
   pg::connection pooled(how);
   EXPECT_EQ(state([&] { pooled.exec("select $1::text", key); }), "22021");
}

TEST_F(connection_test, a_refusal_says_the_servers_primary_message_alone_however_it_was_sent) {
   pg::connection db(maintenance());
   auto const words = [](auto const& work) -> std::string {
      try {
         work();
      } catch (pg::sql_error const& e) {
         return e.what();
      }
      return "done";
   };
   EXPECT_EQ(words([&] { db.exec("select 1 / $1::int", 0); }), "division by zero");
   EXPECT_EQ(words([&] { db.query("select 1 / 0 as \"': \""); }), "division by zero");
   EXPECT_EQ(words([&] { db.script("select 1 / 0"); }), "division by zero");
}

TEST_F(connection_test, logs_get_the_primary_message_and_nothing_of_the_values_goal_14) {
   pg::connection db(maintenance());
   db.script("create temporary table t (a text unique, b jsonb, c int check (c > 0))");
   auto const detail = [&](std::string_view sql, auto const& value) -> std::string {
      try {
         db.exec(sql, value);
      } catch (pg::sql_error const& e) {
         return pg::detail::to_error(e).detail;
      }
      return "stored";
   };
   db.exec("insert into t (a) values ($1)", "hunter2");
   EXPECT_EQ(detail("insert into t (a) values ($1)", "hunter2"),
             "23505: duplicate key value violates unique constraint \"t_a_key\"");
   EXPECT_EQ(detail("insert into t (b) values ($1::text::jsonb)", R"({"password": hunter2})"),
             "22P02: invalid input syntax for type json");
   EXPECT_EQ(detail("insert into t (a, c) values ($1, -1)", "hunter3").find("hunter"), std::string::npos);
   EXPECT_EQ(detail("select $1::text::int", "hunter2"), "22P02: invalid input syntax for type integer");
}

TEST_F(connection_test, a_statement_that_could_not_be_prepared_or_was_deallocated_is_prepared_anew) {
   database own;
   pg::connection db(own.settings());
   EXPECT_THROW(db.exec("select * from later"), pg::sql_error);
   db.script("create table later (a int)");
   EXPECT_EQ(db.exec("select * from later").columns(), 1U);
   db.script("deallocate all");
   EXPECT_THROW(db.exec("select * from later"), pg::sql_error);
   EXPECT_EQ(db.exec("select * from later").columns(), 1U);
}

TEST_F(connection_test, an_interrupted_session_ends_at_once_on_both_sides_goal_12) {
   pg::connection db(maintenance()), watcher(maintenance());
   auto const pid = db.backend_pid();
   auto const running = [&](std::string_view what) {
      return watcher.exec("select count(*) from pg_stat_activity where pid = $1 and ($2 = '' or state = $2)", pid,
                          what)[0][0] == "1";
   };
   auto statement = std::async(std::launch::async, [&] { db.exec("select pg_sleep(60)"); });
   ASSERT_TRUE(eventually([&] { return running("active"); }));
   db.interrupt();
   ASSERT_EQ(statement.wait_for(10s), std::future_status::ready);
   EXPECT_THROW(statement.get(), pg::connection_lost);
   EXPECT_FALSE(db.is_open());
   EXPECT_TRUE(eventually([&] { return !running(""); })) << "the server went on without a client";
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

TEST_F(connection_test, a_commit_may_begin_the_next_transaction) {
   pg::connection db(maintenance());
   db.script("create temporary table t (a int)");
   db.begin();
   db.exec("insert into t values (1)");
   EXPECT_TRUE(db.commit_and_begin());
   db.exec("insert into t values (2)");
   db.rollback();
   EXPECT_EQ(db.exec("select array_agg(a) from t")[0][0], "{1}");
   db.begin();
   EXPECT_THROW(db.exec("select 1 / 0"), pg::sql_error);
   EXPECT_THROW(db.commit_and_begin(), pg::sql_error) << "PostgreSQL would roll back quietly";
   db.rollback();

   auto how = maintenance();
   how.statement_cache = 0;
   pg::connection pooled(how);
   pooled.begin();
   EXPECT_FALSE(pooled.commit_and_begin()) << "the next transaction may get another session";
   pooled.script("create temporary table u (a int)");
   pooled.rollback();
   EXPECT_EQ(pooled.exec("select count(*) from u")[0][0], "0") << "no transaction was open";
}

TEST_F(connection_test, a_statement_of_somebody_else_has_its_columns_described_and_is_not_kept) {
   pg::connection db(maintenance());
   std::vector<pg::param> const params{pg::param("7"), pg::param(nullptr)};
   auto const got = db.query("select $1::int as n, $2::text as n, true as yes where true", params);
   ASSERT_EQ(got.columns.size(), 3U);
   EXPECT_EQ(got.columns[1].name, "n");
   EXPECT_EQ(got.columns[0].type, pg::type_id::int4);
   EXPECT_EQ(got.columns[2].type, pg::type_id::boolean);
   EXPECT_EQ(got.data[0][0], "7");
   EXPECT_EQ(got.data[0][1], std::nullopt);
   EXPECT_TRUE(db.query("set local work_mem to '1MB'").columns.empty());
   EXPECT_EQ(db.exec("select count(*) from pg_prepared_statements where statement like 'select $1::int as n%'")[0][0],
             "0");

   EXPECT_THROW(db.query("select 1; select 2"), pg::sql_error);
   EXPECT_THROW(db.query("select $1::int", {}), pg::sql_error) << "and not a lost connection";
   EXPECT_THROW(db.query("copy (select 1) to stdout"), pg::sql_error);
   EXPECT_EQ(db.exec("select 1")[0][0], "1") << "the session goes on";
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

} // namespace
} // namespace noetl::test
