// POST /api/postgres/execute: http-platform.md 13.1 and defect D-03.
#include <map>

#include "contract/internal.hpp"

#include <noetl/core/base64.hpp>

using namespace noetl::test;

namespace {

struct sql : contract {
   static reply run(std::string const& query, std::string const& more = {}) {
      json_value const text = query;
      return server().post("/api/postgres/execute", R"({"query":)" + noetl::test::text(text) + more + "}");
   }
   /// `status body`, or of a refusal `status error`.
   static std::string outcome(reply const& got) {
      auto const is_error = got.value.is_object() && got.value.find("error") != nullptr;
      return std::to_string(got.status) + " " + (is_error ? got.at("error").get_string() : got.body);
   }
   static std::string answer(std::string const& rows) { return R"(200 {"status":"ok","result":)" + rows + "}"; }
};

} // namespace

TEST_F(sql, D03_every_scalar_type_has_a_value) {
   EXPECT_EQ(
       outcome(
           run("select 1::int2 a, 2::int4 b, 9223372036854775807::int8 c, 1.5::float4 d, 1e300::float8 e,"
               " 12345678901234567890.0100::numeric f, true g, 'x\"y' h, null i, '{\"k\": [1]}'::jsonb j,"
               " timestamptz '2026-01-02 03:04:05.678+02' k, timestamp '2026-01-02 03:04:05' l, date '2026-01-02' m,"
               " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid n, '\\x0aff'::bytea o, array[1,2] p, 'NaN'::float8 q,"
               " ''::text r, timestamptz 'infinity' s, 7::oid t")),
       answer(R"([{"a":1,"b":2,"c":9223372036854775807,"d":1.5,"e":1e+300,"f":12345678901234567890.0100,"g":true,)"
              R"("h":"x\"y","i":null,"j":{"k": [1]},"k":"2026-01-02T01:04:05.678+00:00","l":"2026-01-02T03:04:05",)"
              R"("m":"2026-01-02","n":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","o":"\\x0aff","p":"{1,2}","q":"NaN",)"
              R"("r":"","s":"infinity","t":7}])"));
}

TEST_F(sql, members_are_sorted_and_of_two_columns_with_one_name_the_last_counts) {
   EXPECT_EQ(outcome(run("select 1 as b, 2 as a, 3 as b union all select 4, 5, 6")),
             answer(R"([{"a":2,"b":3},{"a":5,"b":6}])"));
}

TEST_F(sql, statements_without_rows_answer_an_empty_array_and_are_committed) {
   EXPECT_EQ(outcome(run("create table public.sql_rows (n int, t text)")), answer("[]"));
   EXPECT_EQ(outcome(run("insert into public.sql_rows values (1, 'one')")), answer("[]"));
   EXPECT_EQ(outcome(run("select * from public.sql_rows where n = 2")), answer("[]"));
   EXPECT_EQ(outcome(run("update public.sql_rows set n = 2 returning n")), answer(R"([{"n":2}])"));
   EXPECT_EQ(server().cell("select n from public.sql_rows"), "2");
   EXPECT_EQ(outcome(run("-- nothing")), answer("[]"));
}

TEST_F(sql, D03_parameters_are_bound) {
   EXPECT_EQ(outcome(run("select $1::text as a, $2::int + 1 as b, $3::text as c, $4::jsonb as d, $5::bool as e",
                         R"(,"parameters":["it's \"x\"; drop table t",41,null,{"k":1},true])")),
             answer(R"([{"a":"it's \"x\"; drop table t","b":42,"c":null,"d":{"k": 1},"e":true}])"));
   for (auto const* parameters : {"[]", "[1,2]", R"(["a\u0000"])"}) {
      auto const got = run("select $1::text", std::string(R"(,"parameters":)") + parameters);
      EXPECT_EQ(got.status, 422U) << got.body;
      EXPECT_TRUE(outcome(got).starts_with("422 parameters: ")) << got.body;
   }
   EXPECT_EQ(run("select 1", R"(,"parameters":{"a":1})").status, 422U);
}

TEST_F(sql, D03_a_schema_and_whatever_a_statement_sets_ends_with_the_request) {
   run("create schema if not exists sql_place");
   EXPECT_EQ(outcome(run("create table inside (n int)", R"(,"schema":"sql_place")")), answer("[]"));
   EXPECT_EQ(outcome(run("select count(*) as n from inside", R"(,"db_schema":"sql_place")")), answer(R"([{"n":0}])"));
   EXPECT_EQ(run("select 1", R"(,"db_schema":"a","schema":"b")").status, 422U) << "both names at once";
   EXPECT_EQ(outcome(run("select 1 as n", R"(,"schema":"","database":"")")), answer(R"([{"n":1}])")) << "as if absent";
   EXPECT_EQ(outcome(run("select current_schemas(false)::text as s", R"(,"schema":"od\"d,public")")),
             answer(R"([{"s":"{}"}])"))
       << "a name, not a list of them";
   // More statements than the pool has sessions, each of which would leave something behind.
   for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(run("set search_path to sql_place").status, 200U);
      EXPECT_EQ(run("set timezone to 'Asia/Tokyo'").status, 200U);
      EXPECT_EQ(run("select pg_advisory_lock(4711)").status, 200U);
      EXPECT_EQ(run("create temporary table left_over (n int)").status, 200U);
   }
   for (int i = 0; i < 12; ++i)
      EXPECT_EQ(outcome(run("select to_regclass('inside') is null as a, to_regclass('left_over') is null as b,"
                            " current_setting('TimeZone') as c")),
                answer(R"([{"a":true,"b":true,"c":"UTC"}])"));
   EXPECT_EQ(server().cell("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711"), "0");
}

TEST_F(sql, one_statement_per_request_and_its_errors_are_PostgreSQLs) {
   auto const got = run("select * from no_such_table");
   EXPECT_EQ(got.status, 500U);
   EXPECT_EQ(got.at("status").as<int>(), 500);
   EXPECT_TRUE(got.at("error").get_string().starts_with("42P01: relation \"no_such_table\" does not exist"))
       << got.body;
   EXPECT_EQ(run("create table public.sql_two (n int); select 1").status, 500U);
   EXPECT_EQ(server().cell("select to_regclass('public.sql_two') is null"), "t");
   EXPECT_EQ(run("select 1/0").status, 500U);
   for (auto const* copy : {"copy (select 1) to stdout", "copy noetl.resource from stdin"})
      EXPECT_EQ(outcome(run(copy)), "500 0A000: COPY from or to the client is not supported");
   EXPECT_EQ(run("select pg_terminate_backend(pg_backend_pid())").status, 503U) << "nobody knows what became of it";
   for (auto const* ends : {"commit", "rollback", "begin"}) EXPECT_EQ(outcome(run(ends)), answer("[]")) << ends;
   EXPECT_EQ(outcome(run("select 1 as n")), answer(R"([{"n":1}])")) << "and the server goes on";
}

TEST_F(sql, the_statement_may_come_as_base64_or_as_procedure) {
   auto const post = [](std::string const& body) { return outcome(server().post("/api/postgres/execute", body)); };
   auto const encoded = noetl::encode_base64("select 2 as n");
   EXPECT_EQ(post(R"({"query":"select 1 as n","query_base64":")" + encoded + R"(","procedure":"select 3 as n"})"),
             answer(R"([{"n":2}])"));
   EXPECT_EQ(post(R"({"query":"select 1 as n","procedure":"select 3 as n"})"), answer(R"([{"n":1}])"));
   EXPECT_EQ(post(R"({"procedure":"select 3 as n"})"), answer(R"([{"n":3}])"));
   for (auto const* none : {"{}", R"({"query":null})", R"({"query":" ; "})"})
      EXPECT_EQ(post(none), "422 query: one of query, query_base64 and procedure must hold a statement") << none;
   for (auto const* bad : {"%%%", "//8="})
      EXPECT_EQ(post(std::string(R"({"query_base64":")") + bad + "\"}"),
                "422 query_base64: expected base64 of UTF-8 text");
   EXPECT_EQ(post(R"({"query":"select 1\u0000; select 2"})"), "422 query: a statement holds no zero byte");
}

TEST_F(sql, D03_what_cannot_be_honoured_is_refused) {
   EXPECT_EQ(outcome(run("select 1", R"(,"credential":"pg_prod")")),
             "422 credential: statements run on this server's database only");
   EXPECT_EQ(outcome(run("select 1", R"(,"connection_string":"host=other")")),
             "422 connection_string: statements run on this server's database only");
   EXPECT_EQ(outcome(run("select 1", R"(,"database":"elsewhere")")),
             "422 database: statements run on this server's database only");
   auto const ours = server().cell("select current_database()");
   EXPECT_EQ(run("select 1", R"(,"database":")" + ours + R"(","credential":null)").status, 200U);
}

TEST_F(sql, a_query_of_many_rows_is_fetched_in_pieces) {
   auto const got = run("select n from generate_series(1, 20000) n");
   ASSERT_EQ(got.status, 200U);
   auto const& rows = got.at("result").get_array();
   ASSERT_EQ(rows.size(), 20'000U);
   for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i].at("n").as<std::size_t>(), i + 1);
   EXPECT_EQ(run("select 1 / (n - 15000) from generate_series(1, 20000) n").status, 500U) << "an error in the middle";
   for (auto const* other :
        {"explain select 1", "show server_version", "with w as (select 1 as n) select n from w", "values (1), (2)",
         "table noetl.resource",
         "with w as (insert into noetl.resource (name) values ('sql-test') returning name) select * from w"})
      EXPECT_EQ(run(other).status, 200U) << other;
   EXPECT_EQ(server().cell("delete from noetl.resource where name = 'sql-test' returning name"), "sql-test");
}

TEST_F(sql, no_more_than_two_statements_run_at_a_time) {
   std::string const body = R"json({"query":"select pg_sleep(2)"})json";
   std::map<unsigned, int> statuses;
   for (auto const& got : server().post_together("/api/postgres/execute", {body, body, body, body}))
      ++statuses[got.status];
   EXPECT_EQ(statuses, (std::map<unsigned, int>{{200, 2}, {503, 2}}));
   EXPECT_EQ(run("select 1").status, 200U);
}

TEST_F(sql, what_a_refused_statement_holds_stays_out_of_the_log) {
   auto const got = run("select 'tops3cret'::int");
   EXPECT_EQ(got.status, 500U);
   EXPECT_NE(got.body.find("tops3cret"), std::string::npos) << "its caller may know";
   EXPECT_EQ(server().log().find("tops3cret"), std::string::npos);
}

TEST_F(sql, behind_a_transaction_pooler_the_session_is_cleared_before_it_is_given_back) {
   site at(variables{{"NOETL_PG_STATEMENT_CACHE_CAPACITY", "0"}});
   auto const ask = [&](std::string const& query) {
      json_value const statement = query;
      return at.post("/api/postgres/execute", R"({"query":)" + noetl::test::text(statement) + "}");
   };
   EXPECT_EQ(ask("select 1 as n").body, R"({"status":"ok","result":[{"n":1}]})");
   EXPECT_EQ(ask("set bytea_output to 'escape'").status, 200U);
   EXPECT_EQ(ask("select pg_advisory_lock(4712)").status, 200U);
   EXPECT_EQ(ask("create table public.kept (n int)").status, 200U);
   EXPECT_EQ(ask("insert into public.kept values (1) returning n").body, R"({"status":"ok","result":[{"n":1}]})");
   EXPECT_EQ(ask("select count(*) as n from public.kept").body, R"({"status":"ok","result":[{"n":1}]})");
   EXPECT_EQ(ask("show bytea_output").body, R"({"status":"ok","result":[{"bytea_output":"hex"}]})");
}

TEST_F(sql, an_answer_above_16_MiB_is_refused_and_its_statement_undone) {
   run("create table public.sql_large (t text)");
   auto const got =
       run("insert into public.sql_large select repeat('x', 1000) from generate_series(1, 17000) returning t");
   EXPECT_EQ(outcome(got), "422 query: its rows take more than 16777216 bytes; add a LIMIT");
   EXPECT_EQ(server().cell("select count(*) from public.sql_large"), "0");
   EXPECT_EQ(run("select repeat('x', 1000) t from generate_series(1, 16000)").status, 200U);
}

TEST_F(sql, D03_who_may_send_statements_is_a_setting) {
   auto const body = std::string(R"({"query":"select 1 as n"})");
   auto const ask = [&](site& at, std::vector<std::pair<std::string, std::string>> headers) {
      return at.send({"POST", "/api/postgres/execute", body, "application/json", std::move(headers)}).status;
   };
   // Guarded, without a token: this machine, and no page of another site.
   EXPECT_EQ(ask(server(), {}), 200U);
   EXPECT_EQ(ask(server(), {{"Origin", "https://evil.example"}}), 403U);
   EXPECT_EQ(ask(server(), {{"Host", "evil.example"}}), 403U);
   for (auto const* header : {"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"})
      EXPECT_EQ(ask(server(), {{header, "203.0.113.9"}}), 403U) << header;

   site guarded(variables{{"NOETL_INTERNAL_API_TOKEN", internal_token}, {"NOETL_OPEN_SECRET_ROUTES", "true"}});
   EXPECT_EQ(ask(guarded, {}), 403U) << "open secrets do not open the database";
   EXPECT_EQ(ask(guarded, {{"Authorization", std::string("Bearer ") + internal_token}}), 200U);

   site open(variables{{"NOETL_INTERNAL_API_TOKEN", internal_token}, {"NOETL_SQL_ENDPOINT", "open"}});
   EXPECT_EQ(ask(open, {{"Origin", "https://ui.example"}}), 200U);

   site off(variables{{"NOETL_SQL_ENDPOINT", "off"}});
   EXPECT_EQ(ask(off, {}), 404U);
}
