// Aggregates without I/O: given what happened, when an action is wanted, then this is recorded.
#include <gtest/gtest.h>

#include <noetl/events/aggregate_scenario.hpp>
#include <noetl/fsm/msm.hpp>

#include "events/parcel.hpp"

template class noetl::fsm::machine<noetl::test::parcel::lifecycle>;
template class noetl::fsm::machine<noetl::test::account::lifecycle>;
template class noetl::fsm::machine<noetl::test::lamp::lifecycle>;
template class noetl::fsm::machine<noetl::test::lantern::lifecycle>;

namespace noetl::test {
namespace {

using namespace parcel_words;
using create = parcel::create;

TEST(aggregate_fold, an_action_is_recorded_as_what_decide_makes_of_it) {
   auto const packed = given<parcel>(create{"Oslo"}, weigh{12.5}, pack{});
   EXPECT_EQ(packed.status, "PACKED");
   EXPECT_EQ(packed.version, 3);
   EXPECT_EQ(*when(packed, dispatch{"posten", {}}), then<parcel>(dispatched{"posten", 12.5, {}}));
}

TEST(aggregate_fold, without_decide_an_action_is_recorded_as_it_is) {
   auto const moving = given<parcel>(create{"Oslo"}, weigh{1}, pack{}, dispatched{"posten", 1, {}}, scan{"Bergen"});
   EXPECT_EQ(*when(moving, scan{"Voss"}), then<parcel>(scan{"Voss"}));
   EXPECT_EQ(moving.data.places, std::vector<std::string>{"Bergen"});
   EXPECT_EQ(*when(moving, deliver{}), then<parcel>(deliver{}));
}

TEST(aggregate_fold, the_life_cycle_refuses_before_decide_is_asked) {
   auto const fresh = given<parcel>(create{"Oslo"});
   EXPECT_EQ(when(fresh, dispatch{"posten", {}}).error(),
             fail(error_code::validation, "cannot dispatch from REGISTERED; dispatch is allowed from PACKED"));
}

TEST(aggregate_fold, decide_refuses_actions_with_and_without_fields) {
   auto const fresh = given<parcel>(create{"Oslo"});
   EXPECT_EQ(when(fresh, pack{}).error().message, "cannot pack what was not weighed");
   EXPECT_EQ(when(fresh, weigh{-1}).error().message, "weight_kg: must be above 0 and at most 1000");
   auto const heavy = given<parcel>(create{"Oslo"}, weigh{31}, pack{});
   EXPECT_EQ(when(heavy, dispatch{"posten", {}}).error().message, "carrier: above 30 kg only freight");
   EXPECT_TRUE(when(heavy, dispatch{"freight", {}}));
}

TEST(aggregate_fold, a_creation_is_judged_too) {
   EXPECT_EQ(*when<parcel>(create{"Oslo"}), then<parcel>(create{"Oslo"}));
   EXPECT_EQ(when<parcel>(create{""}).error().message, "destination: must not be empty");
   EXPECT_EQ(*when<lamp>({}), then<lamp>(created{}));
}

TEST(aggregate_fold, an_event_without_fields_is_folded_when_somebody_wants_it) {
   EXPECT_TRUE(given<parcel>(create{"Oslo"}, weigh{1}, pack{}, dispatched{"posten", 1, {}}, deliver{}).data.done);
}

TEST(aggregate_fold, what_cannot_have_happened_is_a_mistake_of_the_test) {
   EXPECT_THROW(given<parcel>(create{"Oslo"}, deliver{}), std::logic_error);
   EXPECT_EQ(given<lamp>(created{}, lamp_words::toggle_on{}, lamp_words::toggle_off{}).status, "OFF");
}

event stored(std::int64_t version, std::string type, std::string context = {}) {
   event e;
   e.event_id = event_id{100 + version};
   e.stream_version = version;
   e.event_type = std::move(type);
   e.status = "REGISTERED";
   e.context = raw_json(std::move(context));
   return e;
}

TEST(aggregate_fold, a_repeated_event_changes_nothing) {
   aggregate_state<parcel> s;
   fold<parcel>(s, stored(1, "parcel.registered", R"({"destination":"Oslo"})"));
   fold<parcel>(s, stored(1, "parcel.registered", R"({"destination":"Rome"})"));
   EXPECT_EQ(s.data.destination, "Oslo");
   EXPECT_EQ(s.version, 1);
}

TEST(aggregate_fold, an_event_that_does_not_fit_is_named_and_not_guessed) {
   aggregate_state<parcel> s;
   fold<parcel>(s, stored(1, "parcel.registered", R"({"destination":"Oslo"})"));
   fold<parcel>(s, stored(2, "parcel.weighed", R"({"weight_kg":"heavy"})"));
   fold<parcel>(s, stored(3, "parcel.weighed", R"({"weight_kg":3})"));
   EXPECT_EQ(s.misfit, "event 102 (parcel.weighed): weight_kg: expected number, got string");
   EXPECT_EQ(s.version, 3);
   EXPECT_EQ(s.data.weight_kg, 0) << "nothing is folded on top of a gap";
   aggregate_state<parcel> other;
   fold<parcel>(other, stored(1, "playbook.started"));
   EXPECT_TRUE(other.foreign);
}

TEST(aggregate_fold, a_state_that_the_table_does_not_know_is_our_fault) {
   aggregate_state<parcel> s;
   auto first = stored(1, "parcel.registered", R"({"destination":"Oslo"})");
   first.status = "RETIRED";
   fold<parcel>(s, first);
   EXPECT_EQ(judge<parcel>(s, pack{}).error().code, error_code::internal);
}

} // namespace
} // namespace noetl::test
