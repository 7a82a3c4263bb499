// Numbers of events read alike before and after PostgreSQL's jsonb has rewritten them.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <utility>

#include <noetl/workflow/detail/stored_json.hpp>

#include "pg/test_database.hpp"

namespace noetl::workflow::detail {
namespace {

std::string read(std::string const& text) {
   auto const value = parse_stored(text);
   return value ? json_text(*value) : "no JSON";
}
// The type counts: templates print an integer and a double of one value differently.
std::string type_and_text(std::string const& text) {
   auto const value = parse_stored(text);
   if (!value) return "no JSON";
   return (value->is_double() ? "double " : value->is_integer() ? "integer " : "other ") + json_text(*value);
}

TEST(stored_json, whole_numbers_with_an_exponent_are_integers) {
   EXPECT_EQ(read("1e+16"), "10000000000000000");
   EXPECT_EQ(read("[1E3,-2.50e2,1.5e1,-0.0,-0,0e5,1e-2]"), "[1000,-250,15,0.0,0,0,0.01]");
   EXPECT_EQ(read("12.5e0"), "12.5");
}

TEST(stored_json, texts_stay_as_they_are) {
   EXPECT_EQ(read(R"({"1e3":"-0 1e3 \" 2e5","a":"\\","b":1e2})"), R"({"1e3":"-0 1e3 \" 2e5","a":"\\","b":100})");
   EXPECT_FALSE(stored_numbers(R"({"id":"3e5","n":12,"m":-1.5})"));
   EXPECT_EQ(read("1e"), "no JSON");
   EXPECT_EQ(read("\"1e3"), "no JSON");
}

TEST(stored_json, numbers_read_as_from_the_database) {
   if (!test::has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   pg::connection db(test::maintenance());
   auto const seed = std::random_device{}();
   std::cout << "seed " << seed << '\n';
   std::mt19937 random(seed);
   auto const below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
   for (int i = 0; i < 3'000; ++i) {
      std::string text = below(2) ? "-" : "";
      auto const length = below(3) == 0 ? 1 : 1 + below(21);
      if (length == 1 || below(6) == 0) {
         text += std::to_string(below(10));
      } else {
         text += std::to_string(1 + below(9));
         for (int d = 1; d < length; ++d) text += std::to_string(below(4) ? below(10) : 0);
      }
      if (below(2)) {
         text += '.';
         for (int d = 0; d <= below(6); ++d) text += std::to_string(below(3) ? below(10) : 0);
      }
      if (below(3)) {
         text += below(2) ? "e" : "E";
         if (auto const sign = below(3); sign != 0) text += sign == 1 ? "+" : "-";
         text += std::to_string(below(3) ? below(8) : below(320));
      }
      auto const stored = db.exec("SELECT $1::jsonb::text", text)[0].get<std::string>(0);
      ASSERT_EQ(type_and_text(text), type_and_text(stored)) << text << ", jsonb makes it " << stored;
   }
}

} // namespace
} // namespace noetl::workflow::detail
