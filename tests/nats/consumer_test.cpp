#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <noetl/nats/consumer.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream.hpp>

#include "connected.hpp"
#include "support/eventually.hpp"

using namespace noetl::nats;
using namespace std::chrono_literals;
using noetl::test::eventually;

namespace {

struct consuming : noetl::test::connected_to_nats {
   void SetUp() override {
      connected_to_nats::SetUp();
      if (HasFatalFailure()) return;
      ASSERT_TRUE(ensure_stream(*c, command_stream()));
   }
   void put(std::string const& subject, std::string const& payload) {
      auto const body = payload;
      natsMsg* raw = nullptr;
      auto const status =
          natsConnection_RequestString(&raw, c->current_link()->native.get(), subject.c_str(), body.c_str(), 5000);
      detail::message_handle const answer(raw);
      ASSERT_EQ(status, NATS_OK);
   }
   /// Messages that were sent to the durable consumer and neither acknowledged nor given back.
   std::int64_t with_the_consumer() {
      auto const info =
          detail::api_request(*c, "$JS.API.CONSUMER.INFO.noetl_commands.worker-pool", tao::json::empty_object, 5s);
      return info && info->ok() ? info->body.at("num_ack_pending").as<std::int64_t>() : -1;
   }
   void delete_the_consumer() {
      auto const gone =
          detail::api_request(*c, "$JS.API.CONSUMER.DELETE.noetl_commands.worker-pool", tao::json::empty_object, 5s);
      ASSERT_TRUE(gone && gone->ok());
   }
   /// Stops the server, does `between`, and starts it; the client saw both and the stream is there.
   template <class Between>
   void restart(int signal, Between between) {
      server.stop(signal);
      ASSERT_TRUE(eventually([&] { return c->state() != connection_state::connected; }));
      between();
      server.start();
      ASSERT_TRUE(c->wait_connected(10s));
      ASSERT_TRUE(eventually([&] { return bool(ensure_stream(*c, command_stream())); }));
   }
   consumer_settings settings(std::string filter = "noetl.commands.>", std::chrono::seconds ack_wait = 30s) {
      return {.stream = "noetl_commands",
              .durable = "worker-pool",
              .filter_subject = std::move(filter),
              .ack_wait = ack_wait};
   }
};

std::vector<std::string> texts(noetl::result<std::vector<message>>& got) {
   std::vector<std::string> out;
   if (!got) return {"error: " + got.error().message};
   for (auto const& m : *got) out.emplace_back(m.data());
   return out;
}
using list = std::vector<std::string>;

} // namespace

TEST_F(consuming, takes_what_is_there_and_does_not_wait_for_more) {
   for (int i = 0; i < 3; ++i) put("noetl.commands.shared.1", std::to_string(i));
   consumer in(*c, settings());
   auto const before = std::chrono::steady_clock::now();
   list all;
   while (all.size() < 3) {
      auto got = in.fetch(10, 5s);
      ASSERT_TRUE(got) << got.error().message;
      for (auto& m : *got) {
         EXPECT_EQ(m.subject(), "noetl.commands.shared.1");
         EXPECT_EQ(m.delivered(), 1U);
         all.emplace_back(m.data());
         EXPECT_TRUE(m.ack());
      }
   }
   EXPECT_EQ(all, (list{"0", "1", "2"}));
   EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

TEST_F(consuming, a_message_that_comes_while_waiting_is_handed_over_at_once) {
   consumer in(*c, settings());
   std::thread later([&] {
      std::this_thread::sleep_for(400ms);
      put("noetl.commands.shared.1", "late");
   });
   auto const before = std::chrono::steady_clock::now();
   auto got = in.fetch(64, 10s);
   auto const took = std::chrono::steady_clock::now() - before;
   later.join();
   EXPECT_EQ(texts(got), list{"late"});
   EXPECT_LT(took, 900ms);
}

TEST_F(consuming, nothing_arrives_nothing_is_returned) {
   consumer in(*c, settings());
   auto const before = std::chrono::steady_clock::now();
   auto got = in.fetch(4, 300ms);
   EXPECT_EQ(texts(got), list{});
   EXPECT_GE(std::chrono::steady_clock::now() - before, 290ms);
   put("noetl.commands.shared.1", "x");
   got = in.fetch(4, 5s);
   EXPECT_EQ(texts(got), list{"x"}) << "after an expired pull the next one works";
}

TEST_F(consuming, filter_selects) {
   put("noetl.commands.system.1", "system");
   put("noetl.commands.shared.1", "shared");
   consumer in(*c, settings("noetl.commands.shared.>"));
   auto got = in.fetch(10, 5s);
   EXPECT_EQ(texts(got), list{"shared"});
   auto const info =
       detail::api_request(*c, "$JS.API.CONSUMER.INFO.noetl_commands.worker-pool", tao::json::empty_object, 5s);
   ASSERT_TRUE(info && info->ok());
   auto const& config = info->body.at("config");
   EXPECT_EQ(config.at("ack_policy").as<std::string>(), "explicit");
   EXPECT_EQ(config.at("ack_wait").as<std::int64_t>(), 30'000'000'000);
   EXPECT_EQ(config.at("max_ack_pending").as<int>(), 1000);
}

TEST_F(consuming, an_existing_durable_is_used_as_found) {
   consumer first(*c, settings("noetl.commands.shared.>"));
   ASSERT_TRUE(first.ensure());
   put("noetl.commands.system.1", "system");
   consumer second(*c, settings("noetl.commands.>"));
   auto got = second.fetch(10, 300ms);
   EXPECT_EQ(texts(got), list{}) << "its old filter stays";
}

TEST_F(consuming, nak_brings_it_back_after_the_delay_term_never) {
   put("noetl.commands.shared.1", "again");
   consumer in(*c, settings());
   auto got = in.fetch(1, 5s);
   ASSERT_EQ(texts(got), list{"again"});
   auto const before = std::chrono::steady_clock::now();
   ASSERT_TRUE(got->front().nak(500ms));
   got = in.fetch(1, 5s);
   ASSERT_EQ(texts(got), list{"again"});
   EXPECT_GE(std::chrono::steady_clock::now() - before, 450ms);
   EXPECT_EQ(got->front().delivered(), 2U);
   ASSERT_TRUE(got->front().nak());
   got = in.fetch(1, 5s);
   ASSERT_EQ(texts(got), list{"again"});
   ASSERT_TRUE(got->front().term());
   got = in.fetch(1, 500ms);
   EXPECT_EQ(texts(got), list{});
}

TEST_F(consuming, what_is_not_acked_comes_again) {
   put("noetl.commands.shared.1", "x");
   consumer in(*c, settings("noetl.commands.>", 1s));
   {
      auto got = in.fetch(1, 5s);
      ASSERT_EQ(texts(got), list{"x"});
   }
   auto got = in.fetch(1, 5s);
   EXPECT_EQ(texts(got), list{"x"});
}

TEST_F(consuming, two_consumers_on_one_durable_share_the_messages) {
   for (int i = 0; i < 200; ++i) put("noetl.commands.shared.1", std::to_string(i));
   std::multiset<std::string> seen;
   std::mutex mutex;
   auto const work = [&] {
      connection own({.url = server.url()});
      ASSERT_TRUE(own.wait_connected(10s));
      consumer in(own, settings());
      for (int idle = 0; idle < 2;) {
         auto got = in.fetch(7, 300ms);
         ASSERT_TRUE(got) << got.error().message;
         idle = got->empty() ? idle + 1 : 0;
         for (auto& m : *got) {
            std::lock_guard lock(mutex);
            seen.emplace(m.data());
            ASSERT_TRUE(m.ack());
         }
      }
   };
   std::thread one(work);
   std::thread two(work);
   one.join();
   two.join();
   EXPECT_EQ(seen.size(), 200U);
   EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 200U);
}

TEST_F(consuming, interrupt_ends_a_long_wait) {
   consumer in(*c, settings());
   std::thread later([&] {
      std::this_thread::sleep_for(200ms);
      in.interrupt();
   });
   auto const before = std::chrono::steady_clock::now();
   auto got = in.fetch(4, 20s);
   later.join();
   EXPECT_EQ(texts(got), list{});
   EXPECT_LT(std::chrono::steady_clock::now() - before, 800ms);
}

TEST_F(consuming, missing_stream_is_not_found) {
   consumer in(*c, {.stream = "nowhere", .durable = "d", .filter_subject = ">"});
   auto got = in.fetch(1, 1s);
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, noetl::error_code::not_found);
}

TEST_F(consuming, W17_goes_on_after_a_restart_and_after_lost_storage) {
   consumer in(*c, settings());
   put("noetl.commands.shared.1", "1");
   auto got = in.fetch(4, 5s);
   ASSERT_EQ(texts(got), list{"1"});
   ASSERT_TRUE(got->front().ack());
   // Killed, the server may forget the ack and deliver once more; told to stop, it writes it down.
   ASSERT_TRUE(eventually([&] { return with_the_consumer() == 0; }));

   restart(SIGTERM, [&] {
      got = in.fetch(4, 300ms);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, noetl::error_code::unavailable);
   });
   if (HasFatalFailure()) return;
   put("noetl.commands.shared.1", "2");
   got = in.fetch(4, 5s);
   ASSERT_EQ(texts(got), list{"2"});
   ASSERT_TRUE(got->front().ack());

   restart(SIGKILL, [&] { server.wipe(); });
   if (HasFatalFailure()) return;
   put("noetl.commands.shared.1", "3");
   got = in.fetch(4, 5s);
   EXPECT_EQ(texts(got), list{"3"}) << "the durable consumer is made again";
}

TEST_F(consuming, what_one_pull_leaves_open_never_holds_up_the_next) {
   consumer in(*c, settings());
   auto const next = [&](std::size_t max, std::chrono::milliseconds wait) {
      auto got = in.fetch(max, wait);
      for (auto& m : *got) EXPECT_TRUE(m.ack());
      return texts(got);
   };
   put("noetl.commands.shared.1", "1");
   EXPECT_EQ(next(4, 2s), list{"1"});
   put("noetl.commands.shared.1", "2");
   EXPECT_EQ(next(4, 20s), list{"2"});
   std::thread later([&] {
      std::this_thread::sleep_for(200ms);
      put("noetl.commands.shared.1", "3");
   });
   EXPECT_EQ(next(4, 20s), list{"3"});
   later.join();
   put("noetl.commands.shared.1", "4");
   EXPECT_EQ(next(4, 20s), list{"4"});
   std::this_thread::sleep_for(2s); // the first pull ends at the server, with or without messages to come
   for (auto const* text : {"5", "6", "7"}) {
      put("noetl.commands.shared.1", text);
      auto const before = std::chrono::steady_clock::now();
      EXPECT_EQ(next(1, 8s), list{text});
      EXPECT_LT(std::chrono::steady_clock::now() - before, 4s) << "it was there all the time";
   }
}

TEST_F(consuming, more_than_was_asked_for_is_handed_over_before_more_is_asked) {
   consumer in(*c, settings());
   put("noetl.commands.shared.0", "first");
   auto got = in.fetch(10, 10s);
   ASSERT_EQ(texts(got), list{"first"}); // its pull has nine to come
   ASSERT_TRUE(got->front().ack());
   for (int i = 0; i < 30; ++i) put("noetl.commands.shared.1", std::to_string(i));
   ASSERT_TRUE(eventually([&] { return with_the_consumer() == 9; })) << with_the_consumer();
   std::this_thread::sleep_for(5200ms); // the pull is over, the nine are queued here
   for (int i = 0; i < 9; ++i) {
      got = in.fetch(1, 5s);
      ASSERT_EQ(texts(got), list{std::to_string(i)});
      ASSERT_TRUE(got->front().ack());
   }
   EXPECT_TRUE(eventually([&] { return with_the_consumer() <= 1; })) << with_the_consumer();
}

TEST_F(consuming, a_consumer_deleted_while_nothing_is_asked_of_it_is_made_again_within_one_long_call) {
   consumer in(*c, settings());
   auto const take = [&](char const* text, std::chrono::milliseconds wait) {
      put("noetl.commands.shared.1", text);
      auto got = in.fetch(4, wait);
      ASSERT_EQ(texts(got), list{text});
      ASSERT_TRUE(got->front().ack());
   };
   take("1", 30s);
   take("2", 30s);
   take("3", 1s);
   take("4", 5s);
   delete_the_consumer();
   auto got = in.fetch(10, 20s);
   auto all = texts(got);
   ASSERT_FALSE(all.empty()) << "within this one call";
   while (all.size() < 4) { // a call hands over what has arrived
      got = in.fetch(10, 5s);
      ASSERT_FALSE(texts(got).empty());
      for (auto const& text : texts(got)) all.push_back(text);
   }
   EXPECT_EQ(all, (list{"1", "2", "3", "4"})) << "a new consumer begins anew";
}

TEST_F(consuming, slow_callers_do_not_look_for_their_consumer_each_time) {
   consumer in(*c, settings());
   auto const requests = [&] {
      auto const info = detail::api_request(*c, "$JS.API.INFO", tao::json::empty_object, 5s);
      return info->body.at("api").at("total").as<std::int64_t>();
   };
   for (int i = 0; i < 2; ++i) EXPECT_TRUE(in.fetch(4, 20ms));
   auto const before = requests();
   for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(1300ms);
      EXPECT_TRUE(in.fetch(4, 20ms));
   }
   EXPECT_EQ(requests() - before, 1) << "the one that asked";
}

TEST_F(consuming, a_consumer_deleted_while_waiting_is_made_again) {
   consumer in(*c, settings());
   ASSERT_TRUE(in.ensure());
   std::thread later([&] {
      std::this_thread::sleep_for(200ms);
      delete_the_consumer();
      put("noetl.commands.shared.1", "x");
   });
   auto got = in.fetch(4, 10s);
   later.join();
   EXPECT_EQ(texts(got), list{"x"});
}

TEST_F(consuming, a_consumer_deleted_between_two_calls_is_made_again) {
   consumer in(*c, settings());
   auto got = in.fetch(4, 50ms);
   ASSERT_EQ(texts(got), list{});
   std::this_thread::sleep_for(100ms);
   delete_the_consumer();
   put("noetl.commands.shared.1", "x");
   list all;
   for (int i = 0; i < 60 && all.empty(); ++i) {
      got = in.fetch(4, 500ms);
      all = texts(got);
   }
   EXPECT_EQ(all, list{"x"});
}

TEST_F(consuming, what_was_not_fetched_is_given_back) {
   std::set<std::string> seen;
   {
      consumer in(*c, settings());
      put("noetl.commands.shared.1", "0");
      auto got = in.fetch(10, 30s);
      ASSERT_TRUE(got);
      ASSERT_EQ(got->size(), 1U);
      // The pull asked for ten and is still open, so these are sent to us, too, while nobody fetches.
      for (int i = 1; i < 5; ++i) put("noetl.commands.shared.1", std::to_string(i));
      ASSERT_TRUE(eventually([&] { return with_the_consumer() == 5; })) << with_the_consumer();
      for (auto& m : *got) {
         seen.emplace(m.data());
         ASSERT_TRUE(m.ack());
      }
   }
   consumer again(*c, settings());
   for (int i = 0; i < 10 && seen.size() < 5; ++i) {
      auto got = again.fetch(10, 500ms);
      ASSERT_TRUE(got);
      for (auto& m : *got) seen.emplace(m.data());
   }
   EXPECT_EQ(seen.size(), 5U);
}
