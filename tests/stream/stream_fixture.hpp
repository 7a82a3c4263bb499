// tests/stream/stream_fixture.hpp: a database, a NATS server of its own, and the event stream between them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

#include "nats/nats_server.hpp"
#include "pg/test_database.hpp"
#include "support/eventually.hpp"

namespace noetl::test {

using namespace std::chrono_literals;

/// A file that lives as long as the object.
class temporary_file {
public:
   explicit temporary_file(std::string const& content) {
      path_ = (std::filesystem::temp_directory_path() / "noetl-file-XXXXXX").string();
      int const fd = ::mkstemp(path_.data());
      if (fd < 0 || ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
         throw std::runtime_error("no temporary file");
      ::close(fd);
   }
   ~temporary_file() { ::unlink(path_.c_str()); }
   temporary_file(temporary_file const&) = delete;
   temporary_file& operator=(temporary_file const&) = delete;
   [[nodiscard]] std::string const& path() const { return path_; }

private:
   std::string path_;
};

/// Transactions of other tests on the same PostgreSQL hide what was written after they began, so waits are generous.
inline constexpr auto patience = std::chrono::seconds{90};
template <class F>
bool in_time(F done) {
   return eventually(std::move(done), patience);
}

struct stream_message {
   std::string subject, id, data;
};

/// A migrated database for a suite, its tables emptied for each test.
class feed_fixture : public testing::Test {
protected:
   static void SetUpTestSuite() {
      if (!has_postgres()) return;
      database_ = std::make_unique<database>("noetl_stream");
      auto const report = pg::migrate(database_->settings());
      ASSERT_TRUE(report) << report.error().message << " " << report.error().detail;
   }
   static void TearDownTestSuite() { database_.reset(); }
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      db_ = std::make_unique<pg::connection>(database_->settings());
      db_->script("truncate noetl.event, noetl.stream_cursor, noetl.result_store");
      pool_ = std::make_unique<pg::pool>(database_->settings());
   }

   /// Inserts one row on a session of the test's choice.
   static void insert(pg::connection& db, std::int64_t execution, std::int64_t event,
                      std::string_view type = "call.done") {
      db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status) values ($1, $2, 7, $3, "
              "'x')",
              execution, event, type);
   }
   void insert(std::int64_t execution, std::int64_t event, std::string_view type = "call.done") {
      insert(*db_, execution, event, type);
   }
   /// First cell of a statement.
   template <class T, class... Params>
   T ask(std::string_view sql, Params const&... params) {
      return db_->exec(sql, params...)[0].template get<T>(0);
   }
   /// Waits until nothing written so far is hidden by a transaction of somebody else on the same PostgreSQL.
   bool horizon_passes() {
      auto const now = ask<std::string>("select pg_current_xact_id()::text");
      return eventually(
          [&] { return ask<bool>("select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8", now); }, patience);
   }

   static inline std::unique_ptr<database> database_{};
   std::unique_ptr<pg::connection> db_;
   std::unique_ptr<pg::pool> pool_;
};

/// The same with a stream.
class stream_fixture : public feed_fixture {
protected:
   void SetUp() override {
      feed_fixture::SetUp();
      if (IsSkipped()) return;
      nats_.start();
      connect();
   }
   void connect() {
      bus_ = std::make_unique<nats::connection>(nats::connection_settings{
          .url = nats_.url(), .reconnect_wait = 50ms, .resume = false, .send_at_once = false});
      ASSERT_TRUE(bus_->wait_connected(10s));
   }

   /// One process that streams. Stops with its destructor.
   struct streaming {
      streaming(pg::pool& pool, nats::connection& bus, stream::cursor_settings cursor = {},
                stream::sink_settings sink = {},
                stream::tailer_settings how = {.poll = 50ms, .save_every = 20ms, .most_pause = 500ms})
          : from(pool), to(bus, stream::large_event_keeper(pool), std::move(sink)), at(pool, std::move(cursor)),
            tail(from, to, at, how), thread([this](std::stop_token stop) { tail.run(stop); }) {}
      stream::committed_events from;
      stream::jetstream_sink to;
      stream::fenced_cursor at;
      stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail;
      std::jthread thread;
   };
   std::unique_ptr<streaming> start(stream::cursor_settings cursor = {}, stream::sink_settings sink = {}) {
      auto made = std::make_unique<streaming>(*pool_, *bus_, std::move(cursor), std::move(sink));
      EXPECT_TRUE(in_time([&] { return made->tail.stats().state == stream::tailer_state::leading; }))
          << made->tail.stats().trouble;
      return made;
   }
   static stream::cursor_settings from_the_beginning() { return {.start = stream::first_start::backfill}; }

   /// State of the stream, -1 when there is none.
   std::int64_t stored() {
      auto const info =
          nats::detail::api_request(*bus_, "$JS.API.STREAM.INFO.noetl_events", tao::json::empty_object, 5s);
      return info && info->ok() ? info->body.at("state").at("messages").as<std::int64_t>() : -1;
   }
   tao::json::value config_of_stream() {
      auto const info =
          nats::detail::api_request(*bus_, "$JS.API.STREAM.INFO.noetl_events", tao::json::empty_object, 5s);
      return info && info->ok() ? info->body.at("config") : tao::json::value(tao::json::null);
   }
   /// Information about a consumer, null when there is none.
   tao::json::value consumer(std::string const& name) {
      auto const info =
          nats::detail::api_request(*bus_, "$JS.API.CONSUMER.INFO.noetl_events." + name, tao::json::empty_object, 5s);
      return info && info->ok() ? info->body : tao::json::value(tao::json::null);
   }
   /// A stream made before us. \return its configuration
   tao::json::value create_stream(tao::json::value change) {
      tao::json::value config = {
          {"name", "noetl_events"}, {"subjects", tao::json::value::array({"noetl.events.>"})}, {"storage", "file"}};
      for (auto& [key, value] : change.get_object()) config[key] = value;
      auto const made = nats::detail::api_request(*bus_, "$JS.API.STREAM.CREATE.noetl_events", config, 5s);
      EXPECT_TRUE(made && made->ok()) << (made ? made->description : made.error().message);
      return config_of_stream();
   }
   /// Everything in the stream, waiting until there are `count` or `limit` is over.
   std::vector<stream_message> messages(std::size_t count, std::string filter = "noetl.events.>",
                                        std::chrono::milliseconds limit = patience) {
      static int number = 0;
      nats::consumer reader(*bus_, {.stream = "noetl_events",
                                    .durable = "reader_" + std::to_string(++number),
                                    .filter_subject = std::move(filter)});
      std::vector<stream_message> out;
      auto const until = std::chrono::steady_clock::now() + limit;
      while (std::chrono::steady_clock::now() < until) {
         auto got = reader.fetch(500, out.size() < count ? 500ms : 150ms);
         if (!got) std::this_thread::sleep_for(50ms);
         if (got && got->empty() && out.size() >= count) break;
         if (!got) continue;
         for (auto& one : *got) {
            out.push_back(
                {std::string(one.subject()), std::string(one.header("Nats-Msg-Id")), std::string(one.data())});
            (void)one.ack();
         }
      }
      return out;
   }
   static std::vector<std::string> texts(std::vector<int> const& numbers) {
      std::vector<std::string> out;
      for (int n : numbers) out.push_back(std::to_string(n));
      return out;
   }
   static std::vector<std::string> ids(std::vector<stream_message> const& all) {
      std::vector<std::string> out;
      for (auto const& one : all) out.push_back(one.id);
      return out;
   }

   nats_server nats_;
   std::unique_ptr<nats::connection> bus_;
};

} // namespace noetl::test
