// What a server of aggregates is told, and what it says to nonsense.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <noetl/app/server_settings.hpp>

namespace noetl::test {
namespace {

using app::start_wish;

result<start_wish> read(environment const& variables, std::vector<char const*> arguments = {}) {
   return app::read_start("corner-shop", {.port = 8084}, variables, arguments);
}
std::string refusal(environment const& variables, std::vector<char const*> arguments = {}) {
   auto const wish = read(variables, std::move(arguments));
   return wish ? "" : wish.error().message;
}

TEST(server_settings, a_program_s_variables_begin_with_its_name_in_capitals) {
   auto const wish = read({{"CORNER_SHOP_PORT", "99"}, {"CORNER_SHOP_HOST", "::"}, {"PORT", "1"}});
   ASSERT_TRUE(wish);
   EXPECT_EQ(wish->how.port, 99);
   EXPECT_EQ(wish->how.host, "::");
}

TEST(server_settings, what_is_not_set_is_the_program_s_default) {
   auto const wish = read({});
   ASSERT_TRUE(wish);
   EXPECT_EQ(wish->how.port, 8084);
   ASSERT_TRUE(wish->database);
   EXPECT_EQ(wish->database->database, "noetl");
}

TEST(server_settings, in_memory_no_database_is_looked_at) {
   auto const wish = read({{"CORNER_SHOP_DSN", "nonsense"}, {"CORNER_SHOP_NATS_URL", ""}}, {"--memory"});
   ASSERT_TRUE(wish) << wish.error().message;
   EXPECT_FALSE(wish->database);
}

TEST(server_settings, every_problem_is_said_at_once_and_no_secret_with_it) {
   auto const said = refusal({{"CORNER_SHOP_PORT", "eighty"},
                              {"CORNER_SHOP_DSN", "user=a password=hunter2"},
                              {"CORNER_SHOP_NATS_URL", "http://nats"},
                              {"CORNER_SHOP_HOTS", "::"}});
   EXPECT_NE(said.find("CORNER_SHOP_PORT: expected an integer 0..65535, got \"eighty\"\n"), said.npos) << said;
   EXPECT_NE(said.find("CORNER_SHOP_DSN: "), said.npos) << said;
   EXPECT_NE(said.find("CORNER_SHOP_NATS_URL: "), said.npos) << said;
   EXPECT_NE(said.find("CORNER_SHOP_HOTS: unknown, did you mean CORNER_SHOP_HOST?"), said.npos) << said;
   EXPECT_EQ(said.find("hunter2"), said.npos) << said;
}

TEST(server_settings, variables_of_a_neighbour_are_no_slips_of_ours) {
   EXPECT_EQ(refusal({{"CORNER_SHED_PORT", "1"}, {"CORNER_SHOP_HOME", "/"}}), "");
}

TEST(server_settings, the_database_s_own_machine_number_is_not_given_to_a_process) {
   EXPECT_NE(refusal({{"CORNER_SHOP_MACHINE_ID", "1023"}}).find("0..1022"), std::string::npos);
}

TEST(server_settings, help_lists_the_variables_and_an_unknown_argument_is_told_the_same) {
   auto const wish = read({{"CORNER_SHOP_PORT", "wrong"}}, {"--help"});
   ASSERT_TRUE(wish);
   EXPECT_NE(wish->help.find("CORNER_SHOP_PORT\tan integer 0..65535\t8084\n"), std::string::npos) << wish->help;
   auto const said = refusal({}, {"--memroy"});
   EXPECT_TRUE(said.starts_with("unknown argument --memroy\nusage: corner-shop [--memory | --help]")) << said;
}

} // namespace
} // namespace noetl::test
