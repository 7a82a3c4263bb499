#include <noetl/reflect/schema.hpp>

#include <noetl/reflect/ids.hpp>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reflect/color.hpp"

namespace {

using noetl::schema_of;
using reflect_test::color;

struct inner {
   std::string a;
};
struct outer {
   inner nested;
   std::optional<inner> gift;
   bool express = false;
   std::vector<inner> list;
   using json_rules = noetl::rules<noetl::defaulted<"express">, noetl::omit_empty<"list">>;
};

TEST(schema, of_values) {
   EXPECT_EQ(schema_of<bool>(), R"({"type":"boolean"})");
   EXPECT_EQ(schema_of<std::int64_t>(), R"({"type":"integer","format":"int64"})");
   EXPECT_EQ(schema_of<std::uint8_t>(), R"({"type":"integer","minimum":0,"maximum":255})");
   EXPECT_EQ(schema_of<double>(), R"({"type":"number"})");
   EXPECT_EQ(schema_of<std::string>(), R"({"type":"string"})");
   EXPECT_EQ(schema_of<noetl::timestamp>(), R"({"type":"string","format":"date-time"})");
   EXPECT_EQ(schema_of<noetl::raw_json>(), "{}");
   EXPECT_EQ(schema_of<noetl::execution_id>(), R"({"type":"integer","format":"int64"})");
   EXPECT_EQ(schema_of<noetl::id_text<noetl::catalog_id>>(), R"({"type":"string","pattern":"^-?[0-9]+$"})");
   EXPECT_EQ(schema_of<noetl::id_any<noetl::event_id>>(), R"({"type":["integer","string"],"format":"int64"})");
   EXPECT_EQ(schema_of<color>(), R"({"type":"string","enum":["RED","DARK_GREEN"]})");
   EXPECT_EQ(schema_of<std::vector<bool>>(), R"({"type":"array","items":{"type":"boolean"}})");
   EXPECT_EQ((schema_of<std::map<std::string, double>>()),
             R"({"type":"object","additionalProperties":{"type":"number"}})");
}

TEST(schema, of_a_struct_says_which_fields_are_required) {
   std::string const in = R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})";
   EXPECT_EQ(schema_of<outer>(),
             R"({"type":"object","properties":{"nested":)" + in + R"(,"gift":{"anyOf":[)" + in +
                 R"(,{"type":"null"}]},"express":{"type":"boolean"},"list":{"type":"array","items":)" + in +
                 R"(}},"required":["nested"]})");
   struct none {};
   EXPECT_EQ(schema_of<none>(), R"({"type":"object","properties":{}})");
}

} // namespace
