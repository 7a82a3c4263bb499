#include "store_fixture.hpp"

#include <thread>

#include <noetl/events/projection.hpp>
#include <noetl/reflect/json_read.hpp>

#include "pg/baseline.hpp"

namespace noetl::test {
namespace {

class projection_test : public store_fixture {
protected:
   static projected_event row(execution_id execution, std::int64_t id, std::string type = "call.done") {
      projected_event e;
      e.execution_id = execution;
      e.event_id = event_id{id};
      e.event_type = std::move(type);
      return e;
   }
   static projection_outcome store(event_projection& into, std::vector<projected_event> events) {
      auto const got = blocking(into.store(std::move(events)));
      EXPECT_TRUE(got) << got.error().message << " " << got.error().detail;
      return got ? *got : projection_outcome{};
   }
};

TEST_F(projection_test, positions_go_on_where_the_store_is_and_the_store_goes_on_after_them) {
   replica r(database_->settings(), 2);
   event_projection projection(r.shards);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   EXPECT_EQ(store(projection, {row(id, 5), row(id, 4), row(id, 5)}).projected, 2U);
   auto const after = append(r.store, one(id, fact("step.exit")));
   ASSERT_TRUE(after);
   EXPECT_EQ(after->version, 4);
   auto const log = load(r.store, id);
   ASSERT_EQ(log.size(), 4U);
   EXPECT_EQ(log[1].event_id, event_id{5}) << "in the order they came";
   EXPECT_EQ(log[2].event_id, event_id{4});
   EXPECT_EQ(log[2].catalog_id, catalog_id{7});
   EXPECT_EQ(ask<std::string>("select status from noetl.stream_head where execution_id = $1", id), "RUNNING");
}

TEST_F(projection_test, rows_of_an_older_server_are_counted_in) {
   replica r(database_->settings(), 2);
   event_projection projection(r.shards);
   execution_id const id{ids_.next()};
   {
      pg::connection db(database_->settings());
      db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type) select $1, n, 9, 'x' from "
              "generate_series(1, 3) n",
              id);
   }
   EXPECT_EQ(store(projection, {row(id, 2), row(id, 8)}).duplicates, 1U);
   auto const log = load(r.store, id);
   ASSERT_EQ(log.size(), 4U);
   EXPECT_EQ(log[3].stream_version, 4);
   EXPECT_EQ(log[3].catalog_id, catalog_id{9});
}

TEST_F(projection_test, what_was_only_recorded_is_nobodys_to_drive_until_it_is_reported_about) {
   replica r(database_->settings(), 2);
   event_projection projection(r.shards);
   execution_id const running{ids_.next()}, ended{ids_.next()};
   store(projection, {row(running, 1), row(ended, 2), row(ended, 3, "playbook.completed")});
   auto const seen = [&](execution_id id) {
      auto const heads = blocking(r.store.running(0, execution_id{std::numeric_limits<std::int64_t>::max()}, 10'000));
      return std::ranges::any_of(*heads, [&](stream_head const& head) { return head.execution_id == id; });
   };
   EXPECT_FALSE(seen(running));
   ASSERT_TRUE(append(r.store, one(running, fact("note"))));
   EXPECT_TRUE(seen(running));
   ASSERT_TRUE(append(r.store, one(ended, fact("note"))));
   EXPECT_FALSE(seen(ended));
   EXPECT_EQ(ask<std::string>("select status from noetl.stream_head where execution_id = $1", ended), "COMPLETED");
}

TEST_F(projection_test, the_same_rows_from_many_callers_and_appends_beside_them_leave_no_hole) {
   replica r(database_->settings(), 2);
   event_projection projection(r.shards);
   std::vector<execution_id> ids;
   for (int i = 0; i < 5; ++i) ids.push_back(execution_id{ids_.next()});
   for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(append(r.store, started(ids[i])));
   std::vector<projected_event> batch;
   for (int n = 1; n <= 100; ++n)
      for (auto const id : ids) batch.push_back(row(id, n));
   std::atomic<std::size_t> projected{0};
   {
      std::vector<std::jthread> callers;
      for (int i = 0; i < 4; ++i) callers.emplace_back([&] { projected += store(projection, batch).projected; });
      for (int n = 0; n < 50; ++n) ASSERT_TRUE(append(r.store, one(ids[0], fact("step.enter"))));
   }
   EXPECT_EQ(projected, 500U);
   for (auto const id : ids)
      EXPECT_EQ(ask<bool>("select count(*) = max(e.stream_version) and count(*) = count(distinct e.stream_version) and "
                          "count(*) = (select version from noetl.stream_head h where h.execution_id = $1) "
                          "from noetl.event e where e.execution_id = $1",
                          id),
                true);
}

TEST_F(projection_test, D42_an_unknown_catalog_id_fails_alone_where_the_table_has_a_foreign_key) {
   database old("noetl_events");
   {
      pg::connection db(old.settings());
      make_baseline(db);
   }
   ASSERT_TRUE(pg::migrate(old.settings()));
   pg::shard_map shards(old.settings());
   event_projection projection(shards);
   execution_id const id{ids_.next()};
   auto good = row(id, 1), bad = row(execution_id{ids_.next()}, 2);
   good.catalog_id = catalog_id{5};
   auto const got = store(projection, {good, bad, row(id, 3)});
   EXPECT_EQ(got.projected, 2U);
   ASSERT_EQ(got.failed.size(), 1U);
   EXPECT_EQ(got.failed[0].event_id, event_id{2});
   EXPECT_NE(got.failed[0].error.find("catalog_id"), std::string::npos);
}

} // namespace
} // namespace noetl::test
