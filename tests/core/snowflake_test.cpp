#include <noetl/core/snowflake.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace {

using noetl::snowflake;
constexpr std::int64_t some_day = 1'760'000'000'000;

// Spec http-execution.md 3.1.
static_assert(noetl::machine_id_for("noetl-server-local") == 465);
static_assert(noetl::machine_id_for("noetl-server-pod-0") == 984);
static_assert(noetl::machine_id_for("pod-0") == 601);
static_assert(noetl::machine_id_for("pod-1") == 166);

TEST(snowflake, layout_is_41_bits_time_10_bits_machine_12_bits_sequence) {
   snowflake ids(601, [] { return some_day; });
   auto const first = ids.next();
   EXPECT_EQ(first, ((some_day - 1'704'067'200'000) << 22) | (601 << 12));
   EXPECT_EQ(ids.next(), first + 1);
   EXPECT_EQ(snowflake::unix_ms(first), some_day);
   EXPECT_EQ(snowflake::machine_id(first), 601U);
   EXPECT_EQ(snowflake::sequence(first + 1), 1U);
}

TEST(snowflake, machine_id_above_1023_is_refused) {
   EXPECT_NO_THROW(snowflake{1023});
   EXPECT_THROW(snowflake{1024}, std::invalid_argument);
}

TEST(snowflake, clock_before_2024_is_an_error) {
   snowflake ids(1, [] { return snowflake::epoch_ms - 1; });
   EXPECT_THROW((void)ids.next(), std::runtime_error);
}

TEST(snowflake, sequence_starts_again_in_the_next_millisecond) {
   std::int64_t clock = some_day;
   snowflake ids(1, [&] { return clock; });
   (void)ids.next();
   (void)ids.next();
   ++clock;
   EXPECT_EQ(snowflake::sequence(ids.next()), 0U);
}

TEST(snowflake, clock_that_goes_back_keeps_the_last_millisecond) {
   std::int64_t clock = some_day;
   snowflake ids(1, [&] { return clock; });
   auto const before = ids.next();
   clock -= 3'600'000;
   auto const after = ids.next();
   EXPECT_EQ(after, before + 1);
   EXPECT_EQ(snowflake::unix_ms(after), some_day);
}

TEST(snowflake, spent_sequence_waits_for_the_next_millisecond) {
   int reads_at_the_same_time = 0;
   std::int64_t clock = some_day;
   snowflake ids(1, [&] {
      if (++reads_at_the_same_time == 4200) ++clock; // the clock moves while the 4097th caller waits
      return clock;
   });
   std::int64_t last = 0;
   for (int i = 0; i < 4096; ++i) last = ids.next();
   EXPECT_EQ(snowflake::sequence(last), 4095U);
   auto const next = ids.next();
   EXPECT_EQ(snowflake::unix_ms(next), some_day + 1);
   EXPECT_EQ(snowflake::sequence(next), 0U);
   EXPECT_GE(reads_at_the_same_time, 4200);
}

TEST(snowflake, spent_sequence_does_not_wait_hours_for_a_clock_that_went_back) {
   std::int64_t clock = some_day;
   snowflake ids(1, [&] { return clock; });
   auto last = ids.next();
   clock -= 3'600'000;
   for (int i = 0; i < 10'000; ++i) {
      auto const id = ids.next();
      ASSERT_GT(id, last);
      last = id;
   }
}

TEST(snowflake, ids_follow_those_of_somebody_else_whose_clock_is_a_little_ahead) {
   std::int64_t clock = some_day;
   snowflake ids(1, [&] { return clock; });
   auto const theirs = [](std::int64_t ms, std::int64_t machine = 900) {
      return ((ms - snowflake::epoch_ms) << 22) | (machine << 12) | 17;
   };
   EXPECT_TRUE(ids.keep_above(theirs(some_day - 1)));
   EXPECT_EQ(snowflake::unix_ms(ids.next()), some_day) << "that was below anyway";
   EXPECT_TRUE(ids.keep_above(theirs(some_day, 0))) << "the same millisecond, a smaller machine";
   auto const same = theirs(some_day);
   EXPECT_TRUE(ids.keep_above(same));
   auto last = ids.next();
   EXPECT_GT(last, same);
   EXPECT_EQ(snowflake::sequence(last), 0U);
   EXPECT_TRUE(ids.keep_above(last)) << "our own";
   EXPECT_EQ(ids.next(), last + 1) << "do not push the clock on";
   auto const ahead = theirs(some_day + snowflake::max_ahead_ms);
   EXPECT_TRUE(ids.keep_above(ahead));
   EXPECT_TRUE(ids.keep_above(ahead));
   for (int i = 0; i < 5'000; ++i) {
      auto const id = ids.next();
      ASSERT_GT(id, ahead);
      ASSERT_GT(id, last);
      last = id;
   }
   EXPECT_FALSE(ids.keep_above(theirs(some_day + 1'000))) << "not by a clock that is wrong";
   EXPECT_LT(snowflake::unix_ms(ids.next()), some_day + 20);
   clock += 1'000;
   EXPECT_EQ(snowflake::unix_ms(ids.next()), clock);
}

TEST(snowflake, ids_of_many_threads_are_all_different) {
   constexpr std::size_t threads = 4, each = 20'000;
   snowflake ids(7);
   std::vector<std::vector<std::int64_t>> minted(threads);
   std::vector<std::thread> workers;
   for (auto& mine : minted)
      workers.emplace_back([&ids, &mine] {
         for (std::size_t i = 0; i < each; ++i) mine.push_back(ids.next());
      });
   for (auto& worker : workers) worker.join();
   std::vector<std::int64_t> all;
   for (auto const& mine : minted) {
      EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
      all.insert(all.end(), mine.begin(), mine.end());
   }
   std::sort(all.begin(), all.end());
   EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
}

} // namespace
