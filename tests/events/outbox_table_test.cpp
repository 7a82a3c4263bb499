#include "store_fixture.hpp"

#include <chrono>

#include <noetl/events/outbox_table.hpp>
#include <noetl/pg/by_key.hpp>

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

class outbox_table_test : public store_fixture {
protected:
   void SetUp() override {
      store_fixture::SetUp();
      if (IsSkipped()) return;
      db_ = std::make_unique<pg::connection>(database_->settings());
      db_->script("truncate noetl.outbox");
   }
   void TearDown() override { db_.reset(); }

   /// The plan as it is run, on a session that looks for rows by key.
   std::string plan(std::string const& statement) {
      return pg::by_key(*db_, [&] {
         std::string text;
         for (auto const row : db_->exec("explain (costs off) " + statement)) text += std::string(*row[0]) + "\n";
         return text;
      });
   }
   std::unique_ptr<pg::connection> db_;
};

TEST_F(outbox_table_test, item_79_claim_and_count_use_an_index_on_a_million_rows) {
   // Indexes that the statements below do not need only make the table slow to fill.
   database own("noetl_events");
   ASSERT_TRUE(pg::migrate(own.settings()));
   db_ = std::make_unique<pg::connection>(own.settings());
   db_->script("set statement_timeout = 0; set synchronous_commit = off");
   db_->script("alter table noetl.outbox drop constraint outbox_execution_id_event_id_key");
   db_->script("drop index noetl.ix_outbox_published");
   db_->script("insert into noetl.outbox (event_id, payload, status, locked_at) select n, '{}', case when n % 1000 = 0 "
               "then 'PENDING' when n % 1000 = 1 then 'IN_FLIGHT' else 'PUBLISHED' end, case when n % 1000 = 1 then "
               "now() + interval '1 hour' end from generate_series(1, 1000000) n");
   auto const count = plan(detail::outbox_sql::build_count_due());
   EXPECT_NE(count.find("ix_outbox_open"), std::string::npos) << count;
   EXPECT_EQ(count.find("Seq Scan"), std::string::npos) << count;
   std::string claim = detail::outbox_sql::build_claim();
   claim.replace(claim.find("$1"), 2, "100");
   claim.replace(claim.find("$2"), 2, "60");
   auto const taken = plan(claim);
   EXPECT_NE(taken.find("ix_outbox_open"), std::string::npos) << taken;
   EXPECT_EQ(taken.find("Seq Scan"), std::string::npos) << taken;
   EXPECT_EQ(taken.find("Sort"), std::string::npos) << "in the order of the index: " << taken;
   auto const parked = plan("select outbox_id from noetl.outbox where status = 'FAILED' and available_at = 'infinity' "
                            "and outbox_id > 5 order by outbox_id limit 10");
   EXPECT_NE(parked.find("ix_outbox_due"), std::string::npos) << parked;
   auto const begin = std::chrono::steady_clock::now();
   EXPECT_EQ(pg::by_key(*db_, [&] { return outbox_table::count_due(*db_); }), 1000);
   auto const took = std::chrono::steady_clock::now() - begin;
   RecordProperty("count_microseconds",
                  std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
   auto const rows = pg::by_key(*db_, [&] { return outbox_table::claim(*db_, 3, 60s); });
   ASSERT_EQ(rows.rows.size(), 3U);
   EXPECT_LT(rows.rows[0].outbox_id, rows.rows[1].outbox_id);
   db_.reset();
}

TEST_F(outbox_table_test, item_74_backoff_doubles_from_one_second_to_256) {
   static_assert(outbox_backoff_seconds(0, 300) == 1);
   static_assert(outbox_backoff_seconds(1, 300) == 1);
   static_assert(outbox_backoff_seconds(2, 300) == 2);
   static_assert(outbox_backoff_seconds(5, 300) == 16);
   static_assert(outbox_backoff_seconds(9, 300) == 256);
   static_assert(outbox_backoff_seconds(20, 300) == 256);
   static_assert(outbox_backoff_seconds(5, 10) == 10);
   static_assert(outbox_backoff_seconds(-2'147'483'647, -5) == 0);
   static_assert(outbox_backoff_seconds(2'147'483'647, 2'147'483'647) == 256);
}

TEST_F(outbox_table_test, a_fresh_row_of_the_store_is_its_writers_for_five_seconds) {
   replica r(database_->settings(), 2);
   auto request = started(execution_id{ids_.next()});
   request.outbox = {{request.execution_id, event_id{5}, "a.b", raw_json("{}")}};
   ASSERT_TRUE(append(r.store, request));
   EXPECT_TRUE(outbox_table::claim(*db_, 10, 60s).rows.empty());
   EXPECT_EQ(outbox_table::count_due(*db_), 0);
   db_->script("update noetl.outbox set locked_at = locked_at - interval '6 s'");
   EXPECT_EQ(outbox_table::claim(*db_, 10, 60s).rows.size(), 1U);
}

TEST_F(outbox_table_test, D10_the_relay_leaves_leases_of_others_alone_and_takes_over_what_is_past_them) {
   db_->script("insert into noetl.outbox (event_id, payload) values (1, '{}'), (2, '{}')");
   auto const held = outbox_table::claim(*db_, 1, 60s);
   ASSERT_EQ(held.rows.size(), 1U);
   db_->script("update noetl.outbox set locked_at = locked_at - interval '30 s' where status = 'IN_FLIGHT'");
   EXPECT_EQ(db_->exec(detail::outbox_sql::release_abandoned, 15.0, 100).affected(), 0U);
   db_->script("update noetl.outbox set available_at = available_at - interval '70 s' where status = 'IN_FLIGHT'");
   EXPECT_EQ(db_->exec(detail::outbox_sql::release_abandoned, 15.0, 100).affected(), 1U);
}

TEST_F(outbox_table_test, purge_takes_what_was_published_long_ago_and_no_more_than_it_may) {
   db_->script("insert into noetl.outbox (event_id, payload, status, published_at) select n, '{}', 'PUBLISHED', "
               "now() - interval '2 hours' from generate_series(1, 30) n");
   db_->script("insert into noetl.outbox (event_id, payload, status) values (31, '{}', 'PENDING')");
   EXPECT_EQ(outbox_table::purge(*db_, 3h, 100), 0U);
   EXPECT_EQ(outbox_table::purge(*db_, 1h, 20), 20U);
   EXPECT_EQ(outbox_table::purge(*db_, 1h, 20), 10U);
   EXPECT_EQ(ask<std::int64_t>("select count(*) from noetl.outbox"), 1);
}

} // namespace
} // namespace noetl::test
