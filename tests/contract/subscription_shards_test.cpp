// Subscriptions of a deployment with two shards and a cluster database of its own (items 112, 115).
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <noetl/core/shard.hpp>

#include "contract/subscribing.hpp"
#include "contract/two_shards.hpp"

using namespace noetl::test;

namespace {

struct subscription_shards : testing::Test {
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      shards.emplace();
      // Without prepared statements, so that the gates see each text each time.
      home = std::make_unique<site>(
          variables{{"NOETL_SHARDS", shards->setting()}, {"NOETL_PG_STATEMENT_CACHE_CAPACITY", "0"}});
   }
   static int count(std::string const& text, std::string const& part) {
      int found = 0;
      for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
      return found;
   }
   std::optional<two_shards> shards;
   std::unique_ptr<site> home;
};

} // namespace

TEST_F(subscription_shards, live_on_the_shard_of_their_id_and_are_listed_across_all_items_112_115) {
   std::vector<std::string> ids;
   std::set<std::uint32_t> used;
   // Until both shards have at least two.
   for (int i = 0; i < 40 && (ids.size() < 8 || used.size() < 2); ++i) {
      auto const path = listed(*home);
      auto const id = subscribed(*home, path, i % 2 == 0 ? "ACTIVE" : "PAUSED");
      auto const shard = noetl::shard_for(noetl::execution_id{std::stoll(id)}, 2);
      used.insert(shard);
      ids.push_back(id);
      EXPECT_GE(shards->stored(shard, "execution_id = " + id), 2) << "on the shard of its id";
      EXPECT_EQ(shards->stored(1 - shard, "execution_id = " + id), 0);
      EXPECT_EQ(subscribed(*home, path), id) << "found again, on whatever shard it lives";
   }
   ASSERT_EQ(used.size(), 2U);

   auto const all = home->get("/api/subscriptions");
   std::vector<std::int64_t> listed_ids;
   for (auto const& one : all.at("subscriptions").get_array())
      listed_ids.push_back(std::stoll(one.at("subscription_id").get_string()));
   std::vector<std::int64_t> wanted;
   for (auto const& id : ids) wanted.push_back(std::stoll(id));
   std::ranges::sort(wanted, [](std::int64_t a, std::int64_t b) {
      auto const shard = [](std::int64_t id) { return noetl::shard_for(noetl::execution_id{id}, 2); };
      return shard(a) != shard(b) ? shard(a) < shard(b) : a < b;
   });
   EXPECT_EQ(listed_ids, wanted) << "shard by shard, by id";

   std::vector<std::int64_t> paged;
   for (std::string after; paged.size() <= wanted.size();) {
      auto const page = home->get("/api/subscriptions?limit=3" + after);
      ASSERT_EQ(page.status, 200U) << page.body;
      for (auto const& one : page.at("subscriptions").get_array()) {
         EXPECT_NE(one.at("path").get_string(), "");
         paged.push_back(std::stoll(one.at("subscription_id").get_string()));
      }
      if (page.value.find("next") == nullptr) break;
      after = "&after=" + page.at("next").get_string();
   }
   std::ranges::sort(wanted);
   EXPECT_EQ(paged, wanted) << "pages are in the order of the ids, across shards";
   auto const active = home->get("/api/subscriptions?state=ACTIVE").at("subscriptions").get_array().size();
   EXPECT_EQ(active, (ids.size() + 1) / 2);
}

TEST_F(subscription_shards, a_thousand_are_listed_with_two_queries_for_each_database_at_most_item_112) {
   auto const path = listed(*home);
   auto const id = subscribed(*home, path, "ACTIVE");
   noetl::pg::connection catalog(shards->past_the_door(0));
   auto const entry =
       catalog.exec("select catalog_id from noetl.catalog where path = $1", path)[0].get<std::int64_t>(0);
   for (std::size_t shard = 0; shard < 2; ++shard) {
      noetl::pg::connection db(shards->past_the_door(shard));
      // Ids of our own, each a subscription that was registered and activated by an older server.
      db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, node_name) "
              "select $1 + n, $1 + n + s, $2, case s when 1 then 'subscription.registered' else "
              "'subscription.activated' end, "
              "case s when 1 then 'REGISTERED' else 'ACTIVE' end, 'bulk' from generate_series(1, 500) n, "
              "generate_series(1, 2) s",
              static_cast<std::int64_t>(1'000'000 * (shard + 1)), entry);
      shards->door(shard).listen_in();
   }
   auto const all = home->get("/api/subscriptions?state=ACTIVE");
   ASSERT_EQ(all.status, 200U);
   EXPECT_EQ(all.at("subscriptions").get_array().size(), 1001U);
   for (auto const& one : all.at("subscriptions").get_array()) EXPECT_EQ(one.at("path").get_string(), path);
   for (std::size_t shard = 0; shard < 2; ++shard) {
      auto const heard = shards->door(shard).heard();
      EXPECT_EQ(count(heard, "'subscription.registered'"), 1) << "one statement about events";
      EXPECT_EQ(count(heard, "from noetl.catalog"), shard == 0 ? 1 : 0) << "one for all paths";
   }
}
