// tests/docs/embedding_test.cpp: subscriptions, and nothing else of ours, in a Beast server of somebody else, with an
// id source and a log of theirs: the code of docs/how-to/embedding.md.

// snippet: embedding-includes
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <noetl/control_plane/subscription_routes.hpp>
#include <noetl/core/log.hpp>
#include <noetl/events/store.hpp>
#include <noetl/fsm/msm.hpp> // in one source file of the program
#include <noetl/http/beast_messages.hpp>
#include <noetl/http/errors.hpp>
#include <noetl/http/router.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>
// end snippet

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <tao/json/from_string.hpp>

#include <noetl/http/client.hpp>
#include <noetl/pg/connection.hpp>

#include "pg/test_database.hpp"

// snippet: embedding-machine
// Boost.MSM is compiled where this stands.
template class noetl::fsm::machine<noetl::control_plane::subscription_lifecycle>;
// end snippet

namespace theirs {

// clang-format off
// snippet: embedding-ids
/// Their own ids, in the layout that partitions and retention read: milliseconds since 2024, a number that no other
/// process has, a sequence.
class house_ids {
public:
   explicit house_ids(std::int64_t process) : process_(process) {} // 0..1023

   std::int64_t next() { // from any thread
      using namespace std::chrono;
      auto const now = duration_cast<milliseconds>(system_clock::now() - sys_days{2024y / 1 / 1}).count();
      std::lock_guard lock(guard_);
      if (now > ms_) ms_ = now, sequence_ = -1;
      if (++sequence_ == 4096) ++ms_, sequence_ = 0;
      return (ms_ << 22) | (process_ << 12) | sequence_;
   }

private:
   std::int64_t const process_;
   std::mutex guard_;
   std::int64_t ms_ = 0, sequence_ = -1;
};
// end snippet

// snippet: embedding-server
namespace asio = boost::asio;
namespace beast = boost::beast;

asio::awaitable<void> serve(asio::ip::tcp::socket socket, noetl::http::router const& ours) {
   beast::flat_buffer buffer;
   for (bool open = true; open;) {
      beast::http::request<beast::http::string_body> got;
      co_await beast::http::async_read(socket, buffer, got, asio::use_awaitable);
      open = got.keep_alive();
      auto const version = got.version();
      auto const asked = noetl::http::from_beast(std::move(got));
      auto const method = asked ? asked->method : noetl::http::verb::other;
      noetl::http::response answer = noetl::http::text_response("the house answers\n");
      if (!asked)
         answer = noetl::http::error_response(400, asked.error().message);
      else if (asked->path.starts_with("/api/subscriptions") || asked->path == "/metrics")
         answer = co_await ours.handle(*asked);
      auto const out = noetl::http::to_beast(std::move(answer), method, version, open);
      co_await beast::http::async_write(socket, out, asio::use_awaitable);
   }
}

asio::awaitable<void> accept(asio::ip::tcp::acceptor& door, noetl::http::router const& ours) {
   while (door.is_open()) {
      boost::system::error_code failed; // of one caller, or of all: no file descriptor is left, the door is closed
      auto socket = co_await door.async_accept(asio::redirect_error(asio::use_awaitable, failed));
      if (!failed) asio::co_spawn(door.get_executor(), serve(std::move(socket), ours), asio::detached);
   }
}
// end snippet

// snippet: embedding-parts
/// What subscriptions need, in the order of dependence.
struct subscriptions {
   subscriptions(noetl::pg::settings const& database, house_ids& ids)
       : shards(database), keeper({database}), store(shards, ids), service(shards, store, ids) {
      keeper.start();
   }

   noetl::pg::shard_map shards;
   noetl::pg::partition_keeper keeper; // of the tables' partitions, quarter after quarter
   noetl::event_store store;
   noetl::control_plane::subscription_service service;
   noetl::http::metrics metrics;
   noetl::control_plane::subscription_metrics counts{metrics, service};
   noetl::http::router routes{{noetl::http::mount<noetl::control_plane::subscription_routes>(service, counts),
                               {noetl::http::metrics_routes, noetl::http::services<noetl::http::metrics const>(metrics)}}};
};
// end snippet
// clang-format on

} // namespace theirs

namespace noetl::test {
namespace {

class embedding : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      // clang-format off
      // snippet: embedding-log
      noetl::log::set_sink([this](noetl::log::record const& line) {
         std::lock_guard lock(guard_);
         lines_.emplace(line.event);
      });
      // end snippet
      // clang-format on
      database_ = std::make_unique<database>("noetl_embedding");
      ASSERT_TRUE(pg::migrate(database_->settings()));
      pg::connection(database_->settings())
          .exec("insert into noetl.catalog (path, version, kind, content) values ('feeds/orders', 1, 'subscription', "
                "'kind: Subscription')");
      parts_ = std::make_unique<theirs::subscriptions>(database_->settings(), ids_);
      boost::asio::co_spawn(io_, theirs::accept(door_, parts_->routes), boost::asio::detached);
      thread_ = std::jthread([this] { io_.run(); });
      client_ = std::make_unique<http::blocking_client>(http::base_url{.port = door_.local_endpoint().port()});
   }
   void TearDown() override {
      client_.reset();
      if (parts_) end();
      log::set_sink(log::stderr_sink(log::format::text));
   }
   void end() {
      using namespace std::chrono_literals;
      auto& io = io_;
      auto& thread = thread_;
      auto& parts = parts_;
      // clang-format off
      // snippet: embedding-end
      io.stop();             // who is still inside is cut off: a drain is the business of the house
      thread.join();         // no coroutine runs any more that knows the parts
      parts->store.stop(1s); // what was accepted is written, for at most a second
      parts.reset();         // and io last: appends that were cut off answer there
      // end snippet
      // clang-format on
   }

   http::client_response get(std::string target) { return value(client_->get(std::move(target))); }
   http::client_response post(std::string target, std::string json) {
      return value(client_->post(std::move(target), std::move(json)));
   }
   static http::client_response value(result<http::client_response> came) {
      EXPECT_TRUE(came) << came.error().message << came.error().detail;
      return came ? *came : http::client_response{};
   }

   std::mutex guard_;
   std::set<std::string, std::less<>> lines_;
   theirs::house_ids ids_{777};
   std::unique_ptr<database> database_;
   boost::asio::io_context io_{1};
   boost::asio::ip::tcp::acceptor door_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
   std::unique_ptr<theirs::subscriptions> parts_;
   std::jthread thread_;
   std::unique_ptr<http::blocking_client> client_;
};

} // namespace

TEST_F(embedding, subscriptions_live_alone_in_a_beast_server_of_somebody_else) {
   EXPECT_EQ(get("/").body, "the house answers\n");
   EXPECT_EQ(get("/api/executions").body, "the house answers\n") << "nothing of ours but subscriptions";

   auto const made = post("/api/subscriptions", R"({"path": "feeds/orders"})");
   ASSERT_EQ(made.status, 200U) << made.body;
   auto const view = tao::json::from_string(made.body);
   auto const id =
       std::stoll(view.at("subscription_id").is_string() ? view.at("subscription_id").get_string()
                                                         : tao::json::to_string(view.at("subscription_id")));
   EXPECT_EQ((id >> 12) & 0x3FF, 777) << "an id of the house";
   EXPECT_EQ(view.at("state").get_string(), "REGISTERED");

   auto const at = "/api/subscriptions/" + std::to_string(id);
   EXPECT_EQ(post(at + "/activate", "").status, 200U);
   EXPECT_EQ(post(at + "/fly", "").status, 422U);
   EXPECT_EQ(tao::json::from_string(get(at).body).at("state").get_string(), "ACTIVE");
   EXPECT_EQ(get("/api/subscriptions/none").status, 400U);
   EXPECT_EQ(get("/api/subscriptions?limit=x").status, 400U);
   auto const wrong = client_->send({.method = http::verb::del, .target = at});
   ASSERT_TRUE(wrong);
   EXPECT_EQ(wrong->status, 405U);
   auto const head = client_->send({.method = http::verb::head, .target = at});
   ASSERT_TRUE(head);
   EXPECT_EQ(head->status, 200U);
   EXPECT_TRUE(head->body.empty());
   EXPECT_EQ(get("/").body, "the house answers\n") << "the connection goes on behind HEAD";
   EXPECT_NE(get("/metrics").body.find("noetl_subscription_registrations_total"), std::string::npos);

   pg::connection db(database_->settings());
   EXPECT_EQ(
       db.exec("select count(*) from noetl.event where execution_id = $1 and (event_id >> 12) & 1023 = 777", id)[0]
           .get<int>(0),
       2)
       << "both events bear ids of the house";
   log::info("embedding.asked");
   std::lock_guard lock(guard_);
   EXPECT_TRUE(lines_.contains("embedding.asked"));
}

} // namespace noetl::test
