// Partitions of the event table: made ahead, beside rows that are there already.
#include <atomic>
#include <future>
#include <thread>

#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>

#include "migrate_fixture.hpp"
#include "support/eventually.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

/// How often this session has read the default partition from end to end.
std::int64_t scans_of_default(pg::connection& db) {
   return pg::as<std::int64_t>(db.exec("select coalesce(sum(seq_scan), 0) from pg_stat_xact_user_tables where relid = "
                                       "'noetl.event_default'::regclass")[0][0]);
}

TEST_F(migrate_test, the_future_is_covered_without_overlapping_what_is_there) {
   database own;
   pg::connection db(own.settings());
   make_baseline(db);
   ASSERT_TRUE(pg::migrate(own.settings()));
   db.begin();
   auto const covered = pg::ensure_event_partitions(db, pg::quarter{2026, 1}.start());
   EXPECT_TRUE(covered.created.empty());
   // The baseline has a hole of one day at the start of 2028, and its 2028 ranges belong to another id layout.
   auto const hole = pg::ensure_event_partitions(db, pg::quarter{2027, 4}.start());
   EXPECT_EQ(hole.created, std::vector<std::string>{"event_from_529448671641600000"});
   auto const far = pg::ensure_event_partitions(db, pg::quarter{2033, 4}.start());
   EXPECT_EQ(far.created.size(), 3U);
   db.exec("insert into noetl.event (execution_id, event_id, catalog_id) values ($1, 1, 5)",
           pg::quarter{2040, 1}.ids().from);
   auto const blocked = pg::ensure_event_partitions(db, pg::quarter{2040, 1}.start());
   EXPECT_EQ(blocked.created.size(), 2U);
   EXPECT_EQ(blocked.skipped.size(), 1U);
   db.rollback();
}

TEST_F(migrate_test, an_excluded_range_is_attached_without_reading_the_default_partition) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   pg::connection db(own.settings());
   auto const far = pg::quarter{2050, 1};
   db.exec("insert into noetl.event (execution_id, event_id, catalog_id) values (1, 1, 1)");
   auto const plan = pg::plan_event_partitions(db, far.start());
   ASSERT_EQ(plan.missing.size(), 3U);
   db.begin();
   auto before = scans_of_default(db);
   pg::attach_event_partition(db, plan.missing[0], plan.default_table);
   EXPECT_GT(scans_of_default(db), before) << "the control: without an exclusion it is read";
   db.rollback();

   EXPECT_TRUE(pg::exclude_from_default(db, plan.missing[1], plan.default_table));
   EXPECT_TRUE(pg::exclude_from_default(db, plan.missing[1], plan.default_table)) << "once more after a crash";
   EXPECT_EQ(db.exec("select convalidated from pg_constraint where conrelid = 'noetl.event_default'::regclass and "
                     "conname = 'event_2050_q2_elsewhere'")[0][0],
             "t");
   db.begin();
   before = scans_of_default(db);
   pg::attach_event_partition(db, plan.missing[1], plan.default_table);
   EXPECT_EQ(scans_of_default(db), before);
   db.commit();

   db.exec("insert into noetl.event (execution_id, event_id, catalog_id) values ($1, 1, 1)", plan.missing[2].ids.from);
   EXPECT_FALSE(pg::exclude_from_default(db, plan.missing[2], plan.default_table));
   auto const rest = pg::keep_event_partitions_ahead(db, far.start());
   EXPECT_EQ(rest.created, std::vector<std::string>{"event_2050_q1"});
   EXPECT_EQ(rest.skipped.size(), 1U);
   EXPECT_EQ(names(db, "select conname from pg_constraint where conrelid = 'noetl.event_default'::regclass and conname "
                       "like '%elsewhere'"),
             std::set<std::string>{})
       << "no exclusion outlives its purpose";
}

TEST_F(migrate_test, a_writer_that_holds_the_default_partition_is_not_waited_for_long) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   pg::connection db(own.settings());
   pg::connection writer(own.settings());
   writer.begin();
   writer.exec("insert into noetl.event (execution_id, event_id, catalog_id) values (1, 1, 1)"); // default partition
   auto const far = pg::quarter{2050, 1}.start();
   try {
      pg::keep_event_partitions_ahead(db, far);
      ADD_FAILURE() << "locked out a writer";
   } catch (pg::sql_error const& e) {
      EXPECT_TRUE(e.transient()) << e.what();
   }
   writer.commit();
   EXPECT_EQ(pg::keep_event_partitions_ahead(db, far).created.size(), 3U);
}

TEST_F(migrate_test, partitions_are_kept_ahead_while_the_server_runs) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   std::atomic<int> year{2050};
   pg::partition_keeper keeper({own.settings()}, {.every = 20ms, .retry = 20ms, .clock = [&] {
                                                     return pg::quarter{year, 1}.start();
                                                  }});
   keeper.start();
   pg::connection db(own.settings());
   auto const there = [&](std::string const& table) {
      return pg::as<bool>(db.exec("select to_regclass('noetl.' || $1::text) is not null", table)[0][0]);
   };
   EXPECT_TRUE(eventually([&] { return there("event_2050_q3"); })) << "at the start";
   db.begin();
   db.script("lock table noetl.event_default in access share mode");
   year = 2060;
   std::this_thread::sleep_for(100ms);
   db.commit();
   EXPECT_TRUE(eventually([&] { return there("event_2060_q3"); })) << "later, and after a failure";
}

} // namespace
} // namespace noetl::test
