#include <gtest/gtest.h>

#include <noetl/control_plane/base64.hpp>

using noetl::control_plane::decode_base64_text;
using decoded = std::optional<std::string>;

TEST(base64, padded_text_is_decoded) {
   EXPECT_EQ(decode_base64_text("YQ=="), decoded("a"));
   EXPECT_EQ(decode_base64_text("YWI="), decoded("ab"));
   EXPECT_EQ(decode_base64_text("YWJj"), decoded("abc"));
   EXPECT_EQ(decode_base64_text("w7bigqw="), decoded("ö€"));
   EXPECT_EQ(decode_base64_text("a2luZDogUGxheWJvb2sK"), decoded("kind: Playbook\n"));
}

TEST(base64, what_is_not_padded_or_not_of_the_alphabet_is_left_alone) {
   for (auto const* other : {"", "YR==", "YQ", "YQ=", "YWI", "YQ==YQ==", "YQ==\n", " YQ==", "YW=j", "YW-_",
                             "=YQ=", "====", "kind: Playbook"})
      EXPECT_EQ(decode_base64_text(other), std::nullopt) << other;
}

TEST(base64, bytes_that_are_no_text_are_left_alone) {
   EXPECT_EQ(decode_base64_text("/////w=="), std::nullopt) << "not UTF-8";
   EXPECT_EQ(decode_base64_text("wIA="), std::nullopt) << "overlong";
   EXPECT_EQ(decode_base64_text("YQBi"), std::nullopt) << "holds NUL";
}
