#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <noetl/core/utf8.hpp>

namespace noetl {
namespace {

TEST(utf8, length_knows_every_boundary) {
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

TEST(utf8, a_storable_text_has_neither_zero_bytes_nor_bytes_of_no_character) {
   EXPECT_EQ(storable_text("plain \xc3\xa9 \xf0\x9f\x98\x80", "?"), "plain \xc3\xa9 \xf0\x9f\x98\x80");
   EXPECT_EQ(storable_text(std::string("a\0b", 3), " "), "a b");
   EXPECT_EQ(storable_text("\xff\xc3", "\xef\xbf\xbd"), "\xef\xbf\xbd\xef\xbf\xbd") << "one for each byte";
   EXPECT_EQ(storable_text("\xed\xa0\x80", "?"), "???") << "a surrogate";
   EXPECT_EQ(storable_text("", "?"), "");
}

} // namespace
} // namespace noetl
