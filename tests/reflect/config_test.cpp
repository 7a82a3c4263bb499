#include <noetl/reflect/config.hpp>

#include <noetl/core/log.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using noetl::config_problem;
using noetl::load_config;

struct server {
   std::string host = "127.0.0.1";
   noetl::ranged<int, 1, 65535> port = 8082;
   bool debug = false;
   noetl::log::level log_level = noetl::log::level::info;
   std::optional<std::uint32_t> shard_index;
   std::chrono::milliseconds acquire_timeout = 500ms;
   std::chrono::seconds drain = 10s;
   noetl::secret shards;
   std::vector<std::string> regions;
   std::vector<int> weights;
   double ratio = 0.5;
   std::string nats_url = "nats://127.0.0.1:4222";
};
struct postgres {
   std::string host = "127.0.0.1";
   noetl::secret password;
};
struct settings {
   server noetl;
   struct postgres postgres;
};

std::vector<std::string> problems(noetl::environment const& variables) {
   std::vector<std::string> out;
   for (auto const& problem : load_config<settings>(variables).problems) out.push_back(problem.text());
   return out;
}

TEST(config, defaults_hold_when_nothing_is_set) {
   auto const config = load_config<settings>({});
   ASSERT_TRUE(config);
   EXPECT_EQ(config.value.noetl.port, 8082);
   EXPECT_EQ(config.value.postgres.host, "127.0.0.1");
}

TEST(config, member_path_is_the_variable_name) {
   auto const config = load_config<settings>({{"NOETL_HOST", "0.0.0.0"},
                                              {"NOETL_PORT", "80"},
                                              {"NOETL_DEBUG", "true"},
                                              {"NOETL_LOG_LEVEL", "warn"},
                                              {"NOETL_SHARD_INDEX", "3"},
                                              {"NOETL_ACQUIRE_TIMEOUT", "1500"},
                                              {"NOETL_DRAIN", "0"},
                                              {"NOETL_SHARDS", "host=a;password=b"},
                                              {"NOETL_REGIONS", "eu,us,"},
                                              {"NOETL_WEIGHTS", "1,-2"},
                                              {"NOETL_RATIO", "1e-3"},
                                              {"POSTGRES_HOST", "db"},
                                              {"POSTGRES_PASSWORD", "p"}});
   ASSERT_TRUE(config) << config.problems.front().text();
   auto const& [noetl, postgres] = config.value;
   EXPECT_EQ(noetl.host, "0.0.0.0");
   EXPECT_EQ(noetl.port, 80);
   EXPECT_TRUE(noetl.debug);
   EXPECT_EQ(noetl.log_level, noetl::log::level::warn);
   EXPECT_EQ(noetl.shard_index, 3U);
   EXPECT_EQ(noetl.acquire_timeout, 1500ms);
   EXPECT_EQ(noetl.drain, 0s);
   EXPECT_EQ(noetl.shards.value, "host=a;password=b");
   EXPECT_EQ(noetl.regions, (std::vector<std::string>{"eu", "us", ""}));
   EXPECT_EQ(noetl.weights, (std::vector<int>{1, -2}));
   EXPECT_EQ(noetl.ratio, 1e-3);
   EXPECT_EQ(postgres.host, "db");
   EXPECT_EQ(postgres.password.value, "p");
}

TEST(config, W29_one_malformed_variable_is_named_and_the_others_are_kept) {
   auto const config = load_config<settings>(
       {{"NOETL_PORT", "tcp://10.0.0.1"}, {"NOETL_NATS_URL", "nats://bus:4222"}, {"NOETL_DEBUG", "false"}});
   ASSERT_EQ(config.problems.size(), 1U);
   EXPECT_EQ(config.problems[0].text(), "NOETL_PORT: expected an integer 1..65535, got \"tcp://10.0.0.1\"");
   EXPECT_EQ(config.value.noetl.nats_url, "nats://bus:4222");
}

TEST(config, W29_every_problem_is_listed_at_once) {
   EXPECT_EQ(problems({{"NOETL_PORT", "0"},
                       {"NOETL_DEBUG", "1"},
                       {"NOETL_LOG_LEVEL", "loud"},
                       {"NOETL_SHARD_INDEX", "-1"},
                       {"NOETL_ACQUIRE_TIMEOUT", "5s"},
                       {"NOETL_DRAIN", "-1"},
                       {"NOETL_WEIGHTS", "1,,2"},
                       {"NOETL_RATIO", "nan"},
                       {"NOETL_PROT", "1"}}),
             (std::vector<std::string>{
                 R"(NOETL_PORT: expected an integer 1..65535, got "0")",
                 R"(NOETL_DEBUG: expected true or false, got "1")",
                 R"(NOETL_LOG_LEVEL: expected one of debug, info, warn, error, off, got "loud")",
                 R"(NOETL_SHARD_INDEX: expected an integer 0..4294967295, got "-1")",
                 R"(NOETL_ACQUIRE_TIMEOUT: expected a whole number of milliseconds 0..3155695200000, got "5s")",
                 R"(NOETL_DRAIN: expected a whole number of seconds 0..3155695200, got "-1")",
                 R"(NOETL_WEIGHTS: expected an integer -2147483648..2147483647 between commas, got "1,,2")",
                 R"(NOETL_RATIO: expected a number, got "nan")",
                 R"(NOETL_PROT: unknown, did you mean NOETL_PORT?)",
             }));
}

TEST(config, values_are_taken_exactly) {
   for (auto const* bad : {"", " 80", "80 ", "+80", "0x50", "80.0", "65536", "99999999999999999999"})
      EXPECT_EQ(problems({{"NOETL_PORT", bad}}).size(), 1U) << bad;
   for (auto const* bad : {"", "TRUE", "yes", "0", "true "})
      EXPECT_EQ(problems({{"NOETL_DEBUG", bad}}).size(), 1U) << bad;
   EXPECT_TRUE(problems({{"NOETL_HOST", ""}, {"NOETL_SHARD_INDEX", ""}, {"NOETL_WEIGHTS", ""}}).empty());
}

TEST(config, times_end_where_a_clock_could_not_add_them) {
   auto const century =
       load_config<settings>({{"NOETL_ACQUIRE_TIMEOUT", "3155695200000"}, {"NOETL_DRAIN", "3155695200"}});
   ASSERT_TRUE(century) << century.problems.front().text();
   auto const now = std::chrono::steady_clock::now();
   EXPECT_GT(now + century.value.noetl.acquire_timeout, now);
   EXPECT_GT(now + century.value.noetl.drain, now);
   EXPECT_EQ(
       problems({{"NOETL_ACQUIRE_TIMEOUT", "3155695200001"}, {"NOETL_DRAIN", "9223372036854775807"}}),
       (std::vector<std::string>{
           R"(NOETL_ACQUIRE_TIMEOUT: expected a whole number of milliseconds 0..3155695200000, got "3155695200001")",
           R"(NOETL_DRAIN: expected a whole number of seconds 0..3155695200, got "9223372036854775807")"}));
}

TEST(config, near_misses_are_problems_and_strangers_are_not) {
   EXPECT_EQ(problems({{"NOETL_NATSURL", "x"}}),
             std::vector<std::string>{"NOETL_NATSURL: unknown, did you mean NOETL_NATS_URL?"});
   EXPECT_EQ(problems({{"NOETL_HOTS", "x"}}),
             std::vector<std::string>{"NOETL_HOTS: unknown, did you mean NOETL_HOST?"});
   EXPECT_EQ(problems({{"POSTGRES_PASWORD", "hunter2"}}),
             std::vector<std::string>{"POSTGRES_PASWORD: unknown, did you mean POSTGRES_PASSWORD?"})
       << "and its value is not shown";
   EXPECT_TRUE(problems({{"NOETL_WORKER_POOL", "x"},         // another component's
                         {"NOETL_SERVICE_HOST", "10.0.0.1"}, // Kubernetes service links
                         {"NOETL_PORT_8082_TCP", "tcp://x"},
                         {"POSTGRES_PORT", "5432"}, // as near to HOST as two slips, but short
                         {"HOST", "x"},
                         {"PATH", "/bin"},
                         {"OETL_PORT", "1"}})
                   .empty());
}

TEST(config, secrets_are_masked_wherever_they_are_printed) {
   auto const config = load_config<settings>({{"POSTGRES_PASSWORD", "hunter2"}, {"NOETL_SHARDS", "hunter2"}});
   auto const text = noetl::print_config(config.value);
   EXPECT_EQ(text.find("hunter2"), std::string::npos);
   EXPECT_NE(text.find("POSTGRES_PASSWORD=***\n"), std::string::npos);

   struct several {
      struct {
         std::vector<noetl::secret> keys;
         std::optional<noetl::secret> token;
      } a;
   };
   auto const more = load_config<several>({{"A_KEYS", "k1,k2"}, {"A_TOKEN", "t"}});
   EXPECT_EQ(noetl::print_config(more.value), "A_KEYS=***,***\nA_TOKEN=***\n");
}

TEST(config, printed_configuration_reads_back) {
   auto const config =
       load_config<settings>({{"NOETL_SHARD_INDEX", "7"}, {"NOETL_WEIGHTS", "1,2"}, {"NOETL_DRAIN", "3"}});
   auto const text = noetl::print_config(config.value);
   EXPECT_TRUE(text.starts_with("NOETL_HOST=127.0.0.1\nNOETL_PORT=8082\nNOETL_DEBUG=false\nNOETL_LOG_LEVEL=info\n"
                                "NOETL_SHARD_INDEX=7\nNOETL_ACQUIRE_TIMEOUT=500\nNOETL_DRAIN=3\n"))
       << text;
   noetl::environment again;
   for (std::size_t start = 0; start < text.size();) {
      auto const end = text.find('\n', start);
      auto const equals = text.find('=', start);
      again[text.substr(start, equals - start)] = text.substr(equals + 1, end - equals - 1);
      start = end + 1;
   }
   auto const second = load_config<settings>(again);
   ASSERT_TRUE(second) << second.problems.front().text();
   EXPECT_EQ(noetl::print_config(second.value), text);
}

TEST(config, names_may_begin_with_a_prefix_and_defaults_may_be_the_program_s) {
   server defaults;
   defaults.port = 8084;
   auto const config = load_config({{"SHOP_HOST", "::"}, {"HOST", "no"}, {"SHOP_PROT", "1"}}, defaults, "SHOP");
   EXPECT_EQ(config.value.host, "::");
   EXPECT_EQ(config.value.port, 8084);
   ASSERT_EQ(config.problems.size(), 1U);
   EXPECT_EQ(config.problems.front().text(), "SHOP_PROT: unknown, did you mean SHOP_PORT?");
   auto const described = noetl::describe_config(defaults, "SHOP");
   EXPECT_NE(described.find("SHOP_PORT\tan integer 1..65535\t8084\n"), std::string::npos) << described;
}

TEST(config, every_variable_is_described_with_what_it_expects_and_its_default) {
   EXPECT_EQ(noetl::describe_config<settings>(), "NOETL_HOST\ttext\t127.0.0.1\n"
                                                 "NOETL_PORT\tan integer 1..65535\t8082\n"
                                                 "NOETL_DEBUG\ttrue or false\tfalse\n"
                                                 "NOETL_LOG_LEVEL\tone of debug, info, warn, error, off\tinfo\n"
                                                 "NOETL_SHARD_INDEX\tan integer 0..4294967295\t\n"
                                                 "NOETL_ACQUIRE_TIMEOUT\ta whole number of milliseconds\t500\n"
                                                 "NOETL_DRAIN\ta whole number of seconds\t10\n"
                                                 "NOETL_SHARDS\ttext\t\n"
                                                 "NOETL_REGIONS\ttext between commas\t\n"
                                                 "NOETL_WEIGHTS\tan integer -2147483648..2147483647 between commas\t\n"
                                                 "NOETL_RATIO\ta number\t0.5\n"
                                                 "NOETL_NATS_URL\ttext\tnats://127.0.0.1:4222\n"
                                                 "POSTGRES_HOST\ttext\t127.0.0.1\n"
                                                 "POSTGRES_PASSWORD\ttext\t\n");
}

TEST(config, environment_comes_from_what_main_gets) {
   std::array<char const*, 5> const block{"A=1", "B=x=y", "C=", "broken", nullptr};
   EXPECT_EQ(noetl::environment_from(block.data()), (noetl::environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}}));
   EXPECT_TRUE(noetl::environment_from(nullptr).empty());
}

TEST(config, edit_distance_counts_slips) {
   using noetl::edit_distance;
   EXPECT_EQ(edit_distance("", ""), 0U);
   EXPECT_EQ(edit_distance("abc", ""), 3U);
   EXPECT_EQ(edit_distance("abc", "abc"), 0U);
   EXPECT_EQ(edit_distance("abc", "acb"), 1U) << "neighbours swapped";
   EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

} // namespace
