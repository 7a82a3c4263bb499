#include <gtest/gtest.h>

#include <noetl/core/base64.hpp>

using noetl::decode_base64;
using noetl::encode_base64;

TEST(base64, gives_the_texts_of_RFC_4648) {
   std::pair<std::string, std::string> const texts[] = {{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {std::string("\0\xff", 2), "AP8="}};
   for (auto const& [bytes, text] : texts) {
      EXPECT_EQ(encode_base64(bytes), text);
      EXPECT_EQ(decode_base64(text), bytes);
   }
}

TEST(base64, refuses_every_other_spelling) {
   for (auto const* text : {"Zg=", "Zg", "Z===", "====", "Zm9v\n", " Zm9v", "Zm9v Zm9v", "Zm-_", "Zg==Zg=="})
      EXPECT_FALSE(decode_base64(text)) << text;
}
