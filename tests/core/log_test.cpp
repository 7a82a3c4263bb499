#include <noetl/core/log.hpp>
#include <noetl/core/log_spdlog.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/sinks/ostream_sink.h>

namespace {

namespace log = noetl::log;

// Catches lines without their time, and puts the program's sink back.
class logging : public testing::Test {
protected:
   logging() { catch_as(log::format::text); }
   ~logging() override {
      log::set_sink(log::stderr_sink(log::format::text));
      log::set_level(log::level::info);
   }
   void catch_as(log::format how) {
      log::set_sink([this, how](log::record const& line) {
         log::record still = line;
         still.time = {};
         std::string text;
         log::append_line(text, still, how);
         std::scoped_lock const lock(mutex);
         lines.push_back(text);
      });
   }
   std::mutex mutex;
   std::vector<std::string> lines;
};

TEST_F(logging, text_line_has_time_level_event_and_fields) {
   log::info("server.started", {{"port", 8082}, {"host", "127.0.0.1"}});
   EXPECT_EQ(lines.at(0), "time=1970-01-01T00:00:00Z level=info event=server.started port=8082 host=127.0.0.1");
}

TEST_F(logging, json_line_is_one_object) {
   catch_as(log::format::json);
   log::error("a.b", {{"text", "q\"\n"}, {"ok", true}, {"d", 1.5}, {"none", std::optional<int>{}}});
   EXPECT_EQ(lines.at(0), R"({"time":"1970-01-01T00:00:00Z","level":"error","event":"a.b","text":"q\"\n","ok":true,)"
                          R"("d":1.5,"none":null})");
}

TEST_F(logging, text_that_would_break_the_line_is_quoted) {
   std::string const user = "x level=error\nevent=forged";
   log::info("e", {{"a", user}, {"b", ""}, {"c", "k=v"}, {"d", "\xff"}});
   EXPECT_EQ(lines.at(0), "time=1970-01-01T00:00:00Z level=info event=e a=\"x level=error\\nevent=forged\" b=\"\" "
                          "c=\"k=v\" d=\"\xEF\xBF\xBD\"");
}

TEST_F(logging, fields_take_ids_optionals_and_every_integer) {
   log::info("e", {{"id", noetl::execution_id{-5}},
                   {"o", std::optional<std::string>("x")},
                   {"u", std::uint64_t{18446744073709551615U}},
                   {"n", std::numeric_limits<double>::infinity()}});
   EXPECT_EQ(lines.at(0),
             "time=1970-01-01T00:00:00Z level=info event=e id=-5 o=x u=18446744073709551615 n=\"not finite\"");
}

TEST_F(logging, secrets_are_masked) {
   log::info("e", {{"password", noetl::secret{"hunter2"}}});
   EXPECT_EQ(lines.at(0).find("hunter2"), std::string::npos);
   EXPECT_NE(lines.at(0).find("password=***"), std::string::npos);
}

TEST_F(logging, level_is_changed_at_run_time) {
   log::debug("no");
   log::set_level(log::level::debug);
   log::debug("yes");
   log::set_level(log::level::off);
   log::error("no");
   ASSERT_EQ(lines.size(), 1U);
   EXPECT_NE(lines[0].find("event=yes"), std::string::npos);
}

TEST_F(logging, many_threads_may_write_while_the_sink_changes) {
   std::vector<std::thread> writers;
   for (int t = 0; t < 3; ++t)
      writers.emplace_back([] {
         for (int i = 0; i < 500; ++i) log::info("e", {{"i", i}});
      });
   for (int i = 0; i < 100; ++i) catch_as(i % 2 == 0 ? log::format::json : log::format::text);
   for (auto& writer : writers) writer.join();
   EXPECT_EQ(lines.size(), 1500U);
}

TEST_F(logging, spdlog_receives_the_same_line) {
   auto out = std::make_shared<std::ostringstream>();
   auto logger = std::make_shared<spdlog::logger>("t", std::make_shared<spdlog::sinks::ostream_sink_mt>(*out));
   log::set_sink(log::spdlog_sink(logger, log::format::text));
   log::warn("disk.full", {{"left", 0}});
   EXPECT_NE(out->str().find("level=warn event=disk.full left=0\n"), std::string::npos) << out->str();
   EXPECT_TRUE(out->str().starts_with("time=")) << "nothing before our own line";
   log::set_sink(log::stderr_sink(log::format::text));
}

} // namespace
