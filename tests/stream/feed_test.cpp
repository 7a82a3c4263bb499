// The source over real transactions: late commits, rollbacks, savepoints, pages, history, every column as JSON.
// T-numbers: schema.md section 11.10.
#include "stream_fixture.hpp"

#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>

namespace noetl::test {
namespace {

using stream::feed_position;

class feed : public feed_fixture {
protected:
   void SetUp() override {
      feed_fixture::SetUp();
      if (IsSkipped()) return;
      ASSERT_TRUE(horizon_passes());
      source_ = std::make_unique<stream::committed_events>(*pool_);
      at_ = feed_position::history_end();
   }
   /// Ids of the next page; the place moves on.
   std::vector<std::int64_t> next(std::size_t limit = 500) {
      auto got = source_->read(at_, limit);
      EXPECT_TRUE(got) << got.error().message << " " << got.error().detail;
      std::vector<std::int64_t> out;
      if (!got) return out;
      for (auto const& one : got->items) {
         EXPECT_GT(one.at, at_);
         at_ = one.at;
         out.push_back(one.event_id);
      }
      EXPECT_GE(got->through, at_);
      at_ = got->through;
      return out;
   }
   /// Reads until `count` ids came: transactions of other tests on this PostgreSQL may hide rows for a moment.
   std::vector<std::int64_t> all(std::size_t count, std::size_t limit = 500) {
      std::vector<std::int64_t> out;
      (void)in_time([&] {
         for (auto const id : next(limit)) out.push_back(id);
         return out.size() >= count;
      });
      return out;
   }
   pg::connection other_{database_->settings()};
   std::unique_ptr<stream::committed_events> source_;
   feed_position at_;
};
using ids = std::vector<std::int64_t>;

} // namespace

TEST_F(feed, T2_items_4_6_D20_D22_a_row_that_commits_late_with_a_lower_id_is_read_after_all) {
   other_.begin();
   insert(other_, 1, 100);
   insert(2, 200);
   EXPECT_TRUE(next().empty()) << "an older transaction is still writing";
   other_.commit();
   EXPECT_EQ(all(2), (ids{100, 200}));
   EXPECT_TRUE(next().empty());
}

TEST_F(feed, T3_a_rollback_lets_the_rows_behind_it_go_on) {
   other_.begin();
   insert(other_, 1, 100);
   insert(2, 200);
   EXPECT_TRUE(next().empty());
   other_.rollback();
   EXPECT_EQ(all(1), ids{200});
}

TEST_F(feed, T4_savepoints_lose_nothing) {
   other_.begin();
   insert(other_, 1, 1);
   other_.script("savepoint a");
   insert(other_, 1, 2);
   other_.script("rollback to a; savepoint b");
   insert(other_, 1, 3);
   other_.script("release b");
   other_.commit();
   EXPECT_EQ(all(2), (ids{1, 3}));
}

TEST_F(feed, T6_a_long_reading_transaction_holds_nothing_back) {
   other_.script("begin isolation level repeatable read");
   other_.exec("select count(*) from noetl.event");
   insert(1, 1);
   EXPECT_EQ(all(1), ids{1});
   other_.script("rollback");
}

TEST_F(feed, T7_items_8_a_transaction_longer_than_a_page_comes_over_several_without_gap_or_repeat) {
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type) "
               "select x, x * 1000 + n, 7, 'call.done' from generate_series(1, 3) x, generate_series(1, 7) n");
   ids wanted;
   for (std::int64_t x = 1; x <= 3; ++x)
      for (std::int64_t n = 1; n <= 7; ++n) wanted.push_back(x * 1000 + n);
   EXPECT_EQ(all(21, 2), wanted);
}

TEST_F(feed, items_6_11_D30_neither_ids_of_the_past_nor_of_the_future_disturb_the_order_of_arrival) {
   auto const future = pg::first_id_at(now() + std::chrono::hours(24 * 365));
   for (auto const id : {std::int64_t{500}, future, std::int64_t{3}, std::int64_t{501}}) insert(1, id);
   EXPECT_EQ(all(4), (ids{500, future, 3, 501}));
}

TEST_F(feed, item_1_41_the_payload_equals_to_jsonb_of_the_row_whatever_the_columns_hold) {
   db_->script(
       "alter table noetl.event add column x_numeric numeric, add column x_date date, add column x_array int[], "
       "add column x_uuid uuid, add column x_bytes bytea, add column x_flag boolean, add column \"x \"\"odd\" text, "
       "add column x_interval interval, add column x_json json, add column x_char char(5), add column x_real real");
   db_->exec(
       "insert into noetl.event (execution_id, event_id, catalog_id, event_type, created_at, duration, context, "
       "result, "
       "meta, error, event_time, x_numeric, x_date, x_array, x_uuid, x_bytes, x_flag, \"x \"\"odd\", x_interval, "
       "x_json, "
       "x_char, x_real, trace_component, current_index) values (1, 9223372036854775807, -7, $1::text, '2026-01-31 "
       "12:00:00.25', "
       "1e-7, $2::jsonb, '{\"status\": \"ok\"}', 'null', $1::text, '2026-01-31 12:00:00+02', 12.50, '2026-02-03', "
       "'{1,null,3}', 'b5a1c2d3-0000-4000-8000-000000000000', '\\x0001ff', true, $1::text, '1 day 02:00', "
       "'{\"b\": 1, \"a\" : [1.0]}', 'ab', 0.1, '[1,\"\\u00e9\"]', -3)",
       std::string("q\" b\\ n\n t\t \x01 \xE2\x82\xAC \xF0\x9F\x98\x80"),
       std::string(R"({"z": [1, 2.50, {"deep": null}], "big": 123456789012345678901234567890, "text": "\"\\\u0007"})"));
   db_->script(
       "insert into noetl.event (execution_id, event_id, catalog_id, duration, created_at, event_time, x_date, "
       "x_numeric) "
       "values (2, 1, 7, 'NaN', 'infinity', '-infinity', 'infinity', 'NaN'), "
       "(2, 2, 7, '-Infinity', '0044-03-15 10:00:00 BC', '0044-03-15 10:00:00+00 BC', '-infinity', 'Infinity'), "
       "(2, 3, 7, 1e300, '2026-01-01', '2026-01-01 00:00:00.000001+00', null, 1e20)");
   std::size_t seen = 0;
   ASSERT_TRUE(in_time([&] {
      auto const got = source_->read(at_, 10);
      if (!got || got->items.size() < 4) return false;
      seen = got->items.size();
      for (auto const& one : got->items) {
         // PostgreSQL itself compares, so no number is rounded on the way.
         EXPECT_TRUE(
             ask<bool>("select to_jsonb(e) = $3::jsonb from noetl.event e where execution_id = $1 and event_id = $2",
                       one.execution_id, one.event_id, one.payload))
             << one.payload << "\n"
             << ask<std::string>("select to_jsonb(e)::text from noetl.event e where event_id = $1", one.event_id);
         EXPECT_NO_THROW((void)tao::json::from_string(one.payload)) << one.payload;
      }
      return true;
   }));
   EXPECT_EQ(seen, 4U);
   auto const first = source_->read(at_, 1);
   ASSERT_TRUE(first);
   EXPECT_NE(first->items[0].payload.find(R"("created_at":"2026-01-31T12:00:00.25")"), std::string::npos)
       << "zone-less";
   EXPECT_NE(first->items[0].payload.find(R"("ingest_xid":")"), std::string::npos) << "a transaction number is a text";
   db_->script(
       "alter table noetl.event drop column x_numeric, drop column x_date, drop column x_array, drop column x_uuid, "
       "drop column x_bytes, drop column x_flag, drop column \"x \"\"odd\", drop column x_interval, drop column "
       "x_json, "
       "drop column x_char, drop column x_real");
   EXPECT_TRUE(source_->read(at_, 10)) << "columns that are gone are forgotten";
}

TEST_F(feed, history_is_read_by_primary_key_and_comes_before_what_is_numbered) {
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, ingest_xid) "
               "select x, n, 7, null from generate_series(1, 4) x, generate_series(1, 5) n");
   insert(2, 77);
   insert(1, 88);
   at_ = {};
   ids wanted;
   for (int x = 1; x <= 4; ++x)
      for (std::int64_t n = 1; n <= 5; ++n) wanted.push_back(n);
   wanted.push_back(77), wanted.push_back(88);
   EXPECT_EQ(all(22, 3), wanted);
   EXPECT_FALSE(at_.in_history());
}

TEST_F(feed, history_after_the_reference_server_is_cut_by_id_or_time) {
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, ingest_xid, created_at) values "
               "(1, 10, 7, null, '2026-01-01'), (1, 20, 7, null, '2026-01-01'), (2, 5, 7, null, '2026-03-01'), "
               "(2, 30, 7, null, '2026-01-01')");
   at_ = {};
   stream::feed_scope scope;
   scope.above = 15;
   scope.after = "2026-02-01";
   at_.scope = std::make_shared<stream::feed_scope const>(scope);
   EXPECT_EQ(all(3), (ids{20, 5, 30}));
}

TEST_F(feed, item_39_D28_a_page_of_a_large_table_follows_the_index_without_sorting) {
   db_->script("create table if not exists noetl.event_some partition of noetl.event for values from (1000) to (2000)");
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type) "
               "select 1000 + n % 2000, n, 7, 'call.done' from generate_series(1, 60000) n");
   pg::connection plain(stream::feed_sessions(database_->settings()));
   std::string plan;
   // Prepared and run often enough for a generic plan.
   plain.script("prepare page as select * from noetl.event e where (e.ingest_xid, e.execution_id, e.event_id) > "
                "($1::xid8, $2::bigint, $3::bigint) and e.ingest_xid < pg_snapshot_xmin(pg_current_snapshot()) "
                "order by e.ingest_xid, e.execution_id, e.event_id limit 500");
   for (int i = 0; i < 8; ++i) plan = "", plain.script("execute page('0', 0, 0)");
   for (auto const row : plain.script("explain (analyze, timing off, summary off) execute page('0', 0, 0)"))
      plan += std::string(*row[0]) + "\n";
   EXPECT_NE(plan.find("Merge Append"), std::string::npos) << plan;
   EXPECT_NE(plan.find("Index Scan using"), std::string::npos) << plan;
   EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
   EXPECT_EQ(plan.find("Sort Method"), std::string::npos) << plan;
   EXPECT_EQ(plan.find("JIT"), std::string::npos) << plan;
}

TEST_F(feed, goal_3_lag_tells_what_waits_and_who_holds_it) {
   other_.begin();
   insert(other_, 1, 1);
   for (std::int64_t i = 2; i <= 6; ++i) insert(1, i);
   EXPECT_TRUE(next().empty());
   std::this_thread::sleep_for(50ms);
   auto const held = source_->lag(at_);
   ASSERT_TRUE(held) << held.error().detail;
   EXPECT_EQ(held->events, 5U);
   EXPECT_GT(held->seconds, 0.04);
   EXPECT_GT(held->horizon_seconds, 0.04);
   EXPECT_GT(held->transactions, 0U);
   EXPECT_GT(held->holder, 0);
   // Others work on this PostgreSQL, too; ours holds it at the latest when they are done.
   EXPECT_TRUE(in_time([&] { return source_->lag(at_)->holder == other_.backend_pid(); }));
   other_.commit();
   EXPECT_EQ(all(6).size(), 6U);
   EXPECT_EQ(source_->lag(at_)->events, 0U);
}

TEST_F(feed, large_rows_make_pages_shorter_and_bear_an_outline) {
   for (int i = 1; i <= 12; ++i)
      db_->exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, context) values (1, $1, 7, "
                "'call.done', "
                "jsonb_build_object('x', repeat('a', 3000000)))",
                i);
   std::size_t longest = 0;
   ids got;
   ASSERT_TRUE(in_time([&] {
      auto page = source_->read(at_, 12);
      if (!page) return false;
      longest = got.empty() ? longest : std::max(longest, page->items.size());
      for (auto const& one : page->items) {
         got.push_back(one.event_id);
         EXPECT_NE(one.outline.find(R"("left_out":["context"])"), std::string::npos);
         EXPECT_LT(one.outline.size(), 4'000U);
      }
      at_ = page->through;
      return got.size() == 12;
   }));
   EXPECT_TRUE(source_->read(at_, 10));
}

TEST_F(feed, back_is_the_place_before_the_first_row_of_the_stretch_however_few_or_many_there_are) {
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type, ingest_time) "
               "select 1, n, 7, 'a', now() - interval '2 hours' from generate_series(1, 2500) n");
   for (int i = 3001; i <= 3003; ++i) insert(1, i);
   ASSERT_EQ(all(2503, 5000).size(), 2503U);
   auto const end = at_;
   auto const first = source_->back(end);
   ASSERT_TRUE(first) << first.error().detail;
   at_ = *first;
   EXPECT_EQ(all(3), (ids{3001, 3002, 3003}));
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type) "
               "select 1, n, 7, 'a' from generate_series(4001, 8500) n");
   ASSERT_EQ(all(4500, 5000).size(), 4500U);
   at_ = *source_->back(at_);
   EXPECT_EQ(next(2), (ids{3001, 3002}));
   db_->script("update noetl.event set ingest_time = now() - interval '2 hours'");
   EXPECT_EQ(*source_->back(end), end);
}

TEST_F(feed, without_the_column_it_says_what_the_owner_must_do) {
   database bare("noetl_stream_bare");
   pg::connection db(bare.settings());
   db.script("create schema noetl; create table noetl.event (execution_id bigint, event_id bigint, event_type text)");
   pg::pool pool(bare.settings());
   stream::committed_events source(pool);
   auto const got = source.read(feed_position::history_end(), 10);
   ASSERT_FALSE(got);
   EXPECT_NE(got.error().message.find("alter table noetl.event add column ingest_xid xid8"), std::string::npos)
       << got.error().message;
}

} // namespace noetl::test
