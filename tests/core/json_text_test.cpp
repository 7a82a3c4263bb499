#include <noetl/core/json_text.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace {

std::string quoted(std::string_view text) {
   std::string out;
   noetl::append_json_string(out, text);
   return out;
}

TEST(json_text, specials_are_escaped_and_the_rest_stands_for_itself) {
   EXPECT_EQ(quoted("plain"), R"("plain")");
   EXPECT_EQ(quoted(""), R"("")");
   EXPECT_EQ(quoted("a\"b\\c\n\r\t\b\f/"), R"("a\"b\\c\n\r\t\b\f/")");
   EXPECT_EQ(quoted(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
   EXPECT_EQ(quoted("ä€😀"), "\"ä€😀\"");
}

TEST(json_text, what_is_not_utf8_becomes_the_replacement_character) {
   EXPECT_EQ(quoted("a\xff\x62"), "\"a\xEF\xBF\xBD\x62\"");
   EXPECT_EQ(quoted("\xC3"), "\"\xEF\xBF\xBD\"") << "cut in the middle";
   EXPECT_EQ(quoted("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "a surrogate";
}

TEST(json_text, utf8_length_knows_every_boundary) {
   auto const length = [](std::string_view s) { return noetl::utf8_length(s.data(), s.data() + s.size()); };
   EXPECT_EQ(length("\x7f"), 1U);
   EXPECT_EQ(length("\xC2\x80"), 2U);
   EXPECT_EQ(length("\xDF\xBF"), 2U);
   EXPECT_EQ(length("\xE0\xA0\x80"), 3U);
   EXPECT_EQ(length("\xED\x9F\xBF"), 3U);
   EXPECT_EQ(length("\xEE\x80\x80"), 3U);
   EXPECT_EQ(length("\xF0\x90\x80\x80"), 4U);
   EXPECT_EQ(length("\xF4\x8F\xBF\xBF"), 4U);
   for (std::string_view const bad :
        {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
         "\xF5\x80\x80\x80", "\xE2\x82", "\xF0\x9F\x98", "\xC3\x28"})
      EXPECT_EQ(length(bad), 0U) << testing::PrintToString(bad);
}

TEST(json_text, plain_runs_end_at_the_same_byte_as_a_slow_search) {
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937 random(seed);
   std::uniform_int_distribution<int> byte(0, 255), size(0, 40), rare(0, 30);
   for (int round = 0; round < 20'000; ++round) {
      std::string text(static_cast<std::size_t>(size(random)), 'x');
      for (char& c : text)
         if (rare(random) == 0) c = static_cast<char>(byte(random));
      auto const slow = std::find_if(text.begin(), text.end(), [](char c) {
         auto const u = static_cast<unsigned char>(c);
         return u < 0x20 || u >= 0x80 || c == '"' || c == '\\';
      });
      ASSERT_EQ(noetl::skip_plain_json(text.data(), text.data() + text.size()) - text.data(), slow - text.begin())
          << testing::PrintToString(text);
   }
}

} // namespace
