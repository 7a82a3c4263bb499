// A server on a database in use serves at once; missing indexes come later (schema.md section 10.2, step 6).
#include <gtest/gtest.h>

#include "pg/baseline.hpp"
#include "support/deployment.hpp"

namespace noetl::test {
namespace {

TEST(index_build, a_server_on_an_existing_database_is_ready_before_its_indexes_are) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   pg::connection db(site.db.settings());
   make_baseline(db);
   auto const missing = [&] {
      return pg::as<std::int64_t>(
          db.exec("select count(*) from (values ('ix_event_feed'), ('ix_command_event')) w(name) "
                  "where not exists (select 1 from pg_index where indisvalid and "
                  "indexrelid = to_regclass('noetl.' || w.name))")[0][0]);
   };
   // A concurrent index build waits for everybody who may still look at the past, here a backup, say.
   pg::connection backup(site.db.settings());
   backup.script("begin isolation level repeatable read; select 1");
   site.start_server(); // waits until it is ready
   site.register_playbook("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: n, path: fault/indexed}\n"
                          "workflow:\n  - step: start\n    tool: {kind: noop}\n");
   site.start_worker();
   EXPECT_EQ(site.outcome(site.execute("fault/indexed")), "COMPLETED") << site.server->output();
   EXPECT_EQ(missing(), 2) << "nothing held up the build, so this test shows nothing";
   backup.rollback();
   EXPECT_TRUE(eventually([&] { return missing() == 0; })) << site.server->output();
}

} // namespace
} // namespace noetl::test
