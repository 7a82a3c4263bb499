#include <gtest/gtest.h>

#include <noetl/http/pattern.hpp>

namespace {

using namespace noetl::http;

constexpr pattern_fault fault(std::string_view text) {
   return parse_pattern(text).fault;
}

static_assert(fault("/") == pattern_fault::none);
static_assert(fault("/a/{b}/c/{d...}") == pattern_fault::none);
static_assert(fault("") == pattern_fault::no_leading_slash);
static_assert(fault("a") == pattern_fault::no_leading_slash);
static_assert(fault("/a/") == pattern_fault::trailing_slash);
static_assert(fault("/a//b") == pattern_fault::empty_segment);
static_assert(fault("/a/{b") == pattern_fault::unclosed_brace);
static_assert(fault("/a/{b}c") == pattern_fault::brace_inside_segment);
static_assert(fault("/a/c{b}") == pattern_fault::brace_inside_segment);
static_assert(fault("/a/b}") == pattern_fault::brace_inside_segment);
static_assert(fault("/a/{}") == pattern_fault::bad_name);
static_assert(fault("/a/{x-y}") == pattern_fault::bad_name);
static_assert(fault("/{a}/{a}") == pattern_fault::name_twice);
static_assert(fault("/{a...}/b") == pattern_fault::rest_not_last);
static_assert(fault("/1/2/3/4/5/6/7/8/9/10/11/12/13") == pattern_fault::too_many_segments);

struct match_result {
   bool matched = false;
   captures found{};
};
constexpr match_result try_match(std::string_view pattern_text, std::string_view path) {
   match_result out;
   out.matched = matches(parse_pattern(pattern_text), split(path), out.found);
   return out;
}

TEST(pattern, matches_literals_exactly) {
   EXPECT_TRUE(try_match("/a/b", "/a/b").matched);
   EXPECT_FALSE(try_match("/a/b", "/a/B").matched);
   EXPECT_FALSE(try_match("/a/b", "/a").matched);
   EXPECT_FALSE(try_match("/a/b", "/a/b/c").matched);
   EXPECT_TRUE(try_match("/", "/").matched);
   EXPECT_FALSE(try_match("/", "*").matched);
}

TEST(pattern, trailing_slash_is_another_path) {
   EXPECT_FALSE(try_match("/a", "/a/").matched);
   EXPECT_FALSE(try_match("/a/{b}", "/a/").matched);
   EXPECT_FALSE(try_match("/a/{b...}", "/a/").matched);
}

TEST(pattern, rest_takes_slashes_without_the_first) {
   auto const m = try_match("/o/{x}/{key...}", "/o/1/a/b//c/");
   ASSERT_TRUE(m.matched);
   EXPECT_EQ(m.found[0], "1");
   EXPECT_EQ(m.found[1], "a/b//c/");
}

TEST(pattern, rest_takes_more_segments_than_a_pattern_may_have) {
   auto const m = try_match("/o/{key...}", "/o/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15");
   ASSERT_TRUE(m.matched);
   EXPECT_EQ(m.found[0], "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15");
   EXPECT_FALSE(try_match("/{a}", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15").matched);
}

TEST(pattern, literals_sort_before_placeholders_and_those_before_rests) {
   auto const order = [](std::string_view a, std::string_view b) {
      return compare_shape(parse_pattern(a), parse_pattern(b));
   };
   EXPECT_LT(order("/a/b", "/a/{x}"), 0);
   EXPECT_LT(order("/a/{x}", "/a/{x...}"), 0);
   EXPECT_EQ(order("/a/{x}/c", "/a/{y}/c"), 0);
   EXPECT_NE(order("/a/{x}", "/a/{x}/c"), 0);
}

} // namespace
