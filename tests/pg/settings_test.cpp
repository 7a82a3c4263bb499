#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/pg/param.hpp>
#include <noetl/pg/partition_list.hpp>
#include <noetl/pg/partitions.hpp>
#include <noetl/pg/rows.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl::pg {
namespace {

TEST(dsn_test, keys_in_both_spellings_and_separators) {
   auto const one = parse_dsn("host=db1;port=5433;user=noetl;password=s=e;database=x");
   ASSERT_TRUE(one);
   EXPECT_EQ(one->host, "db1");
   EXPECT_EQ(one->port, 5433);
   EXPECT_EQ(one->password, "s=e");
   EXPECT_EQ(one->database, "x");
   auto const two = parse_dsn("host=db2 user=u dbname=y");
   ASSERT_TRUE(two);
   EXPECT_EQ(two->port, 5432);
   EXPECT_EQ(two->database, "y");
   EXPECT_EQ(parse_dsn("host=h;user=u")->database, "noetl");
}

TEST(dsn_test, mistakes_are_named_without_repeating_the_password) {
   for (auto const* text :
        {"user=u;password=secret", "host=h;password=secret", "host=h;user=u;port=0;password=secret",
         "host=h;user=u;port=x;password=secret", "host=h;user=u;colour=secret", "host=h;user=u;secret"}) {
      auto const got = parse_dsn(text);
      ASSERT_FALSE(got) << text;
      EXPECT_EQ(got.error().code, error_code::validation);
      EXPECT_EQ(got.error().message.find("secret"), std::string::npos);
   }
}

TEST(dsn_test, a_list_of_shards_keeps_its_order_and_names_the_bad_one) {
   auto const shards = parse_shards("host=a;user=u, host=b;user=u");
   ASSERT_TRUE(shards);
   ASSERT_EQ(shards->size(), 2U);
   EXPECT_EQ((*shards)[1].host, "b");
   EXPECT_TRUE(parse_shards("")->empty());
   EXPECT_EQ(parse_shards("host=a;user=u,host=b").error().message, "shard 1: DSN: user is missing");
}

TEST(dsn_test, an_empty_entry_would_move_the_shards_behind_it_so_it_is_refused) {
   for (auto const& [text, place] : {std::pair{",host=b;user=u", "0"}, std::pair{"host=a;user=u, ,host=b;user=u", "1"},
                                     std::pair{"host=a;user=u,", "1"}, std::pair{",", "0"}}) {
      auto const got = parse_shards(text);
      ASSERT_FALSE(got) << text;
      EXPECT_EQ(got.error().code, error_code::validation);
      EXPECT_EQ(got.error().message, std::string("shard ") + place + ": DSN is empty");
   }
   EXPECT_TRUE(parse_shards("  ")->empty());
}

TEST(dsn_test, connection_string_is_quoted) {
   settings s;
   s.password = "a'b\\c d";
   EXPECT_NE(connection_string(s).find("password='a\\'b\\\\c d'"), std::string::npos);
}

TEST(param_test, arrays_are_literals_with_quoting) {
   std::vector<std::optional<std::string>> const texts{"a", "", "NULL", "x\"y\\z", "{,}", std::nullopt};
   EXPECT_EQ(param(texts).text(), R"({"a","","NULL","x\"y\\z","{,}",NULL})");
   EXPECT_EQ(param(std::vector<std::int64_t>{1, -2}).text(), "{1,-2}");
   EXPECT_EQ(param(std::vector<execution_id>{}).text(), "{}");
   EXPECT_EQ(param(std::vector<bool>{true, false}).text(), "{true,false}");
   EXPECT_EQ(param(std::vector<raw_json>{raw_json("{\"a\":1}"), raw_json()}).text(), R"({"{\"a\":1}",NULL})");
}

TEST(param_test, scalars_are_exact) {
   EXPECT_EQ(param(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
   EXPECT_EQ(param(event_id{7}).text(), "7");
   EXPECT_EQ(param(true).text(), "true");
   EXPECT_EQ(param(0.1).text(), "0.1");
   EXPECT_EQ(param(timestamp(std::chrono::microseconds(1))).text(), "1970-01-01 00:00:00.000001+00");
   EXPECT_TRUE(param(std::optional<int>{}).is_null());
   EXPECT_TRUE(param(raw_json{}).is_null());
   EXPECT_FALSE(param("").is_null());
}

TEST(param_test, values_have_the_text_that_reflect_gives_them) {
   auto const same = [](auto const& value) {
      EXPECT_EQ(param(value).text(), to_sql_text(value));
      EXPECT_EQ(as<std::remove_cvref_t<decltype(value)>>(param(value).text()), value);
   };
   same(true);
   same(-1.5e300);
   same(std::numeric_limits<double>::infinity());
   same(std::uint64_t{18446744073709551615ULL});
   same(execution_id{-3});
   same(timestamp(std::chrono::microseconds(1'700'000'000'123'456)));
}

TEST(rows_test, cells_convert_or_say_why_not) {
   EXPECT_EQ(as<std::int64_t>("-5"), -5);
   EXPECT_EQ(as<std::optional<int>>(std::nullopt), std::nullopt);
   EXPECT_TRUE(as<bool>("t"));
   EXPECT_FALSE(as<bool>("f"));
   for (auto const* text : {"yes", "T", "1", ""}) EXPECT_THROW((void)as<bool>(text), bad_cell) << text;
   EXPECT_EQ(as<timestamp>("1970-01-01 00:00:01+00"), timestamp(std::chrono::seconds(1)));
   EXPECT_THROW((void)as<int>("7x"), bad_cell);
   EXPECT_THROW((void)as<std::string>(std::nullopt), bad_cell);
}

TEST(partitions_test, quarter_bounds_are_those_of_the_specification) {
   EXPECT_EQ((quarter{2026, 1}.ids()), (id_range{264905529753600000, 297520437657600000}));
   EXPECT_EQ((quarter{2028, 1}.ids().from), 529448671641600000);
   EXPECT_EQ((quarter{2026, 4}.next()), (quarter{2027, 1}));
   EXPECT_EQ(quarter_of(quarter{2027, 2}.start()), (quarter{2027, 2}));
   EXPECT_EQ(quarter_of(quarter{2027, 2}.start() - std::chrono::nanoseconds(1)), (quarter{2027, 1}));
}

TEST(partitions_test, bounds_are_read_and_gaps_found) {
   EXPECT_EQ(parse_bounds("FOR VALUES FROM ('5') TO ('9')"), (id_range{5, 9}));
   EXPECT_EQ(parse_bounds("FOR VALUES FROM (MINVALUE) TO ('9')")->from, std::numeric_limits<std::int64_t>::min());
   EXPECT_FALSE(parse_bounds("DEFAULT"));
   EXPECT_EQ(uncovered({0, 10}, {}), (std::vector<id_range>{{0, 10}}));
   EXPECT_EQ(uncovered({0, 10}, {{-5, 20}}), (std::vector<id_range>{}));
   EXPECT_EQ(uncovered({0, 10}, {{7, 8}, {-5, 2}, {30, 40}}), (std::vector<id_range>{{2, 7}, {8, 10}}));
}

TEST(partitions_test, item_92_only_numeric_upper_bounds_are_ever_past) {
   for (auto const* past : {"FOR VALUES FROM ('5') TO ('9')", "FOR VALUES FROM (5) TO (9)",
                            "FOR VALUES FROM (MINVALUE) TO ('9')", "FOR VALUES FROM (MINVALUE) TO (9)"}) {
      EXPECT_TRUE(is_past(past, 9)) << past;
      EXPECT_FALSE(is_past(past, 8)) << past;
   }
   for (auto const* kept : {"FOR VALUES FROM ('5') TO (MAXVALUE)", "FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
                            "DEFAULT", "", "FOR VALUES IN (5)", "FOR VALUES FROM ('a') TO ('b')"})
      EXPECT_FALSE(is_past(kept, std::numeric_limits<std::int64_t>::max() - 1)) << kept;
   EXPECT_EQ(retention_cutoff(quarter{2026, 4}.start(), 92), (quarter{2026, 3}.ids().from));
   EXPECT_EQ(retention_cutoff(quarter{2026, 4}.start(), 1'000'000), 0);
}

TEST(shard_map_test, an_empty_list_is_no_deployment) {
   EXPECT_THROW(shard_map(std::vector<settings>{}), std::invalid_argument);
   EXPECT_THROW(shard_map(std::vector<settings>{}, settings{}), std::invalid_argument);
}

static_assert(scope_of("event") == scope::execution);
static_assert(scope_of("catalog") == scope::cluster);
static_assert(!scope_of("somebody_elses"));

} // namespace
} // namespace noetl::pg
