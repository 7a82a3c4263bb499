#include <noetl/reflect/sql.hpp>

#include <noetl/reflect/ids.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "reflect/color.hpp"

namespace {

using noetl::raw_json;
using reflect_test::color;

struct shipment {
   noetl::execution_id shipment_id;
   std::string user;
   std::optional<std::string> carrier;
   noetl::timestamp created_at{};
   raw_json context;
   bool express = false;
   double weight_kg = 0;
   std::int32_t version = 0;
   std::optional<noetl::event_id> parent;
   noetl::id_text<noetl::catalog_id> catalog_id;
   color paint = color::red;
   friend bool operator==(shipment const&, shipment const&) = default;
};

static_assert(noetl::sql_type<std::int64_t>() == "bigint" && noetl::sql_type<std::int32_t>() == "integer");
static_assert(noetl::sql_type<std::int16_t>() == "smallint" && noetl::sql_type<std::uint16_t>() == "integer");
static_assert(noetl::sql_type<std::uint32_t>() == "bigint" && noetl::sql_type<std::uint64_t>() == "numeric(20)");
static_assert(noetl::sql_type<std::optional<noetl::timestamp>>() == "timestamptz");
static_assert(noetl::sql_type<noetl::id_any<noetl::event_id>>() == "bigint");
static_assert(noetl::sql_type<std::vector<int>>().empty(), "no column type");

using cells = std::vector<std::optional<std::string_view>>;

template <class T>
cells as_cells(T const& parameters) {
   cells out;
   for (auto const& p : parameters) out.push_back(p ? std::optional<std::string_view>(*p) : std::nullopt);
   return out;
}

TEST(sql, column_list_is_the_fields_with_reserved_words_quoted) {
   EXPECT_EQ(
       noetl::column_list<shipment>(),
       "shipment_id, \"user\", carrier, created_at, context, express, weight_kg, version, parent, catalog_id, paint");
   struct odd {
      int order, Upper, plain;
   };
   EXPECT_EQ(noetl::column_list<odd>(), "\"order\", \"Upper\", plain");
}

TEST(sql, select_list_may_name_the_table) {
   struct pair {
      int a, end;
   };
   EXPECT_EQ(noetl::select_list<pair>(), "a, \"end\"");
   EXPECT_EQ(noetl::select_list<pair>("p"), "p.a, p.\"end\"");
}

TEST(sql, insert_numbers_its_parameters) {
   struct pair {
      int a, b;
   };
   EXPECT_EQ(noetl::insert_statement<pair>("app.pair"), "INSERT INTO app.pair (a, b) VALUES ($1, $2)");
}

TEST(sql, create_table_maps_every_type) {
   EXPECT_EQ((noetl::create_table<shipment, "shipment_id", "user">("app.shipment")),
             R"(CREATE TABLE IF NOT EXISTS app.shipment (
   shipment_id bigint NOT NULL,
   "user" text NOT NULL,
   carrier text,
   created_at timestamptz NOT NULL,
   context jsonb,
   express boolean NOT NULL,
   weight_kg double precision NOT NULL,
   version integer NOT NULL,
   parent bigint,
   catalog_id bigint NOT NULL,
   paint text NOT NULL,
   PRIMARY KEY (shipment_id, "user")
))");
   struct bare {
      int a;
   };
   EXPECT_EQ(noetl::create_table<bare>("t"), "CREATE TABLE IF NOT EXISTS t (\n   a integer NOT NULL\n)");
}

TEST(sql, parameters_are_texts_that_postgresql_reads) {
   using noetl::to_sql_text;
   EXPECT_EQ(to_sql_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
   EXPECT_EQ(to_sql_text(true), "true");
   EXPECT_EQ(to_sql_text(std::string("it's")), "it's");
   EXPECT_EQ(to_sql_text(std::optional<int>{}), std::nullopt);
   EXPECT_EQ(to_sql_text(raw_json{}), std::nullopt) << "no value";
   EXPECT_EQ(to_sql_text(raw_json("{}")), "{}");
   EXPECT_EQ(to_sql_text(noetl::timestamp{}), "1970-01-01 00:00:00.000000+00") << "means the same in any time zone";
   EXPECT_EQ(to_sql_text(color::dark_green), "DARK_GREEN");
   EXPECT_EQ(to_sql_text(0.1), "0.1");
   EXPECT_EQ(to_sql_text(-std::numeric_limits<double>::infinity()), "-Infinity");
   EXPECT_EQ(to_sql_text(std::numeric_limits<double>::quiet_NaN()), "NaN");
   EXPECT_EQ(to_sql_text(noetl::id_text<noetl::catalog_id>(noetl::catalog_id{5})), "5");
}

TEST(sql, row_reads_what_postgresql_prints) {
   cells const row{"7",           "u", std::nullopt, "2026-01-31 12:00:00.5+00",
                   R"({"a": 1})", "t", "Infinity",   "-3",
                   "8",           "9", "DARK_GREEN", "more"};
   auto const s = noetl::decode_row<shipment>(row);
   EXPECT_EQ(s.shipment_id.value, 7);
   EXPECT_EQ(s.carrier, std::nullopt);
   EXPECT_EQ(noetl::to_rfc3339(s.created_at), "2026-01-31T12:00:00.500Z");
   EXPECT_EQ(s.context.text, R"({"a": 1})") << "jsonb text passes untouched";
   EXPECT_TRUE(s.express);
   EXPECT_EQ(s.weight_kg, std::numeric_limits<double>::infinity());
   EXPECT_EQ(s.version, -3);
   EXPECT_EQ(s.parent->value, 8);
   EXPECT_EQ(s.catalog_id.value.value, 9);
   EXPECT_EQ(s.paint, color::dark_green);
}

TEST(sql, cell_that_does_not_fit_is_named_without_its_content) {
   auto const good = noetl::sql_parameters(shipment{});
   auto const complaint = [&](std::size_t column, std::optional<std::string_view> cell) -> std::string {
      auto row = as_cells(good);
      row[column] = cell;
      try {
         (void)noetl::decode_row<shipment>(row);
         return "accepted";
      } catch (noetl::bad_column const& e) {
         return e.what();
      }
   };
   EXPECT_EQ(complaint(1, "x"), "accepted");
   EXPECT_EQ(complaint(0, std::nullopt), "column shipment_id: expected bigint, got NULL");
   EXPECT_EQ(complaint(0, "secret"), "column shipment_id: expected bigint, got other text");
   EXPECT_EQ(complaint(0, "9223372036854775808"), "column shipment_id: expected bigint, got other text");
   EXPECT_EQ(complaint(1, std::nullopt), "column user: expected text, got NULL");
   EXPECT_EQ(complaint(3, "infinity"), "column created_at: expected timestamptz, got other text");
   EXPECT_EQ(complaint(5, "maybe"), "column express: expected boolean, got other text");
   EXPECT_EQ(complaint(7, "1.5"), "column version: expected integer, got other text");
   EXPECT_EQ(complaint(8, ""), "column parent: expected bigint, got other text");
   EXPECT_EQ(complaint(10, "BLUE"), "column paint: expected text, got other text");
}

TEST(sql, random_rows_survive) {
   auto const seed = std::random_device{}();
   SCOPED_TRACE("seed " + std::to_string(seed));
   std::mt19937_64 random(seed);
   auto const whole = [&] { return static_cast<std::int64_t>(random()); };
   for (int i = 0; i < 2000; ++i) {
      shipment s;
      s.shipment_id = noetl::execution_id{whole()};
      s.user = std::to_string(whole());
      if (whole() % 2 == 0) s.carrier = "";
      s.created_at = noetl::timestamp{std::chrono::microseconds{whole() % 4'000'000'000'000'000}};
      if (whole() % 2 == 0) s.context = raw_json("[1]");
      s.express = whole() % 2 == 0;
      s.weight_kg = static_cast<double>(whole()) / 7;
      s.version = static_cast<std::int32_t>(whole());
      if (whole() % 2 == 0) s.parent = noetl::event_id{whole()};
      s.catalog_id = noetl::catalog_id{whole()};
      s.paint = whole() % 2 == 0 ? color::red : color::dark_green;
      auto const parameters = noetl::sql_parameters(s);
      ASSERT_EQ(noetl::decode_row<shipment>(as_cells(parameters)), s);
   }
}

} // namespace
