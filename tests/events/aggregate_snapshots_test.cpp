// Aggregates from snapshot and tail in PostgreSQL.
#include <gtest/gtest.h>

#include <string>

#include <noetl/events/aggregate_snapshots.hpp>
#include <noetl/events/aggregates.hpp>

#include "events/parcel.hpp"
#include "events/store_fixture.hpp"

namespace noetl::test {
namespace {

using namespace parcel_words;
static_assert(snapshotted<snapshotted_aggregate<parcel>>);
static_assert(snapshotted_aggregate<parcel>::format == 1);

class aggregate_snapshots_test : public store_fixture {
protected:
   /// Weighed until `version`; its label has blanks that jsonb changes.
   static aggregate_id weighed(aggregates<parcel>& all, std::int64_t version) {
      auto const id = blocking(all.create({"Oslo"}))->id;
      for (std::int64_t i = 2; i <= version; ++i)
         EXPECT_TRUE(blocking(all.act(id, weigh{0.1 * static_cast<double>(i)})));
      return id;
   }
};

TEST_F(aggregate_snapshots_test, a_state_comes_back_from_snapshot_and_tail_as_from_the_whole_log) {
   replica r(database_->settings(), 5);
   aggregates<parcel> all(r.store, ids_, {.snapshot_every = 4}), plain(r.store, ids_);
   keep_snapshots(all, r.shards);
   auto const id = weighed(all, 6);
   ASSERT_TRUE(blocking(all.act(id, pack{})));
   ASSERT_TRUE(blocking(all.act(id, dispatch{"posten", raw_json(R"({ "b" : [1.50, 2], "a": null })")})));
   ASSERT_TRUE(blocking(all.act(id, scan{"Voss"})));
   EXPECT_EQ(ask<std::int64_t>("select version from noetl.projection_snapshot where aggregate_type = 'parcel' and "
                               "aggregate_id = $1",
                               std::to_string(id.value)),
             8);
   aggregates<parcel> fresh(r.store, ids_);
   keep_snapshots(fresh, r.shards);
   auto const got = blocking(fresh.load(id)), wanted = blocking(plain.load(id));
   ASSERT_TRUE(got && wanted);
   EXPECT_EQ(snapshotted_aggregate<parcel>::text(got->at), snapshotted_aggregate<parcel>::text(wanted->at));
   EXPECT_EQ(got->at.version, 9);
   // Only the tail was folded: what the snapshot says is believed, so a changed one shows.
   aggregate_states<snapshotted_aggregate<parcel>> states(r.shards);
   auto const built = blocking(states.load(execution_id{id.value}));
   ASSERT_TRUE(built);
   EXPECT_TRUE(built->report.from_snapshot);
   EXPECT_EQ(built->report.events, 1U);
}

TEST_F(aggregate_snapshots_test, without_a_snapshot_and_for_unknown_ids_the_log_answers) {
   replica r(database_->settings(), 5);
   aggregates<parcel> all(r.store, ids_);
   keep_snapshots(all, r.shards);
   auto const id = weighed(all, 3);
   aggregates<parcel> fresh(r.store, ids_);
   keep_snapshots(fresh, r.shards);
   EXPECT_EQ(blocking(fresh.load(id))->at.version, 3);
   EXPECT_EQ(blocking(fresh.load(aggregate_id{9})).error(), fail(error_code::not_found, "parcel not found: 9"));
   ASSERT_TRUE(append(r.store, started(execution_id{77})));
   EXPECT_EQ(blocking(fresh.load(aggregate_id{77})).error().code, error_code::not_found) << "an execution is no parcel";
}

} // namespace
} // namespace noetl::test
