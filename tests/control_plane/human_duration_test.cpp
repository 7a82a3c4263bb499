#include <gtest/gtest.h>

#include <noetl/control_plane/execution_views.hpp>

using namespace std::chrono_literals;
using noetl::control_plane::detail::human_duration;

TEST(human_duration, shows_milliseconds_below_a_minute_and_whole_seconds_above) {
   EXPECT_EQ(human_duration(0ns), "0.000s");
   EXPECT_EQ(human_duration(7ms), "0.007s");
   EXPECT_EQ(human_duration(1250ms), "1.250s");
   EXPECT_EQ(human_duration(59'999ms), "59.999s");
   EXPECT_EQ(human_duration(60s), "1m 0s");
   EXPECT_EQ(human_duration(125'900ms), "2m 5s");
   EXPECT_EQ(human_duration(3h + 7s), "3h 0m 7s");
   EXPECT_EQ(human_duration(100h), "100h 0m 0s");
   EXPECT_EQ(human_duration(-5s), "0.000s");
}
