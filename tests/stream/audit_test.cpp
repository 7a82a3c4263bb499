// Goal 5: what the broker lost after it had acknowledged it is found and sent again.
#include "stream_fixture.hpp"

#include <algorithm>

#include <noetl/stream/audit.hpp>

namespace noetl::test {
namespace {

class stream_audit : public stream_fixture {
protected:
   void SetUp() override {
      stream_fixture::SetUp();
      if (IsSkipped()) return;
      running_ = start(from_the_beginning());
      for (int i = 1; i <= 40; ++i) insert(1, i);
      ASSERT_TRUE(in_time([&] { return stored() == 40; }));
      ASSERT_TRUE(in_time([&] { return running_->from.lag(running_->tail.delivered_through())->events == 0; }));
   }
   result<stream::audit_report> look(stream::audit_settings how = {}) {
      stream::committed_events table(*pool_);
      return stream::audit(table, running_->to, *bus_, running_->tail.delivered_through(), how);
   }
   void remove(int sequence) {
      auto const gone =
          nats::detail::api_request(*bus_, "$JS.API.STREAM.MSG.DELETE.noetl_events", {{"seq", sequence}}, 5s);
      ASSERT_TRUE(gone && gone->ok());
   }
   /// Storage that lost messages: removed, and restarted so that the broker does not know their ids any more.
   void lose(std::vector<int> const& sequences) {
      auto const left = stored() - std::ssize(sequences);
      for (int sequence : sequences) remove(sequence);
      nats_.stop(SIGTERM);
      nats_.start();
      ASSERT_TRUE(bus_->wait_connected(10s));
      ASSERT_TRUE(in_time([&] { return stored() == left; }));
   }
   std::unique_ptr<streaming> running_;
};

} // namespace

TEST_F(stream_audit, finds_nothing_when_nothing_is_missing) {
   auto const got = look({.page = 7});
   ASSERT_TRUE(got) << got.error().message << " " << got.error().detail;
   EXPECT_EQ(got->compared, 40U);
   EXPECT_EQ(got->missing, 0U);
   EXPECT_EQ(stored(), 40);
}

TEST_F(stream_audit, goal_5_sends_again_what_the_stream_lost) {
   lose({3, 17, 40});
   auto const got = look({.page = 7});
   ASSERT_TRUE(got) << got.error().message << " " << got.error().detail;
   EXPECT_EQ(got->missing, 3U);
   EXPECT_EQ(got->sent_again, 3U);
   auto all = ids(messages(40));
   std::sort(all.begin(), all.end());
   EXPECT_EQ(std::unique(all.begin(), all.end()) - all.begin(), 40);
   EXPECT_EQ(look()->missing, 0U);
}

TEST_F(stream_audit, rows_older_than_its_stretch_are_not_sent_again_though_they_are_few) {
   db_->script("update noetl.event set ingest_time = now() - interval '61 minutes' where event_id <= 30");
   lose({3, 17, 40}); // the first two as if they had aged
   auto const got = look({.page = 7});
   ASSERT_TRUE(got) << got.error().message << " " << got.error().detail;
   EXPECT_EQ(got->compared, 10U);
   EXPECT_EQ(got->missing, 1U);
   EXPECT_EQ(got->sent_again, 1U);
   EXPECT_EQ(stored(), 38);
   db_->script("update noetl.event set ingest_time = now() - interval '61 minutes'");
   EXPECT_EQ(look()->compared, 0U);
}

TEST_F(stream_audit, what_stood_there_before_the_first_start_is_sent_by_no_audit_and_after_no_loss) {
   running_.reset();
   db_->script("delete from noetl.stream_cursor");
   ASSERT_TRUE(horizon_passes());
   running_ = start(); // from now on
   lose({3, 17, 40});
   for (int i = 41; i <= 45; ++i) insert(1, i);
   ASSERT_TRUE(in_time([&] { return stored() == 42; }));
   running_.reset(); // also when the cursor was stored in between
   running_ = start();
   ASSERT_TRUE(in_time([&] { return running_->from.lag(running_->tail.delivered_through())->events == 0; }));
   auto const got = look();
   ASSERT_TRUE(got) << got.error().message << " " << got.error().detail;
   EXPECT_EQ(got->compared, 5U);
   EXPECT_EQ(got->missing, 0U);
   nats_.stop(SIGKILL);
   nats_.wipe();
   nats_.start();
   insert(1, 46);
   EXPECT_EQ(ids(messages(6)), texts({41, 42, 43, 44, 45, 46}));
}

TEST_F(stream_audit, tells_of_messages_that_the_dedup_window_refuses) {
   remove(5);
   auto const got = look();
   ASSERT_TRUE(got) << got.error().message;
   EXPECT_EQ(got->missing, 1U);
   EXPECT_EQ(got->known + got->sent_again, 1U);
}

TEST_F(stream_audit, ends_when_it_must_and_says_when_something_is_away) {
   stream::committed_events table(*pool_);
   auto const ended =
       stream::audit(table, running_->to, *bus_, running_->tail.delivered_through(), {}, [] { return false; });
   ASSERT_FALSE(ended);
   EXPECT_EQ(look({.stream = "no_such_stream"}).error().code, error_code::not_found);
   nats_.stop();
   EXPECT_EQ(look().error().code, error_code::unavailable);
}

TEST_F(stream_audit, goal_5_a_wiped_storage_is_filled_again_in_order_by_the_tailer_itself) {
   nats_.stop(SIGKILL);
   nats_.wipe();
   insert(1, 41);
   nats_.start();
   std::vector<std::string> wanted;
   for (int i = 1; i <= 42; ++i) wanted.push_back(std::to_string(i));
   insert(1, 42);
   EXPECT_EQ(ids(messages(42)), wanted);
   EXPECT_EQ(running_->to.stats().streams_created, 2U);
}

} // namespace noetl::test
