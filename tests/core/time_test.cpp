#include <noetl/core/time.hpp>

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <utility>

namespace {

using namespace std::chrono_literals;
using noetl::timestamp;

timestamp at(std::chrono::sys_days day, std::chrono::nanoseconds rest) {
   return timestamp{day.time_since_epoch()} + rest;
}
constexpr std::chrono::sys_days new_year{std::chrono::year{2026} / 1 / 31};

TEST(time, rfc3339_has_the_fewest_of_0_3_6_9_digits) {
   EXPECT_EQ(noetl::to_rfc3339(at(new_year, 12h)), "2026-01-31T12:00:00Z");
   EXPECT_EQ(noetl::to_rfc3339(at(new_year, 500ms)), "2026-01-31T00:00:00.500Z");
   EXPECT_EQ(noetl::to_rfc3339(at(new_year, 1us)), "2026-01-31T00:00:00.000001Z");
   EXPECT_EQ(noetl::to_rfc3339(at(new_year, 10ns)), "2026-01-31T00:00:00.000000010Z");
   EXPECT_EQ(noetl::to_rfc3339(timestamp{-1ns}), "1969-12-31T23:59:59.999999999Z");
}

TEST(time, rfc3339_in_needs_an_offset_and_applies_it) {
   auto const noon = at(new_year, 12h);
   std::array const good{"2026-01-31T12:00:00Z",      "2026-01-31t12:00:00z",      "2026-01-31 12:00:00Z",
                         "2026-01-31T13:30:00+01:30", "2026-01-30T23:00:00-13:00", "2026-01-31T12:00:00.000+00:00"};
   for (auto const* text : good) {
      auto const read = noetl::from_rfc3339(text);
      ASSERT_TRUE(read) << text;
      EXPECT_EQ(*read, noon) << text;
   }
   EXPECT_EQ(*noetl::from_rfc3339("2026-01-31T12:00:00.1234567899Z"), noon + 123456789ns);
   EXPECT_EQ(*noetl::from_rfc3339("2026-01-31T11:59:60Z"), noon) << "a leap second";
}

TEST(time, rfc3339_refuses_everything_else) {
   std::array const bad{"",
                        "2026-01-31",
                        "2026-01-31T12:00:00",
                        "2026-01-31T12:00Z",
                        "2026-01-31T12:00:00.Z",
                        "2026-01-31T12:00:00+01",
                        "2026-01-31T12:00:00+0100",
                        "2026-01-31T12:00:00+24:00",
                        "2026-02-30T12:00:00Z",
                        "2026-13-01T12:00:00Z",
                        "2026-01-31T24:00:00Z",
                        "2026-01-31T12:60:00Z",
                        "2026-01-31T12:00:00Z ",
                        " 2026-01-31T12:00:00Z",
                        "2026-1-31T12:00:00Z",
                        "+2026-01-31T12:00:00Z",
                        "1500-01-31T12:00:00Z",
                        "9999-01-31T12:00:00Z"};
   for (auto const* text : bad) {
      auto const read = noetl::from_rfc3339(text);
      ASSERT_FALSE(read) << text;
      EXPECT_EQ(read.error().code, noetl::error_code::validation);
   }
}

TEST(time, sql_form_is_utc_with_microseconds) {
   EXPECT_EQ(noetl::to_sql(at(new_year, 1h + 2min + 3s + 4567us + 999ns)), "2026-01-31 01:02:03.004567");
   EXPECT_EQ(noetl::to_sql(at(new_year, 0ns)), "2026-01-31 00:00:00.000000");
}

TEST(time, sql_in_takes_what_postgresql_prints) {
   auto const noon = at(new_year, 12h);
   for (auto const* text : {"2026-01-31 12:00:00", "2026-01-31 12:00:00.000000", "2026-01-31 12:00:00+00",
                            "2026-01-31 12:00:00.0+00", "2026-01-31 14:00:00+02", "2026-01-31 06:30:00-05:30"}) {
      auto const read = noetl::from_sql(text);
      ASSERT_TRUE(read) << text;
      EXPECT_EQ(*read, noon) << text;
   }
   for (auto const* text : {"infinity", "-infinity", "2026-01-31", "2026-01-31 12:00:00 BC", ""})
      EXPECT_FALSE(noetl::from_sql(text)) << text;
}

TEST(time, now_has_whole_microseconds) {
   EXPECT_EQ(noetl::now().time_since_epoch().count() % 1000, 0);
}

TEST(time, every_instant_survives_both_forms) {
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937_64 random(seed);
   std::uniform_int_distribution<std::int64_t> any(-9'000'000'000'000'000'000, 9'000'000'000'000'000'000);
   for (int i = 0; i < 20'000; ++i) {
      timestamp const exact{std::chrono::nanoseconds{any(random)}};
      ASSERT_EQ(*noetl::from_rfc3339(noetl::to_rfc3339(exact)), exact) << noetl::to_rfc3339(exact);
      timestamp const micro{std::chrono::floor<std::chrono::microseconds>(exact)};
      ASSERT_EQ(*noetl::from_sql(noetl::to_sql(exact)), micro) << noetl::to_sql(exact);
   }
}

} // namespace
