// The cursor row: leases, fencing, first starts, restored dumps.
#include "stream_fixture.hpp"

namespace noetl::test {
namespace {

using stream::cursor_settings;
using stream::feed_position;
using stream::fenced_cursor;
using stream::first_start;

class fenced : public feed_fixture {
protected:
   /// \pre the lease can be had
   static stream::tenure<feed_position> take(fenced_cursor& one) {
      auto got = one.acquire();
      EXPECT_TRUE(got) << got.error().message << " " << got.error().detail;
      EXPECT_TRUE(got && *got) << "somebody else holds the lease";
      return got && *got ? **got : stream::tenure<feed_position>{};
   }
   std::string row(std::string const& columns, std::string const& name = "event_feed") {
      return ask<std::string>("select concat_ws('|', " + columns + ") from noetl.stream_cursor where name = $1", name);
   }
   static feed_position place(std::uint64_t xid, std::int64_t execution, std::int64_t event) {
      return {.xid = xid, .execution_id = execution, .event_id = event, .scope = {}};
   }
};

} // namespace

TEST_F(fenced, items_10_37_one_holds_the_lease_until_it_gives_it_back) {
   fenced_cursor a(*pool_), b(*pool_);
   auto const first = take(a);
   EXPECT_FALSE(*b.acquire());
   EXPECT_TRUE(a.release(first.epoch));
   auto const second = take(b);
   EXPECT_GT(second.epoch, first.epoch);
   EXPECT_FALSE(*a.acquire());
}

TEST_F(fenced, items_10_D26_an_expired_lease_goes_to_another_and_writes_of_the_first_are_refused) {
   cursor_settings const how{.start = first_start::backfill, .lease = 150ms};
   fenced_cursor a(*pool_, how), b(*pool_, how);
   auto const old = take(a);
   auto const from = place(3, 1, 1);
   ASSERT_TRUE(a.advance(old.epoch, old.from, from));
   stream::tenure<feed_position> fresh;
   ASSERT_TRUE(in_time([&] {
      auto got = b.acquire();
      if (!got || !*got) return false;
      fresh = **got;
      return true;
   }));
   EXPECT_EQ(fresh.from, from);
   ASSERT_TRUE(b.advance(fresh.epoch, from, place(4, 1, 1)));
   auto const refused = a.advance(old.epoch, from, place(5, 1, 1));
   ASSERT_FALSE(refused);
   EXPECT_EQ(refused.error().code, error_code::conflict);
   EXPECT_EQ(row("xid, execution_id, event_id"), "4|1|1");
   EXPECT_TRUE(a.release(old.epoch)) << "of no effect";
   EXPECT_FALSE(*a.acquire());
}

TEST_F(fenced, item_10_a_place_goes_neither_back_nor_on_from_another_than_the_stored_one) {
   fenced_cursor a(*pool_, {.start = first_start::backfill});
   auto const mine = take(a);
   ASSERT_TRUE(a.advance(mine.epoch, mine.from, place(10, 5, 5)));
   EXPECT_FALSE(a.advance(mine.epoch, place(10, 5, 5), place(10, 5, 4)));
   EXPECT_FALSE(a.advance(mine.epoch, place(9, 5, 5), place(11, 5, 5)));
   EXPECT_TRUE(a.advance(mine.epoch, place(10, 5, 5), place(10, 5, 5))) << "a renewal";
   EXPECT_EQ(row("xid, execution_id, event_id"), "10|5|5");
}

TEST_F(fenced, item_10_fifty_at_once_give_the_lease_to_one) {
   std::atomic<int> holders{0};
   {
      std::vector<std::jthread> all;
      for (int i = 0; i < 8; ++i)
         all.emplace_back([&] {
            fenced_cursor one(*pool_);
            for (int n = 0; n < 6; ++n) {
               auto const got = one.acquire();
               EXPECT_TRUE(got) << got.error().message;
               if (got && *got && n == 0) ++holders;
            }
         });
   }
   EXPECT_EQ(holders, 1);
}

TEST_F(fenced, items_3_24_the_place_is_stored_with_the_row_that_the_reference_would_go_on_from) {
   fenced_cursor a(*pool_, {.start = first_start::backfill});
   auto const mine = take(a);
   EXPECT_EQ(mine.from, feed_position{});
   ASSERT_TRUE(a.advance(mine.epoch, mine.from, place(10, 5, 700)));
   EXPECT_EQ(row("position"), "700");
   EXPECT_EQ(row("position", "event_stream_tailer"), "700");
   auto const future = pg::first_id_at(now() + std::chrono::hours(24 * 365));
   ASSERT_TRUE(a.advance(mine.epoch, place(10, 5, 700), place(11, 5, future)));
   EXPECT_EQ(row("position", "event_stream_tailer"), "700")
       << "D-30: an id of another layout would stop the reference for years";
   ASSERT_TRUE(a.advance(mine.epoch, place(11, 5, future), place(12, 5, 600)));
   EXPECT_EQ(row("position", "event_stream_tailer"), "700") << "monotone";
   fenced_cursor again(*pool_);
   ASSERT_TRUE(a.release(mine.epoch));
   EXPECT_EQ(take(again).from, place(12, 5, 600));
}

TEST_F(fenced, items_16_17_18_the_first_start_is_stored_at_once) {
   insert(1, 1);
   fenced_cursor a(*pool_);
   auto const mine = take(a);
   EXPECT_GT(mine.from.xid, 0U);
   ASSERT_TRUE(mine.from.scope);
   EXPECT_FALSE(mine.from.scope->seen.empty());
   ASSERT_TRUE(a.release(mine.epoch));
   insert(1, 2);
   fenced_cursor b(*pool_, {.start = first_start::backfill});
   auto const later = take(b);
   EXPECT_EQ(later.from, mine.from) << "the flag means nothing once there is a row";
   ASSERT_TRUE(later.from.scope);
   EXPECT_EQ(later.from.scope->seen, mine.from.scope->seen);
}

TEST_F(fenced, items_3_17_a_row_of_the_reference_decides_the_start_with_an_overlap_and_backfill_is_ignored) {
   auto const position = pg::first_id_at(now());
   db_->exec("insert into noetl.stream_cursor (name, position) values ('event_stream_tailer', $1)", position);
   fenced_cursor a(*pool_, {.start = first_start::backfill});
   auto const mine = take(a);
   EXPECT_EQ(mine.from, feed_position{});
   ASSERT_TRUE(mine.from.scope);
   EXPECT_EQ(mine.from.scope->above, position - (std::int64_t{3'600'000} << 22));
   EXPECT_FALSE(mine.from.scope->after.empty());
   EXPECT_EQ(row("position", "event_stream_tailer"), std::to_string(position));
}

TEST_F(fenced, T10_a_restored_dump_is_refused_with_the_way_out_instead_of_skipping_what_is_written_now) {
   fenced_cursor a(*pool_);
   auto const mine = take(a);
   ASSERT_TRUE(a.release(mine.epoch));
   db_->script("update noetl.stream_cursor set xid = '900000000000', system_identifier = 1 where name = 'event_feed'");
   auto const got = a.acquire();
   ASSERT_FALSE(got);
   EXPECT_NE(got.error().message.find("restored from a dump"), std::string::npos) << got.error().message;
   EXPECT_NE(got.error().message.find("NOETL_EVENT_STREAM_BACKFILL"), std::string::npos);
   EXPECT_EQ(row("xid"), "900000000000") << "nothing is changed";

   db_->script("truncate noetl.stream_cursor");
   db_->exec(
       "insert into noetl.event (execution_id, event_id, catalog_id, ingest_xid) values (1, 1, 7, '900000000000')");
   EXPECT_FALSE(a.acquire()) << "rows numbered by another cluster, even at a first start";
}

TEST_F(fenced, T10_another_cluster_with_a_higher_counter_is_accepted_and_remembered) {
   fenced_cursor a(*pool_);
   auto const mine = take(a);
   ASSERT_TRUE(a.release(mine.epoch));
   db_->script("update noetl.stream_cursor set system_identifier = 1 where name = 'event_feed'");
   EXPECT_EQ(take(a).from, mine.from);
   EXPECT_EQ(row("system_identifier"), ask<std::string>("select system_identifier::text from pg_control_system()"));
}

TEST_F(fenced, item_2_neither_triggers_nor_functions_nor_tables_are_made) {
   auto const objects = [&] {
      return ask<std::string>(
          "select concat((select count(*) from pg_class), '/', (select count(*) from pg_trigger), '/', "
          "(select count(*) from pg_proc))");
   };
   auto const before = objects();
   fenced_cursor a(*pool_, {.start = first_start::backfill});
   auto const mine = take(a);
   ASSERT_TRUE(a.advance(mine.epoch, mine.from, place(10, 5, 700)));
   EXPECT_EQ(objects(), before);
}

} // namespace noetl::test
