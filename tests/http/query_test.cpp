#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <noetl/http/percent.hpp>
#include <noetl/http/query.hpp>

namespace {

using namespace noetl;
using namespace noetl::http;

enum class order { up, down };
constexpr std::string_view to_text(order o) {
   return o == order::up ? "up" : "down";
}
constexpr auto all_values(order) {
   return std::array{order::up, order::down};
}

struct listing {
   std::int64_t limit = 10;
   std::optional<std::string> status;
   std::optional<bool> deep;
   order sort = order::up;
   std::optional<timestamp> since;
   std::optional<execution_id> id;
   using json_rules = rules<defaulted<"limit", "sort">, alias<"status", "state">>;
};
struct strict {
   std::uint32_t shard_count = 0;
};

std::string misfit(std::string_view query) {
   auto const read = read_query<listing>(query);
   if (read) return "";
   EXPECT_EQ(read.error().code, error_code::bad_request);
   return read.error().message;
}

TEST(query, absent_keys_leave_defaults_and_optionals) {
   auto const q = read_query<listing>("");
   ASSERT_TRUE(q);
   EXPECT_EQ(q->limit, 10);
   EXPECT_FALSE(q->status);
}

TEST(query, values_are_decoded) {
   auto const q = read_query<listing>("limit=-3&status=a+b%2Bc%20%C3%A4&deep=true&sort=down&since=2026-01-02T03:04:05Z&"
                                      "id=42");
   ASSERT_TRUE(q) << q.error().message;
   EXPECT_EQ(q->limit, -3);
   EXPECT_EQ(q->status, "a b+c \xC3\xA4");
   EXPECT_EQ(q->deep, true);
   EXPECT_EQ(q->sort, order::down);
   EXPECT_TRUE(q->since);
   EXPECT_EQ(q->id, execution_id{42});
}

TEST(query, unknown_keys_are_ignored_even_twice) {
   EXPECT_EQ(misfit("x=1&x=2&&=&y&z=%41&%41=1"), "");
}

TEST(query, a_known_key_twice_is_refused_also_by_its_alias) {
   EXPECT_EQ(misfit("limit=1&limit=1"), "query parameter 'limit': given twice");
   EXPECT_EQ(misfit("status=a&state=b"), "query parameter 'state': given twice");
}

TEST(query, integers_are_exact) {
   EXPECT_EQ(misfit("limit=1.0"), "query parameter 'limit': expected an integer in range");
   EXPECT_EQ(misfit("limit="), "query parameter 'limit': expected an integer in range");
   EXPECT_EQ(misfit("limit=9223372036854775808"), "query parameter 'limit': expected an integer in range");
   EXPECT_EQ(misfit("limit=9223372036854775807"), "");
   EXPECT_FALSE(read_query<strict>("shard_count=-1"));
   EXPECT_FALSE(read_query<strict>("shard_count=4294967296"));
}

TEST(query, booleans_are_true_or_false_only) {
   EXPECT_EQ(misfit("deep=1"), "query parameter 'deep': expected true or false");
   EXPECT_EQ(misfit("deep=True"), "query parameter 'deep': expected true or false");
}

TEST(query, names_and_times_have_one_form) {
   EXPECT_EQ(misfit("sort=left"), "query parameter 'sort': expected one of the known names");
   EXPECT_EQ(misfit("since=2026-01-02T03:04:05"), "query parameter 'since': expected an RFC 3339 time with offset");
}

TEST(query, required_keys_must_be_there) {
   auto const read = read_query<strict>("");
   ASSERT_FALSE(read);
   EXPECT_EQ(read.error().message, "query parameter 'shard_count': is missing");
}

TEST(query, text_that_is_not_utf8_is_refused) {
   EXPECT_EQ(misfit("status=%FF"), "query parameter 'status': is not UTF-8");
   EXPECT_EQ(misfit("x=%FF"), "query parameter 'x': is not UTF-8") << "also where nobody asks for it";
   EXPECT_EQ(misfit("%ff=1"), "query string: the name of a parameter is not UTF-8");
   EXPECT_EQ(misfit("limit=1&%C3%28"), "query string: the name of a parameter is not UTF-8");
}

TEST(percent, broken_sequences_stand_for_themselves) {
   EXPECT_EQ(decode_path("%zz%4"), "%zz%4");
   EXPECT_EQ(decode_path("a%2Fb+c"), "a/b+c");
   EXPECT_EQ(decode_path("%FF"), std::nullopt);
   EXPECT_EQ(decode_path(percent_encode("a/b \xC3\xA4%")), "a/b \xC3\xA4%");
}

} // namespace
