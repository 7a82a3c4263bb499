// What subscriptions say in JSON and SQL (items 111, 112, 114), and their memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include <noetl/control_plane/subscription_aggregate.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/events/detail/idempotency.hpp>
#include <noetl/pg/migrations.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {
namespace {

TEST(subscription_view, ids_are_strings_and_an_unknown_time_is_left_out_item_111) {
   subscription_view view;
   view.subscription_id = subscription_id{382436020831916032};
   view.path = "a/b";
   view.catalog_id = catalog_id{7};
   view.state = "ACTIVE";
   view.last_event_type = "subscription.activated";
   std::string const plain =
       R"({"subscription_id":"382436020831916032","path":"a/b","catalog_id":"7","state":"ACTIVE",)"
       R"("last_event_type":"subscription.activated")";
   EXPECT_EQ(to_json(view), plain + "}");
   view.updated_at = from_rfc3339("2026-01-31T12:00:00.25Z").value();
   EXPECT_EQ(to_json(view), plain + R"(,"updated_at":"2026-01-31T12:00:00.250Z"})");
}

TEST(subscription_log, its_condition_is_that_of_the_partial_indexes_item_112) {
   int found = 0;
   for (auto const& migration : pg::migrations)
      for (auto const& step : migration.steps) {
         if (step.kind != pg::step_kind::index || !step.name.starts_with("ix_event_subscription")) continue;
         ++found;
         EXPECT_TRUE(step.sql.ends_with("where " + detail::is_lifecycle_event())) << step.sql;
      }
   EXPECT_EQ(found, 3) << "an index that does not know the condition is not used";
}

TEST(subscription_aggregate, every_event_says_all_of_it_and_why_item_114) {
   event fact;
   fact.created_at = from_rfc3339("2026-01-31T12:00:00Z").value();
   subscription_aggregate::describe(fact, aggregate_id{5}, {"a/b", catalog_id{7}});
   noetl::detail::add_change(fact.meta, {{}, {}, "because"});
   EXPECT_EQ(fact.catalog_id, catalog_id{7});
   EXPECT_EQ(fact.node_name, "a/b");
   EXPECT_EQ(fact.context.text, R"({"subscription_id":"5","path":"a/b","catalog_id":"7"})");
   EXPECT_EQ(fact.meta.text, R"({"emitted_at":"2026-01-31T12:00:00Z","emitter":"control_plane",)"
                             R"("subscription_lifecycle":true,"reason":"because"})");
   EXPECT_TRUE(fact.result.empty());
}

} // namespace
} // namespace noetl::control_plane
