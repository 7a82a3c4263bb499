// What retention may not drop (http-platform.md section 6, D-75), on a real database.
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <thread>

#include <noetl/control_plane/detail/event_retention.hpp>

#include "pg/migrated_database.hpp"
#include "support/eventually.hpp"

namespace noetl::control_plane {
namespace {

struct event_retention : test::migrated_database {
   void SetUp() override {
      test::migrated_database::SetUp();
      if (IsSkipped()) return;
      db_->script("create table noetl.event_old partition of noetl.event for values from (1000) to (2000)");
   }
   static std::string row(std::string const& event_id, std::string const& xid = "pg_current_xact_id()") {
      return "insert into noetl.event (execution_id, event_id, catalog_id, event_type, ingest_xid) values (1000, " +
             event_id + ", 1, 'playbook.completed', " + xid + ")";
   }
   std::string kept_because() {
      auto const report = detail::drop_past_partitions(*db_, 2000);
      if (report.kept.empty()) return report.dropped.empty() ? "nothing found" : "";
      return report.kept[0].reason;
   }
   void cursor(std::string const& xid, std::string const& execution, std::string const& event) {
      db_->script("insert into noetl.stream_cursor (name, position, xid, execution_id, event_id) values ('test', 0, '" +
                  xid + "', " + execution + ", " + event +
                  ") on conflict (name) do update set xid = excluded.xid, execution_id = excluded.execution_id, "
                  "event_id = excluded.event_id");
   }
};

TEST_F(event_retention, history_that_a_backfill_has_not_passed_stays) {
   auto const first = std::to_string(std::numeric_limits<std::int64_t>::min());
   auto const last = std::to_string(std::numeric_limits<std::int64_t>::max());
   db_->script(row("7", "null"));
   cursor("0", "(" + first + ")", "(" + first + ")"); // the beginning
   EXPECT_EQ(kept_because(), "the event stream has not passed it");
   cursor("0", "1000", "6");
   EXPECT_EQ(kept_because(), "the event stream has not passed it");
   cursor("0", last, last); // the end of history, before all else
   db_->script(row("8"));
   EXPECT_EQ(kept_because(), "the event stream has not passed it");
   db_->script("delete from noetl.event where event_id = 8");
   EXPECT_EQ(kept_because(), "");
}

TEST_F(event_retention, history_is_behind_a_cursor_that_is_past_it) {
   db_->script(row("7", "null"));
   cursor("3", "0", "0");
   EXPECT_EQ(kept_because(), "");
}

TEST_F(event_retention, an_event_that_comes_between_check_and_lock_keeps_its_partition) {
   db_->script(row("7"));
   pg::connection late(database_->settings());
   late.begin();
   late.script(row("8")); // not to be seen yet
   std::string why;
   std::thread purge([&] { why = kept_because(); });
   pg::connection watch(database_->settings());
   EXPECT_TRUE(test::eventually([&] {
      return !watch
                  .script(
                      "select 1 from pg_locks where relation = 'noetl.event_old'::regclass and not granted and mode = "
                      "'AccessExclusiveLock'")
                  .empty();
   }));
   late.commit();
   purge.join();
   EXPECT_EQ(why, "it came into use again");
   EXPECT_EQ(kept_because(), "") << "the next purge has looked at it";
}

TEST_F(event_retention, rows_of_a_restored_dump_are_no_new_ones) {
   db_->script(row("7", "'9000000000'"));
   EXPECT_EQ(kept_because(), "");
}

} // namespace
} // namespace noetl::control_plane
