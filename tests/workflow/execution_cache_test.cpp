// Which executions the orchestrator keeps in memory, and who may be at one.
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <noetl/workflow/detail/execution_cache.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow::detail {
namespace {

event happened(execution_id id, std::string type, std::int64_t version) {
   event out;
   out.execution_id = id;
   out.event_type = std::move(type);
   out.stream_version = version;
   return out;
}

std::vector<std::int64_t> versions(std::vector<event> const& facts) {
   std::vector<std::int64_t> out;
   for (auto const& fact : facts) out.push_back(fact.stream_version);
   return out;
}

class execution_cache_test : public ::testing::Test {
protected:
   /// Woken and begun upon; unknown before or not.
   execution_cache::entry_ptr begin(std::int64_t id) {
      auto one = cache.deliver(execution_id{id}, {});
      if (!one || !cache.take_over(*one) || !cache.next(*one)) throw std::logic_error("somebody is at it");
      return one;
   }
   /// Loaded and at rest, as after its first decision. \param text  bytes of the events folded
   execution_cache::entry_ptr rest(std::int64_t id, std::size_t text = 0) {
      auto const one = begin(id);
      one->loaded = true;
      one->book = std::make_shared<playbook const>();
      one->state.run = run_status::running;
      one->folded_bytes = text;
      EXPECT_FALSE(cache.next(*one));
      return one;
   }
   [[nodiscard]] std::vector<std::int64_t> kept() const {
      std::vector<std::int64_t> out;
      for (auto const id : cache.ids()) out.push_back(id.value);
      return out;
   }

   execution_cache cache{3, 100'000};
   std::vector<event> known;
};

using ids = std::vector<std::int64_t>;

TEST_F(execution_cache_test, an_unknown_execution_is_taken_in_only_for_what_may_call_for_a_decision) {
   execution_id const id{7};
   auto const heartbeat = happened(id, "command.heartbeat", 3);
   EXPECT_EQ(cache.deliver(id, {&heartbeat, 1}), nullptr);
   EXPECT_TRUE(kept().empty());
   auto const done = happened(id, "command.completed", 4);
   auto const one = cache.deliver(id, {&done, 1});
   ASSERT_NE(one, nullptr);
   EXPECT_EQ(cache.deliver(id, {&heartbeat, 1}), nullptr) << "somebody is at it already";
   ASSERT_TRUE(cache.take_over(*one));
   auto const work = cache.next(*one);
   ASSERT_TRUE(work);
   EXPECT_EQ(versions(work->facts), (ids{4, 3}));
   EXPECT_FALSE(work->woken);
}

TEST_F(execution_cache_test, the_one_not_used_for_longest_goes) {
   rest(1);
   rest(2);
   rest(3);
   rest(1);
   rest(4);
   EXPECT_EQ(kept(), (ids{4, 1, 3})) << "events are use";
   auto const three = cache.hold(execution_id{3}, known);
   ASSERT_NE(three, nullptr);
   cache.give_back(*three, {});
   ASSERT_TRUE(cache.take_over(*three));
   EXPECT_FALSE(cache.next(*three));
   rest(5);
   EXPECT_EQ(kept(), (ids{5, 3, 4})) << "reports are, too";
}

TEST_F(execution_cache_test, one_that_somebody_is_at_stays_until_it_comes_to_rest) {
   auto const one = begin(1);
   for (std::int64_t id = 2; id <= 4; ++id) rest(id);
   EXPECT_EQ(kept(), (ids{4, 3, 1}));
   auto const held = cache.hold(execution_id{3}, known);
   auto const other = cache.hold(execution_id{4}, known);
   ASSERT_TRUE(held && other);
   auto const fifth = begin(5);
   EXPECT_EQ(kept(), (ids{5, 4, 3, 1})) << "all are busy";
   one->loaded = true;
   one->state.run = run_status::running;
   EXPECT_FALSE(cache.next(*one));
   EXPECT_EQ(kept(), (ids{5, 4, 3}));
   EXPECT_EQ(cache.stats().active, 3U);
}

TEST_F(execution_cache_test, the_sum_of_their_bytes_is_kept_and_bounded) {
   rest(1, 3'000);
   rest(2, 4'000);
   EXPECT_EQ(cache.stats().bytes, 7'000 * bytes_per_text_byte);
   rest(2, 2'000);
   EXPECT_EQ(cache.stats().bytes, 5'000 * bytes_per_text_byte);
   rest(3, 4'000);
   EXPECT_EQ(kept(), (ids{3, 2}));
   EXPECT_EQ(cache.stats().bytes, 6'000 * bytes_per_text_byte);
   auto const two = begin(2);
   two->state.run = run_status::completed;
   EXPECT_FALSE(cache.next(*two));
   EXPECT_EQ(cache.stats().bytes, 4'000 * bytes_per_text_byte);
}

TEST_F(execution_cache_test, a_report_goes_before_a_coroutine_that_has_not_begun_and_not_after) {
   rest(1);
   auto const done = happened(execution_id{1}, "command.completed", 5);
   auto const one = cache.deliver(execution_id{1}, {&done, 1});
   ASSERT_NE(one, nullptr);
   ASSERT_EQ(cache.hold(execution_id{1}, known), one);
   EXPECT_EQ(versions(known), ids{5}) << "what was waiting goes to the report";
   EXPECT_FALSE(cache.take_over(*one)) << "the coroutine comes too late";
   EXPECT_EQ(cache.stats().active, 1U) << "counted once";
   auto const more = happened(execution_id{1}, "command.completed", 6);
   EXPECT_EQ(cache.deliver(execution_id{1}, {&more, 1}), nullptr);
   cache.give_back(*one, std::exchange(known, {}));
   ASSERT_TRUE(cache.take_over(*one));
   EXPECT_FALSE(cache.take_over(*one)) << "one coroutine only";
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "it has begun";
   auto const work = cache.next(*one);
   ASSERT_TRUE(work);
   EXPECT_EQ(versions(work->facts), (ids{5, 6}));
   EXPECT_FALSE(cache.next(*one));
   EXPECT_EQ(cache.stats().active, 0U);
   ASSERT_EQ(cache.hold(execution_id{1}, known), one);
   EXPECT_EQ(cache.stats().active, 1U) << "a report alone is work, too";
}

TEST_F(execution_cache_test, nothing_is_foreseen_of_what_is_not_wholly_known) {
   auto const one = rest(1);
   EXPECT_EQ(cache.hold(execution_id{2}, known), nullptr) << "not in memory";
   one->forget_state();
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "not loaded";
   one->loaded = true;
   auto const book = std::exchange(one->book, nullptr);
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "no playbook";
   one->book = book;
   one->expect_others();
   int refusals = 0;
   while (refusals < 100 && cache.hold(execution_id{1}, known) == nullptr) ++refusals;
   EXPECT_EQ(refusals, 8) << "others append to it";
   cache.give_back(*one, {});
   EXPECT_EQ(cache.deliver(execution_id{1}, {}), nullptr);
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr) << "woken: its log has to be read first";
}

TEST_F(execution_cache_test, who_failed_stays_at_it_and_is_not_counted_as_at_work) {
   auto const one = begin(1);
   EXPECT_EQ(cache.stats().active, 1U);
   cache.put_off();
   EXPECT_EQ(cache.stats().active, 0U);
   EXPECT_EQ(cache.stats().failures, 1U);
   auto const done = happened(execution_id{1}, "command.completed", 5);
   EXPECT_EQ(cache.deliver(execution_id{1}, {&done, 1}), nullptr);
   EXPECT_EQ(cache.hold(execution_id{1}, known), nullptr);
   cache.resume(*one);
   EXPECT_EQ(cache.stats().active, 1U);
   auto const work = cache.next(*one);
   ASSERT_TRUE(work && work->woken);
   EXPECT_EQ(work->facts.size(), 1U);
}

TEST_F(execution_cache_test, what_has_ended_or_never_began_is_forgotten) {
   auto const one = begin(1);
   one->loaded = true;
   one->folded_bytes = 10;
   one->state.run = run_status::completed;
   auto const late = happened(execution_id{1}, "call.done", 9);
   EXPECT_EQ(cache.deliver(execution_id{1}, {&late, 1}), nullptr);
   EXPECT_FALSE(cache.next(*one)) << "whatever still waits";
   auto const two = begin(2);
   two->loaded = true;
   EXPECT_FALSE(cache.next(*two)) << "a log of another kind";
   EXPECT_TRUE(kept().empty());
   EXPECT_EQ(cache.stats().bytes, 0U);
   EXPECT_EQ(cache.stats().active, 0U);
}

} // namespace
} // namespace noetl::workflow::detail
