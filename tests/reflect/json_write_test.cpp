#include <noetl/reflect/json.hpp>
#include <noetl/reflect/json_value.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <random>
#include <string>

#include "reflect/color.hpp"

namespace {

using noetl::from_json;
using noetl::raw_json;
using noetl::to_json;
using reflect_test::color;

struct empty {};

struct part {
   std::int32_t count = 0;
   std::optional<std::string> note;
   friend bool operator==(part const&, part const&) = default;
};

struct everything {
   bool flag = false;
   std::int8_t i8 = 0;
   std::uint64_t u64 = 0;
   std::int64_t i64 = 0;
   double number = 0;
   std::string text;
   std::optional<double> maybe;
   std::vector<part> parts;
   std::map<std::string, std::vector<std::int64_t>> table;
   part nested;
   std::optional<part> gift;
   noetl::execution_id execution_id;
   noetl::id_text<noetl::catalog_id> catalog_id;
   noetl::id_any<noetl::event_id> event_id;
   noetl::timestamp at{};
   raw_json context;
   color paint = color::red;
   std::optional<std::string> error;
   std::vector<bool> bits;
   friend bool operator==(everything const&, everything const&) = default;

   using json_rules = noetl::rules<noetl::omit_empty<"error", "bits">>;
};

struct only_omitted {
   std::optional<int> a;
   std::vector<int> b;
   std::string c;
   using json_rules = noetl::rules<noetl::omit_empty<"a", "b", "c">>;
};

TEST(json_write, fields_keep_the_order_of_the_struct) {
   EXPECT_EQ(to_json(everything{}),
             R"({"flag":false,"i8":0,"u64":0,"i64":0,"number":0.0,"text":"","maybe":null,"parts":[],"table":{},)"
             R"("nested":{"count":0,"note":null},"gift":null,"execution_id":0,"catalog_id":"0","event_id":0,)"
             R"("at":"1970-01-01T00:00:00Z","context":null,"paint":"RED"})");
}

TEST(json_write, omit_empty_leaves_out_and_commas_still_fit) {
   EXPECT_EQ(to_json(only_omitted{}), "{}");
   EXPECT_EQ(to_json(only_omitted{.a = {}, .b = {1, 2}, .c = ""}), R"({"b":[1,2]})");
   EXPECT_EQ(to_json(only_omitted{.a = 0, .b = {}, .c = "x"}), R"({"a":0,"c":"x"})");
   EXPECT_TRUE(from_json<only_omitted>("{}")) << "what may be left out may be absent";
   EXPECT_EQ(to_json(empty{}), "{}");
   EXPECT_EQ(to_json(std::vector<empty>(2)), "[{},{}]");
}

TEST(json_write, integers_are_exact) {
   EXPECT_EQ(to_json(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
   EXPECT_EQ(to_json(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
   EXPECT_EQ(to_json(std::uint8_t{65}), "65") << "a number, not a letter";
}

TEST(json_write, doubles_read_back_as_themselves_and_as_doubles) {
   EXPECT_EQ(to_json(1.0), "1.0");
   EXPECT_EQ(to_json(-0.0), "-0.0");
   EXPECT_EQ(to_json(0.1), "0.1");
   EXPECT_EQ(to_json(1e300), "1e+300");
   EXPECT_EQ(to_json(5e-324), "5e-324");
   EXPECT_EQ(to_json(std::numeric_limits<double>::quiet_NaN()), "null");
   EXPECT_EQ(to_json(-std::numeric_limits<double>::infinity()), "null");
}

TEST(json_write, raw_json_is_copied_and_empty_is_null) {
   EXPECT_EQ(to_json(raw_json(R"({"a":[1.50]})")), R"({"a":[1.50]})");
   EXPECT_EQ(to_json(raw_json{}), "null");
   EXPECT_EQ(to_json(std::vector<raw_json>{raw_json("1"), raw_json{}}), "[1,null]");
}

TEST(json_write, names_of_a_map_are_escaped) {
   EXPECT_EQ(to_json(std::map<std::string, int>{{"a\"b", 1}, {"", 2}}), R"({"":2,"a\"b":1})");
}

TEST(json_write, appends_without_touching_what_stands_there) {
   std::string out = "[";
   noetl::append_json(out, empty{});
   noetl::append_json(out, part{});
   EXPECT_EQ(out, R"([{}{"count":0,"note":null})");
}

TEST(json_value, tree_is_read_and_written) {
   using tao::json::value;
   auto const tree =
       from_json<value>(R"({"z":[1,-2,2.5,true,null,"ä\n"],"a":18446744073709551615,"big":18446744073709551616})");
   ASSERT_TRUE(tree);
   EXPECT_EQ(tree->at("a").get_unsigned(), 18446744073709551615U);
   EXPECT_TRUE(tree->at("big").is_double()) << "beyond 64 bits (spec http-execution.md section 1)";
   EXPECT_EQ(to_json(*tree),
             R"({"a":18446744073709551615,"big":18446744073709551616.0,"z":[1,-2,2.5,true,null,"ä\n"]})");
   EXPECT_EQ(to_json(value{}), "null");
   auto const many = from_json<std::map<std::string, std::optional<value>>>(R"({"a":null,"b":{}})");
   ASSERT_TRUE(many);
   EXPECT_FALSE(many->at("a").has_value());
   EXPECT_TRUE(many->at("b")->is_object());
}

TEST(json_value, limits_of_the_reader_hold) {
   using tao::json::value;
   EXPECT_FALSE(from_json<value>(std::string(65, '[') + std::string(65, ']')));
   EXPECT_FALSE(from_json<value>("1e400"));
   EXPECT_FALSE(from_json<value>("\"\\ud800\""));
   EXPECT_EQ(from_json<std::vector<value>>("[1,nan]").error().code, noetl::error_code::bad_request);
}

// Random values of every kind, with emphasis on the ends of ranges.
class generator {
public:
   explicit generator(std::uint64_t seed) : random_(seed) {}

   bool coin() { return random_() % 2 == 0; }
   std::int64_t whole() {
      switch (random_() % 4) {
      case 0: return std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(random_() % 3);
      case 1: return std::numeric_limits<std::int64_t>::min() + static_cast<std::int64_t>(random_() % 3);
      case 2: return static_cast<std::int64_t>(random_() % 100) - 50;
      default: return static_cast<std::int64_t>(random_());
      }
   }
   double number() {
      if (coin()) return static_cast<double>(static_cast<std::int64_t>(random_() % 2001) - 1000) / 8;
      double value;
      do {
         std::uint64_t const bits = random_();
         static_assert(sizeof bits == sizeof value);
         std::memcpy(&value, &bits, sizeof value);
      } while (!std::isfinite(value));
      return value;
   }
   std::string text() {
      static constexpr std::array<std::string_view, 12> pieces{"a", "bc", "\"", "\\", "\n",   "\t",
                                                               "ä", "€",  "😀",  " ",  "\x01", "plain words "};
      std::string out;
      for (auto n = random_() % 8; n > 0; --n) out += pieces[random_() % pieces.size()];
      if (random_() % 10 == 0) out.push_back('\0');
      return out;
   }
   raw_json json(int depth = 3) {
      std::string out;
      switch (random_() % (depth > 0 ? 6 : 4)) {
      case 0: noetl::append_json(out, whole()); break;
      case 1: noetl::append_json(out, number()); break;
      case 2: noetl::append_json(out, text()); break;
      case 3: out = coin() ? "true" : "false"; break;
      case 4: noetl::append_json(out, list<raw_json>([&] { return json(depth - 1); })); break;
      default: out = R"({"k":)" + json(depth - 1).text + "}";
      }
      return raw_json(out);
   }
   template <class T, class F>
   std::vector<T> list(F make) {
      std::vector<T> out;
      for (auto n = random_() % 4; n > 0; --n) out.push_back(make());
      return out;
   }
   template <class F>
   auto maybe(F make) {
      return coin() ? std::optional(make()) : std::nullopt;
   }
   part a_part() {
      return {static_cast<std::int32_t>(whole()), maybe([&] { return text(); })};
   }
   everything all() {
      everything e;
      e.flag = coin();
      e.i8 = static_cast<std::int8_t>(whole());
      e.u64 = random_();
      e.i64 = whole();
      e.number = number();
      e.text = text();
      e.maybe = maybe([&] { return number(); });
      e.parts = list<part>([&] { return a_part(); });
      for (auto n = random_() % 3; n > 0; --n) e.table[text()] = list<std::int64_t>([&] { return whole(); });
      e.nested = a_part();
      e.gift = maybe([&] { return a_part(); });
      e.execution_id = noetl::execution_id{whole()};
      e.catalog_id = noetl::catalog_id{whole()};
      e.event_id = noetl::event_id{whole()};
      e.at =
          noetl::timestamp{std::chrono::nanoseconds{static_cast<std::int64_t>(random_() % 4'000'000'000'000'000'000)}};
      if (coin()) e.context = json();
      e.paint = coin() ? color::red : color::dark_green;
      e.error = maybe([&] { return text(); });
      e.bits = list<bool>([&] { return coin(); });
      return e;
   }
   std::uint64_t operator()() { return random_(); }

private:
   std::mt19937_64 random_;
};

TEST(json_round_trip, random_values_survive) {
   auto const seed = std::random_device{}();
   std::cout << "seed " << seed << '\n';
   generator make(seed);
   for (int i = 0; i < 3000; ++i) {
      auto const before = make.all();
      auto const text = to_json(before);
      auto const after = from_json<everything>(text);
      ASSERT_TRUE(after) << "seed " << seed << ": " << after.error().message << "\n" << text;
      ASSERT_EQ(*after, before) << "seed " << seed << "\n" << text;
      ASSERT_EQ(to_json(*after), text);
   }
}

TEST(json_round_trip, damaged_text_is_refused_or_read_but_never_worse) {
   auto const seed = std::random_device{}();
   std::cout << "seed " << seed << '\n';
   generator make(seed);
   int refused = 0;
   for (int i = 0; i < 20'000; ++i) {
      auto text = to_json(make.all());
      for (auto n = 1 + make() % 3; n > 0; --n) {
         auto const at = make() % text.size();
         switch (make() % 3) {
         case 0: text[at] = static_cast<char>(make()); break;
         case 1: text.erase(at, 1 + make() % 5); break;
         default: text.insert(at, 1, R"({}[]",:\0e-.)"[make() % 12]);
         }
         if (text.empty()) break;
      }
      auto const out = from_json<everything>(text);
      if (out) {
         ASSERT_TRUE(from_json<everything>(to_json(*out))) << "seed " << seed << "\n" << text;
      } else {
         ++refused;
         ASSERT_FALSE(out.error().message.empty()) << "seed " << seed << "\n" << text;
         ASSERT_TRUE(out.error().status() == 400 || out.error().status() == 422);
      }
   }
   EXPECT_GT(refused, 1000);
}

} // namespace
