// Every order of outcomes of a window: the prefix never runs ahead, nothing is forgotten, repeats keep the order.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include <noetl/stream/window.hpp>

using namespace noetl::stream;

namespace {

struct item {
   int at = 0;
};
using small_window = window<item>;

struct watched {
   small_window w;
   int through = 0;        // the prefix as reported
   std::vector<int> given; // items in the order of advance_to

   explicit watched(std::size_t capacity) : w(capacity) {}
   /// Takes every advance. \return what must be sent again
   std::vector<sequence> turn() {
      for (;;) {
         auto action = w.next();
         if (auto* done = std::get_if<advance_to<item>>(&action)) {
            EXPECT_GT(done->position, through);
            through = done->position;
            for (auto const& one : done->items) given.push_back(one.at);
         } else if (auto* again = std::get_if<send_again>(&action)) {
            return again->numbers;
         } else {
            return {};
         }
      }
   }
};

} // namespace

TEST(window, item_9_the_prefix_ends_before_the_first_message_without_acknowledgement) {
   watched x(8);
   for (int i = 1; i <= 4; ++i) x.w.add({i});
   x.w.acked(1), x.w.acked(2);
   EXPECT_TRUE(x.turn().empty());
   EXPECT_EQ(x.through, 0);
   x.w.acked(0);
   x.turn();
   EXPECT_EQ(x.through, 3);
   x.w.acked(3);
   x.turn();
   EXPECT_EQ(x.through, 4);
   EXPECT_TRUE(x.w.empty());
}

TEST(window, counts_acknowledged_messages_behind_a_gap_against_its_capacity) {
   watched x(3);
   for (int i = 1; i <= 3; ++i) x.w.add({i});
   x.w.acked(1), x.w.acked(2);
   x.turn();
   EXPECT_EQ(x.w.room(), 0U);
   x.w.acked(0);
   x.turn();
   EXPECT_EQ(x.w.room(), 3U);
}

TEST(window, after_a_failure_nothing_new_is_sent_until_all_outcomes_are_known_and_the_failed_went_again_in_order_D25) {
   watched x(8);
   for (int i = 1; i <= 4; ++i) x.w.add({i});
   x.w.failed(1);
   EXPECT_EQ(x.w.room(), 0U);
   EXPECT_TRUE(x.turn().empty()) << "three are still under way";
   x.w.acked(0), x.w.acked(2), x.w.failed(3);
   EXPECT_EQ(x.turn(), (std::vector<sequence>{1, 3}));
   EXPECT_EQ(x.through, 1);
   EXPECT_EQ(x.turn(), (std::vector<sequence>{1, 3})) << "it stays true until they are sent";
   x.w.sent_again(1);
   EXPECT_EQ(x.w.room(), 0U);
   x.w.sent_again(3);
   EXPECT_GT(x.w.room(), 0U);
   EXPECT_TRUE(x.turn().empty());
   x.w.acked(3), x.w.acked(1);
   x.turn();
   EXPECT_EQ(x.given, (std::vector<int>{1, 2, 3, 4}));
}

TEST(window, ignores_a_second_outcome_and_numbers_that_it_does_not_know) {
   watched x(4);
   x.w = small_window(4, 100);
   EXPECT_EQ(x.w.add({1}), 100U);
   EXPECT_EQ(x.w.add({2}), 101U);
   x.w.acked(99), x.w.failed(5), x.w.acked(1000);
   x.w.failed(101), x.w.acked(101);
   EXPECT_EQ(x.w.failures(), 1U);
   x.w.acked(100), x.w.failed(100);
   EXPECT_EQ(x.turn(), std::vector<sequence>{101});
   x.w.sent_again(101);
   x.w.sent_again(101);
   EXPECT_EQ(x.w.under_way(), 1U);
   x.w.acked(101);
   x.turn();
   EXPECT_EQ(x.through, 2);
   EXPECT_EQ(x.w.next_number(), 102U);
}

// Five messages, each acknowledged at once or failed up to twice, outcomes in every order.
TEST(window, in_every_order_of_outcomes_delivers_each_item_once_and_in_order_items_5_9) {
   constexpr int count = 5;
   std::size_t cases = 0;
   struct path {
      watched x{count};
      std::set<sequence> open; // under way
      int failures_left = 2;
   };
   std::function<void(path)> explore = [&](path p) {
      auto const again = p.x.turn();
      ASSERT_LE(p.x.given.size(), static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < p.x.given.size(); ++i) ASSERT_EQ(p.x.given[i], static_cast<int>(i) + 1);
      if (!again.empty()) {
         ASSERT_TRUE(p.open.empty()) << "a repeat may only start when nothing is under way";
         ASSERT_TRUE(std::is_sorted(again.begin(), again.end()));
         for (auto number : again) p.x.w.sent_again(number), p.open.insert(number);
      }
      if (p.open.empty()) {
         ++cases;
         ASSERT_EQ(p.x.given.size(), static_cast<std::size_t>(count));
         ASSERT_TRUE(p.x.w.empty());
         return;
      }
      for (auto const number : std::set<sequence>(p.open)) {
         // Everything before the first open number is delivered, nothing at or behind it.
         ASSERT_LE(p.x.through, static_cast<int>(*p.open.begin()));
         path ok = p;
         ok.open.erase(number);
         ok.x.w.acked(number);
         explore(std::move(ok));
         if (p.failures_left == 0) continue;
         path bad = p;
         bad.open.erase(number);
         --bad.failures_left;
         bad.x.w.failed(number);
         explore(std::move(bad));
      }
   };
   path start;
   for (int i = 1; i <= count; ++i) start.open.insert(start.x.w.add({i}));
   explore(std::move(start));
   EXPECT_GT(cases, 1'000U);
}
