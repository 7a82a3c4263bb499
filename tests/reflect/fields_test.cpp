#include <noetl/reflect/fields.hpp>

#include <noetl/core/strong.hpp>
#include <noetl/reflect/raw_json.hpp>

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

struct item {
   int count;
   std::optional<std::string> note;
};

// Type aliases, static members and functions are no fields; members may be named as types are.
struct parcel {
   using json_rules = int;
   static constexpr int version = 3;
   static inline std::string const table = "shipment";

   noetl::execution_id execution_id;
   std::string destination;
   std::optional<std::string> carrier;
   std::vector<item> items;
   noetl::raw_json raw_json;
   std::map<std::string, double> weights;
   std::optional<item> gift;
   double weight_kg = 1.5;
   bool _odd_name1 = false;

   [[nodiscard]] bool heavy() const { return weight_kg > 100; }
};

static_assert(parcel::version == 3 && noetl::field_count<parcel> == 9);
static_assert(noetl::field_names<parcel> == std::array<std::string_view, 9>{"execution_id", "destination", "carrier",
                                                                            "items", "raw_json", "weights", "gift",
                                                                            "weight_kg", "_odd_name1"});
static_assert(noetl::field_name<parcel, 7> == "weight_kg");
static_assert(noetl::field_index<parcel>("carrier") == 2);
static_assert(noetl::field_index<parcel>("carrie") == noetl::field_count<parcel>);
static_assert(noetl::has_field<parcel>("gift") && !noetl::has_field<parcel>("version"));
static_assert(std::same_as<noetl::field_type<parcel, 3>, std::vector<item>>);

struct none {};
struct one {
   std::string only;
};
static_assert(noetl::field_count<none> == 0 && noetl::field_names<none>.empty());
static_assert(noetl::field_names<one> == std::array<std::string_view, 1>{"only"});

template <class T>
struct generic {
   T value;
   std::vector<T> others;
};
static_assert(noetl::field_names<generic<std::string>> == noetl::field_names<generic<item>>);

struct wide {
   int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9;
   std::string b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
   std::optional<std::string> c0, c1, c2, c3, c4, c5, c6, c7, c8, c9;
   std::vector<item> d0, d1, d2, d3, d4, d5, d6, d7, d8, d9;
   noetl::event_id e0, e1, e2, e3, e4, e5, e6, e7, e8, last;
};
static_assert(noetl::field_count<wide> == 50);
static_assert(noetl::field_name<wide, 39> == "d9" && noetl::field_name<wide, 49> == "last");

class closed {
public:
   closed() = default;
   [[nodiscard]] int get() const { return hidden_; }

private:
   int hidden_ = 0;
};
struct with_constructor {
   explicit with_constructor(int) {}
};
union either {
   int a;
   float b;
};
static_assert(noetl::reflected<parcel> && noetl::reflected<none>);
static_assert(!noetl::reflected<closed> && !noetl::reflected<with_constructor> && !noetl::reflected<either>);
static_assert(!noetl::reflected<int> && !noetl::reflected<std::string> && !noetl::reflected<int[2]>);

TEST(fields, are_visited_in_declaration_order_and_can_be_changed) {
   parcel s{};
   std::string seen;
   noetl::for_each_field(s, [&](auto i, auto& member) {
      seen.append(noetl::field_name<parcel, i>).append(" ");
      if constexpr (std::same_as<decltype(member), std::string&>) member = "Oslo";
   });
   EXPECT_EQ(seen, "execution_id destination carrier items raw_json weights gift weight_kg _odd_name1 ");
   EXPECT_EQ(s.destination, "Oslo");
   noetl::field<7>(s) = 2.5;
   EXPECT_EQ(s.weight_kg, 2.5);
}

TEST(fields, of_a_constant_are_constant) {
   parcel const s{};
   static_assert(std::same_as<decltype(noetl::field<1>(s)), std::string const&>);
   int count = 0;
   noetl::for_each_field(s, [&](auto, auto const&) { ++count; });
   EXPECT_EQ(count, 9);
}

TEST(fields, of_a_struct_inside_a_function_have_names_too) {
   struct local {
      int here;
      std::string there;
   };
   EXPECT_EQ(noetl::field_names<local>[1], "there");
}

} // namespace
