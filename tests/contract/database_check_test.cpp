// POST /api/db/init and GET /api/db/validate: http-platform.md 13.2, 13.3; defect M34.
#include <algorithm>

#include "contract/hand.hpp"
#include "contract/two_shards.hpp"

using namespace noetl::test;

namespace {

struct database_check : contract {
   static std::vector<std::string> names(json_value const& list) {
      std::vector<std::string> out;
      for (auto const& one : list.get_array()) out.push_back(one.get_string());
      return out;
   }
};

} // namespace

TEST_F(database_check, init_makes_nothing_and_says_whether_the_schema_exists) {
   auto const before = server().cell("select count(*) from pg_class");
   auto const got = server().send({"POST", "/api/db/init", "no json", "text/plain"});
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_TRUE(got.at("valid").get_boolean());
   EXPECT_FALSE(got.at("message").get_string().empty());
   EXPECT_EQ(server().cell("select count(*) from pg_class"), before);
}

TEST_F(database_check, M34_validate_lists_what_is_there_and_what_the_server_needs) {
   auto const got = server().get("/api/db/validate");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_TRUE(got.at("valid").get_boolean());
   EXPECT_TRUE(got.at("missing").get_array().empty());
   auto const tables = names(got.at("tables"));
   for (auto const* one : {"resource", "catalog", "transient", "event", "credential", "runtime", "schedule", "keychain",
                           "command", "outbox", "projection_snapshot", "stream_head"})
      EXPECT_EQ(std::count(tables.begin(), tables.end(), one), 1) << one;
   EXPECT_TRUE(std::is_sorted(tables.begin(), tables.end()));
}

TEST_F(database_check, M34_a_table_that_is_missing_is_named_and_the_answer_is_still_200) {
   site one;
   one.query("alter table noetl.schedule rename to schedule_away");
   one.query("alter table noetl.projection_snapshot rename to projection_snapshot_away");
   auto const got = one.get("/api/db/validate");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_FALSE(got.at("valid").get_boolean());
   EXPECT_EQ(names(got.at("missing")), (std::vector<std::string>{"schedule", "projection_snapshot"}));
   one.query("alter table noetl.schedule_away rename to schedule");
   one.query("alter table noetl.projection_snapshot_away rename to projection_snapshot");
   EXPECT_TRUE(one.get("/api/db/validate").at("valid").get_boolean());
}

TEST_F(database_check, every_shard_is_looked_at_and_one_that_is_away_is_503) {
   two_shards shards;
   site at(variables{{"NOETL_SHARDS", shards.setting()}});
   ASSERT_TRUE(at.get("/api/db/validate").at("valid").get_boolean());
   noetl::pg::connection db(shards.past_the_door(1));
   db.exec("alter table noetl.outbox rename to outbox_away");
   EXPECT_EQ(names(at.get("/api/db/validate").at("missing")), std::vector<std::string>{"outbox on shard 1"});
   db.exec("alter table noetl.outbox_away rename to outbox");
   shards.door(1).stop_accepting();
   EXPECT_EQ(at.get("/api/db/validate").status, 503U);
   EXPECT_EQ(at.get("/api/dashboard/stats").status, 503U);
   shards.door(1).start_accepting();
}
