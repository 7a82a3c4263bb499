#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <limits>
#include <regex>
#include <set>
#include <stop_token>
#include <thread>

#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>

#include "migrate_fixture.hpp"
#include "support/eventually.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

TEST_F(migrate_test, an_empty_database_gets_everything_and_a_second_run_does_nothing) {
   database own;
   auto const first = pg::migrate(own.settings());
   ASSERT_TRUE(first) << text(first);
   EXPECT_FALSE(first->applied.empty());
   auto const again = pg::migrate(own.settings());
   ASSERT_TRUE(again) << text(again);
   EXPECT_TRUE(again->applied.empty());
   EXPECT_TRUE(again->skipped.empty());

   pg::connection db(own.settings());
   auto const tables =
       names(db, "select relname from pg_class where relnamespace = 'noetl'::regnamespace and relkind in ('r', 'p')");
   for (auto const& m : pg::migrations)
      for (auto const& s : m.steps)
         EXPECT_TRUE(s.kind != pg::step_kind::table || tables.contains(std::string(s.name))) << s.name;
   auto const invalid = names(db, "select indexrelid::regclass::text from pg_index where not indisvalid");
   EXPECT_TRUE(invalid.empty());
   EXPECT_EQ(db.exec("select count(*) from noetl.resource")[0][0], "6");
   EXPECT_EQ(db.exec("select count(*) from pg_inherits where inhparent = 'noetl.event'::regclass")[0][0], "4")
       << "three quarters, default";
   EXPECT_EQ(db.exec("select count(*) from pg_inherits where inhparent = 'noetl.command'::regclass")[0][0], "16");
   auto const id = pg::as<std::int64_t>(db.exec("select noetl.snowflake_id()")[0][0]);
   EXPECT_EQ((id >> 12) & 1023, 1023);
   EXPECT_LT(std::abs((id >> 22) + 1'704'067'200'000 -
                      std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count()),
             60'000);
}

TEST_F(migrate_test, new_rows_get_the_feed_key_in_every_partition) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   pg::connection db(own.settings());
   for (auto id : {std::int64_t{1}, pg::quarter_of(now()).ids().from, pg::quarter_of(now()).next().ids().from})
      db.exec("insert into noetl.event (execution_id, event_id, catalog_id) values ($1, 1, 1)", id);
   EXPECT_EQ(db.exec("select count(*) from noetl.event where ingest_xid is not null")[0][0], "3");
   EXPECT_EQ(db.exec("select count(distinct tableoid) from noetl.event")[0][0], "3");
   EXPECT_THROW(
       db.exec("insert into noetl.event (execution_id, event_id, catalog_id, result) values (1, 2, 1, '{\"a\":1}')"),
       pg::sql_error);
   EXPECT_THROW(
       db.exec("insert into noetl.event (execution_id, event_id, catalog_id, result) values (1, 2, 1, 'null')"),
       pg::sql_error);
   db.exec("insert into noetl.event (execution_id, event_id, catalog_id, result) values (1, 2, 1, "
           "'{\"status\":\"x\",\"context\":{},\"reference\":{}}')");
}

TEST_F(migrate_test, five_replicas_at_once_on_an_empty_database) {
   database own;
   std::vector<std::future<result<pg::migration_report>>> all;
   for (int i = 0; i < 5; ++i)
      all.push_back(std::async(std::launch::async, [&] { return pg::migrate(own.settings()); }));
   int worked = 0;
   for (auto& each : all) {
      auto const got = each.get();
      ASSERT_TRUE(got) << text(got);
      worked += !got->applied.empty();
   }
   EXPECT_EQ(worked, 1);
}

TEST_F(migrate_test, a_database_of_the_reference_keeps_its_rows_and_gains_what_is_missing) {
   database own;
   pg::connection db(own.settings());
   make_baseline(db);
   auto const columns_before =
       names(db, "select attname from pg_attribute where attrelid = 'noetl.event'::regclass and attnum > 0");
   auto const got = pg::migrate(own.settings());
   ASSERT_TRUE(got) << text(got);

   EXPECT_EQ(db.exec("select count(*) from noetl.event")[0][0], "300");
   EXPECT_EQ(db.exec("select count(*) from noetl.event where ingest_xid is not null")[0][0], "0")
       << "history stays unstamped";
   EXPECT_EQ(db.exec("select count(*) from noetl.event where stream_version is not null")[0][0], "0");
   EXPECT_EQ(db.exec("select meta ->> 'note' from noetl.resource where name = 'playbook'")[0][0], "kept");
   EXPECT_EQ(db.exec("select count(*) from noetl.resource")[0][0], "7") << "foreign kinds stay";
   auto const indexes = names(db, "select relname from pg_class c join pg_index i on i.indexrelid = c.oid where "
                                  "indisvalid and relnamespace = 'noetl'::regnamespace");
   for (auto const& m : pg::migrations)
      for (auto const& s : m.steps)
         EXPECT_TRUE(s.kind != pg::step_kind::index || indexes.contains(std::string(s.name))) << s.name;
   EXPECT_TRUE(indexes.contains("idx_event_node_name")) << "old indexes stay";
   EXPECT_EQ(
       db.exec(
           "select attnotnull from pg_attribute where attrelid = 'noetl.keychain'::regclass and attname = 'expires_at'")
           [0][0],
       "f");
   EXPECT_EQ(db.exec("select prosrc from pg_proc where proname = 'snowflake_id'")[0][0], " select 42::bigint ")
       << "never replaced";
   EXPECT_EQ(db.exec("select contype from pg_constraint where conname = 'event_catalog_fk' and conrelid = "
                     "'noetl.event'::regclass")[0][0],
             "f");

   // The old server goes on inserting; its rows get the key.
   db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type) values (1, 9999, 5, 'x')");
   EXPECT_EQ(db.exec("select ingest_xid is not null from noetl.event where event_id = 9999")[0][0], "t");
   auto const again = pg::migrate(own.settings());
   ASSERT_TRUE(again) << text(again);
   EXPECT_TRUE(again->applied.empty()) << again->applied.front();
   EXPECT_EQ(db.exec("select count(*) from pg_attribute where attrelid = 'noetl.event'::regclass and attnum > 0")[0][0],
             std::to_string(columns_before.size() + 1));
}

TEST_F(migrate_test, migration_beside_a_writing_old_server_disturbs_nobody) {
   database own;
   {
      pg::connection db(own.settings());
      make_baseline(db);
   }
   std::atomic<bool> stop{false};
   std::atomic<int> written{0};
   std::thread old_server([&] {
      pg::connection db(own.settings());
      while (!stop) {
         db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type) values (77, $1, 5, 'x')",
                 written.load());
         ++written;
      }
   });
   while (written < 20) std::this_thread::sleep_for(1ms);
   auto const got = pg::migrate(own.settings());
   auto const at_end = written.load();
   while (written < at_end + 20) std::this_thread::sleep_for(1ms);
   stop = true;
   old_server.join();
   ASSERT_TRUE(got) << text(got);
   pg::connection db(own.settings());
   EXPECT_EQ(db.exec("select count(*) from noetl.event where execution_id = 77")[0][0], std::to_string(written));
   // Once the default is there, nobody is without a key.
   EXPECT_EQ(
       db.exec("select count(*) from noetl.event a where ingest_xid is null and execution_id = 77 and event_id > "
               "(select min(event_id) from noetl.event b where ingest_xid is not null and execution_id = 77)")[0][0],
       "0");
}

TEST_F(migrate_test, a_changed_migration_is_refused) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   pg::connection db(own.settings());
   db.script("update noetl.schema_migration set checksum = 'other' where version = 2");
   auto const got = pg::migrate(own.settings());
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().message, "migration 2 (event log) was changed after it was applied to this database");
}

TEST_F(migrate_test, missing_rights_are_listed_in_one_sentence) {
   database own;
   pg::connection db(own.settings());
   make_baseline(db);
   auto const role = "noetl_weak_" + std::to_string(::getpid());
   db.script("create role " + role + " login password 'weak'");
   struct drop_role {
      pg::connection& db;
      std::string role;
      ~drop_role() { db.script("drop owned by " + role + "; drop role " + role); }
   } const at_end{db, role};
   db.script("grant usage on schema noetl to " + role + "; grant all on all tables in schema noetl to " + role);
   auto how = own.settings();
   how.user = role;
   how.password = "weak";
   auto const got = pg::migrate(how, {.patience = 1s});
   ASSERT_FALSE(got);
   EXPECT_NE(got.error().message.find("CREATE on schema noetl (for table schema_migration"), std::string::npos)
       << got.error().message;
   EXPECT_NE(got.error().message.find("ownership of noetl.event (for ingest_xid"), std::string::npos)
       << got.error().message;

   // After the owner did it, the weak role is enough to run.
   ASSERT_TRUE(pg::migrate(own.settings()));
   db.script("grant select, insert, update on all tables in schema noetl to " + role);
   auto const weak = pg::migrate(how, {.patience = 1s});
   ASSERT_FALSE(weak);
   for (auto const* part : {"DELETE (for noetl.credential, noetl.runtime, noetl.subscription_dedup, "
                            "noetl.outbox, noetl.projection_snapshot, noetl.transient, noetl.stream_head)",
                            "USAGE (for sequence noetl.outbox_outbox_id_seq)"})
      EXPECT_NE(weak.error().message.find(part), std::string::npos) << weak.error().message;
   EXPECT_EQ(weak.error().message.find("noetl.event"), std::string::npos) << "nobody deletes events";
   db.script("grant delete on noetl.credential, noetl.keychain, noetl.runtime, noetl.subscription_dedup, noetl.outbox, "
             "noetl.projection_snapshot, noetl.transient, noetl.stream_head to " +
             role + "; grant usage on sequence noetl.outbox_outbox_id_seq to " + role);
   auto const fine = pg::migrate(how, {.patience = 1s});
   EXPECT_TRUE(fine) << text(fine);
}

TEST(migrations, know_every_table_that_we_delete_from) {
   std::set<std::string> found;
   std::regex const statement(R"(delete\s+from\s+noetl\.(\w+))", std::regex::icase);
   for (auto const& file : std::filesystem::recursive_directory_iterator(NOETL_SOURCE_DIR "/include/noetl")) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path());
      std::string const text{std::istreambuf_iterator<char>(in), {}};
      for (std::sregex_iterator at(text.begin(), text.end(), statement), end; at != end; ++at) found.insert((*at)[1]);
   }
   EXPECT_TRUE(found.contains("outbox"));
   for (auto const& m : pg::migrations)
      for (auto const& s : m.steps)
         EXPECT_TRUE(s.kind != pg::step_kind::table ||
                     pg::rows_are_deleted(s.name) == found.contains(std::string(s.name)))
             << s.name;
}

TEST_F(migrate_test, a_right_that_an_index_build_lacks_is_reported_not_thrown) {
   database own;
   pg::connection db(own.settings());
   ASSERT_TRUE(pg::migrate(own.settings()));
   auto const role = "noetl_blind_" + std::to_string(::getpid());
   db.script("drop index noetl.ix_outbox_due; create role " + role + " login password 'weak'");
   auto how = own.settings();
   how.user = role;
   how.password = "weak";
   auto const got = pg::build_missing_indexes(how); // may not even look into the schema
   db.script("drop role " + role);
   ASSERT_TRUE(got) << text(got);
   EXPECT_TRUE(got->applied.empty());
   EXPECT_NE(got->skipped.size(), 0U);
}

TEST_F(migrate_test, a_build_that_died_is_finished) {
   database own;
   pg::connection db(own.settings());
   make_baseline(db);
   ASSERT_TRUE(pg::migrate(own.settings(), {.build_indexes = false}));
   db.script("create index ix_event_feed on only noetl.event (ingest_xid, execution_id, event_id) where ingest_xid is "
             "not null");
   auto const got = pg::build_missing_indexes(own.settings());
   ASSERT_TRUE(got) << text(got);
   EXPECT_EQ(db.exec("select indisvalid from pg_index where indexrelid = 'noetl.ix_event_feed'::regclass")[0][0], "t");
}

TEST_F(migrate_test, nobody_there_is_unavailable) {
   auto how = maintenance();
   how.port = 1;
   auto const got = pg::migrate(how, {.patience = 200ms});
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, error_code::unavailable);
}

TEST_F(migrate_test, an_index_build_that_waits_for_others_ends_when_the_server_stops_goal_12) {
   database own;
   ASSERT_TRUE(pg::migrate(own.settings()));
   pg::connection db(own.settings()), holder(own.settings());
   db.script("drop index noetl.ix_keychain_catalog");
   holder.begin();
   holder.script("lock table noetl.keychain in row exclusive mode"); // as an open write does
   std::stop_source stop;
   auto built = std::async(std::launch::async,
                           [&] { return pg::migrate(own.settings(), {.patience = 60s, .stop = stop.get_token()}); });
   auto const waiting = [&] {
      return db.exec("select count(*) from pg_stat_activity where datname = current_database() and query ilike "
                     "'create index concurrently%' and wait_event_type = 'Lock'")[0][0] == "1";
   };
   EXPECT_TRUE(eventually(waiting));
   stop.request_stop();
   ASSERT_EQ(built.wait_for(10s), std::future_status::ready);
   auto const got = built.get();
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, error_code::unavailable);
   holder.rollback();
   EXPECT_TRUE(eventually([&] { return !waiting(); }));
   EXPECT_TRUE(pg::migrate(own.settings()));
   EXPECT_EQ(db.exec("select indisvalid from pg_index where indexrelid = 'noetl.ix_keychain_catalog'::regclass")[0][0],
             "t");
}

} // namespace
} // namespace noetl::test
