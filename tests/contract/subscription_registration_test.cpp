// POST /api/subscriptions/register: http-platform.md section 8.1, requirements-checklist.md D (items 98-103, 111).
#include "contract/hand.hpp"
#include "contract/subscribing.hpp"

using namespace noetl::test;

TEST_F(subscriptions, register_answers_with_the_status_object_and_does_not_activate_items_99_111) {
   auto const path = listed(server());
   for (auto const* route : {"/api/subscriptions", "/api/subscriptions/register"}) {
      auto const mine = path + (route[18] == 0 ? "" : "-2");
      auto const entry = enroll(server(), subscription_yaml(mine));
      auto const got = server().post(route, path_body(mine));
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(shape(got.value), view_shape);
      EXPECT_EQ(got.at("path").get_string(), mine);
      EXPECT_EQ(got.at("catalog_id").get_string(), entry);
      EXPECT_EQ(got.at("state").get_string(), "REGISTERED");
      EXPECT_EQ(got.at("last_event_type").get_string(), "subscription.registered");
      EXPECT_TRUE(is_time(got.at("updated_at").get_string())) << got.body;
      EXPECT_GT(std::stoll(got.at("subscription_id").get_string()), std::int64_t{1} << 53);
      auto const again = server().get("/api/subscriptions/" + got.at("subscription_id").get_string());
      EXPECT_EQ(again.status, 200U);
      EXPECT_EQ(again.body, got.body) << "the same object from every call";
   }
}

TEST_F(subscriptions, register_needs_a_catalog_entry_whose_latest_version_is_a_subscription_item_98) {
   EXPECT_TRUE(is_error(subscribe(server(), "no/such"), 404, "'no/such' not found"));
   auto const path = fresh("subscriptions/kind");
   enroll(server(), subscription_yaml(path));
   enroll(server(), linear(path));
   EXPECT_TRUE(is_error(subscribe(server(), path), 422, "of kind 'playbook', not 'subscription'"));
   EXPECT_EQ(server().cell("select count(*) from noetl.event where node_name = '" + path + "'"), "0");
   enroll(server(), subscription_yaml(path));
   EXPECT_EQ(subscribe(server(), path).status, 200U);
   // Older servers stored the kind as it was written.
   auto const shouted = listed(server());
   server().query("insert into noetl.resource (name) values ('SubScription') on conflict do nothing");
   server().query("update noetl.catalog set kind = 'SubScription' where path = '" + shouted + "'");
   EXPECT_EQ(subscribe(server(), shouted).status, 200U);
   EXPECT_TRUE(is_error(server().post("/api/subscriptions", "{}"), 422, "path"));
   EXPECT_TRUE(is_error(server().post("/api/subscriptions/register", R"({"path":7})"), 422, "path"));
}

TEST_F(subscriptions, register_returns_a_live_one_unchanged_and_writes_nothing_item_100) {
   for (auto const* state : {"REGISTERED", "ACTIVE", "PAUSED", "DRAINING"}) {
      auto const path = listed(server());
      auto const id = subscribed(server(), path, state);
      enroll(server(), subscription_yaml(path)); // a newer version of the document changes nothing
      auto const before = server().get("/api/subscriptions/" + id).body;
      auto const count = events_of(id);
      auto const got = subscribe(server(), path);
      EXPECT_EQ(got.status, 200U);
      EXPECT_EQ(got.body, before);
      EXPECT_EQ(events_of(id), count);
   }
}

TEST_F(subscriptions, register_after_deactivation_mints_a_new_id_items_102_103) {
   auto const path = listed(server());
   auto const first = subscribed(server(), path, "DEACTIVATED");
   auto const second = subscribed(server(), path);
   EXPECT_NE(first, second);
   EXPECT_EQ(state_of(first), "DEACTIVATED");
   EXPECT_EQ(subscribed(server(), path), second);
   // The old one may be activated again. Then both live; register returns the one that changed last.
   EXPECT_EQ(act(server(), first, "activate").status, 200U);
   EXPECT_EQ(subscribed(server(), path), first);
   EXPECT_EQ(act(server(), first, "deactivate").status, 200U);
   EXPECT_EQ(subscribed(server(), path), second) << "the one that still lives";
   EXPECT_EQ(act(server(), second, "deactivate").status, 200U);
   auto const third = subscribed(server(), path);
   EXPECT_NE(third, first);
   EXPECT_NE(third, second);
}

TEST_F(subscriptions, a_registration_begun_by_a_server_that_died_is_completed_item_101) {
   auto const path = listed(server());
   auto const promised = minted_id();
   server().query("insert into noetl.subscription_path (path, subscription_id) values ('" + path + "', " + promised +
                  ")");
   EXPECT_EQ(subscribed(server(), path), promised);
   EXPECT_EQ(transitions_of(server(), promised), "registered");
   // A row whose log was purged does not count.
   server().query("delete from noetl.event where execution_id = " + promised);
   EXPECT_NE(subscribed(server(), path), promised);
}

TEST_F(subscriptions, fifty_registrations_of_a_fresh_path_get_one_id_item_101_D70) {
   for (int round = 0; round < 3; ++round) {
      auto const path = listed(server());
      std::set<std::string> ids;
      for (auto const& got :
           server().post_together("/api/subscriptions/register", std::vector<std::string>(50, path_body(path)))) {
         ASSERT_EQ(got.status, 200U) << got.body;
         EXPECT_EQ(got.at("state").get_string(), "REGISTERED");
         ids.insert(got.at("subscription_id").get_string());
      }
      EXPECT_EQ(ids.size(), 1U);
      EXPECT_EQ(server().cell("select count(*) from noetl.event where node_name = '" + path + "'"), "1");
   }
}
