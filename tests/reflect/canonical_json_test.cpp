#include <random>

#include <gtest/gtest.h>

#include <noetl/reflect/canonical_json.hpp>
#include <noetl/reflect/json.hpp>
#include <noetl/reflect/json_view.hpp>

using namespace noetl;

namespace {

std::string canonical(std::string const& text) {
   std::string out;
   append_canonical_json(out, text);
   return out;
}

struct wish {
   std::string name;
   json_view data;
};

// A value of some depth, with spaces, odd spellings and members in any order.
std::string any_value(std::mt19937& random, int depth) {
   auto const pick = [&](unsigned n) { return random() % n; };
   std::string const space = pick(3) == 0 ? " \n" : "";
   switch (depth == 0 ? pick(5) : pick(7)) {
   case 0: return space + std::to_string(static_cast<std::int64_t>(random()) - 2'000'000'000);
   case 1: return std::string(pick(2) ? "true" : "null") + space;
   case 2: return "\"a\\u0062\\/\\n" + std::to_string(pick(9)) + "é\"";
   case 3: return std::to_string(static_cast<double>(random()) / 1000.0) + "e" + std::to_string(pick(40)) + space;
   case 4: return "\"\"";
   case 5: {
      std::string out = "[";
      for (auto i = pick(4); i > 0; --i) out += (out.size() > 1 ? "," : "") + space + any_value(random, depth - 1);
      return out + space + "]";
   }
   default: {
      std::string out = "{";
      for (auto i = pick(5); i > 0; --i)
         out += (out.size() > 1 ? std::string(",") : std::string()) + space + "\"k" + std::to_string(pick(6)) +
                "\":" + space + any_value(random, depth - 1);
      return out + space + "}";
   }
   }
}

} // namespace

TEST(canonical_json, sorts_members_compacts_and_keeps_the_last_of_equal_names) {
   EXPECT_EQ(canonical(R"( { "b" : 1 , "a" : [ true , null , { "z":0,"y":"x" } ] } )"),
             R"({"a":[true,null,{"y":"x","z":0}],"b":1})");
   EXPECT_EQ(canonical(R"({"a":1,"b":2,"a":{"d":1,"c":2}})"), R"({"a":{"c":2,"d":1},"b":2})");
   EXPECT_EQ(canonical(R"({"b":0,"\u0061":1})"), R"({"a":1,"b":0})");
   EXPECT_EQ(canonical("{}"), "{}");
   EXPECT_EQ(canonical("[ ]"), "[]");
}

TEST(canonical_json, texts_have_no_needless_escapes) {
   EXPECT_EQ(canonical(R"("\u00e9\/\u000a\"\\ü\u0001")"), "\"é/\\n\\\"\\\\ü\\u0001\"");
   EXPECT_EQ(canonical(R"("\ud83d\ude00")"), "\"😀\"");
}

TEST(canonical_json, numbers_are_spelled_as_the_reference_does) {
   std::pair<std::string, std::string> const numbers[] = {{"0", "0"},
                                                          {"-0", "-0.0"},
                                                          {"-7", "-7"},
                                                          {"9223372036854775808", "9223372036854775808"},
                                                          {"18446744073709551615", "18446744073709551615"},
                                                          {"18446744073709551616", "1.8446744073709552e19"},
                                                          {"1.0", "1.0"},
                                                          {"1.50", "1.5"},
                                                          {"100.0", "100.0"},
                                                          {"1e2", "100.0"},
                                                          {"1e15", "1000000000000000.0"},
                                                          {"1e16", "1e16"},
                                                          {"1.25E+20", "1.25e20"},
                                                          {"0.00001", "0.00001"},
                                                          {"0.000001", "1e-6"},
                                                          {"0.1", "0.1"},
                                                          {"12.5", "12.5"},
                                                          {"1e-400", "0.0"},
                                                          {"5e-324", "5e-324"}};
   for (auto const& [given, expected] : numbers) EXPECT_EQ(canonical(given), expected) << given;
}

TEST(canonical_json, a_number_that_no_double_holds_keeps_its_own_text) {
   EXPECT_EQ(canonical(R"({"n":1e400,"m":1})"), R"({"m":1,"n":1e400})");
   EXPECT_EQ(canonical("[ -1E+400 , 1.50 ]"), "[-1E+400,1.5]");
   auto const digits = "1" + std::string(400, '0'); // as PostgreSQL prints 1e400
   EXPECT_EQ(canonical("{\"n\": " + digits + ", \"m\": 1}"), "{\"m\":1,\"n\":" + digits + "}");
   EXPECT_TRUE(is_canonical_json(R"({"m":1,"n":1e400})"));
   EXPECT_FALSE(is_canonical_json(R"({"n":1e400,"m":1})"));
}

TEST(canonical_json, a_canonical_text_is_known_without_a_copy) {
   for (auto const* text : {R"({"a":[1,2.5,"x"],"b":{"c":null}})", "[]", "\"é\"", "1", "true", "{}"})
      EXPECT_TRUE(is_canonical_json(text)) << text;
   for (auto const* text : {R"({"b":1,"a":2})", R"({"a":1,"a":1})", "[1, 2]", "1.50", "\"\\u0062\"", " 1", "1 ", "-0"})
      EXPECT_FALSE(is_canonical_json(text)) << text;
}

TEST(canonical_json, of_random_values_is_its_own_canonical_form_and_the_same_value) {
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937 random(seed);
   for (int i = 0; i < 2'000; ++i) {
      auto const given = any_value(random, 4);
      auto const once = canonical(given);
      ASSERT_EQ(canonical(once), once) << given;
      ASSERT_TRUE(is_canonical_json(once)) << once;
      ASSERT_EQ(is_canonical_json(given), given == once) << given;
      ASSERT_TRUE(from_json<raw_json>(once)) << once;
   }
}

TEST(json_view, points_into_the_text_that_was_read) {
   std::string const text = R"({"data" : { "a" : [1, 2] } , "name":"n"})";
   auto const got = from_json<wish>(text);
   ASSERT_TRUE(got);
   EXPECT_EQ(got->data.text, R"({ "a" : [1, 2] })");
   EXPECT_EQ(got->data.text.data(), text.data() + text.find("{ \"a\""));
   EXPECT_EQ(to_json(*got), R"({"name":"n","data":{ "a" : [1, 2] }})");
   EXPECT_EQ(from_json<wish>(R"({"name":"n","data":null})")->data.text, "null");
   EXPECT_EQ(from_json<wish>(R"({"name":"n"})").error().message, "data: required field is missing");
   EXPECT_EQ(from_json<wish>(R"({"name":"n","data":[1,}})").error().code, error_code::bad_request);
}
