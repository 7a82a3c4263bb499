#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <noetl/control_plane/base64.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream.hpp>

#include "connected.hpp"
#include "support/eventually.hpp"

using namespace noetl::nats;
using namespace std::chrono_literals;
using noetl::error_code;
using noetl::control_plane::decode_base64_text;
using noetl::test::eventually;
using noetl::test::nats_server;

namespace {

struct publishing : noetl::test::connected_to_nats {
   void SetUp() override {
      connected_to_nats::SetUp();
      if (HasFatalFailure()) return;
      ASSERT_TRUE(ensure_stream(*c, event_stream()));
   }
   std::int64_t stored() {
      auto const info = detail::api_request(*c, "$JS.API.STREAM.INFO.noetl_events", tao::json::empty_object, 5s);
      return info && info->ok() ? info->body.at("state").at("messages").as<std::int64_t>() : -1;
   }
};

/// Publishes and waits for the outcome.
noetl::result<void> sent(publisher& p, std::string_view subject, std::string_view payload, std::string_view id = {}) {
   auto promise = std::make_shared<std::promise<noetl::result<void>>>();
   auto future = promise->get_future();
   p.publish(subject, payload, id, [promise](noetl::result<void> r) { promise->set_value(std::move(r)); });
   if (future.wait_for(20s) != std::future_status::ready) return noetl::fail(error_code::internal, "no outcome");
   return future.get();
}

error_code code(noetl::result<void> const& r) {
   return r ? error_code::internal : r.error().code;
}

} // namespace

TEST_F(publishing, success_means_stored) {
   publisher p(*c);
   ASSERT_TRUE(sent(p, "noetl.events.one", "{}", "1"));
   EXPECT_EQ(stored(), 1);
}

TEST_F(publishing, same_message_id_is_stored_once_and_counted_as_success) {
   publisher p(*c);
   ASSERT_TRUE(sent(p, "noetl.events.one", "{}", "7"));
   ASSERT_TRUE(sent(p, "noetl.events.one", "{}", "7"));
   EXPECT_EQ(stored(), 1);
   EXPECT_EQ(p.stats().duplicates, 1U);
   ASSERT_TRUE(sent(p, "noetl.events.one", "{}"));
   ASSERT_TRUE(sent(p, "noetl.events.one", "{}"));
   EXPECT_EQ(stored(), 3) << "without an id nothing is dropped";
}

TEST_F(publishing, order_of_calls_is_order_in_the_stream_and_outcomes_come_once_each) {
   constexpr int count = 5000;
   std::atomic<int> good = 0;
   std::vector<std::atomic<int>> outcomes(count);
   publisher p(*c, {.window = 256});
   for (int i = 0; i < count;) {
      if (p.free() == 0) {
         std::this_thread::sleep_for(200us);
         continue;
      }
      p.publish("noetl.events.n", std::to_string(i), std::to_string(i), [&, i](noetl::result<void> r) {
         ++outcomes[static_cast<std::size_t>(i)];
         if (r) ++good;
      });
      ++i;
   }
   EXPECT_TRUE(eventually([&] { return good == count; })) << good;
   for (auto const& n : outcomes) ASSERT_EQ(n, 1);
   for (int seq = 1; seq <= count; seq += seq < 20 ? 1 : 83) {
      auto const got = detail::api_request(*c, "$JS.API.STREAM.MSG.GET.noetl_events", {{"seq", seq}}, 5s);
      ASSERT_TRUE(got && got->ok());
      auto const& message = got->body.at("message");
      EXPECT_EQ(decode_base64_text(message.at("data").as<std::string>()), std::to_string(seq - 1));
      auto const headers = decode_base64_text(message.at("hdrs").as<std::string>()).value_or("");
      EXPECT_NE(headers.find("Nats-Msg-Id: " + std::to_string(seq - 1) + "\r\n"), std::string::npos) << headers;
   }
   EXPECT_EQ(stored(), count);
}

TEST_F(publishing, the_outcome_of_a_refused_message_may_publish_the_next_one) {
   publisher p(*c);
   std::atomic<int> refused = 0, good = 0;
   p.publish("not a subject", "x", {}, [&](noetl::result<void> first) {
      refused += first ? 0 : 1;
      p.publish("noetl.events.next", "x", {}, [&](noetl::result<void> second) { good += second ? 1 : 0; });
   });
   EXPECT_EQ(refused, 1);
   EXPECT_TRUE(eventually([&] { return good == 1; }));
}

TEST_F(publishing, many_threads_may_publish_at_once) {
   publisher p(*c, {.window = 4096});
   std::atomic<int> good = 0;
   std::vector<std::thread> threads;
   for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
         for (int i = 0; i < 500; ++i)
            p.publish("noetl.events.t", "x", {}, [&](noetl::result<void> r) { good += r ? 1 : 0; });
      });
   for (auto& t : threads) t.join();
   EXPECT_TRUE(eventually([&] { return good == 2000; })) << good;
   EXPECT_EQ(stored(), 2000);
}

TEST_F(publishing, full_window_refuses_at_once) {
   publisher p(*c, {.window = 4, .ack_timeout = 1s});
   server.pause();
   std::atomic<int> refused = 0;
   std::atomic<int> timed_out = 0;
   for (int i = 0; i < 10; ++i)
      p.publish("noetl.events.w", "x", {}, [&, i](noetl::result<void> r) {
         if (code(r) == error_code::unavailable) ++(i < 4 ? timed_out : refused);
      });
   EXPECT_EQ(refused, 6);
   EXPECT_EQ(timed_out, 0);
   EXPECT_EQ(p.free(), 0U);
   EXPECT_TRUE(eventually([&] { return timed_out == 4; })) << "no answer in time is an outcome, too";
   EXPECT_EQ(p.stats().timed_out, 4U);
   EXPECT_EQ(p.free(), 4U);
   server.resume();
   EXPECT_TRUE(eventually([&] { return p.stats().late == 4; })) << "late answers change nothing";
   EXPECT_TRUE(sent(p, "noetl.events.w", "x"));
}

TEST_F(publishing, message_that_cannot_be_sent_says_so) {
   publisher p(*c);
   EXPECT_EQ(code(sent(p, "noetl.events.big", std::string(c->max_payload() + 1, 'x'))), error_code::too_large);
   EXPECT_EQ(code(sent(p, "noetl.events.a b", "x")), error_code::validation);
   EXPECT_EQ(code(sent(p, "noetl.events.*", "x")), error_code::validation);
   EXPECT_EQ(code(sent(p, "noetl.events.a", "x", "1\r\n2")), error_code::validation);
   EXPECT_EQ(code(sent(p, "nobody.listens", "x")), error_code::unavailable);
   EXPECT_TRUE(sent(p, "noetl.events.fine", "x")) << "the window is not harmed";
}

TEST_F(publishing, refusal_by_the_stream_carries_its_reason) {
   stream_settings const wish{.name = "tiny", .subjects = {"tiny"}};
   auto config = detail::config_of(wish);
   config["max_msgs"] = 1;
   config["discard"] = "new";
   auto const made = detail::api_request(*c, "$JS.API.STREAM.CREATE.tiny", config, 5s);
   ASSERT_TRUE(made && made->ok());
   publisher p(*c);
   ASSERT_TRUE(sent(p, "tiny", "1"));
   auto const second = sent(p, "tiny", "2");
   ASSERT_FALSE(second);
   EXPECT_NE(second.error().message.find("maximum messages"), std::string::npos) << second.error().message;
}

TEST_F(publishing, W17_lost_connection_fails_what_is_in_flight_and_publishing_goes_on_after_the_restart) {
   publisher p(*c, {.window = 100, .ack_timeout = 60s});
   ASSERT_TRUE(sent(p, "noetl.events.a", "1", "a1"));
   server.pause();
   std::atomic<int> unavailable = 0;
   for (int i = 0; i < 50; ++i)
      p.publish("noetl.events.a", "x", "b" + std::to_string(i),
                [&](noetl::result<void> r) { unavailable += code(r) == error_code::unavailable; });
   server.stop();
   EXPECT_TRUE(eventually([&] { return unavailable == 50; }))
       << "outcomes come with the loss, not after the ack timeout";
   EXPECT_EQ(code(sent(p, "noetl.events.a", "2")), error_code::unavailable) << "fails fast while disconnected";

   server.start();
   ASSERT_TRUE(c->wait_connected(10s));
   for (int i = 0; i < 50; ++i) {
      auto r = sent(p, "noetl.events.a", "x", "b" + std::to_string(i));
      for (int retry = 0; !r && retry < 100; ++retry) { // the stream needs a moment after a restart
         std::this_thread::sleep_for(20ms);
         r = sent(p, "noetl.events.a", "x", "b" + std::to_string(i));
      }
      ASSERT_TRUE(r) << r.error().message;
   }
   EXPECT_EQ(stored(), 51) << "repeats with the same id are stored once";
}

TEST(publisher, W17_server_absent_at_start_is_used_when_it_comes) {
   nats_server server;
   connection c({.url = server.url(), .reconnect_wait = 50ms});
   publisher p(c);
   EXPECT_EQ(code(sent(p, "noetl.events.a", "1")), error_code::unavailable);
   server.start();
   ASSERT_TRUE(c.wait_connected(10s));
   ASSERT_TRUE(ensure_stream(c, event_stream()));
   EXPECT_TRUE(sent(p, "noetl.events.a", "1"));
}

TEST_F(publishing, closing_gives_each_message_in_flight_its_outcome) {
   std::atomic<int> outcomes = 0;
   {
      publisher p(*c);
      server.pause();
      for (int i = 0; i < 20; ++i) p.publish("noetl.events.a", "x", {}, [&](noetl::result<void>) { ++outcomes; });
   }
   EXPECT_EQ(outcomes, 20);
   server.resume();
}
