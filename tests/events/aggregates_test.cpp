// The same tests over both event stores: in memory and in PostgreSQL.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <noetl/events/aggregate_views.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/events/memory_event_store.hpp>

#include "events/parcel.hpp"
#include "events/store_fixture.hpp"

namespace noetl::test {
namespace {

using namespace parcel_words;
static_assert(event_log<event_store>);

class aggregates_test : public store_fixture, public testing::WithParamInterface<char const*> {
protected:
   void SetUp() override {
      if (std::string_view(GetParam()) == "memory") {
         memory_ = std::make_unique<memory_event_store>(ids_);
         return;
      }
      store_fixture::SetUp();
      if (!IsSkipped()) stored_ = std::make_unique<replica>(database_->settings(), 3);
   }
   event_log_ref log() {
      if (memory_) return *memory_;
      return stored_->store;
   }
   aggregates<parcel> parcels(aggregate_settings how = {}) { return {log(), ids_, how}; }

   template <class A, class Action>
   static result<aggregate_record<A>> act(aggregates<A>& all, aggregate_id id, Action wish, conditions given = {}) {
      return blocking(all.act(id, std::move(wish), std::move(given)));
   }
   static aggregate_id make(aggregates<parcel>& all, conditions given = {}) {
      return blocking(all.create({"Oslo"}, std::move(given)))->id;
   }
   /// One that scans can be done on.
   static aggregate_id make_moving(aggregates<parcel>& all) {
      auto const id = make(all);
      EXPECT_TRUE(act(all, id, weigh{2}) && act(all, id, pack{}) && act(all, id, dispatch{"posten", {}}));
      return id;
   }
   std::unique_ptr<memory_event_store> memory_;
   std::unique_ptr<replica> stored_;
};
INSTANTIATE_TEST_SUITE_P(stores, aggregates_test, testing::Values("memory", "postgres"),
                         [](auto const& one) { return std::string(one.param); });

TEST_P(aggregates_test, what_was_done_is_there_for_every_process) {
   auto ours = parcels(), others = parcels();
   auto const id = make(ours);
   EXPECT_EQ(blocking(others.load(id))->at.data.destination, "Oslo");
   auto const packed = act(ours, id, weigh{3.25});
   ASSERT_TRUE(packed) << packed.error().message;
   ASSERT_TRUE(act(others, id, pack{}));
   auto const now = blocking(ours.load(id));
   ASSERT_TRUE(now);
   EXPECT_EQ(now->at.status, "PACKED");
   EXPECT_EQ(now->at.version, 3);
   EXPECT_EQ(now->at.last_event, "parcel.packed");
   EXPECT_EQ(now->at.data.weight_kg, 3.25);
   EXPECT_GE(now->at.updated_at, now->at.created_at);
}

TEST_P(aggregates_test, a_state_that_another_process_changed_is_never_judged_by) {
   auto ours = parcels(), others = parcels();
   auto const id = make(ours);
   ASSERT_TRUE(act(others, id, weigh{3})) << "ours still remembers one that was not weighed";
   auto const packed = act(ours, id, pack{});
   ASSERT_TRUE(packed) << packed.error().message;
   ASSERT_TRUE(act(others, id, dispatch{"posten", {}}));
   EXPECT_EQ(act(ours, id, dispatch{"posten", {}}).error().message,
             "cannot dispatch from IN_TRANSIT; dispatch is allowed from PACKED");
}

TEST_P(aggregates_test, unknown_ids_and_those_of_another_kind_are_not_found) {
   auto all = parcels();
   aggregates<lamp> lamps(log(), ids_);
   auto const lit = blocking(lamps.create())->id;
   for (auto const id : {aggregate_id{12345}, lit}) {
      auto const text = "parcel not found: " + std::to_string(id.value);
      EXPECT_EQ(blocking(all.load(id)).error(), fail(error_code::not_found, text));
      EXPECT_EQ(act(all, id, pack{}).error().message, text);
      EXPECT_EQ(blocking(all.history(id, 0, 10)).error().message, text);
      EXPECT_EQ(blocking(all.load_at(id, {.event_id = {}, .version = 1})).error().message, text);
   }
}

TEST_P(aggregates_test, of_many_at_once_exactly_one_does_what_can_be_done_once) {
   auto all = parcels();
   auto const id = make_moving(all);
   std::atomic<int> done{0}, refused{0};
   {
      std::vector<std::jthread> callers;
      for (int i = 0; i < 8; ++i)
         callers.emplace_back([&] {
            auto mine = parcels(); // a process of its own
            auto const came = act(mine, id, deliver{});
            ++(came ? done : refused);
            EXPECT_EQ(came ? error_code::validation : came.error().code, error_code::validation);
         });
   }
   EXPECT_EQ(done, 1);
   EXPECT_EQ(refused, 7);
   EXPECT_EQ(blocking(all.load(id))->at.version, 5);
}

TEST_P(aggregates_test, of_many_at_once_all_do_what_can_be_repeated_and_none_is_lost) {
   auto all = parcels();
   auto const id = make_moving(all);
   constexpr int callers = 8, each = 5;
   boost::asio::io_context io;
   int done = 0;
   auto work = [](aggregates<parcel>& whose, aggregate_id which, int caller, int& count) -> awaitable<void> {
      for (int i = 0; i < each; ++i) {
         scan wish{std::to_string(caller * each + i)};
         auto came = co_await whose.act(which, std::move(wish));
         if (came) ++count;
      }
   };
   for (int i = 0; i < callers; ++i) boost::asio::co_spawn(io, work(all, id, i, done), boost::asio::detached);
   io.run();
   EXPECT_EQ(done, callers * each);
   auto const now = blocking(parcels().load(id));
   ASSERT_TRUE(now) << now.error().message;
   EXPECT_EQ(now->at.version, 4 + callers * each);
   EXPECT_EQ(std::set(now->at.data.places.begin(), now->at.data.places.end()).size(),
             static_cast<std::size_t>(callers * each));
}

TEST_P(aggregates_test, a_caller_may_name_the_version_that_it_saw) {
   auto all = parcels();
   auto const id = make(all);
   EXPECT_EQ(act(all, id, weigh{1}, {.version = 2, .key = {}}).error(),
             fail(error_code::conflict, "parcel " + std::to_string(id.value) + " is at version 1, not 2"));
   EXPECT_TRUE(act(all, id, weigh{1}, {.version = 1, .key = {}}));
   EXPECT_EQ(act(all, id, weigh{2}, {.version = 1, .key = {}}).error().code, error_code::conflict);
}

TEST_P(aggregates_test, a_repeat_with_the_same_key_is_answered_like_the_first_time) {
   auto all = parcels(), others = parcels();
   conditions const first{.version = {}, .key = "create-" + std::to_string(ids_.next())};
   auto const id = make(all, first);
   EXPECT_EQ(make(others, first), id);
   EXPECT_EQ(blocking(others.create({"Rome"}, first)).error(),
             fail(error_code::validation, "Idempotency-Key: was used with another request"));
   conditions const second{.version = {}, .key = "k1"};
   ASSERT_TRUE(act(all, id, weigh{1}, second));
   ASSERT_TRUE(act(all, id, weigh{7}));
   auto const again = act(others, id, weigh{1}, second);
   ASSERT_TRUE(again) << again.error().message;
   EXPECT_EQ(again->at.version, 2);
   EXPECT_EQ(again->at.data.weight_kg, 1);
   EXPECT_EQ(act(all, id, weigh{2}, second).error().code, error_code::validation);
   EXPECT_EQ(blocking(all.load(id))->at.version, 3);
   EXPECT_EQ(act(all, id, weigh{2}, {.version = {}, .key = ""}).error().code, error_code::bad_request);
   EXPECT_EQ(all.counts().repeats, 0U);
   EXPECT_EQ(others.counts().repeats, 2U);
}

TEST_P(aggregates_test, of_many_at_once_with_one_key_all_hear_the_same) {
   auto all = parcels();
   auto const id = make_moving(all);
   std::mutex guard;
   std::set<std::int64_t> versions, made;
   conditions const key{.version = {}, .key = "once-" + std::to_string(ids_.next())};
   {
      std::vector<std::jthread> callers;
      for (int i = 0; i < 6; ++i)
         callers.emplace_back([&] {
            auto mine = parcels();
            auto const came = act(mine, id, scan{"Voss"}, key);
            auto const created = blocking(mine.create({"Rome"}, key));
            std::lock_guard const lock(guard);
            versions.insert(came ? came->at.version : -1);
            made.insert(created ? created->id.value : -1);
         });
   }
   EXPECT_EQ(versions, std::set<std::int64_t>{5});
   EXPECT_EQ(made.size(), 1U);
   EXPECT_FALSE(made.contains(-1));
}

TEST_P(aggregates_test, the_past_can_be_looked_at_by_event_and_by_version) {
   auto all = parcels({.page = 2});
   auto const id = make_moving(all);
   auto const events = blocking(all.history(id, 0, 100));
   ASSERT_TRUE(events);
   ASSERT_EQ(events->size(), 4U);
   EXPECT_EQ((*events)[3].event_type, "parcel.dispatched");
   EXPECT_EQ(from_json<dispatched>((*events)[3].context.text)->carrier, "posten");
   auto const then = blocking(all.load_at(id, {.event_id = (*events)[1].event_id, .version = {}}));
   ASSERT_TRUE(then);
   EXPECT_EQ(then->at.status, "REGISTERED");
   EXPECT_EQ(then->at.data.weight_kg, 2);
   EXPECT_EQ(blocking(all.load_at(id, {.event_id = {}, .version = 3}))->at.status, "PACKED");
   EXPECT_EQ(blocking(all.load_at(id, {.event_id = {}, .version = 9})).error(),
             fail(error_code::not_found, "parcel " + std::to_string(id.value) + " has no version 9"));
   EXPECT_EQ(blocking(all.load_at(id, {.event_id = event_id{1}, .version = 1})).error().code, error_code::bad_request);
}

TEST_P(aggregates_test, lists_go_by_state_in_pages_and_hold_one_kind_only) {
   auto all = parcels();
   aggregates<lamp> lamps(log(), ids_);
   auto const lit = blocking(lamps.create())->id;
   std::vector<aggregate_id> made;
   for (int i = 0; i < 5; ++i) made.push_back(make(all));
   ASSERT_TRUE(act(all, made[2], weigh{1}) && act(all, made[2], pack{}));
   aggregate_id const before{made.front().value - 1};
   auto const walk = [&](std::optional<std::string> state) {
      std::vector<aggregate_id> seen;
      for (auto after = before;;) {
         auto page = blocking(all.list(state, after, 2));
         EXPECT_TRUE(page) << page.error().message;
         if (!page || page->empty()) return seen;
         for (auto const& head : *page) {
            seen.push_back(after = aggregate_id{head.execution_id.value});
            EXPECT_EQ(head.status, after == made[2] ? "PACKED" : "REGISTERED");
         }
      }
   };
   EXPECT_EQ(walk({}), made);
   EXPECT_EQ(walk("PACKED"), std::vector{made[2]});
   EXPECT_EQ(walk("REGISTERED"), (std::vector{made[0], made[1], made[3], made[4]}));
   EXPECT_EQ(blocking(lamps.list({}, aggregate_id{lit.value - 1}, 10))->size(), 1U);
   EXPECT_EQ(blocking(all.list("LOST", before, 2)).error(),
             fail(error_code::bad_request, "query parameter 'state': expected one of REGISTERED, PACKED, IN_TRANSIT, "
                                           "DELIVERED, got \"LOST\""));
}

TEST_P(aggregates_test, calls_are_counted_by_action_and_outcome) {
   auto all = parcels();
   auto const id = make(all);
   EXPECT_FALSE(act(all, id, pack{}));
   EXPECT_TRUE(act(all, id, weigh{1}));
   std::string counted;
   all.counts().each([&](auto action, auto outcome, auto calls) {
      if (calls > 0) counted.append(action).append(":").append(outcome).append(" ");
   });
   EXPECT_EQ(counted, "weigh:done pack:refused create:done ");
}

TEST_P(aggregates_test, an_event_that_could_not_be_read_back_is_not_written) {
   aggregates<account> all(log(), ids_);
   auto const id = blocking(all.create())->id;
   ASSERT_TRUE(act(all, id, account::deposit{1.7e308}));
   auto const refused = act(all, id, account::deposit{1.7e308}); // infinity
   ASSERT_FALSE(refused);
   EXPECT_EQ(refused.error().code, error_code::internal) << refused.error().message;
   auto const after = act(all, id, account::deposit{-1.7e308});
   ASSERT_TRUE(after) << after.error().message;
   EXPECT_EQ(after->at.data.balance, 0);
   EXPECT_EQ(after->at.version, 3);
}

TEST_P(aggregates_test, an_id_may_be_the_callers_and_is_given_once) {
   aggregates<lantern> all(log(), ids_);
   aggregate_id const id{ids_.next()};
   auto const made = blocking(all.create_as(id, {"hall"}));
   ASSERT_TRUE(made);
   EXPECT_EQ(made->id, id);
   EXPECT_EQ(blocking(all.create_as(id, {"attic"})).error().code, error_code::conflict);
   EXPECT_EQ(blocking(all.load(id))->at.data.room, "hall");
}

TEST_P(aggregates_test, an_action_may_be_named) {
   aggregates<lantern> all(log(), ids_);
   auto const id = blocking(all.create({"hall"}))->id;
   EXPECT_EQ(blocking(all.act_named(id, "light"))->at.status, "ON");
   auto const refused = blocking(all.act_named(id, "explode"));
   EXPECT_EQ(refused.error().code, error_code::validation);
   EXPECT_EQ(refused.error().message, "Unknown action 'explode'; there are light");
   EXPECT_EQ(blocking(all.act_named(aggregate_id{12345}, "light")).error().code, error_code::not_found);
}

TEST_P(aggregates_test, the_envelope_says_what_the_declaration_and_the_caller_want) {
   aggregates<lantern> all(log(), ids_);
   auto const id = blocking(all.create({"hall"}))->id;
   conditions why;
   why.reason = "it is dark";
   ASSERT_TRUE(act(all, id, lantern::light{}, why));
   why.key = "twice";
   ASSERT_TRUE(act(all, id, lantern::light{}, why));
   EXPECT_EQ(act(all, id, lantern::light{}, why)->at.version, 3) << "a reason does not make it another request";
   auto const events = blocking(all.history(id, 0, 10));
   ASSERT_EQ(events->size(), 3U);
   for (auto const& e : *events) EXPECT_EQ(e.node_name, "hall");
   for (auto const& e : *events) EXPECT_NE(e.meta.text.find("match"), std::string::npos) << e.meta.text;
   EXPECT_EQ(from_json<detail::change_meta>(events->at(1).meta.text)->reason, "it is dark");
   EXPECT_EQ(from_json<detail::change_meta>(events->at(2).meta.text)->idempotency_key, "twice");
}

TEST(memory_event_store, refuses_a_first_event_of_no_catalog_entry_as_the_database_does) {
   snowflake ids{1};
   memory_event_store store{ids};
   append_request request;
   request.execution_id = execution_id{7};
   request.expect = {expected::absent, 0};
   request.events.resize(1);
   request.events[0].event_type = "playbook_started";
   auto const refused = blocking(store.append(request));
   ASSERT_FALSE(refused);
   EXPECT_EQ(refused.error().message, "the first event of an execution needs a catalog_id");
   request.events[0].catalog_id = catalog_id{5};
   ASSERT_TRUE(blocking(store.append(request)));
   auto const again = blocking(store.append(request));
   ASSERT_FALSE(again);
   EXPECT_EQ(again.error().message, "execution 7 exists already");
}

/// A log in which somebody else records other facts, which the aggregate is not shown.
struct shared_log {
   memory_event_store& all;
   awaitable<result<append_result>> append(append_request request) {
      if (request.expect.what == expected::exactly) request.expect.what = expected::undecided_since;
      return all.append(std::move(request));
   }
   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after, std::size_t limit) {
      auto found = co_await all.load(id, after, 1'000);
      if (found) std::erase_if(*found, [](event const& e) { return !e.event_type.starts_with("lantern."); });
      if (found && found->size() > limit) found->resize(limit);
      co_return found;
   }
   awaitable<result<std::optional<event>>> find(execution_id id, event_id which) { return all.find(id, which); }
   awaitable<result<std::vector<stream_head>>> heads(std::vector<std::string> some, execution_id id, std::size_t n) {
      return all.heads(std::move(some), id, n);
   }
   awaitable<result<execution_id>> claim_key(std::string scope, std::string key, execution_id mine) {
      return all.claim_key(std::move(scope), std::move(key), mine);
   }
};

TEST(aggregates_in_a_shared_log, facts_of_others_come_in_between_and_transitions_do_not) {
   snowflake ids{1};
   memory_event_store store{ids};
   shared_log log{store};
   aggregates<lantern> here(log, ids);
   aggregates<lantern> there(log, ids, {.page = 1});
   auto const id = blocking(here.create({"hall"}))->id;
   append_request moth;
   moth.execution_id = execution_id{id.value};
   moth.head_status = "lantern:OFF";
   moth.events.resize(1);
   moth.events[0].event_type = "moth.seen";
   ASSERT_TRUE(blocking(store.append(moth)));
   EXPECT_EQ(summary_of(blocking(here.list({}, {}, 10))->at(0)).version, 1) << "what a caller may name";
   auto const lit = blocking(here.act(id, lantern::light{}, {.version = 1, .key = {}, .reason = {}}));
   ASSERT_TRUE(lit) << "a moth does not change a lantern";
   EXPECT_EQ(lit->at.version, 3);
   EXPECT_EQ(blocking(there.load(id))->at.version, 3);
   ASSERT_TRUE(blocking(there.act(id, lantern::light{})));
   auto const late = blocking(here.act(id, lantern::light{}, {.version = 3, .key = {}, .reason = {}}));
   EXPECT_EQ(late.error().code, error_code::conflict);
}

} // namespace
} // namespace noetl::test
