// The stream and its consumers as they are made and found: checklist 46-59.
#include "stream_fixture.hpp"

#include <iterator>
#include <mutex>

namespace noetl::test {
namespace {

class event_publisher : public stream_fixture {
protected:
   std::int64_t position() {
      return ask<std::int64_t>("select position from noetl.stream_cursor where name = 'event_feed'");
   }
};

} // namespace

TEST_F(event_publisher, items_46_49_53_makes_the_stream_with_file_storage_window_and_age) {
   stream::sink_settings sink;
   sink.stream.max_age = 7200s;
   sink.stream.dedup_window = 90s;
   auto const running = start(from_the_beginning(), sink);
   auto const config = config_of_stream();
   EXPECT_EQ(config.at("name").get_string(), "noetl_events");
   EXPECT_EQ(config.at("subjects").at(0).get_string(), "noetl.events.>");
   EXPECT_EQ(config.at("storage").get_string(), "file");
   EXPECT_EQ(config.at("duplicate_window").as<std::int64_t>(), 90'000'000'000);
   EXPECT_EQ(config.at("max_age").as<std::int64_t>(), 7'200'000'000'000);
}

TEST_F(event_publisher, items_53_D33_a_retention_below_the_dedup_window_shortens_the_window_instead_of_failing) {
   stream::sink_settings sink;
   sink.stream.max_age = 60s;
   sink.stream.dedup_window = 120s;
   auto const running = start(from_the_beginning(), sink);
   EXPECT_EQ(config_of_stream().at("duplicate_window").as<std::int64_t>(), 60'000'000'000);
   insert(1, 1);
   EXPECT_EQ(messages(1).size(), 1U);
}

TEST_F(event_publisher, items_23_50_51_D33_an_existing_stream_is_left_as_it_is_and_its_differences_are_told) {
   auto const before = create_stream({{"max_age", 5'000'000'000}, {"duplicate_window", 2'000'000'000}});
   std::mutex guard;
   std::string told;
   log::set_sink([&](log::record const& line) {
      std::lock_guard lock(guard);
      log::append_line(told, line, log::format::text);
      told += '\n';
   });
   {
      auto const running = start(from_the_beginning());
      insert(1, 1);
      EXPECT_EQ(messages(1).size(), 1U);
   }
   log::set_sink(log::stderr_sink(log::format::text));
   EXPECT_EQ(config_of_stream(), before);
   EXPECT_NE(told.find("duplicate_window is 2 s, expected 120 s"), std::string::npos) << told;
   EXPECT_NE(told.find("max_age is 5 s"), std::string::npos) << told;
}

TEST_F(event_publisher, item_52_a_look_up_without_answer_does_not_create_anything) {
   auto const before = create_stream({{"max_age", 5'000'000'000}, {"duplicate_window", 2'000'000'000}});
   nats_.pause();
   stream::jetstream_sink sink(
       *bus_, [](stream::feed_item const&) -> result<stream::stored_event> { return stream::stored_event{}; },
       {.api_timeout = 200ms});
   auto const looked = sink.ready();
   nats_.resume();
   ASSERT_FALSE(looked);
   EXPECT_EQ(looked.error().code, error_code::unavailable);
   EXPECT_EQ(config_of_stream(), before);
   EXPECT_EQ(sink.stats().streams_created, 0U);
}

TEST_F(event_publisher, item_55_without_a_stream_publishing_is_an_error_and_the_stream_is_made_again) {
   auto const running = start(from_the_beginning());
   insert(1, 1);
   ASSERT_TRUE(in_time([&] { return position() == 1; }));
   std::vector<std::int64_t> sent{1};
   // On a slow machine the look after a quiet stream may come before the event does; then there is no error to see.
   while (running->tail.stats().failed == 0 && sent.size() < 6) {
      ASSERT_TRUE(
          nats::detail::api_request(*bus_, "$JS.API.STREAM.DELETE.noetl_events", tao::json::empty_object, 5s)->ok());
      sent.push_back(sent.back() + 1);
      insert(1, sent.back());
      ASSERT_TRUE(in_time([&] { return stored() == std::ssize(sent); }));
      EXPECT_EQ(running->to.stats().streams_created, sent.size());
   }
   EXPECT_GT(running->tail.stats().failed, 0U);
   std::vector<std::string> wanted;
   for (auto const id : sent) wanted.push_back(std::to_string(id));
   EXPECT_EQ(ids(messages(sent.size())), wanted) << "what was lost comes first";
}

TEST_F(event_publisher, goal_5_every_sink_of_a_stream_that_was_wiped_sees_that_it_is_another_one) {
   auto const put_aside = [](stream::feed_item const&) -> result<stream::stored_event> {
      return stream::stored_event{};
   };
   stream::jetstream_sink maker(*bus_, put_aside), finder(*bus_, put_aside);
   ASSERT_TRUE(maker.ready() && finder.ready());
   EXPECT_TRUE(maker.lost());
   EXPECT_TRUE(finder.lost()) << "made since it is here";
   stream::jetstream_sink later(*bus_, put_aside);
   ASSERT_TRUE(later.ready());
   EXPECT_FALSE(later.lost()) << "was there before it";
   auto const restart = [&](bool wiped) {
      auto const before = bus_->stats().connects;
      nats_.stop(SIGTERM);
      if (wiped) nats_.wipe();
      nats_.start();
      ASSERT_TRUE(in_time([&] { return bus_->stats().connects > before && bus_->wait_connected(1s); }));
      for (auto* one : {&maker, &finder, &later}) ASSERT_TRUE(in_time([&] { return one->ready().has_value(); }));
   };
   restart(false);
   for (auto* one : {&maker, &finder, &later}) EXPECT_FALSE(one->lost()) << "the same stream";
   restart(true);
   for (auto* one : {&maker, &finder, &later}) {
      EXPECT_TRUE(one->lost());
      EXPECT_FALSE(one->lost()) << "once";
   }
   EXPECT_EQ(maker.stats().streams_created, 2U);
   EXPECT_EQ(finder.stats().streams_created + later.stats().streams_created, 0U);
}

TEST_F(event_publisher, items_56_57_58_59_D32_the_two_consumers_exist_and_keep_what_an_operator_set) {
   create_stream(tao::json::empty_object);
   tao::json::value const tuned = {{"stream_name", "noetl_events"},
                                   {"config",
                                    {{"durable_name", "noetl_projector"},
                                     {"ack_policy", "explicit"},
                                     {"ack_wait", 120'000'000'000},
                                     {"filter_subject", "noetl.events.>"}}}};
   ASSERT_TRUE(
       nats::detail::api_request(*bus_, "$JS.API.CONSUMER.DURABLE.CREATE.noetl_events.noetl_projector", tuned, 5s)
           ->ok());
   auto const running = start(from_the_beginning());
   for (int i = 1; i <= 3; ++i) insert(1, i);
   ASSERT_TRUE(in_time([&] { return stored() == 3; }));
   EXPECT_EQ(consumer("noetl_projector").at("config").at("ack_wait").as<std::int64_t>(), 120'000'000'000);
   for (auto const* name : {"noetl_projector", "noetl_materializer"}) {
      auto const config = consumer(name).at("config");
      EXPECT_EQ(config.at("ack_policy").get_string(), "explicit");
      EXPECT_EQ(config.at("filter_subject").get_string(), "noetl.events.>");
   }
   EXPECT_EQ(consumer("noetl_materializer").at("config").at("ack_wait").as<std::int64_t>(), 30'000'000'000);
   nats::consumer projector(*bus_, {.stream = "noetl_events", .durable = "noetl_projector", .filter_subject = {}});
   std::size_t acked = 0;
   ASSERT_TRUE(in_time([&] {
      auto got = projector.fetch(3, 1s);
      if (got)
         for (auto& one : *got) acked += one.ack() ? 1 : 0;
      return acked == 3;
   }));
   EXPECT_TRUE(in_time([&] { return consumer("noetl_projector").at("ack_floor").at("stream_seq").as<int>() == 3; }));
   EXPECT_EQ(consumer("noetl_materializer").at("ack_floor").at("stream_seq").as<int>(), 0);
}

} // namespace noetl::test
