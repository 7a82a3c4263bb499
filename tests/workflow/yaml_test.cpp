// Reading YAML: the dialect of orchestration.md 1.1, and the bounds of goals 13.
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/playbook_parser.hpp>

#include <string>

#include <gtest/gtest.h>

#include "workflow/hostile.hpp"

using namespace noetl::workflow;
using namespace workflow_test;
using detail::json_text;

namespace {

std::string as_json(std::string const& yaml) {
   auto const r = yaml_to_json(yaml);
   return r ? json_text(*r) : r.error().message;
}

struct spelling {
   std::string source;
   std::string wanted;
};

} // namespace

TEST(yaml, scalars_follow_the_1_2_core_schema) {
   for (auto const& r : {spelling{"yes", "\"yes\""},
                         spelling{"no", "\"no\""},
                         spelling{"on", "\"on\""},
                         spelling{"true", "true"},
                         spelling{"True", "true"},
                         spelling{"FALSE", "false"},
                         spelling{"~", "null"},
                         spelling{"", "null"},
                         spelling{"Null", "null"},
                         spelling{"12", "12"},
                         spelling{"-3", "-3"},
                         spelling{"+3", "3"},
                         spelling{"007", "\"007\""},
                         spelling{"0", "0"},
                         spelling{"0x1F", "31"},
                         spelling{"0o17", "15"},
                         spelling{"1.5", "1.5"},
                         spelling{".5", "0.5"},
                         spelling{"1e3", "1000.0"},
                         spelling{"1.", "1.0"},
                         spelling{"-1.5e-2", "-0.015"},
                         spelling{"01.5", "\"01.5\""},
                         spelling{"1.2.3", "\"1.2.3\""},
                         spelling{"1e", "\"1e\""},
                         spelling{"2024-01-01", "\"2024-01-01\""},
                         spelling{"12:30", "\"12:30\""},
                         spelling{".inf", "null"},
                         spelling{".nan", "null"},
                         spelling{"\"12\"", "\"12\""},
                         spelling{"'true'", "\"true\""},
                         spelling{"!!str 12", "\"12\""},
                         spelling{"!!int '12'", "12"},
                         spelling{"9223372036854775807", "9223372036854775807"},
                         spelling{"18446744073709551615", "18446744073709551615"},
                         spelling{"1_000", "\"1_000\""},
                         spelling{"-", "[null]"},
                         spelling{".", "\".\""},
                         spelling{"|\n  a\n  b", "\"a\\nb\""}})
      EXPECT_EQ(as_json(r.source), r.wanted) << r.source;
}

TEST(yaml, structure_rules_hold) {
   EXPECT_EQ(as_json("a: &x [1, 2]\nb: *x\n<<: {c: 1}"), R"({"<<":{"c":1},"a":[1,2],"b":[1,2]})");
   EXPECT_EQ(as_json("a: 1\nb: {c: 1, c: 2}"), "YAML: duplicate key 'c' (line 2, column 11)");
   EXPECT_EQ(as_json("a: 1\n---\nb: 2"), "YAML: more than one document");
   EXPECT_EQ(as_json("[a]: 1"), "YAML: a key must be a scalar (line 1, column 1)");
   EXPECT_EQ(as_json("a: *x").substr(0, 6), "YAML: ");
   EXPECT_EQ(as_json("a: &x [*x]").substr(0, 6), "YAML: ");
   EXPECT_EQ(as_json("{1: a, true: b}"), R"({"1":"a","true":"b"})");
}

TEST(yaml, aliases_cannot_blow_up_and_depth_is_bounded) {
   EXPECT_EQ(as_json(yaml_bomb()).substr(0, 32), "YAML: more than 200000 values (l");
   EXPECT_EQ(as_json(std::string(200, '[') + std::string(200, ']')).substr(0, 30), "YAML: nested deeper than 128 (");
   EXPECT_NE(as_json(std::string(100'000, '[')).find("YAML: "), std::string::npos);
}

TEST(yaml, every_sign_and_case_of_infinity_is_null) {
   for (auto const* source : {".INF", "+.Inf", "+.INF", "-.INF", "-.inf", ".NAN"}) EXPECT_EQ(as_json(source), "null");
   EXPECT_EQ(as_json("-.nan"), "\"-.nan\"");
   EXPECT_EQ(as_json("+-5"), "\"+-5\"");
   EXPECT_EQ(as_json("1e999"), "\"1e999\"");
}

TEST(yaml, a_null_key_is_the_word_and_clashes_with_it) {
   EXPECT_EQ(as_json("~: 1"), R"({"null":1})");
   EXPECT_EQ(as_json("{~: 1, 'null': 2}"), "YAML: duplicate key 'null' (line 1, column 8)");
   EXPECT_EQ(as_json("{1: a, '1': b}"), "YAML: duplicate key '1' (line 1, column 8)");
}

TEST(yaml, one_document_may_have_its_marks) {
   EXPECT_EQ(as_json("---\na: 1\n...\n"), R"({"a":1})");
   EXPECT_EQ(as_json("%YAML 1.2\n---\na: 1\n"), R"({"a":1})");
   EXPECT_EQ(as_json("# only a comment\n"), "null");
   EXPECT_EQ(as_json("a: 1\n---\n"), "YAML: more than one document");
}

TEST(yaml, characters_that_cannot_be_stored_or_end_the_text_early_are_refused) {
   EXPECT_EQ(as_json("a: 1\nb: \x04 2"), "YAML: a control character (line 2, column 4)");
   EXPECT_EQ(as_json(std::string("a: \0", 4)), "YAML: a control character (line 1, column 4)");
   EXPECT_EQ(as_json("a: \"\\0\""), "YAML: a value holds U+0000, which cannot be stored (line 1, column 4)");
   EXPECT_EQ(as_json("a: \xff"), "YAML: text that is not UTF-8 (line 1, column 4)");
   EXPECT_EQ(as_json("a: \xed\xa0\x80"), "YAML: text that is not UTF-8 (line 1, column 4)");
   EXPECT_EQ(as_json("a: \"\\ud800\"").substr(0, 6), "YAML: ");
   EXPECT_EQ(as_json("\xef\xbb\xbf"
                     "a: \xc3\xa4\r\n"),
             "{\"a\":\"\xc3\xa4\"}");
}

TEST(yaml, columns_count_bytes_whoever_finds_the_fault) {
   std::string const line = "# \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n"; // counts as a line and no more
   EXPECT_EQ(as_json(line + "\xc3\xa4: [b, c: }"), "YAML: illegal flow end (line 2, column 12)") << "of yaml-cpp";
   EXPECT_EQ(as_json(line + "{\xc3\xa4: 1, \xc3\xa4: 2}"), "YAML: duplicate key '\xc3\xa4' (line 2, column 9)")
       << "of the tree";
   EXPECT_EQ(as_json(line + "\xc3\xa4: \x04"), "YAML: a control character (line 2, column 5)") << "before both";
}

TEST(yaml, documents_and_values_have_a_greatest_length) {
   EXPECT_EQ(as_json(std::string((2 << 20) + 1, '#')), "YAML: the document is longer than 2097152 bytes");
   EXPECT_EQ(as_json("a: '" + std::string((1 << 20) + 1, 'x') + "'"),
             "YAML: a value is longer than 1048576 bytes (line 1, column 4)");
   EXPECT_EQ(as_json("'" + std::string(1 << 20, 'x') + "'").size(), (1U << 20) + 2);
}

TEST(yaml, hostile_documents_are_refused) {
   for (auto const& bad : hostile_documents()) EXPECT_EQ(as_json(bad).substr(0, 6), "YAML: ") << bad.substr(0, 60);
}

TEST(yaml, aliases_cannot_multiply_bytes_or_depth) {
   // 1 MB, seventeen times: more than the document may come to.
   auto const wide = "a: &a '" + std::string(1'000'000, 'x') + "'\nb: [" + repeated("*a,", 17) + "]";
   EXPECT_EQ(as_json(wide).substr(0, 65), "YAML: more than 16777216 bytes with all aliases written out (line");
   std::string deep = "a0: &a0 [x]\n";
   for (int i = 1; i < 200; ++i) {
      deep += "a" + std::to_string(i);
      deep += ": &a" + std::to_string(i);
      deep += " [*a" + std::to_string(i - 1) + "]\n";
   }
   EXPECT_EQ(as_json(deep).substr(0, 33), "YAML: nested deeper than 128 (lin");
}
