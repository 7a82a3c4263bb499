// States of aggregates as rows.
#include <gtest/gtest.h>

#include <string>

#include <noetl/events/aggregates.hpp>
#include <noetl/events/state_table.hpp>

#include "events/parcel.hpp"
#include "events/store_fixture.hpp"

namespace noetl::test {
namespace {

using namespace parcel_words;

class state_table_test : public store_fixture {
protected:
   static std::string row(aggregate_id id) {
      return ask<std::string>(
          "select coalesce((select state || ' ' || version || ' ' || destination || ' ' || weight_kg "
          "|| ' ' || coalesce(label::text, '-') || ' ' || places::text from public.parcel where id "
          "= $1), 'none')",
          id);
   }
   static std::int64_t rows() { return ask<std::int64_t>("select count(*) from public.parcel"); }
};

TEST_F(state_table_test, rows_follow_the_log_and_can_be_made_again) {
   replica r(database_->settings(), 6);
   aggregates<parcel> all(r.store, ids_);
   state_table<parcel> table(all, r.shards, "public.parcel");
   r.store.on_committed([&](std::span<event const> events) { table.observe(events); });
   auto ready = blocking(table.prepare());
   ASSERT_TRUE(ready) << ready.error().message << ready.error().detail;
   auto const id = blocking(all.create({"Oslo"}))->id, other = blocking(all.create({"Rome"}))->id;
   ASSERT_TRUE(blocking(all.act(id, weigh{2.5})) && blocking(all.act(id, pack{})));
   EXPECT_EQ(row(id), "none");
   EXPECT_EQ(*blocking(table.catch_up()), 2U);
   EXPECT_EQ(row(id), "PACKED 3 Oslo 2.5 - []");
   EXPECT_EQ(*blocking(table.catch_up()), 0U);
   ASSERT_TRUE(blocking(all.act(id, dispatch{"posten", raw_json(R"({"a":1})")})));
   ASSERT_TRUE(blocking(all.act(id, scan{"Voss"})));
   EXPECT_EQ(*blocking(table.catch_up()), 1U);
   auto const now = R"(IN_TRANSIT 5 Oslo 2.5 {"a": 1} ["Voss"])";
   EXPECT_EQ(row(id), now);

   pg::connection db(database_->settings());
   db.script("alter table public.parcel drop column places");
   ASSERT_TRUE(blocking(table.prepare()));
   EXPECT_EQ(*blocking(table.catch_up()), 2U) << "a new column wants every row again";
   EXPECT_EQ(row(id), now);
   db.script("update public.parcel set destination = 'nowhere'");
   EXPECT_EQ(*blocking(table.rebuild()), 2U);
   EXPECT_EQ(row(id), now);
   EXPECT_EQ(row(other), "REGISTERED 1 Rome 0 - []");
   EXPECT_EQ(rows(), 2);
   r.store.stop(std::chrono::seconds(1)); // its thread calls the table
}

TEST_F(state_table_test, what_was_committed_here_is_there_soon) {
   replica r(database_->settings(), 6);
   aggregates<parcel> all(r.store, ids_);
   state_table<parcel> table(all, r.shards, "public.parcel_now");
   r.store.on_committed([&](std::span<event const> events) { table.observe(events); });
   ASSERT_TRUE(blocking(table.prepare()));
   boost::asio::io_context io;
   boost::asio::co_spawn(io, table.keep_up({.every = std::chrono::milliseconds(10), .sweep = std::chrono::hours(1)}),
                         boost::asio::detached);
   io.run_for(std::chrono::milliseconds(300)); // the first sweep
   auto const id = blocking(all.create({"Oslo"}))->id;
   std::int64_t found = 0;
   for (int i = 0; i < 200 && found == 0; ++i) {
      io.run_for(std::chrono::milliseconds(20));
      found = ask<std::int64_t>("select count(*) from public.parcel_now where id = $1", id);
   }
   EXPECT_EQ(found, 1);
   r.store.stop(std::chrono::seconds(1)); // its thread calls the table
}

} // namespace
} // namespace noetl::test
