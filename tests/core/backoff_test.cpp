#include <noetl/core/backoff.hpp>

#include <gtest/gtest.h>

using namespace std::chrono_literals;

TEST(backoff, doubles_up_to_its_limit_each_shortened_by_a_half_at_most) {
   noetl::backoff pause(100ms, 2s);
   for (int round = 0; round < 2; ++round) {
      for (auto const full : {100ms, 200ms, 400ms, 800ms, 1'600ms, 2'000ms, 2'000ms}) {
         auto const next = pause.next();
         EXPECT_LE(next, full);
         EXPECT_GE(next, full / 2);
      }
      pause.reset();
   }
}
