#include <noetl/reflect/json_members.hpp>

#include <string>

#include <gtest/gtest.h>

namespace {

using noetl::json_members;
using names = std::array<std::string_view, 3>;
constexpr names abc{"a", "b", "c"};

TEST(json_members, are_found_in_the_order_asked_for) {
   EXPECT_EQ(json_members(R"( { "c" : [1, {"a": 2}] , "x": "}", "a":"t\"ext" } )", abc),
             (names{R"("t\"ext")", "", R"([1, {"a": 2}])"}));
   EXPECT_EQ(json_members("{}", abc), names{});
}

TEST(json_members, of_two_with_one_name_the_last_counts) {
   EXPECT_EQ(json_members(R"({"a":1,"a":2})", abc), (names{"2", "", ""}));
}

TEST(json_members, names_may_be_written_with_escapes) {
   EXPECT_EQ(json_members(R"({"\u0061":1})", abc), (names{"1", "", ""}));
}

TEST(json_members, of_anything_but_one_well_formed_object_are_none) {
   for (std::string const text :
        {"", "null", "[]", R"({"a":1)", R"({"a":1,})", R"({"a":1} 2)", R"({"a":01})", R"({"a":1 "b":2})", R"({a:1})"})
      EXPECT_EQ(json_members(text, abc), names{}) << text;
   EXPECT_EQ(json_members(R"({"a":)" + std::string(300, '[') + std::string(300, ']') + "}", abc), names{});
}

} // namespace
