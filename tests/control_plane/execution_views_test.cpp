// Read models over rows that other producers wrote, and while somebody writes.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <noetl/control_plane/execution_list.hpp>
#include <noetl/control_plane/execution_views.hpp>
#include <noetl/pg/migrate.hpp>

#include "pg/test_database.hpp"

namespace noetl::test {
namespace {

namespace cp = noetl::control_plane;

class execution_views : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      own.emplace();
      ASSERT_TRUE(pg::migrate(own->settings()));
      shards.emplace(std::vector{own->settings()}, std::nullopt);
      db = std::make_unique<pg::connection>(own->settings());
   }
   template <class T>
   static boost::asio::awaitable<void> keep(boost::asio::awaitable<T> work, std::optional<T>& out) {
      auto got = co_await std::move(work);
      out.emplace(std::move(got));
   }
   template <class T>
   static T get(boost::asio::awaitable<T> work) {
      boost::asio::io_context io;
      std::optional<T> out;
      boost::asio::co_spawn(io, keep(std::move(work), out), boost::asio::detached);
      io.run();
      return std::move(out).value();
   }
   void add(std::int64_t execution, std::int64_t event, std::string const& type, std::string const& status) {
      db->exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, created_at) "
               "values ($1, $2::bigint, 7, $3, $4, timestamp '2026-01-01' + $2::bigint * interval '1 second')",
               execution, event, type, status);
   }
   std::optional<database> own;
   std::optional<pg::shard_map> shards;
   std::unique_ptr<pg::connection> db;
};

TEST_F(execution_views, an_execution_with_two_start_events_is_listed_once) {
   for (int execution : {1, 2, 3}) {
      add(execution, execution * 10, "playbook.initialized", "STARTED");
      add(execution, execution * 10 + 1, "playbook_started", "STARTED");
      add(execution, execution * 10 + 2, "playbook.started", "STARTED");
   }
   cp::execution_list list(*shards);
   cp::execution_filter filter;
   filter.catalog_id = catalog_id{7};
   auto const found = get(list.page(filter));
   ASSERT_TRUE(found) << found.error().message;
   auto const& entries = found->entries;
   ASSERT_EQ(entries.size(), 3U);
   for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(entries[i].execution_id.value, static_cast<std::int64_t>(3 - i));
      EXPECT_EQ(entries[i].event_count, 3);
      EXPECT_EQ(entries[i].started_at,
                *from_sql("2026-01-01 00:00:00") + std::chrono::seconds(entries[i].execution_id.value * 10));
   }
   EXPECT_FALSE(found->next);
   filter.limit = filter.offset = 1;
   auto const page = get(list.page(filter));
   ASSERT_TRUE(page);
   ASSERT_EQ(page->entries.size(), 1U);
   EXPECT_EQ(page->entries.front().execution_id.value, 2) << "the window counts executions";
   EXPECT_EQ(page->next, execution_id{2});
}

TEST_F(execution_views, the_list_takes_the_state_from_the_head_and_without_one_from_the_log) {
   for (int execution : {1, 2, 3, 4}) add(execution, execution * 10, "playbook_started", "STARTED");
   add(2, 25, "playbook_failed", "FAILED");
   add(3, 35, "playbook_cancelled", "CANCELLED");
   add(4, 45, "playbook.completed", "COMPLETED");
   db->exec("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status)"
            " values (3, 2, 2, 7, 'CANCELLED'), (4, 2, 2, 7, 'PROJECTED')");
   cp::execution_list list(*shards);
   auto const found = get(list.page({}));
   ASSERT_TRUE(found) << found.error().message;
   std::string states;
   for (auto const& one : found->entries) states += one.status + (one.completed_at ? "+" : "-") + " ";
   EXPECT_EQ(states, "COMPLETED+ CANCELLED+ FAILED+ RUNNING- ");
   cp::execution_filter filter;
   filter.status = "FAILED";
   auto const failed = get(list.page(filter));
   ASSERT_TRUE(failed);
   ASSERT_EQ(failed->entries.size(), 1U);
   EXPECT_EQ(failed->entries.front().execution_id.value, 2);
}

// The end comes and goes, so that a read which looks twice sees both states soon.
TEST_F(execution_views, status_and_events_of_a_detail_are_of_one_moment) {
   add(1, 1, "playbook_started", "STARTED");
   std::atomic<bool> stop{false};
   std::thread writer([&] {
      while (!stop) {
         add(1, 2, "playbook.completed", "COMPLETED");
         db->exec("delete from noetl.event where execution_id = 1 and event_id = 2");
      }
   });
   cp::execution_views views(*shards);
   int ended = 0;
   int running = 0;
   int torn = 0;
   for (int i = 0; i < 1000 && torn == 0 && (ended < 30 || running < 30); ++i) {
      auto const view = get(views.find(execution_id{1}));
      if (!view) {
         ADD_FAILURE() << view.error().message;
         break;
      }
      bool const done = view->status == "COMPLETED";
      ++(done ? ended : running);
      if (view->events.size() != (done ? 2U : 1U)) ++torn;
   }
   stop = true;
   writer.join();
   EXPECT_EQ(torn, 0) << "after " << ended + running << " reads";
   EXPECT_GT(ended, 0);
   EXPECT_GT(running, 0);
}

} // namespace
} // namespace noetl::test
