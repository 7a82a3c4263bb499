// Which executions the orchestrator keeps in memory, and who may be at one.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <noetl/workflow/detail/execution_cache.hpp>

namespace noetl::workflow::detail {
namespace {

event happened(execution_id id, std::string type, std::int64_t version) {
   event out;
   out.execution_id = id;
   out.event_type = std::move(type);
   out.stream_version = version;
   return out;
}

class execution_cache_test : public ::testing::Test {
protected:
   /// Loaded and at rest, as after its first decision.
   execution_cache::entry_ptr rest(std::int64_t id) {
      auto const one = cache.deliver(execution_id{id}, {});
      EXPECT_TRUE(one && cache.take_over(*one));
      if (!cache.next(*one)) ADD_FAILURE() << "woken, so there is work";
      one->loaded = true;
      one->book = std::make_shared<playbook const>();
      one->state.run = run_status::running;
      EXPECT_FALSE(cache.next(*one));
      return one;
   }

   execution_cache cache{3, 1U << 20U};
   std::vector<event> known;
};

TEST_F(execution_cache_test, an_unknown_execution_is_taken_in_only_for_what_may_call_for_a_decision) {
   execution_id const id{7};
   auto const heartbeat = happened(id, "command.heartbeat", 3);
   EXPECT_EQ(cache.deliver(id, {&heartbeat, 1}), nullptr);
   EXPECT_TRUE(cache.ids().empty());
   auto const done = happened(id, "command.completed", 4);
   auto const one = cache.deliver(id, {&done, 1});
   ASSERT_NE(one, nullptr);
   EXPECT_EQ(cache.deliver(id, {&heartbeat, 1}), nullptr) << "somebody is at it already";
   ASSERT_TRUE(cache.take_over(*one));
   auto const work = cache.next(*one);
   ASSERT_TRUE(work);
   EXPECT_EQ(work->facts.size(), 2U);
   EXPECT_FALSE(work->woken);
}

TEST_F(execution_cache_test, the_one_not_used_for_longest_goes_and_never_one_that_somebody_is_at) {
   rest(1);
   rest(2);
   ASSERT_NE(cache.hold(execution_id{1}, known), nullptr);
   rest(3);
   rest(4);
   EXPECT_EQ(cache.ids(), (std::vector{execution_id{4}, execution_id{3}, execution_id{1}}));
   rest(5);
   EXPECT_EQ(cache.ids(), (std::vector{execution_id{5}, execution_id{4}, execution_id{1}}));
   EXPECT_EQ(cache.stats().cached, 3U);
}

TEST_F(execution_cache_test, a_report_goes_before_a_coroutine_that_has_not_begun_and_not_after) {
   rest(1);
   auto const done = happened(execution_id{1}, "command.completed", 5);
   auto const one = cache.deliver(execution_id{1}, {&done, 1});
   ASSERT_NE(one, nullptr);
   ASSERT_EQ(cache.hold(execution_id{1}, known), one);
   EXPECT_EQ(known.size(), 1U) << "what was waiting goes to the report";
   EXPECT_FALSE(cache.take_over(*one)) << "the coroutine comes too late";
   EXPECT_EQ(cache.stats().active, 1U) << "counted once";
   cache.give_back(*one, std::exchange(known, {}));
   ASSERT_TRUE(cache.take_over(*one));
   EXPECT_FALSE(cache.take_over(*one)) << "one coroutine only";
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "it has begun";
   auto const work = cache.next(*one);
   ASSERT_TRUE(work);
   EXPECT_EQ(work->facts.size(), 1U);
   EXPECT_FALSE(cache.next(*one));
   EXPECT_EQ(cache.stats().active, 0U);
}

TEST_F(execution_cache_test, nothing_is_foreseen_of_an_execution_that_was_woken_or_that_others_append_to) {
   auto const one = rest(1);
   EXPECT_EQ(cache.hold(execution_id{2}, known), nullptr) << "not in memory";
   one->expect_others();
   int refusals = 0;
   while (refusals < 100 && cache.hold(execution_id{1}, known) == nullptr) ++refusals;
   EXPECT_EQ(refusals, 8);
   cache.give_back(*one, {});
   EXPECT_EQ(cache.deliver(execution_id{1}, {}), nullptr);
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "its log has to be read first";
}

TEST_F(execution_cache_test, what_has_ended_is_forgotten_and_what_sleeps_is_not_at_work) {
   auto const one = rest(1);
   cache.deliver(execution_id{1}, {});
   ASSERT_TRUE(cache.take_over(*one) && cache.next(*one));
   EXPECT_EQ(cache.stats().active, 1U);
   cache.sleeps();
   EXPECT_EQ(cache.stats().active, 0U);
   EXPECT_EQ(cache.stats().failures, 1U);
   cache.wakes(*one);
   auto const work = cache.next(*one);
   ASSERT_TRUE(work && work->woken);
   one->state.run = run_status::completed;
   EXPECT_FALSE(cache.next(*one));
   EXPECT_TRUE(cache.ids().empty());
   EXPECT_EQ(cache.stats().bytes, 0U);
}

} // namespace
} // namespace noetl::workflow::detail
