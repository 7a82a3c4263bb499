// What is published after a failure must not overtake what will be sent again.
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <noetl/nats/consumer.hpp>
#include <noetl/nats/plain_publisher.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream.hpp>

#include "nats_server.hpp"
#include "support/eventually.hpp"

using namespace noetl::nats;
using namespace std::chrono_literals;
using noetl::error_code;
using noetl::result;
using noetl::test::eventually;
using noetl::test::nats_server;

namespace {

struct ordered_publishing : testing::Test {
   nats_server server;
   std::unique_ptr<connection> c;

   void SetUp() override {
      server.start();
      c = std::make_unique<connection>(
          connection_settings{.url = server.url(), .reconnect_wait = 50ms, .resume = false, .send_at_once = false});
      ASSERT_TRUE(c->wait_connected(10s));
      ASSERT_TRUE(ensure_stream(*c, event_stream()));
   }
};

} // namespace

TEST_F(ordered_publishing, after_a_failure_refuses_everything_until_resumed) {
   publisher p(*c, {.ordered = true});
   std::vector<error_code> seen;
   auto const note = [&](result<void> outcome) {
      seen.push_back(outcome ? error_code::internal : outcome.error().code);
   };
   p.publish("not a subject", "{}", "1", note);
   p.publish("noetl.events.a", "{}", "2", note);
   EXPECT_EQ(seen, (std::vector{error_code::validation, error_code::unavailable}));
   p.resume();
   std::promise<bool> stored;
   p.publish("noetl.events.a", "{}", "2", [&](result<void> outcome) { stored.set_value(outcome.has_value()); });
   EXPECT_TRUE(stored.get_future().get());
}

TEST_F(ordered_publishing, items_29_D25_while_the_server_restarts_again_and_again_nothing_arrives_out_of_order) {
   constexpr int count = 3'000;
   publisher p(*c, {.window = 256, .ack_timeout = 2s, .ordered = true});
   std::jthread restarts([&](std::stop_token stop) {
      for (int i = 0; i < 4 && !stop.stop_requested(); ++i) {
         std::this_thread::sleep_for(200ms);
         server.stop(i % 2 == 0 ? SIGKILL : SIGTERM);
         server.start();
      }
   });
   // Go back to the first message without acknowledgement, as the tailer does.
   std::mutex guard;
   std::condition_variable changed;
   int first = 0, rounds = 0;
   while (first < count) {
      ++rounds;
      ASSERT_TRUE(c->wait_connected(20s));
      p.resume();
      int acked = first, open = 0, sent = first;
      bool failed = false;
      std::vector<bool> ok(count);
      while (sent < count) {
         std::unique_lock lock(guard);
         changed.wait(lock, [&] { return open < 200; });
         if (failed) break;
         ++open;
         lock.unlock();
         p.publish("noetl.events.a", std::to_string(sent), std::to_string(sent), [&, sent](result<void> outcome) {
            std::lock_guard inner(guard);
            ok[static_cast<std::size_t>(sent)] = outcome.has_value();
            failed = failed || !outcome;
            --open;
            changed.notify_one();
         });
         if (++sent % 2 == 0) std::this_thread::sleep_for(1ms); // so that the restarts fall into the publishing
      }
      p.flush();
      std::unique_lock lock(guard);
      changed.wait(lock, [&] { return open == 0; });
      while (acked < sent && ok[static_cast<std::size_t>(acked)]) ++acked;
      first = acked;
   }
   restarts.join(); // acknowledgements of the reader would be lost with the server
   ASSERT_TRUE(c->wait_connected(20s));
   consumer reader(*c, {.stream = "noetl_events", .durable = "check", .filter_subject = "noetl.events.>"});
   int next = 0;
   ASSERT_TRUE(eventually([&] {
      auto got = reader.fetch(500, 1s);
      if (!got) return false;
      for (auto& one : *got) {
         EXPECT_EQ(one.data(), std::to_string(next)) << "after " << rounds << " rounds";
         ++next;
         (void)one.ack();
      }
      return next >= count;
   }));
}

TEST_F(ordered_publishing, the_plain_publisher_reaches_whoever_listens_and_says_what_cannot_be_sent) {
   plain_publisher p(*c);
   natsSubscription* raw = nullptr;
   ASSERT_EQ(natsConnection_SubscribeSync(&raw, c->current_link()->native.get(), "wake.*"), NATS_OK);
   detail::subscription_handle const subscription(raw);
   bool told = false;
   p.publish("wake.up", "now", "7", [&](result<void> outcome) { told = outcome.has_value(); });
   EXPECT_TRUE(told);
   natsMsg* message = nullptr;
   ASSERT_EQ(natsSubscription_NextMsg(&message, raw, 5000), NATS_OK);
   detail::message_handle const owned(message);
   EXPECT_EQ(detail::data_of(message), "now");
   EXPECT_EQ(detail::header_of(message, "Nats-Msg-Id"), "7");
   auto const refusal = [&](std::string_view subject, std::string_view id) {
      error_code code = error_code::internal;
      p.publish(subject, "", id,
                [&](result<void> outcome) { code = outcome ? error_code::internal : outcome.error().code; });
      return code;
   };
   EXPECT_EQ(refusal("a b", ""), error_code::validation);
   EXPECT_EQ(refusal("a", "1\r\n"), error_code::validation);
   server.stop();
   EXPECT_TRUE(eventually([&] { return refusal("a", "") == error_code::unavailable; }));
}
