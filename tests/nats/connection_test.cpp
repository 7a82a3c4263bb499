#include <chrono>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <noetl/nats/connection.hpp>

#include "nats_server.hpp"

using namespace noetl::nats;
using namespace std::chrono_literals;
using noetl::test::nats_server;

namespace {

connection_settings quick(std::string url) {
   return {.url = std::move(url), .reconnect_wait = 50ms};
}

/// Collects the states a listener hears.
struct history {
   std::mutex mutex;
   std::vector<connection_state> states;
   std::shared_ptr<void> token;

   explicit history(connection& c) {
      token = c.on_change([this](connection_state s) {
         std::lock_guard lock(mutex);
         states.push_back(s);
      });
   }
   /// What was heard, once it is at least `count`; listeners are told a moment after the state has changed.
   std::vector<connection_state> seen(std::size_t count) {
      for (int i = 0; i < 1000; ++i, std::this_thread::sleep_for(5ms)) {
         std::lock_guard lock(mutex);
         if (states.size() >= count) return states;
      }
      return states;
   }
};

bool becomes(connection const& c, connection_state wanted, std::chrono::milliseconds limit = 10s) {
   for (auto const end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;
        std::this_thread::sleep_for(5ms))
      if (c.state() == wanted) return true;
   return false;
}

} // namespace

TEST(connection, W17_server_absent_at_start_is_found_when_it_comes) {
   nats_server server;
   auto const before = std::chrono::steady_clock::now();
   connection c(quick(server.url()));
   EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms) << "the constructor must not wait";
   history heard(c);
   std::this_thread::sleep_for(300ms);
   EXPECT_EQ(c.state(), connection_state::never_connected);
   EXPECT_FALSE(c.stats().last_error.empty());
   server.start();
   EXPECT_TRUE(c.wait_connected(10s));
   EXPECT_EQ(c.state(), connection_state::connected);
   EXPECT_GT(c.max_payload(), 1000U);
   EXPECT_EQ(heard.seen(1), std::vector{connection_state::connected});
}

TEST(connection, W17_server_killed_and_restarted_is_found_again_each_time) {
   nats_server server;
   server.start();
   connection c(quick(server.url()));
   ASSERT_TRUE(c.wait_connected(10s));
   history heard(c);
   for (int round = 0; round < 3; ++round) {
      server.stop();
      ASSERT_TRUE(becomes(c, connection_state::reconnecting));
      std::this_thread::sleep_for(200ms);
      server.start();
      ASSERT_TRUE(becomes(c, connection_state::connected));
   }
   using enum connection_state;
   EXPECT_EQ(heard.seen(6), (std::vector{reconnecting, connected, reconnecting, connected, reconnecting, connected}));
   EXPECT_EQ(c.stats().connects, 4U);
   EXPECT_EQ(c.stats().disconnects, 3U);
}

TEST(connection, W17_refused_credentials_are_tried_again_for_ever) {
   nats_server server({"--user", "noetl", "--pass", "old"});
   server.start();
   connection c(quick(server.url("noetl:new@")));
   std::this_thread::sleep_for(500ms);
   EXPECT_EQ(c.state(), connection_state::never_connected);
   EXPECT_EQ(c.stats().last_error.find("new"), std::string::npos);

   server.stop();
   server.arguments({"--user", "noetl", "--pass", "new"});
   server.start();
   ASSERT_TRUE(c.wait_connected(10s));

   server.stop(); // the C client gives up for good after two refusals; we do not
   server.arguments({"--user", "noetl", "--pass", "old"});
   server.start();
   ASSERT_TRUE(becomes(c, connection_state::reconnecting));
   std::this_thread::sleep_for(1s);
   EXPECT_EQ(c.state(), connection_state::reconnecting);
   server.stop();
   server.arguments({"--user", "noetl", "--pass", "new"});
   server.start();
   EXPECT_TRUE(becomes(c, connection_state::connected));
}

TEST(connection, unknown_host_is_no_reason_to_give_up_or_to_hang) {
   connection c(quick("nats://no-such-host.invalid:4222"));
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(c.state(), connection_state::never_connected);
}

TEST(connection, url_that_cannot_be_understood_is_refused_at_once) {
   EXPECT_THROW(connection(quick("http://host")), std::invalid_argument);
}

TEST(connection, dropped_registration_hears_nothing_more) {
   nats_server server;
   connection c(quick(server.url()));
   history heard(c);
   heard.token.reset();
   server.start();
   ASSERT_TRUE(c.wait_connected(10s));
   EXPECT_TRUE(heard.seen(0).empty());
}

TEST(connection, closing_is_told_and_final) {
   nats_server server;
   server.start();
   std::vector<connection_state> told;
   std::shared_ptr<void> token;
   {
      connection c(quick(server.url()));
      ASSERT_TRUE(c.wait_connected(10s));
      token = c.on_change([&](connection_state s) { told.push_back(s); });
   }
   EXPECT_EQ(told, std::vector{connection_state::closed});
}
