#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include <noetl/nats/stream.hpp>

#include "connected.hpp"

using namespace noetl::nats;
using namespace std::chrono_literals;
using noetl::test::nats_server;

namespace {

struct stream : noetl::test::connected_to_nats {
   /// Makes a stream as another program would.
   void given(std::string const& name, std::vector<std::string> const& subjects,
              tao::json::value const& more = tao::json::empty_object) {
      tao::json::value list = tao::json::empty_array;
      for (auto const& subject : subjects) list.get_array().emplace_back(subject);
      tao::json::value config = {{"name", name}, {"subjects", list}, {"storage", "file"}, {"retention", "limits"}};
      for (auto const& [key, value] : more.get_object()) config[key] = value;
      auto const made = detail::api_request(*c, "$JS.API.STREAM.CREATE." + name, config, 5s);
      ASSERT_TRUE(made && made->ok()) << (made ? made->description : made.error().message);
   }
   tao::json::value config(std::string const& name) {
      auto const info = detail::api_request(*c, "$JS.API.STREAM.INFO." + name, tao::json::empty_object, 5s);
      return info && info->ok() ? info->body.at("config") : tao::json::value(tao::json::null);
   }
   std::vector<std::string> subjects(std::string const& name) {
      return detail::found_stream{name, config(name)}.subjects();
   }
};

using texts = std::vector<std::string>;

} // namespace

TEST(jetstream_api, members_of_what_is_no_object_are_absent) {
   tao::json::value const texts = {{"name", "s"}, {"size", 7}, {"config", tao::json::null}};
   EXPECT_EQ(detail::text_of(texts, "name"), "s");
   EXPECT_EQ(detail::number_of(texts, "size"), 7);
   EXPECT_EQ(detail::text_of(texts, "size", "other"), "other");
   for (auto const& odd : {tao::json::value(tao::json::null), tao::json::value(7), texts.at("config")}) {
      EXPECT_EQ(detail::member_of(odd, "name"), nullptr);
      EXPECT_EQ(detail::text_of(odd, "name", "absent"), "absent");
      EXPECT_EQ(detail::number_of(odd, "size", -1), -1);
   }
}

TEST_F(stream, W16_missing_stream_is_created_with_both_subjects) {
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report) << report.error().message;
   EXPECT_EQ(report->name, "noetl_commands");
   EXPECT_EQ(report->outcome, stream_outcome::created);
   EXPECT_EQ(subjects("noetl_commands"), (texts{"noetl.commands", "noetl.commands.>"}));
   auto const made = config("noetl_commands");
   EXPECT_EQ(made.at("max_age").as<std::int64_t>(), 3'600'000'000'000);
   EXPECT_EQ(made.at("duplicate_window").as<std::int64_t>(), 120'000'000'000);
   EXPECT_EQ(made.at("storage").as<std::string>(), "file");
   EXPECT_EQ(made.at("retention").as<std::string>(), "limits");
   EXPECT_EQ(made.at("num_replicas").as<int>(), 1);

   auto const again = ensure_stream(*c, command_stream());
   ASSERT_TRUE(again);
   EXPECT_EQ(again->outcome, stream_outcome::found);
   EXPECT_EQ(again->differences, texts{});
}

TEST_F(stream, W16_stream_with_the_bare_subject_only_is_widened_and_keeps_its_other_settings) {
   given("noetl_commands", {"noetl.commands", "other.subject"},
         {{"max_age", 7'200'000'000'000}, {"description", "kept"}});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report) << report.error().message;
   EXPECT_EQ(report->outcome, stream_outcome::widened);
   EXPECT_EQ(subjects("noetl_commands"), (texts{"noetl.commands", "other.subject", "noetl.commands.>"}));
   EXPECT_EQ(config("noetl_commands").at("description").as<std::string>(), "kept");
   EXPECT_EQ(report->differences, texts{"stream noetl_commands: max_age is 7200 s, expected 3600 s"});
}

TEST_F(stream, W16_stream_under_another_name_that_captures_the_subjects_is_used) {
   given("NOETL_COMMANDS", {"noetl.commands", "noetl.commands.>"}, {{"storage", "memory"}});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report) << report.error().message;
   EXPECT_EQ(report->name, "NOETL_COMMANDS");
   EXPECT_EQ(report->outcome, stream_outcome::found);
   EXPECT_EQ(report->differences, (texts{"stream NOETL_COMMANDS captures the subjects instead of noetl_commands",
                                         "stream NOETL_COMMANDS: max_age is unlimited, expected 3600 s",
                                         "stream NOETL_COMMANDS: storage is memory, expected file"}));
   EXPECT_TRUE(config("noetl_commands").is_null());
}

TEST_F(stream, W16_stream_under_another_name_is_widened_when_it_lacks_a_subject) {
   given("NOETL_COMMANDS", {"noetl.commands.shared.>", "noetl.commands"});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report) << report.error().message;
   EXPECT_EQ(report->name, "NOETL_COMMANDS");
   EXPECT_EQ(report->outcome, stream_outcome::widened);
   EXPECT_EQ(subjects("NOETL_COMMANDS"), (texts{"noetl.commands", "noetl.commands.>"}));
}

TEST_F(stream, W16_subjects_spread_over_two_streams_are_used_and_reported) {
   given("noetl_commands", {"noetl.commands"});
   given("NOETL_COMMANDS", {"noetl.commands.>"});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report) << report.error().message;
   EXPECT_EQ(report->outcome, stream_outcome::found);
   ASSERT_FALSE(report->differences.empty());
   EXPECT_NE(report->differences[0].find("spread over several streams"), std::string::npos) << report->differences[0];
}

TEST_F(stream, a_wildcard_stream_covers_more_than_asked_for) {
   given("everything", {"noetl.>"});
   auto const report = ensure_stream(*c, event_stream());
   ASSERT_TRUE(report);
   EXPECT_EQ(report->name, "everything");
   EXPECT_EQ(report->outcome, stream_outcome::found);
}

TEST_F(stream, many_streams_are_read_page_by_page) {
   for (int i = 0; i < 300; ++i) given("s" + std::to_string(i), {"s." + std::to_string(i)}, {{"storage", "memory"}});
   given("zz", {"noetl.commands.>", "noetl.commands"}, {{"storage", "memory"}});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_TRUE(report);
   EXPECT_EQ(report->name, "zz");
}

TEST_F(stream, what_cannot_be_mended_is_an_error_with_the_servers_reason) {
   given("narrow", {"noetl.commands.a.>"});
   given("other", {"noetl.commands.b.>"});
   auto const report = ensure_stream(*c, command_stream());
   ASSERT_FALSE(report);
   EXPECT_EQ(report.error().code, noetl::error_code::upstream);
   EXPECT_NE(report.error().message.find("overlap"), std::string::npos) << report.error().message;
}

TEST_F(stream, several_processes_at_once_make_one_stream) {
   std::vector<std::thread> threads;
   std::array<noetl::result<stream_report>, 6> reports{noetl::error{}, noetl::error{}, noetl::error{},
                                                       noetl::error{}, noetl::error{}, noetl::error{}};
   for (auto& report : reports) threads.emplace_back([&] { report = ensure_stream(*c, command_stream()); });
   for (auto& thread : threads) thread.join();
   for (auto const& report : reports) {
      ASSERT_TRUE(report) << report.error().message;
      EXPECT_EQ(report->name, "noetl_commands");
   }
}

TEST(stream_check, W16_without_a_connection_or_without_jetstream_it_says_so) {
   connection lone({.url = "nats://127.0.0.1:1", .reconnect_wait = 50ms});
   auto report = ensure_stream(lone, command_stream());
   ASSERT_FALSE(report);
   EXPECT_EQ(report.error().code, noetl::error_code::unavailable);
   EXPECT_EQ(report.error().message, "NATS: not connected");

   nats_server plain({"-js=false"});
   plain.start();
   connection c({.url = plain.url(), .reconnect_wait = 50ms});
   ASSERT_TRUE(c.wait_connected(10s));
   report = ensure_stream(c, command_stream());
   ASSERT_FALSE(report);
   EXPECT_EQ(report.error().code, noetl::error_code::unavailable);
   EXPECT_EQ(report.error().message, "NATS: JetStream is not running on this server or not enabled for this account");
}
