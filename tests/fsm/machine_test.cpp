// The Boost.MSM machine made of a table decides as the table says, for every state and every action (item 104).
#include <gtest/gtest.h>

#include <set>
#include <string>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/fsm/msm.hpp>

#include "fsm/turnstile.hpp"

template class noetl::fsm::machine<noetl::control_plane::subscription_lifecycle>;
template class noetl::fsm::machine<noetl::test::turnstile>;
template class noetl::fsm::machine<noetl::test::dial>;
template class noetl::fsm::machine<noetl::test::door>;

namespace noetl::fsm {
namespace {

using control_plane::subscription_lifecycle;

template <class Lifecycle>
struct machine_test : testing::Test {};
using lifecycles = testing::Types<subscription_lifecycle, test::turnstile, test::dial, test::door>;
TYPED_TEST_SUITE(machine_test, lifecycles);

TYPED_TEST(machine_test, every_state_and_action_gets_the_same_answer_from_table_and_machine_item_104) {
   std::size_t moved = 0;
   for (auto from : TypeParam::states)
      for (auto const& [action, event_type] : TypeParam::actions) {
         auto const* const row = TypeParam::find(from, action);
         auto const got = machine<TypeParam>::run(from, action);
         auto const wanted =
             row == nullptr ? outcome{verdict::refused, {}, {}} : outcome{verdict::moved, row->to, row->event_type};
         EXPECT_EQ(got, wanted) << from << " " << action << ": " << to_text(got.what) << " " << got.to;
         EXPECT_EQ(TypeParam::allowed_from(action).contains(from), row != nullptr);
         EXPECT_EQ(TypeParam::allowed_actions(from).contains(action), row != nullptr);
         moved += row != nullptr ? 1 : 0;
      }
   EXPECT_EQ(moved, TypeParam::arrows.size()) << "each row was walked once";
}

TYPED_TEST(machine_test, names_that_the_table_does_not_know_are_told_apart) {
   EXPECT_EQ(machine<TypeParam>::run("NOWHERE", TypeParam::actions[0].name).what, verdict::unknown_state);
   EXPECT_EQ(machine<TypeParam>::run("", TypeParam::actions[0].name).what, verdict::unknown_state);
   EXPECT_EQ(machine<TypeParam>::run(TypeParam::initial, "explode").what, verdict::unknown_action);
   EXPECT_EQ(machine<TypeParam>::run("NOWHERE", "explode").what, verdict::unknown_action);
}

// The five rows of http-platform.md section 8.1, written out once more by hand.
TEST(subscription_table, is_the_matrix_of_the_contract_item_104) {
   std::set<std::string> const allowed{
       "REGISTERED activate", "REGISTERED deactivate", "ACTIVE activate",      "ACTIVE pause",
       "ACTIVE resume",       "ACTIVE drain",          "ACTIVE deactivate",    "PAUSED activate",
       "PAUSED pause",        "PAUSED resume",         "PAUSED drain",         "PAUSED deactivate",
       "DRAINING drain",      "DRAINING deactivate",   "DEACTIVATED activate", "DEACTIVATED deactivate"};
   ASSERT_EQ(subscription_lifecycle::states.size() * subscription_lifecycle::actions.size(), 25U);
   std::set<std::string> got;
   for (auto const& one : subscription_lifecycle::arrows)
      got.insert(std::string(one.from) + " " + std::string(one.action));
   EXPECT_EQ(got, allowed);
   EXPECT_EQ(joined(subscription_lifecycle::event_types()),
             "subscription.registered, subscription.activated, subscription.paused, subscription.resumed, "
             "subscription.draining, subscription.deactivated");
   EXPECT_EQ(subscription_lifecycle::initial, "REGISTERED");
}

} // namespace
} // namespace noetl::fsm
