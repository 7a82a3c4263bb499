// The tailer over memory: every step fails in turn, leaders die and stand still, and nothing is lost or out of order.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

#include "support/eventually.hpp"

using namespace noetl;
using namespace noetl::stream;
using namespace std::chrono_literals;
using noetl::test::eventually;

namespace {

tailer_settings quick() {
   return {.batch = 7,
           .window = 16,
           .poll = 20ms,
           .save_every = 1ms,
           .least_pause = 1ms,
           .most_pause = 10ms,
           .farewell = 500ms};
}

/// A tailer on a thread of its own.
struct running {
   running(memory_source& from, memory_sink& to, memory_cursor_row& row, std::string name = "a",
           std::chrono::milliseconds lease = 300ms, tailer_settings how = quick())
       : at(row, std::move(name), lease), tail(from, to, at, how) {}
   void start() {
      thread = std::jthread([this](std::stop_token stop) { tail.run(stop); });
   }
   void stop() { thread = {}; }
   memory_cursor at;
   tailer<memory_source, memory_sink, memory_cursor> tail;
   std::jthread thread;
};

struct tailing : testing::Test {
   memory_source source;
   memory_sink sink;
   memory_cursor_row row;

   void add(std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) source.add("item");
   }
   /// `a` brings the first 50 items, `b` stands by.
   void lead_and_follow(running& a, running& b) {
      a.start();
      add(50);
      ASSERT_TRUE(eventually([&] { return position() == 50; }));
      b.start();
      ASSERT_TRUE(eventually([&] { return b.tail.stats().state == tailer_state::following; }));
   }
   std::uint64_t position() {
      std::lock_guard lock(row.guard);
      return row.position;
   }
   /// Stored once each, in order, 1..count; the cursor at the end and never back.
   void expect_complete(std::size_t count) {
      EXPECT_TRUE(eventually([&] { return position() == count; })) << "cursor at " << position() << " of " << count;
      auto const stored = sink.stored();
      ASSERT_EQ(stored.size(), count);
      for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(stored[i].at, i + 1);
      std::lock_guard lock(row.guard);
      EXPECT_TRUE(std::is_sorted(row.history.begin(), row.history.end())) << "the cursor went back";
   }
};

/// Fails `times` times, then works.
fault failing(int times, error_code code = error_code::unavailable) {
   return [left = times, code]() mutable -> result<void> {
      if (left-- > 0) return fail(code, "told to fail");
      return {};
   };
}

} // namespace

TEST_F(tailing, items_1_8_9_41_brings_everything_in_order_and_moves_the_cursor_to_the_end) {
   add(1'000);
   running a(source, sink, row);
   a.start();
   expect_complete(1'000);
   EXPECT_EQ(sink.sends(), 1'000U);
   auto const delivered = sink.delivered_positions();
   EXPECT_EQ(delivered.size(), 1'000U);
   EXPECT_TRUE(std::is_sorted(delivered.begin(), delivered.end()));
}

TEST_F(tailing, items_27_28_is_woken_by_a_writer_and_finds_by_polling_what_nobody_told_of) {
   auto slow = quick();
   slow.poll = 1h;
   running a(source, sink, row, "a", 300ms, slow);
   a.start();
   ASSERT_TRUE(eventually([&] { return a.tail.stats().state == tailer_state::leading && a.tail.stats().reads > 0; }));
   for (std::size_t i = 1; i <= 20; ++i) {
      add(1);
      a.tail.wake();
      ASSERT_TRUE(eventually([&] { return sink.stored().size() == i; }));
   }
   a.stop();
   running b(source, sink, row, "b");
   b.start();
   add(5);
   expect_complete(25);
}

TEST_F(tailing, item_28_an_idle_tailer_reads_about_once_per_poll_interval) {
   auto how = quick();
   how.poll = 50ms;
   running a(source, sink, row, "a", 10s, how);
   a.start();
   std::this_thread::sleep_for(400ms); // the poll slows down to the interval
   auto const before = a.tail.stats().reads;
   std::this_thread::sleep_for(1s);
   EXPECT_LE(a.tail.stats().reads - before, 25U);
}

TEST_F(tailing, items_3_18_stopped_and_started_again_continues_where_the_cursor_stands) {
   add(10);
   running a(source, sink, row);
   a.start();
   ASSERT_TRUE(eventually([&] { return sink.stored().size() == 10; }));
   a.stop();
   EXPECT_EQ(position(), 10U) << "the end stores the cursor";
   add(5);
   running b(source, sink, row, "b");
   b.start();
   expect_complete(15);
   EXPECT_EQ(sink.sends(), 15U) << "nothing is sent twice after an orderly stop";
}

TEST_F(tailing, item_5_killed_between_publish_and_cursor_everything_is_sent_again_and_nothing_is_lost) {
   add(30);
   {
      running a(source, sink, row);
      // Only then, or the first page would be sent again and again.
      a.at.on_advance([this]() -> result<void> {
         (void)eventually([this] { return sink.stored().size() == 30; });
         return fail(error_code::unavailable, "the process is gone");
      });
      a.start();
      ASSERT_TRUE(eventually([&] { return sink.stored().size() == 30; }));
   }
   EXPECT_EQ(position(), 0U);
   running b(source, sink, row, "b", 100ms);
   b.start();
   expect_complete(30);
   EXPECT_GE(sink.sends(), 60U);
}

TEST_F(tailing, items_26_29_38_D27_each_step_may_fail_at_first_and_it_recovers_by_itself) {
   add(100);
   sink.on_ready(failing(5));
   sink.on_prepare(failing(3));
   sink.on_send(failing(40));
   source.on_read(failing(4));
   running a(source, sink, row);
   a.at.on_acquire(failing(3));
   a.at.on_advance(failing(2));
   a.start();
   expect_complete(100);
   EXPECT_GT(a.tail.stats().failed, 0U);
   EXPECT_TRUE(eventually([&] { return a.tail.stats().trouble.empty(); })) << a.tail.stats().trouble;
}

TEST_F(tailing, items_26_38_a_follower_whose_sink_came_late_is_in_no_trouble) {
   running leader(source, sink, row, "a", 10s);
   leader.start();
   ASSERT_TRUE(eventually([&] { return leader.tail.stats().state == tailer_state::leading; }));
   memory_sink late;
   late.on_ready(failing(3));
   running follower(source, late, row, "b", 300ms);
   follower.start();
   ASSERT_TRUE(eventually([&] { return follower.tail.stats().state == tailer_state::following; }));
   EXPECT_GT(follower.tail.stats().put_off, 0U);
   EXPECT_EQ(follower.tail.stats().trouble, "");
}

TEST_F(tailing, item_30_a_cursor_write_that_failed_is_repeated_without_new_events) {
   add(3);
   running a(source, sink, row);
   a.at.on_advance(failing(1));
   a.start();
   expect_complete(3);
}

TEST_F(tailing, item_29_every_step_fails_at_random_and_nothing_is_lost_or_out_of_order) {
   for (unsigned seed = 1; seed <= 8; ++seed) {
      memory_source from;
      memory_sink to;
      memory_cursor_row at_row;
      auto const sometimes = [seed](unsigned salt, unsigned percent) -> fault {
         return [random = std::mt19937(seed * 1000 + salt), percent]() mutable -> result<void> {
            if (random() % 100 < percent) return fail(error_code::unavailable, "at random");
            return {};
         };
      };
      to.on_ready(sometimes(1, 20));
      to.on_prepare(sometimes(2, 10));
      from.on_read(sometimes(4, 10));
      to.on_send(sometimes(3, 2));
      running a(from, to, at_row);
      a.at.on_acquire(sometimes(5, 20));
      a.at.on_advance(sometimes(6, 20));
      a.start();
      for (int i = 0; i < 400; ++i) {
         from.add("x");
         if (i % 50 == 0) a.tail.wake();
      }
      EXPECT_TRUE(eventually([&] {
         std::lock_guard lock(at_row.guard);
         return at_row.position == 400;
      })) << "seed "
          << seed;
      auto const stored = to.stored();
      ASSERT_EQ(stored.size(), 400U) << "seed " << seed;
      for (std::size_t i = 0; i < stored.size(); ++i) ASSERT_EQ(stored[i].at, i + 1) << "seed " << seed;
   }
}

TEST_F(tailing, items_10_37_D26_of_two_one_publishes_and_the_other_takes_over_when_the_first_is_gone) {
   add(50);
   running a(source, sink, row, "a", 200ms);
   running b(source, sink, row, "b", 200ms);
   a.start();
   ASSERT_TRUE(eventually([&] { return a.tail.stats().state == tailer_state::leading; }));
   b.start();
   ASSERT_TRUE(eventually([&] { return sink.stored().size() == 50; }));
   add(50);
   ASSERT_TRUE(eventually([&] { return sink.stored().size() == 100; }));
   EXPECT_EQ(b.tail.stats().sent, 0U);
   EXPECT_EQ(sink.sends(), 100U) << "two producers would have sent everything twice";
   a.stop();
   add(50);
   expect_complete(150);
   EXPECT_EQ(b.tail.stats().state, tailer_state::leading);
}

TEST_F(tailing, items_10_D26_a_leader_that_stood_still_neither_sends_nor_writes_after_its_lease_went_to_another) {
   running a(source, sink, row, "a", 100ms);
   running b(source, sink, row, "b", 100ms);
   std::atomic<bool> hang{false}, hanging{false};
   a.at.on_advance([&]() -> result<void> {
      while (hang) hanging = true, std::this_thread::sleep_for(5ms);
      return {};
   });
   a.start();
   ASSERT_TRUE(eventually([&] { return a.tail.stats().state == tailer_state::leading; }));
   add(10);
   ASSERT_TRUE(eventually([&] { return position() == 10; }));
   hang = true;
   ASSERT_TRUE(eventually([&] { return hanging.load(); }));
   b.start();
   ASSERT_TRUE(eventually([&] { return b.tail.stats().state == tailer_state::leading; }));
   auto const sent_by_a = a.tail.stats().sent;
   add(90);
   ASSERT_TRUE(eventually([&] { return position() == 100; }));
   EXPECT_EQ(a.tail.stats().sent, sent_by_a) << "its lease had ended by its own clock";
   hang = false;
   ASSERT_TRUE(eventually([&] { return a.tail.stats().stale_refused > 0; }));
   expect_complete(100);
   std::lock_guard lock(row.guard);
   EXPECT_GT(row.refused, 0U);
}

TEST_F(tailing, item_60_D31_keeps_many_messages_under_way_and_no_more_than_its_window) {
   add(100);
   sink.manual(true);
   auto how = quick();
   how.batch = 100;
   running a(source, sink, row, "a", 10s, how);
   a.start();
   ASSERT_TRUE(eventually([&] { return sink.unanswered() == 16; }));
   std::this_thread::sleep_for(50ms);
   EXPECT_EQ(sink.unanswered(), 16U);
   // Outcomes in the wrong order hold the cursor back, not the messages.
   while (sink.stored().size() < 100 || sink.unanswered() > 0) {
      sink.acknowledge([](std::size_t waiting) { return waiting - 1; });
      std::this_thread::sleep_for(1ms);
   }
   expect_complete(100);
}

TEST_F(tailing, D25_a_batch_that_fails_in_the_middle_sends_only_the_rest_again) {
   add(10);
   sink.manual(true);
   int calls = 0;
   sink.on_send([&]() -> result<void> {
      if (++calls == 4) return fail(error_code::unavailable, "lost");
      return {};
   });
   auto how = quick();
   how.batch = 10;
   running a(source, sink, row, "a", 10s, how);
   a.start();
   ASSERT_TRUE(eventually([&] { return sink.unanswered() == 10; }));
   sink.acknowledge();
   ASSERT_TRUE(eventually([&] { return sink.unanswered() == 7; }))
       << "three are acknowledged, the rest must not overtake";
   sink.acknowledge();
   EXPECT_TRUE(eventually([&] { return position() == 10; }));
   EXPECT_EQ(sink.sends(), 17U);
}

TEST_F(tailing, when_only_its_own_sink_is_away_hands_the_lease_to_another) {
   memory_sink broken;
   running a(source, broken, row, "a", 100ms);
   running b(source, sink, row, "b", 100ms);
   a.start();
   ASSERT_TRUE(eventually([&] { return a.tail.stats().state == tailer_state::leading; }));
   broken.on_ready([]() -> result<void> { return fail(error_code::unavailable, "no route"); });
   broken.on_send([]() -> result<void> { return fail(error_code::unavailable, "no route"); });
   b.start();
   add(20);
   expect_complete(20);
   EXPECT_EQ(b.tail.stats().state, tailer_state::leading);
   EXPECT_EQ(a.tail.stats().state, tailer_state::waiting);
   EXPECT_EQ(a.tail.stats().trouble, "no route");
}

TEST_F(tailing, goal_5_what_a_wiped_sink_lost_is_sent_again_first_and_the_cursor_does_not_go_back) {
   add(50);
   running a(source, sink, row);
   a.start();
   ASSERT_TRUE(eventually([&] { return position() == 50; }));
   sink.wipe();
   add(50);
   a.tail.wake();
   expect_complete(100);
}

TEST_F(tailing, what_a_follower_saw_lost_long_ago_is_for_the_leader_of_that_time) {
   memory_sink mine; // as each process has its own; b's holds what b sends
   running a(source, sink, row, "a", 100ms), b(source, mine, row, "b", 100ms);
   ASSERT_NO_FATAL_FAILURE(lead_and_follow(a, b));
   mine.wipe();
   std::this_thread::sleep_for(500ms); // a goes on, and would have sent again
   EXPECT_EQ(b.tail.stats().state, tailer_state::following);
   a.stop();
   add(5);
   ASSERT_TRUE(eventually([&] { return position() == 55; }));
   EXPECT_EQ(mine.stored().size(), 5U);
}

TEST_F(tailing, what_a_follower_saw_lost_just_before_it_leads_is_sent_again) {
   memory_sink mine;
   running a(source, sink, row, "a", 2s), b(source, mine, row, "b", 2s);
   ASSERT_NO_FATAL_FAILURE(lead_and_follow(a, b));
   mine.wipe();
   a.stop();
   EXPECT_TRUE(eventually([&] { return mine.stored().size() == 50; }));
}
