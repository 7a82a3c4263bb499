// Work that services repeat: what a pass throws, and a shard that is away, hold up nothing else.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/claim_leases.hpp>
#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/control_plane/reconciler.hpp>
#include <noetl/control_plane/worker_pools.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/shards.hpp>

#include "pg/blocking.hpp"
#include "pg/migrated_database.hpp"
#include "support/eventually.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

awaitable<std::chrono::milliseconds> throw_twice(int& passes) {
   if (++passes < 3) throw std::runtime_error("pass " + std::to_string(passes));
   co_return std::chrono::hours(1);
}

TEST(run_forever, goes_on_after_a_pass_that_threw) {
   boost::asio::io_context io;
   int passes = 0;
   control_plane::detail::run_forever(io.get_executor(), "test", 1ms, [&] { return throw_twice(passes); });
   io.run_for(2s);
   EXPECT_EQ(passes, 3);
}

/// A store over databases of which one is away, on a thread of its own.
class half_a_store {
public:
   half_a_store(pg::settings const& good, std::size_t away)
       : shards_(settings(good, away)), ids_(1), guard_(io.get_executor()), store(shards_, ids_),
         thread_([this] { io.run(); }) {}
   ~half_a_store() { stop(); }
   void stop() {
      io.stop();
      if (thread_.joinable()) thread_.join();
   }
   /// An id of shard 0, the n-th.
   execution_id on_first(int n) {
      execution_id id{1};
      for (;; ++id.value)
         if (shards_.index_of(id) == 0 && n-- == 0) return id;
   }

private:
   static std::vector<pg::settings> settings(pg::settings const& good, std::size_t away) {
      std::vector<pg::settings> out(2, good);
      out[away].port = 1; // nobody listens there
      out[away].acquire_timeout = 50ms;
      return out;
   }

public:
   boost::asio::io_context io; // outlives the pools, whose threads answer on it

private:
   pg::shard_map shards_;
   snowflake ids_;
   boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;

public:
   event_store store;

private:
   std::thread thread_;
};

struct repeated_work : migrated_database {
   void SetUp() override {
      migrated_database::SetUp();
      if (IsSkipped()) return;
      db_->script(
          "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status, updated_at) "
          "values (71, 1, 0, 1, 'RUNNING', now() - interval '1 hour')");
   }
   /// A running execution without events.
   void running(execution_id id) {
      db_->script(
          "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) values (" +
          std::to_string(id.value) + ", 1, 0, 1, 'RUNNING')");
   }
   /// A command of it, held by `worker` since `age` ago.
   void held(execution_id id, int number, std::string const& worker, int attempt, std::string const& age,
             std::string const& status = "CLAIMED") {
      auto const n = std::to_string(number);
      db_->script("insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name, status, "
                  "worker_id, attempt, claimed_at) values (" +
                  n + ", " + n + ", " + std::to_string(id.value) + ", 1, 's', '" + status + "', '" + worker + "', " +
                  std::to_string(attempt) + ", now() - interval '" + age + "')");
   }
};

TEST_F(repeated_work, a_shard_that_is_away_hides_no_other_from_the_reconciler_and_wakes_nobody_twice) {
   for (std::size_t away : {0U, 1U}) {
      std::mutex lock;
      std::vector<execution_id> woken;
      int looks = 0;
      half_a_store half(database_->settings(), away);
      control_plane::reconciler reconciler(
          half.io.get_executor(), half.store,
          [&](execution_id id) {
             std::lock_guard const held(lock);
             woken.push_back(id);
          },
          [] { return std::size_t{0}; }, [] { return std::vector<execution_id>{}; },
          [&](std::size_t shard) -> awaitable<result<std::size_t>> {
             std::lock_guard const held(lock);
             if (shard != away) ++looks;
             co_return std::size_t{0};
          },
          {.interval = 100ms, .retry = 10ms});
      reconciler.start();
      EXPECT_TRUE(eventually([&] {
         std::lock_guard const held(lock);
         return looks > 3;
      })) << "shard "
          << away << " is away";
      half.stop();
      EXPECT_EQ(woken, std::vector{execution_id{71}});
      EXPECT_EQ(reconciler.passes(), 0U) << "not every shard was seen";
   }
}

TEST_F(repeated_work, a_shard_that_is_away_and_an_append_that_fails_stop_no_lease) {
   half_a_store half(database_->settings(), 1); // the executions live on shard 0, where the cluster tables are
   for (int n = 0; n < 2; ++n) {
      running(half.on_first(n));
      held(half.on_first(n), n + 1, "gone", 3, "1 hour");
   }
   // The first lost command is given up in vain, in every pass.
   db_->script("alter table noetl.event add constraint refuse check (execution_id <> " +
               std::to_string(half.on_first(0).value) + ")");
   snowflake ids(2);
   control_plane::claim_leases leases(half.io.get_executor(), half.store, ids, {.lease = 1s, .interval = 50ms});
   leases.start();
   EXPECT_TRUE(eventually([&] { return leases.stats().given_up > 0; }));
   std::this_thread::sleep_for(200ms);
   half.stop();
   EXPECT_EQ(leases.stats().given_up, 1U) << "what was not stored does not count";
   EXPECT_EQ(db_->exec("select count(*) from noetl.event where event_type = 'command.failed'")[0].get<int>(0), 1);
}

TEST_F(repeated_work, W8_a_limit_ends_old_claims_also_without_leases_and_says_why) {
   half_a_store half(database_->settings(), 1);
   for (int n = 0; n < 2; ++n) {
      running(half.on_first(n));
      held(half.on_first(n), 1, "w", 1, n == 0 ? "1 hour" : "1 minute");
   }
   snowflake ids(2);
   control_plane::claim_leases leases(half.io.get_executor(), half.store, ids,
                                      {.lease = 0s, .limit = 600s, .interval = 50ms});
   leases.start();
   EXPECT_TRUE(eventually([&] { return leases.stats().offered_again > 0; }));
   std::this_thread::sleep_for(200ms);
   half.stop();
   EXPECT_EQ(leases.stats().offered_again, 1U);
   auto const told = db_->exec("select result::text from noetl.event where event_type = 'command.lease_expired'");
   ASSERT_EQ(told.size(), 1U);
   EXPECT_NE(told[0].get<std::string>(0).find("worker w has not reported within 600 s; attempts: 2"),
             std::string::npos);
}

TEST_F(repeated_work, W8_the_next_process_of_a_name_takes_the_claims_on_every_shard_that_answers) {
   half_a_store half(database_->settings(), 1);
   auto const id = half.on_first(0);
   running(id);
   held(id, 1, "w", 1, "1 minute");
   held(id, 2, "w", 1, "1 minute", "COMPLETED");
   snowflake ids(2);
   auto const owner = [&](bool leased) {
      control_plane::worker_pool_service pools(half.store.shards(), ids, {.leased_claims = leased});
      control_plane::runtime_registration who;
      who.name = "w";
      who.runtime = raw_json{R"({"worker_public_key":"k"})"};
      EXPECT_TRUE(blocking(pools.enroll(std::move(who))).has_value());
      db_->script("delete from noetl.runtime");
      auto const found = db_->exec("select string_agg(worker_id, ',' order by command_id) from noetl.command");
      return found[0].get<std::string>(0);
   };
   EXPECT_EQ(owner(false), "w,w");
   EXPECT_EQ(owner(true), "w (replaced),w");
}

} // namespace
} // namespace noetl::test
