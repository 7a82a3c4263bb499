// NOETL_EVENT_STREAM_*: read from a map, never from the process.
#include <gtest/gtest.h>

#include <noetl/control_plane/settings.hpp>
#include <noetl/reflect/config.hpp>

using namespace noetl;
using control_plane::configuration;

namespace {
loaded_config<configuration> loaded_with(std::string const& name, std::string const& value) {
   return load_config<configuration>({{"NOETL_EVENT_STREAM_" + name, value}});
}
} // namespace

TEST(event_stream_settings, items_15_20_22_without_variables_it_is_off_and_has_the_defaults_of_the_reference) {
   auto const got = load_config<configuration>({});
   ASSERT_TRUE(got);
   auto const& how = got.value.noetl.event_stream;
   EXPECT_FALSE(how.enabled);
   EXPECT_FALSE(how.backfill);
   EXPECT_EQ(how.batch, 500);
   EXPECT_EQ(how.poll_ms, 500);
   EXPECT_EQ(how.dedup_secs, 120);
   EXPECT_EQ(how.retention_secs, 86'400);
}

TEST(event_stream_settings, item_19_flags_are_on_for_four_words_in_any_case_and_off_for_everything_else) {
   for (auto const* text : {"true", "TRUE", "True", "1", "yes", "YES", "on", "On", "  true ", "\ton\n"})
      EXPECT_TRUE(loaded_with("ENABLED", text).value.noetl.event_stream.enabled) << text;
   for (auto const* text : {"", "false", "0", "no", "off", "2", "ja", "enabled", "truee", "t", "y", " "}) {
      auto const got = loaded_with("ENABLED", text);
      EXPECT_TRUE(got) << text;
      EXPECT_FALSE(got.value.noetl.event_stream.enabled) << text;
   }
   EXPECT_TRUE(loaded_with("BACKFILL", "yes").value.noetl.event_stream.backfill);
   EXPECT_EQ(loaded_with("ENABLED", "ture").value.noetl.event_stream.enabled.odd, "ture")
       << "kept, so that the server warns";
   EXPECT_TRUE(loaded_with("ENABLED", "off").value.noetl.event_stream.enabled.odd.empty());
}

TEST(event_stream_settings, items_21_D31_numbers_that_make_no_sense_are_an_error_with_the_range) {
   for (auto const* name : {"BATCH", "POLL_MS", "DEDUP_SECS"})
      for (auto const* text : {"abc", "", "0", "-1", "99999999999999999999", "1.5"}) {
         auto const got = loaded_with(name, text);
         ASSERT_EQ(got.problems.size(), 1U) << name << " " << text;
         EXPECT_NE(got.problems[0].text().find("expected an integer 1.."), std::string::npos) << got.problems[0].text();
      }
   EXPECT_FALSE(loaded_with("BATCH", "10001"));
   EXPECT_EQ(loaded_with("BATCH", "10000").value.noetl.event_stream.batch, 10'000);
   EXPECT_EQ(loaded_with("RETENTION_SECS", "0").value.noetl.event_stream.retention_secs, 0) << "unlimited";
   EXPECT_EQ(loaded_with("LEASE_MS", "250").value.noetl.event_stream.lease_ms, 250);
}
