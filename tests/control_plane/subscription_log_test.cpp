// What subscriptions say in JSON and SQL (items 111, 112, 114), and their memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include <noetl/control_plane/subscription_cache.hpp>
#include <noetl/control_plane/subscription_events.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/pg/migrations.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {
namespace {

subscription_record record(std::int64_t id, std::int64_t version = 1) {
   subscription_record r;
   r.subscription_id = subscription_id{id};
   r.catalog_id = catalog_id{7};
   r.path = "a/b";
   r.status = "ACTIVE";
   r.event_type = "subscription.activated";
   r.event_id = event_id{99};
   r.version = version;
   return r;
}

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

TEST(subscription_append, expects_what_it_is_told_and_marks_the_head_item_114) {
   auto after = record(5);
   after.created_at = from_rfc3339("2026-01-31T12:00:00Z").value();
   expected const unmoved{expected::undecided_since, 3};
   auto const append = detail::lifecycle_append(after, unmoved, "because");
   EXPECT_EQ(append.execution_id, execution_id{5});
   EXPECT_EQ(append.expect.what, expected::undecided_since);
   EXPECT_EQ(append.expect.version, 3);
   EXPECT_EQ(append.head_status, "ACTIVE");
   ASSERT_EQ(append.events.size(), 1U);
   EXPECT_EQ(append.events[0].context.text, R"({"subscription_id":"5","path":"a/b","catalog_id":"7"})");
   EXPECT_EQ(append.events[0].meta.text, R"({"emitted_at":"2026-01-31T12:00:00Z","emitter":"control_plane",)"
                                         R"("subscription_lifecycle":true,"reason":"because"})");
   EXPECT_TRUE(append.events[0].result.empty());
}

TEST(subscription_cache, keeps_the_newest_and_never_more_than_its_limit) {
   subscription_cache cache(2);
   EXPECT_FALSE(cache.find(subscription_id{1}));
   cache.put(record(1, 5));
   cache.put(record(1, 4)); // arrived late
   EXPECT_EQ(cache.find(subscription_id{1})->version, 5);
   cache.put(record(1, 6));
   EXPECT_EQ(cache.find(subscription_id{1})->version, 6);
   cache.drop(subscription_id{1});
   EXPECT_FALSE(cache.find(subscription_id{1}));
   int kept = 0;
   for (std::int64_t id = 1; id <= 5; ++id) cache.put(record(id));
   for (std::int64_t id = 1; id <= 5; ++id) kept += cache.find(subscription_id{id}) ? 1 : 0;
   EXPECT_LE(kept, 2);
   EXPECT_TRUE(cache.find(subscription_id{5}));
}

} // namespace
} // namespace noetl::control_plane
