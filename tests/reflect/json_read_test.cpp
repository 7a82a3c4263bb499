#include <noetl/reflect/json_read.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <noetl/reflect/ids.hpp>

#include "reflect/color.hpp"

namespace {

using noetl::error_code;
using noetl::from_json;
using noetl::raw_json;
using reflect_test::color;

struct event {
   noetl::event_id event_id;
   std::string event_type;
   raw_json payload;
   std::optional<std::string> error;
   bool actionable = true;
   std::vector<std::string> tags;

   using json_rules = noetl::rules<noetl::alias<"payload", "context", "data">, noetl::defaulted<"actionable">,
                                   noetl::omit_empty<"tags">>;
};

struct batch {
   std::vector<event> events;
};

template <class T>
struct box {
   T v{};
};

// The value of {"v": <json>}, or a failed test.
template <class T>
T read(std::string_view json) {
   auto out = from_json<box<T>>("{\"v\":" + std::string(json) + "}");
   if (!out) {
      ADD_FAILURE() << json << " -> " << out.error().message;
      return T{};
   }
   return std::move(out->v);
}

// The message for {"v": <json>} with the class of error in front: "422 v: expected ...".
template <class T>
std::string refusal(std::string_view json) {
   auto const out = from_json<box<T>>("{\"v\":" + std::string(json) + "}");
   return out ? "accepted" : std::to_string(out.error().status()) + " " + out.error().message;
}

std::string wrong_event(std::string_view json) {
   auto const out = from_json<event>(json);
   return out ? "accepted" : std::to_string(out.error().status()) + " " + out.error().message;
}

TEST(json_read, fields_are_found_by_name_in_any_order) {
   auto const e = from_json<event>(R"( { "tags" : ["a","b"], "event_type":"x", "unknown": {"deep":[1,{"a":null}]},
                                        "payload" : { "k" : [ 1 , 2.50, "a b" ] } ,"event_id" : 12 } )");
   ASSERT_TRUE(e) << e.error().message;
   EXPECT_EQ(e->event_id.value, 12);
   EXPECT_EQ(e->event_type, "x");
   EXPECT_EQ(e->payload.text, R"({"k":[1,2.50,"a b"]})") << "no space between tokens, numbers as written";
   EXPECT_EQ(e->error, std::nullopt);
   EXPECT_TRUE(e->actionable) << "a defaulted field keeps what the struct says";
   EXPECT_EQ(e->tags, (std::vector<std::string>{"a", "b"}));
}

TEST(json_read, error_names_the_exact_field) {
   auto const out = from_json<batch>(R"({"events":[
      {"event_id":1,"event_type":"a","payload":1},{"event_id":2,"event_type":"a","payload":1},
      {"event_id":3,"event_type":"a","payload":1},{"event_id":"4","event_type":"a","payload":1}]})");
   ASSERT_FALSE(out);
   EXPECT_EQ(out.error().code, error_code::validation);
   EXPECT_EQ(out.error().message, "events[3].event_id: expected integer, got string");
}

TEST(json_read, every_kind_is_told_from_every_other) {
   EXPECT_EQ(refusal<std::int64_t>("null"), "422 v: expected integer, got null");
   EXPECT_EQ(refusal<std::int64_t>("true"), "422 v: expected integer, got boolean");
   EXPECT_EQ(refusal<std::int64_t>("[]"), "422 v: expected integer, got array");
   EXPECT_EQ(refusal<std::int64_t>("{}"), "422 v: expected integer, got object");
   EXPECT_EQ(refusal<std::string>("1"), "422 v: expected string, got number");
   EXPECT_EQ(refusal<bool>("\"true\""), "422 v: expected boolean, got string");
   EXPECT_EQ(refusal<double>("\"1\""), "422 v: expected number, got string");
   EXPECT_EQ(refusal<std::vector<int>>("{}"), "422 v: expected array, got object");
   EXPECT_EQ(refusal<box<int>>("[]"), "422 v: expected object, got array");
   EXPECT_EQ(refusal<std::vector<std::vector<bool>>>("[[true],[true,0]]"), "422 v[1][1]: expected boolean, got number");
   EXPECT_EQ((refusal<std::map<std::string, int>>(R"({"a":1,"b":"x"})")), "422 v.b: expected integer, got string");
   auto const top = from_json<event>("[]");
   EXPECT_EQ(top.error().message, "expected object, got array");
}

TEST(json_read, missing_field_is_named) {
   EXPECT_EQ(wrong_event(R"({"event_id":1,"payload":1})"), "422 event_type: required field is missing");
   EXPECT_EQ(refusal<batch>(R"({"events":[{"event_id":1,"event_type":"a"}]})"),
             "422 v.events[0].payload: required field is missing");
}

TEST(json_read, null_is_for_optionals_and_raw_json_only) {
   EXPECT_EQ(read<std::optional<int>>("null"), std::nullopt);
   EXPECT_EQ(read<std::optional<int>>("4"), 4);
   EXPECT_EQ(read<raw_json>("null"), raw_json{}) << "no value";
   EXPECT_EQ(read<std::optional<raw_json>>("null"), std::nullopt);
   EXPECT_EQ(read<std::optional<raw_json>>("[null]"), raw_json("[null]"));
   EXPECT_EQ(refusal<std::string>("null"), "422 v: expected string, got null");
   EXPECT_EQ(wrong_event(R"({"event_id":1,"event_type":"a","payload":1,"actionable":null})"),
             "422 actionable: expected boolean, got null");
}

TEST(json_read, field_given_twice_or_with_its_alias_is_refused) {
   EXPECT_EQ(wrong_event(R"({"event_id":1,"event_id":1})"), "422 event_id: given twice");
   EXPECT_EQ(wrong_event(R"({"payload":1,"context":2})"), "422 context: given twice, it is another name of payload");
   EXPECT_EQ(wrong_event(R"({"context":1,"payload":2})"), "422 payload: given twice");
   EXPECT_EQ(wrong_event(R"({"context":1,"data":2})"), "422 data: given twice, it is another name of payload");
   EXPECT_EQ((refusal<std::map<std::string, int>>(R"({"a":1,"a":1})")), "422 v.a: given twice");
   EXPECT_EQ(wrong_event(R"({"event_id":1,"event_type":"a","data":1,"x":1,"x":2})"), "accepted")
       << "unknown ones are ignored";
}

TEST(json_read, integers_are_exact_over_64_bits) {
   EXPECT_EQ(read<std::int64_t>("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
   EXPECT_EQ(read<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
   EXPECT_EQ(read<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
   EXPECT_EQ(read<std::int64_t>("9007199254740993"), 9007199254740993) << "2^53 + 1";
   EXPECT_EQ(read<std::int64_t>("-0"), 0);
   EXPECT_EQ(read<noetl::execution_id>("320816801799737344").value, 320816801799737344);
}

TEST(json_read, integer_out_of_range_names_the_range) {
   EXPECT_EQ(refusal<std::int64_t>("9223372036854775808"),
             "422 v: expected integer -9223372036854775808..9223372036854775807, got 9223372036854775808");
   EXPECT_EQ(refusal<std::uint64_t>("-1"), "422 v: expected integer 0..18446744073709551615, got -1");
   EXPECT_EQ(refusal<std::int32_t>("2147483648"), "422 v: expected integer -2147483648..2147483647, got 2147483648");
   EXPECT_EQ(refusal<std::uint8_t>("256"), "422 v: expected integer 0..255, got 256");
   EXPECT_EQ(refusal<std::int8_t>("-129"), "422 v: expected integer -128..127, got -129");
   EXPECT_EQ(refusal<std::uint16_t>(std::string(60, '9')).size(),
             std::string("422 v: expected integer 0..65535, got ").size() + 43)
       << "a long number is shortened";
}

TEST(json_read, integer_is_neither_a_decimal_nor_a_string) {
   EXPECT_EQ(refusal<std::int64_t>("1.0"), "422 v: expected integer, got decimal number");
   EXPECT_EQ(refusal<std::int64_t>("1e3"), "422 v: expected integer, got decimal number");
   EXPECT_EQ(refusal<std::int64_t>("\"1\""), "422 v: expected integer, got string");
}

TEST(json_read, doubles_are_the_nearest_and_finite) {
   EXPECT_EQ(read<double>("0.1"), 0.1);
   EXPECT_EQ(read<double>("1e308"), 1e308);
   EXPECT_EQ(read<double>("-2.2250738585072014e-308"), -2.2250738585072014e-308);
   EXPECT_EQ(read<double>("12345678901234567890123"), 12345678901234567890123.0);
   EXPECT_EQ(read<double>("5"), 5.0);
   EXPECT_EQ(read<double>("1e-400"), 0.0) << "too small is zero";
   EXPECT_TRUE(std::signbit(read<double>("-1e-400")));
   EXPECT_EQ(read<double>("0." + std::string(400, '0') + "1"), 0.0);
   EXPECT_EQ(refusal<double>("1e400"), "422 v: number out of range: 1e400");
   EXPECT_EQ(refusal<double>("-1e400"), "422 v: number out of range: -1e400");
   for (auto const* large : {"0.5e6029", "0.5e+6029", "-0.001e999", "10.0e400", "1E99999999999999999999"})
      EXPECT_EQ(refusal<double>(large), std::string("422 v: number out of range: ") + large);
   for (auto const* tiny : {"0.5e-6029", "100.0e-999", "1E-99999999999999999999"}) EXPECT_EQ(read<double>(tiny), 0.0);
   EXPECT_EQ(refusal<double>("1" + std::string(500, '0') + "e-5").substr(0, 28), "422 v: number out of range: ");
   EXPECT_EQ(read<double>("1" + std::string(500, '0') + "e-1000"), 0.0);
   EXPECT_EQ(read<double>("0." + std::string(500, '0') + "1e5"), 0.0);
   EXPECT_EQ(refusal<double>("1" + std::string(400, '0')).substr(0, 28), "422 v: number out of range: ");
   EXPECT_EQ(refusal<float>("1e39"), "422 v: number out of range: 1e39");
}

TEST(json_read, number_out_of_range_is_refused_in_ignored_and_raw_places_too) {
   EXPECT_EQ(wrong_event(R"({"unknown":[1e400]})"), "422 unknown: number out of range: 1e400");
   EXPECT_EQ(refusal<raw_json>(R"({"a":[1E+999]})"), "422 v: number out of range: 1E+999");
   EXPECT_EQ(refusal<raw_json>("1e-3333333333"), "422 v: number out of range: 1e-3333333333");
   EXPECT_EQ(refusal<raw_json>("0E3333333333"), "422 v: number out of range: 0E3333333333");
   EXPECT_EQ(read<raw_json>("1e-0000000000009").text, "1e-0000000000009") << "zeros before it do not count";
}

TEST(json_read, strings_have_their_meaning) {
   EXPECT_EQ(read<std::string>(R"("a\"b\\c\/d\n\r\t\b\f")"), "a\"b\\c/d\n\r\t\b\f");
   EXPECT_EQ(read<std::string>(R"("\u00e4\u20AC\ud83d\ude00\n")"), "ä€😀\n");
   EXPECT_EQ(read<std::string>("\"ä€😀\""), "ä€😀");
   EXPECT_EQ(read<std::string>(R"("a\u0000b")"), std::string("a\0b", 3));
   EXPECT_EQ(read<std::string>("\"\x7f\""), "\x7f");
   auto const keyed = from_json<event>(R"({"event_\u0069d":7,"event_typ\u0065":"a","payload":1})");
   ASSERT_TRUE(keyed);
   EXPECT_EQ(keyed->event_id.value, 7) << "an escaped name is the same name";
}

TEST(json_read, lone_surrogates_and_bad_utf8_are_malformed) {
   for (std::string_view const bad :
        {R"("\ud800")", R"("\udc00")", R"("\ud800\n")", R"("\ud800\u0041")", R"("\ud83dx")", R"("\u12g4")", R"("\u12")",
         R"("\x41")", "\"\xff\"", "\"\xED\xA0\x80\"", "\"\xC3\"", "\"\n\"", "\"\x01\"", "\"abc"}) {
      EXPECT_EQ(refusal<std::string>(bad).substr(0, 31), "400 malformed JSON at line 1, c") << bad;
      EXPECT_EQ(refusal<raw_json>(bad).substr(0, 31), "400 malformed JSON at line 1, c") << bad;
      EXPECT_EQ(refusal<int>(bad).substr(0, 31), "400 malformed JSON at line 1, c") << bad;
   }
}

TEST(json_read, malformed_text_is_a_bad_request_with_line_and_column) {
   auto const at = [](std::string_view text) { return from_json<batch>(text).error(); };
   EXPECT_EQ(at("").message, "malformed JSON at line 1, column 1: unexpected end");
   EXPECT_EQ(at("{\n  \"events\": [\n  }").message, "malformed JSON at line 3, column 3: expected a value");
   EXPECT_EQ(at("{\"events\":[]").message, "malformed JSON at line 1, column 13: unexpected end");
   EXPECT_EQ(at("{\"events\":[]} x").message, "malformed JSON at line 1, column 15: unexpected text after the value");
   EXPECT_EQ(at("{\"events\":[],}").message, "malformed JSON at line 1, column 14: expected a member name");
   EXPECT_EQ(at("{\"events\" []}").message, "malformed JSON at line 1, column 11: expected ':'");
   EXPECT_EQ(at("{events:[]}").message, "malformed JSON at line 1, column 2: expected a member name");
   EXPECT_EQ(at("{").code, error_code::bad_request);
}

TEST(json_read, malformed_wins_over_a_misfit_before_it) {
   EXPECT_EQ(wrong_event(R"({"event_id":"x"})"), "422 event_id: expected integer, got string");
   EXPECT_EQ(wrong_event(R"({"event_id":"x"} })"),
             "400 malformed JSON at line 1, column 18: unexpected text after the value");
}

TEST(json_read, what_only_looks_like_json_is_malformed_in_every_place) {
   for (std::string_view const bad : {"NaN",
                                      "Infinity",
                                      "-Infinity",
                                      "nul",
                                      "tru",
                                      "True",
                                      "'a'",
                                      "01",
                                      "-01",
                                      "00",
                                      "+1",
                                      ".5",
                                      "1.",
                                      "1.e3",
                                      "1e",
                                      "1e+",
                                      "-",
                                      "0x10",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\":1,}",
                                      "{\"a\"}",
                                      "{1:2}",
                                      "{,}",
                                      "",
                                      ",",
                                      "]",
                                      "}",
                                      "undefined",
                                      "1 // x",
                                      "\xEF\xBB\xBF"
                                      "1"}) {
      EXPECT_EQ(refusal<raw_json>(bad).substr(0, 3), "400") << bad << refusal<raw_json>(bad);
      EXPECT_EQ(refusal<int>(bad).substr(0, 3), "400") << bad << refusal<int>(bad);
      EXPECT_EQ(refusal<double>(bad).substr(0, 3), "400") << bad << refusal<double>(bad);
      EXPECT_EQ(refusal<std::vector<int>>(bad).substr(0, 3), "400") << bad << refusal<std::vector<int>>(bad);
   }
}

TEST(json_read, raw_json_is_the_value_without_space) {
   EXPECT_EQ(read<raw_json>(" [ 1 , { \"a b\" : \" \\\" x \" } , true ] ").text, R"([1,{"a b":" \" x "},true])");
   EXPECT_EQ(read<raw_json>("{ }").text, "{}");
   EXPECT_EQ(read<raw_json>("[\t\r\n]").text, "[]");
   EXPECT_EQ(read<raw_json>("\"\\u00e4 \"").text, "\"\\u00e4 \"");
   EXPECT_EQ(read<raw_json>("-12.50e+3").text, "-12.50e+3");
   EXPECT_EQ(read<raw_json>("123456789012345678901234567890").text, "123456789012345678901234567890");
   EXPECT_EQ(read<raw_json>("false").text, "false");
}

TEST(json_read, nesting_has_a_limit) {
   auto const nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
   EXPECT_EQ(read<raw_json>(nested(63)).text, nested(63)) << "63 and the object around";
   EXPECT_NE(refusal<raw_json>(nested(64)).find("nested too deeply"), std::string::npos);
   EXPECT_EQ(refusal<int>(nested(100'000)).substr(0, 3), "400") << "also where an integer is wanted";
   EXPECT_FALSE(from_json<batch>("{\"x\":" + nested(1'000'000) + "}")) << "also where it would be ignored";
   EXPECT_TRUE(from_json<raw_json>("[[1]]", 2));
   EXPECT_FALSE(from_json<raw_json>("[[1]]", 1));
   EXPECT_FALSE(from_json<std::vector<std::vector<int>>>("[[1]]", 1));
}

TEST(json_read, times_need_an_offset) {
   EXPECT_EQ(noetl::to_rfc3339(read<noetl::timestamp>("\"2026-01-31T13:00:00.5+01:00\"")), "2026-01-31T12:00:00.500Z");
   EXPECT_EQ(
       refusal<noetl::timestamp>("\"2026-01-31T13:00:00\""),
       "422 v: expected an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z, got \"2026-01-31T13:00:00\"");
   EXPECT_EQ(refusal<noetl::timestamp>("17"), "422 v: expected string, got number");
}

TEST(json_read, enumerations_are_their_texts) {
   EXPECT_EQ(read<color>("\"DARK_GREEN\""), color::dark_green);
   EXPECT_EQ(refusal<color>("\"green\""), "422 v: expected one of RED, DARK_GREEN, got \"green\"");
}

TEST(json_read, message_repeats_little_of_what_the_sender_wrote) {
   EXPECT_EQ(refusal<color>("\"" + std::string(1000, 'x') + "\""),
             "422 v: expected one of RED, DARK_GREEN, got \"" + std::string(40, 'x') + "...\"");
   auto const cut = refusal<color>("\"" + std::string(39, 'x') + "ä" + "\"");
   EXPECT_NE(cut.find("x...\""), std::string::npos) << "never in the middle of a character: " << cut;
}

TEST(json_read, id_forms_follow_the_contract) {
   using text = noetl::id_text<noetl::catalog_id>;
   using any = noetl::id_any<noetl::execution_id>;
   EXPECT_EQ(read<text>("\"320816801799737344\"").value.value, 320816801799737344);
   EXPECT_EQ(refusal<text>("320816801799737344"), "422 v: expected string, got number");
   EXPECT_EQ(read<any>("\"-5\"").value.value, -5);
   EXPECT_EQ(read<any>("9223372036854775807").value.value, 9223372036854775807);
   for (auto const* bad :
        {"\"\"", "\" 1\"", "\"1 \"", "\"+1\"", "\"1.0\"", "\"0x1\"", "\"9223372036854775808\"", "\"abc\""})
      EXPECT_EQ(refusal<any>(bad).substr(0, 43), "422 v: expected an id in decimal digits, go") << bad;
   EXPECT_EQ(refusal<any>("null"), "422 v: expected integer, got null");
   EXPECT_EQ(refusal<any>("1.0"), "422 v: expected integer, got decimal number");
}

} // namespace
