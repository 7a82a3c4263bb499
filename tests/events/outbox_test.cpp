#include "outbox_fixture.hpp"

#include <future>
#include <thread>

#include <noetl/events/outbox_table.hpp>

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

TEST_F(outbox_test, committed_rows_are_published_at_once_and_marked) {
   relaying_server r(database_->settings(), {.announce_again = 0ms});
   auto& bus = r.bus;
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, issued)));
   ASSERT_TRUE(eventually([&] { return bus.messages().size() == 1; }, 500ms));
   auto const [id, message] = *bus.messages().begin();
   EXPECT_EQ(id, std::to_string(issued.value));
   EXPECT_EQ(message.first, "noetl.commands.shared.http");
   EXPECT_EQ(message.second, R"({"n":1})");
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
}

TEST_F(outbox_test, W1_rows_of_a_process_that_died_before_publishing_are_published_by_the_next) {
   {
      replica r(database_->settings(), 2); // no relay: it died between commit and publish
      for (int i = 0; i < 20; ++i)
         ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   }
   replica next(database_->settings(), 3);
   memory_bus bus;
   outbox_relay relay(next.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 20; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 20; }));
}

TEST_F(outbox_test, a_bus_that_comes_back_gets_everything) {
   relaying_server r(database_->settings(), quick());
   auto& bus = r.bus;
   bus.away(true);
   for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   std::this_thread::sleep_for(800ms);
   EXPECT_TRUE(bus.messages().empty());
   EXPECT_EQ(count("PUBLISHED"), 0);
   bus.away(false);
   r.relay.wake();
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 50; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 50; }));
}

TEST_F(outbox_test, a_message_that_can_never_be_sent_is_parked_and_does_not_hold_up_others) {
   replica r(database_->settings(), 2);
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   ASSERT_TRUE(append(r.store, issue_to("too.large")));
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   EXPECT_TRUE(eventually([&] { return count("FAILED") == 1 && count("PUBLISHED") == 1; }));
   EXPECT_EQ(ask<std::string>("select last_error from noetl.outbox where status = 'FAILED'"), "too large");
}

TEST_F(outbox_test, what_a_bus_says_is_stored_whatever_bytes_it_has_and_holds_up_no_other) {
   replica r(database_->settings(), 2);
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   ASSERT_TRUE(append(r.store, issue_to("odd.words")));
   EXPECT_TRUE(eventually([&] { return count("FAILED") == 1; }));
   EXPECT_EQ(ask<std::string>("select last_error from noetl.outbox where status = 'FAILED'"), "no ? ? \u00e9");
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
   EXPECT_EQ(relay.stats().database_errors, 0U);
}

TEST_F(outbox_test, abandoned_rows_are_offered_again_and_old_ones_purged) {
   replica r(database_->settings(), 2);
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   {
      pg::connection db(database_->settings());
      db.script("update noetl.command set status = 'COMPLETED'");
      db.script("update noetl.outbox set status = 'IN_FLIGHT', locked_at = now() - interval '6 minutes' "
                "where outbox_id = (select min(outbox_id) from noetl.outbox)");
      db.script("update noetl.outbox set status = 'PUBLISHED', published_at = now() - interval '25 hours' "
                "where outbox_id = (select max(outbox_id) from noetl.outbox)");
   }
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 1; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
   EXPECT_EQ(ask<std::int64_t>("select count(*) from noetl.outbox"), 1);
}

TEST_F(outbox_test, a_bus_that_is_away_is_asked_less_and_less_often_and_at_once_when_it_is_back) {
   auto how = quick();
   how.poll = how.grace = 3'600'000ms;
   relaying_server r(database_->settings(), how);
   r.bus.away(true);
   constexpr int rows = 10;
   for (int i = 0; i < rows; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   std::this_thread::sleep_for(2s);
   EXPECT_LT(r.bus.attempts(), rows * 40); // every 5 ms would be 4,000 and more
   r.bus.away(false);
   r.relay.wake();
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == rows; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == rows; }));
}

TEST_F(outbox_test, a_bus_that_blocks_holds_up_no_commit) {
   relaying_server r(database_->settings(), quick());
   r.bus.stuck(true);
   for (int i = 0; i < 20; ++i) {
      std::promise<bool> stored;
      r.store.append_then(issue(execution_id{ids_.next()}, event_id{ids_.next()}),
                          [&](auto got) { stored.set_value(got.has_value()); });
      auto answer = stored.get_future();
      bool const answered = answer.wait_for(10s) == std::future_status::ready;
      EXPECT_TRUE(answered) << "commit " << i;
      if (!answered) {
         r.bus.stuck(false);
         answer.wait();
         return;
      }
   }
   r.bus.stuck(false);
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == 20 && count("PUBLISHED") == 20; }));
}

TEST_F(outbox_test, rows_are_taken_from_the_table_as_fast_as_outcomes_come_and_every_outcome_is_written) {
   {
      replica r(database_->settings(), 2); // no relay
      for (int i = 0; i < 300; ++i)
         ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   }
   replica next(database_->settings(), 3);
   memory_bus bus;
   bus.silent(true);
   auto how = quick();
   how.grace = 0ms;
   how.batch = 20;
   how.poll = 3'600'000ms; // one look, at the start: all else must come from outcomes
   outbox_relay relay(next.shards, bus, how);
   ASSERT_TRUE(eventually([&] { return bus.messages().size() == 20; }));
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(count("IN_FLIGHT"), 20);
   EXPECT_EQ(count("PENDING"), 280);
   EXPECT_TRUE(eventually([&] {
      bus.answer();
      return count("PUBLISHED") == 300;
   }));
}

TEST_F(outbox_test, late_acknowledgements_are_written_down_without_waiting_for_the_next_look) {
   auto how = quick();
   how.poll = how.grace = 3'600'000ms;
   relaying_server r(database_->settings(), how);
   r.bus.silent(true);
   std::this_thread::sleep_for(200ms); // the keeper sleeps until its next look, an hour away
   for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   ASSERT_TRUE(eventually([&] { return r.bus.messages().size() == 5; }));
   EXPECT_EQ(r.bus.answer(), 5U);
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 5; }));
}

TEST_F(outbox_test, foreign_rows_are_published_too) {
   replica r(database_->settings(), 2);
   {
      pg::connection db(database_->settings());
      db.script("insert into noetl.outbox (event_id, subject, payload) values (5, 'a.b', '{}')");
      db.script("insert into noetl.outbox (event_id, subject, payload) values (6, null, '{}')");
   }
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1 && count("FAILED") == 1; }));
   EXPECT_EQ(bus.messages().size(), 1U);
}

} // namespace
} // namespace noetl::test
