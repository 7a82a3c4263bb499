// Executions of a deployment with two shards: lists, pages, a cascade and a shard that is away. goals.md, issue of the
// workflow engine.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <noetl/core/shard.hpp>

#include "contract/hand.hpp"
#include "contract/two_shards.hpp"

using namespace noetl::test;

namespace {

struct execution_shards : testing::Test {
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      shards.emplace();
      home = std::make_unique<site>(variables{{"NOETL_SHARDS", shards->setting()}});
      path = fresh("shards/linear");
      enroll(*home, linear(path));
   }
   static std::uint32_t shard_of(std::string const& id) {
      return noetl::shard_for(noetl::execution_id{std::stoll(id)}, 2);
   }
   std::string child_of(std::string const& parent) {
      return execute(*home, path, R"(,"parent_execution_id":)" + parent);
   }
   std::string status(std::string const& execution) {
      return home->get("/api/executions/" + execution + "/status").at("status").get_string();
   }

   std::optional<two_shards> shards;
   std::unique_ptr<site> home;
   std::string path;
};

} // namespace

TEST_F(execution_shards, a_cascade_reaches_children_on_every_shard) {
   auto const root = execute(*home, path);
   // Children and grandchildren until both shards have both.
   std::vector<std::string> all{root};
   std::set<std::uint32_t> children, grandchildren;
   for (int i = 0; i < 40 && (children.size() < 2 || grandchildren.size() < 2); ++i) {
      auto const child = child_of(root);
      auto const grandchild = child_of(child);
      children.insert(shard_of(child));
      if (shard_of(child) != shard_of(grandchild)) grandchildren.insert(shard_of(grandchild));
      all.insert(all.end(), {child, grandchild});
   }
   ASSERT_EQ(children.size() + grandchildren.size(), 4U) << "from each shard to the other";
   for (auto const& id : all) {
      EXPECT_GE(shards->stored(shard_of(id), "execution_id = " + id), 2) << "on the shard of its id";
      EXPECT_EQ(shards->stored(1 - shard_of(id), "execution_id = " + id), 0);
   }

   auto const got = home->post("/api/executions/" + root + "/cancel", R"({"cascade":true})");
   ASSERT_EQ(got.status, 200U) << got.body;
   std::vector<std::string> ended;
   for (auto const& id : got.at("cancelled_executions").get_array()) ended.push_back(id.get_string());
   std::ranges::sort(ended);
   std::ranges::sort(all);
   EXPECT_EQ(ended, all);
   for (auto const& id : all) EXPECT_EQ(status(id), "CANCELLED");
}

TEST_F(execution_shards, pages_of_the_list_hold_each_execution_of_both_shards_once_and_newest_first) {
   std::vector<std::string> all;
   std::set<std::uint32_t> used;
   for (int i = 0; i < 40 && (all.size() < 9 || used.size() < 2); ++i) {
      all.push_back(execute(*home, path));
      used.insert(shard_of(all.back()));
   }
   ASSERT_EQ(used.size(), 2U);
   std::ranges::reverse(all);

   std::vector<std::string> paged;
   for (std::string after; paged.size() <= all.size();) {
      auto const got = home->get("/api/executions?limit=2" + after);
      ASSERT_EQ(got.status, 200U) << got.body;
      for (auto const& one : got.value.get_array()) paged.push_back(number(one.at("execution_id")));
      if (got.header("x-next-after").empty()) break;
      after = "&after=" + std::string(got.header("x-next-after"));
   }
   EXPECT_EQ(paged, all);
}

TEST_F(execution_shards, a_shard_that_is_away_takes_only_its_own_executions_with_it) {
   std::vector<std::string> of(2);
   for (int i = 0; i < 40 && (of[0].empty() || of[1].empty()); ++i) {
      auto const id = execute(*home, path);
      of[shard_of(id)] = id;
   }
   ASSERT_FALSE(of[0].empty() || of[1].empty());
   shards->door(1).stop_accepting();
   EXPECT_EQ(home->get("/api/executions/" + of[0] + "/status").status, 200U);
   EXPECT_EQ(home->get("/api/executions/" + of[1] + "/status").status, 503U);
   EXPECT_EQ(home->get("/api/executions").status, 503U) << "half a list would look whole";
   EXPECT_EQ(home->post("/api/executions/" + of[0] + "/cancel", R"({"cascade":false})").status, 200U);

   // A child whose parent cannot be read is started, or not: never stored and denied.
   std::int64_t started = 0;
   for (int i = 0; i < 16; ++i) {
      auto const got = home->post("/api/execute", R"({"path":")" + path + R"(","parent_execution_id":)" + of[1] + "}");
      EXPECT_TRUE(got.status == 200 || got.status == 503) << got.body; // by the shard of its id
      started += got.status == 200 ? 1 : 0;
   }
   EXPECT_GT(started, 0) << "all 16 on the shard that is away: once in 65,536 runs";
   EXPECT_EQ(shards->stored(0, "event_type = 'playbook_started' and parent_execution_id = " + of[1]), started);
}
