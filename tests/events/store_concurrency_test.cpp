// Two replicas on one database, faults in between.
#include "store_fixture.hpp"

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "pg/gate.hpp"
#include <noetl/core/snowflake.hpp>

namespace noetl::test {
namespace {

class store_concurrency_test : public store_fixture {
protected:
   /// Settings that go through a gate.
   static pg::settings through(gate const& g) {
      auto how = database_->settings();
      how.host = "127.0.0.1";
      how.port = g.port();
      return how;
   }
   static gate make_gate() { return gate(maintenance().host, maintenance().port); }
};

using answers = std::vector<std::promise<result<append_result>>>;

void send(event_store& store, append_request request, std::promise<result<append_result>>& answer) {
   store.append_then(std::move(request), [&answer](result<append_result> got) { answer.set_value(std::move(got)); });
}

TEST_F(store_concurrency_test, one_of_many_decisions_on_the_same_version_wins) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(a.store, started(id)));
   for (std::int64_t version = 1; version <= 10; ++version) {
      answers all(20);
      for (std::size_t i = 0; i < all.size(); ++i) {
         auto request = one(id, fact("decision"));
         request.expect = {expected::exactly, version};
         send((i % 2 ? a : b).store, request, all[i]);
      }
      int won = 0;
      for (auto& each : all) {
         auto const got = each.get_future().get();
         won += got.has_value();
         if (!got) {
            EXPECT_EQ(got.error().code, error_code::conflict) << got.error().message << got.error().detail;
         }
      }
      EXPECT_EQ(won, 1);
   }
   EXPECT_EQ(load(a.store, id).size(), 11U);
}

TEST_F(store_concurrency_test, one_of_many_starts_of_the_same_execution_wins) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   execution_id const id{ids_.next()};
   answers all(40);
   for (std::size_t i = 0; i < all.size(); ++i) send((i % 2 ? a : b).store, started(id), all[i]);
   int won = 0;
   for (auto& each : all) won += each.get_future().get().has_value();
   EXPECT_EQ(won, 1);
   EXPECT_EQ(load(a.store, id).size(), 1U);
}

TEST_F(store_concurrency_test, W10_the_same_event_posted_a_thousand_times_is_one_row_with_equal_answers) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(a.store, started(id)));
   auto request = one(id, fact("call.done"));
   request.ids_from_client = true;
   request.events[0].event_id = event_id{ids_.next()};
   answers all(1000);
   for (std::size_t i = 0; i < all.size(); ++i) send((i % 2 ? a : b).store, request, all[i]);
   int written = 0;
   for (auto& each : all) {
      auto const got = each.get_future().get();
      ASSERT_TRUE(got) << got.error().message << " " << got.error().detail;
      EXPECT_EQ(got->event_ids, std::vector{request.events[0].event_id});
      EXPECT_EQ(got->version, 2);
      written += !got->duplicate;
   }
   EXPECT_EQ(written, 1);
   EXPECT_EQ(load(a.store, id).size(), 2U);
}

TEST_F(store_concurrency_test, versions_have_no_holes_and_no_repeats_with_two_writers) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   std::vector<execution_id> ids;
   for (int i = 0; i < 5; ++i) {
      ids.emplace_back(ids_.next());
      ASSERT_TRUE(append(a.store, started(ids.back())));
   }
   answers all(1000);
   for (std::size_t i = 0; i < all.size(); ++i) send((i % 3 ? a : b).store, one(ids[i % 5], fact("x")), all[i]);
   for (auto& each : all) {
      auto const got = each.get_future().get();
      EXPECT_TRUE(got) << got.error().message << got.error().detail;
   }
   for (auto id : ids) {
      std::int64_t version = 0;
      for (auto const& e : load(b.store, id)) EXPECT_EQ(e.stream_version, ++version);
      EXPECT_EQ(version, 201);
      EXPECT_EQ(blocking(a.store.head(id)).value()->version, 201);
   }
}

TEST_F(store_concurrency_test, a_claim_raced_by_many_workers_has_one_winner) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   execution_id const id{ids_.next()};
   event_id const issued{ids_.next()};
   auto request = started(id);
   request.events.push_back(fact("command.issued"));
   request.events.back().event_id = issued;
   request.commands.emplace_back();
   request.commands[0].event_id = issued;
   ASSERT_TRUE(append(a.store, request));
   answers all(50);
   for (std::size_t i = 0; i < all.size(); ++i) {
      auto claim = one(id, fact("command.claimed"));
      claim.updates = {{id, issued, "CLAIMED", "w" + std::to_string(i), {}, true}};
      send((i % 2 ? a : b).store, claim, all[i]);
   }
   std::set<std::string> refusals;
   int won = 0;
   for (auto& each : all) {
      auto const got = each.get_future().get();
      got ? (void)++won : (void)refusals.insert(got.error().message);
   }
   EXPECT_EQ(won, 1);
   EXPECT_EQ(refusals.size(), 1U); // all name the same owner
   EXPECT_EQ(load(a.store, id).size(), 3U);
}

TEST_F(store_concurrency_test, killed_connections_lose_nothing_that_was_acknowledged) {
   auto how = database_->settings();
   how.application_name = "noetl-victim";
   std::map<std::int64_t, int> told;
   replica r(how, 2);
   r.store.on_committed([&](std::span<event const> events) {
      for (auto const& e : events) ++told[e.event_id.value];
   });
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   std::atomic<bool> stop{false};
   std::atomic<int> rounds{0};
   std::thread killer([&] {
      pg::connection db(database_->settings());
      for (int i = 0; i < 15; ++i) {
         for (int const seen = rounds; rounds < seen + 2;) std::this_thread::sleep_for(std::chrono::milliseconds(1));
         db.exec("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'noetl-victim'");
      }
      stop = true;
   });
   std::vector<event_id> acknowledged;
   int refused = 0;
   while (!stop) {
      answers all(50);
      for (auto& each : all) send(r.store, one(id, fact("x")), each);
      for (auto& each : all) {
         auto const got = each.get_future().get();
         if (got) {
            acknowledged.push_back(got->event_ids[0]);
         } else {
            ++refused;
            EXPECT_EQ(got.error().code, error_code::unavailable) << got.error().message << got.error().detail;
         }
      }
      ++rounds;
   }
   killer.join();
   for (int i = 0; i < 100 && !append(r.store, one(id, fact("last"))); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
   std::set<std::int64_t> stored;
   std::int64_t version = 0;
   for (auto const& e : load(r.store, id)) {
      stored.insert(e.event_id.value);
      EXPECT_EQ(e.stream_version, ++version);
   }
   for (auto each : acknowledged) EXPECT_TRUE(stored.contains(each.value)) << "acknowledged and lost";
   r.stop();
   for (auto each : stored) EXPECT_EQ(told[each], 1) << "committed events are told exactly once";
   EXPECT_GT(acknowledged.size(), 100U);
   RecordProperty("refused", refused);
}

TEST_F(store_concurrency_test, a_commit_without_an_answer_is_looked_up_before_anything_is_said) {
   gate g(maintenance().host, maintenance().port);
   std::vector<std::int64_t> told;
   replica r(through(g), 2);
   r.store.on_committed([&](std::span<event const> events) {
      for (auto const& e : events) told.push_back(e.event_id.value);
   });
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   for (int i = 1; i <= 5; ++i) {
      g.lose_next_commit_answer();
      auto const got = append(r.store, one(id, fact("x")));
      ASSERT_TRUE(got) << got.error().message << got.error().detail;
      EXPECT_EQ(got->version, 1 + i);
   }
   EXPECT_EQ(g.commits_lost(), 5);
   EXPECT_EQ(load(r.store, id).size(), 6U);
   r.stop();
   EXPECT_EQ(told.size(), 6U);
   EXPECT_EQ(std::set(told.begin(), told.end()).size(), told.size());
}

TEST_F(store_concurrency_test, database_down_is_said_at_once_and_recovery_comes_by_itself) {
   gate g(maintenance().host, maintenance().port);
   replica r(through(g), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   g.stop_accepting();
   // The first calls may find a dying session; from then on the answer is immediate.
   for (int i = 0; i < 3; ++i) (void)append(r.store, one(id, fact("x")));
   (void)blocking(r.store.load(id));
   std::this_thread::sleep_for(std::chrono::milliseconds(1'500)); // idle pool threads notice within a second
   auto const before = std::chrono::steady_clock::now();
   for (int i = 0; i < 20; ++i) {
      auto const written = append(r.store, one(id, fact("x")));
      ASSERT_FALSE(written);
      EXPECT_EQ(written.error().code, error_code::unavailable);
      auto const read = blocking(r.store.load(id));
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().code, error_code::unavailable);
      EXPECT_EQ(read.error().message, "the database is not reachable");
   }
   EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500));
   EXPECT_FALSE(r.shards.shard(0).connected());
   g.start_accepting();
   result<append_result> got = fail(error_code::internal, "");
   auto const since = std::chrono::steady_clock::now();
   while (!(got = append(r.store, one(id, fact("back"))))) {
      ASSERT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(10));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
   }
   EXPECT_TRUE(r.shards.shard(0).wait_connected(std::chrono::seconds(10)));
   EXPECT_TRUE(blocking(r.store.load(id)));
}

TEST_F(store_concurrency_test, W25_a_late_commit_of_another_replica_keeps_versions_in_commit_order) {
   // A foreign transaction holds the head; both replicas wait and go on in order.
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(a.store, started(id)));
   pg::connection holder(database_->settings());
   holder.begin();
   holder.exec("select 1 from noetl.stream_head where execution_id = $1 for update", id);
   answers all(2);
   send(a.store, one(id, fact("a")), all[0]);
   send(b.store, one(id, fact("b")), all[1]);
   std::this_thread::sleep_for(std::chrono::milliseconds(50));
   holder.commit();
   std::set<std::int64_t> versions;
   for (auto& each : all) versions.insert(each.get_future().get().value().version);
   EXPECT_EQ(versions, (std::set<std::int64_t>{2, 3}));
}

TEST_F(store_concurrency_test, an_execution_that_somebody_holds_does_not_hold_up_the_others) {
   replica r(database_->settings(), 2, {.lock_timeout = std::chrono::milliseconds(300)});
   execution_id const held{ids_.next()}, free{ids_.next()};
   ASSERT_TRUE(append(r.store, started(held)));
   ASSERT_TRUE(append(r.store, started(free)));
   pg::connection holder(database_->settings());
   holder.begin();
   holder.exec("select 1 from noetl.stream_head where execution_id = $1 for update", held);
   answers all(2);
   send(r.store, one(held, fact("a")), all[0]);
   send(r.store, one(free, fact("b")), all[1]);
   EXPECT_TRUE(all[1].get_future().get());
   EXPECT_EQ(all[0].get_future().get().error().code, error_code::unavailable);
   holder.rollback();
   EXPECT_TRUE(append(r.store, one(held, fact("a"))));
}

TEST_F(store_concurrency_test, many_appends_to_a_held_execution_cost_the_others_one_lock_timeout_not_one_each) {
   replica r(database_->settings(), 2, {.lock_timeout = std::chrono::milliseconds(1'000)});
   execution_id const held{ids_.next()}, free{ids_.next()};
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, started(held)));
   auto request = started(free);
   request.events.push_back(fact("command.issued"));
   request.events.back().event_id = issued;
   request.commands.emplace_back();
   request.commands[0].event_id = issued;
   ASSERT_TRUE(append(r.store, request));
   pg::connection holder(database_->settings());
   auto const round = [&](execution_id stuck, execution_id moving, std::vector<command_update> updates) {
      constexpr std::size_t many = 30;
      answers all(many + 1);
      for (std::size_t i = 0; i < many; ++i) {
         auto one_more = one(stuck, fact("a"));
         one_more.updates = updates;
         send(r.store, one_more, all[i]);
         if (i == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50)); // it waits alone
      }
      send(r.store, one(moving, fact("b")), all[many]);
      auto last = all[many].get_future();
      EXPECT_EQ(last.wait_for(std::chrono::seconds(12)), std::future_status::ready) << "it waits for each of them";
      EXPECT_TRUE(last.get());
      for (std::size_t i = 0; i < many; ++i) EXPECT_EQ(all[i].get_future().get().error().code, error_code::unavailable);
   };
   holder.begin();
   holder.exec("select 1 from noetl.stream_head where execution_id = $1 for update", held);
   round(held, free, {});
   holder.rollback();
   EXPECT_TRUE(append(r.store, one(held, fact("a"))));

   holder.begin();
   holder.exec("select 1 from noetl.command where execution_id = $1 for update", free);
   round(free, held, {{free, issued, "RUNNING", "w", {}, false}});
   holder.rollback();
   auto again = one(free, fact("a"));
   again.updates = {{free, issued, "RUNNING", "w", {}, false}};
   EXPECT_TRUE(append(r.store, again));
}

TEST_F(store_concurrency_test, a_locked_table_refuses_a_batch_after_a_few_timeouts) {
   replica r(database_->settings(), 2, {.lock_timeout = std::chrono::milliseconds(500)});
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   pg::connection holder(database_->settings());
   holder.begin();
   holder.script("lock table noetl.event in share mode");
   answers all(60);
   for (auto& each : all) send(r.store, one(id, fact("a")), each);
   for (auto& each : all) {
      auto got = each.get_future();
      ASSERT_EQ(got.wait_for(std::chrono::seconds(12)), std::future_status::ready);
      EXPECT_EQ(got.get().error().code, error_code::unavailable);
   }
   holder.rollback();
   EXPECT_TRUE(append(r.store, one(id, fact("b"))));
}

TEST_F(store_concurrency_test, a_stopped_store_tells_nobody_anything_any_more_goal_12) {
   replica r(database_->settings(), 2, {.lock_timeout = std::chrono::milliseconds(30'000)});
   execution_id const id{ids_.next()};
   std::atomic<bool> stopped{false}, late{false};
   r.store.on_committed([&](std::span<event const>) { late = late || stopped; });
   ASSERT_TRUE(append(r.store, started(id)));
   pg::connection holder(database_->settings());
   holder.begin();
   holder.exec("select 1 from noetl.stream_head where execution_id = $1 for update", id);
   answers all(3);
   for (auto& each : all) send(r.store, one(id, fact("a")), each);
   auto done = std::async(std::launch::async, [&] {
      r.store.stop(std::chrono::milliseconds(200));
      stopped = true;
   });
   ASSERT_EQ(done.wait_for(std::chrono::seconds(10)), std::future_status::ready);
   for (auto& each : all) EXPECT_EQ(each.get_future().get().error().code, error_code::unavailable);
   EXPECT_EQ(append(r.store, one(id, fact("b"))).error().message, "the server is stopping");
   holder.rollback();
   std::this_thread::sleep_for(std::chrono::milliseconds(200));
   EXPECT_FALSE(late);
}

TEST_F(store_concurrency_test, stopping_writes_what_waits) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   answers all(200);
   for (auto& each : all) send(r.store, one(id, fact("a")), each);
   r.store.stop(std::chrono::seconds(20));
   for (auto& each : all) EXPECT_TRUE(each.get_future().get());
   EXPECT_EQ(load(r.store, id).size(), 201U);
}

TEST_F(store_concurrency_test, shards_hold_their_own_executions_and_commands_are_found_on_any) {
   database second("noetl_shard");
   ASSERT_TRUE(pg::migrate(second.settings()));
   pg::shard_map shards({database_->settings(), second.settings()});
   snowflake ids(4);
   event_store store(shards, ids);
   std::set<std::size_t> used;
   event_id in_second{};
   for (int i = 0; i < 40; ++i) { // all of them in one shard: once in 10^12 runs
      execution_id const id{ids.next()};
      used.insert(shards.index_of(id));
      auto request = started(id);
      request.events.push_back(fact("command.issued"));
      request.events.back().event_id = event_id{ids.next()};
      auto const issued = request.events.back().event_id;
      if (shards.index_of(id) == 1) in_second = issued;
      ASSERT_TRUE(append(store, request));
      auto const found = blocking(store.load_command(issued));
      ASSERT_TRUE(found);
      EXPECT_EQ(found->issued.execution_id, id);
      EXPECT_EQ(found->status, ""); // no row was written
      EXPECT_EQ(load(store, id).size(), 2U);
   }
   ASSERT_EQ(used.size(), 2U);

   // With the first one away those of the second are found; what is not found may be there.
   auto gone = database_->settings();
   gone.port = 1;
   pg::shard_map half({gone, second.settings()});
   event_store rest(half, ids);
   auto const found = blocking(rest.load_command(in_second));
   ASSERT_TRUE(found) << found.error().message;
   EXPECT_EQ(found->issued.event_id, in_second);
   auto const missing = blocking(rest.load_command(event_id{4711}));
   ASSERT_FALSE(missing);
   EXPECT_EQ(missing.error().code, error_code::unavailable) << missing.error().message;
}

} // namespace
} // namespace noetl::test
