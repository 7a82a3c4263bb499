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
