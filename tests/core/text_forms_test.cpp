#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <noetl/core/hex.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/trimmed.hpp>

using noetl::parse_number;
using noetl::trimmed;

TEST(number_text, is_the_whole_text_and_in_range) {
   EXPECT_EQ(parse_number<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
   EXPECT_EQ(parse_number<std::uint16_t>("65535"), 65535);
   EXPECT_EQ(parse_number<double>("2.5"), 2.5);
   for (auto const* text : {"", " 1", "1 ", "+1", "1x", "0x1", "1.0", "9223372036854775808"})
      EXPECT_FALSE(parse_number<std::int64_t>(text)) << '"' << text << '"';
   EXPECT_FALSE(parse_number<std::uint16_t>("65536"));
   EXPECT_FALSE(parse_number<std::uint16_t>("-1"));
}

TEST(hex, digits_of_bytes_and_numbers) {
   std::string out = "%";
   noetl::append_hex(out, 0xAF, noetl::upper_hex_digits);
   noetl::append_hex(out, 0x0c);
   EXPECT_EQ(out, "%AF0c");
   EXPECT_EQ(noetl::hex_text(0), "0000000000000000");
   EXPECT_EQ(noetl::hex_text(0x0123456789abcdef), "0123456789abcdef");
   for (int i = 0; i < 16; ++i) {
      EXPECT_EQ(noetl::hex_value(noetl::hex_digits[static_cast<std::size_t>(i)]), i);
      EXPECT_EQ(noetl::hex_value(noetl::upper_hex_digits[static_cast<std::size_t>(i)]), i);
   }
   for (char const c : {'/', ':', '@', 'G', '`', 'g', '\0'}) EXPECT_EQ(noetl::hex_value(c), -1) << c;
}

TEST(trimmed, takes_blanks_from_both_ends_alone) {
   EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
   EXPECT_EQ(trimmed("a"), "a");
   EXPECT_EQ(trimmed(" \v\f "), "");
   EXPECT_EQ(trimmed(""), "");
   EXPECT_EQ(trimmed("\r\na\t", " \t"), "\r\na");
}
