// The table of a life cycle as data, and the diagram made of it (items 96, 104).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <noetl/fsm/diagram.hpp>
#include <noetl/fsm/table.hpp>

#include "fsm/turnstile.hpp"

namespace noetl::fsm {
namespace {

using namespace noetl::test;

// any_of is a row for each of its states, in place.
static_assert(turnstile::arrows.size() == 6);
static_assert(turnstile::arrows[0] == arrow{"LOCKED", "coin", "turnstile.paid", "UNLOCKED"});
static_assert(turnstile::initial == "LOCKED");
static_assert(turnstile::created_by.empty());
static_assert(turnstile::states.size() == 3);
static_assert(turnstile::states[0] == "LOCKED");
static_assert(turnstile::actions.size() == 4);
static_assert(turnstile::actions[1] == action_name{"push-through", "turnstile.passed"});

static_assert(turnstile::find("LOCKED", "coin")->to == "UNLOCKED");
static_assert(turnstile::find("UNLOCKED", "coin")->to == "UNLOCKED");
static_assert(turnstile::find("LOCKED", "push-through") == nullptr);
static_assert(turnstile::find("locked", "coin") == nullptr, "names are exact");
static_assert(turnstile::find("", "") == nullptr);
static_assert(turnstile::has_state("BROKEN") && !turnstile::has_state("OPEN"));
static_assert(turnstile::find_action("kick")->event_type == "turnstile.kicked");
static_assert(turnstile::find_action("pull") == nullptr);
static_assert(turnstile::allowed_from("kick").size() == 2);
static_assert(turnstile::allowed_from("pull").empty());
static_assert(turnstile::allowed_actions("BROKEN").size() == 1);
static_assert(turnstile::allowed_actions("OPEN").empty());
static_assert(turnstile::event_types().size() == 4);
static_assert(door::created_by == "door.built");
static_assert(door::event_types().size() == 2 && door::event_types().contains("door.built"));
static_assert(door::states.size() == 1, "a row may lead back to its own state");

std::vector<std::string> texts(auto const& names) {
   return {names.begin(), names.end()};
}

TEST(fsm_table, states_and_actions_stand_in_the_order_of_the_table) {
   EXPECT_EQ(texts(turnstile::states), (std::vector<std::string>{"LOCKED", "UNLOCKED", "BROKEN"}));
   EXPECT_EQ(texts(turnstile::allowed_from("kick")), (std::vector<std::string>{"LOCKED", "UNLOCKED"}));
   EXPECT_EQ(texts(turnstile::allowed_actions("UNLOCKED")), (std::vector<std::string>{"coin", "push-through", "kick"}));
   EXPECT_EQ(joined(turnstile::event_types()),
             "turnstile.paid, turnstile.passed, turnstile.kicked, turnstile.repaired");
}

TEST(fsm_table, a_refusal_says_where_the_action_is_allowed) {
   EXPECT_EQ(turnstile::refusal("BROKEN", "kick"), "cannot kick from BROKEN; kick is allowed from LOCKED, UNLOCKED");
}

TEST(fsm_diagram, one_line_for_each_pair_of_states) {
   EXPECT_EQ(mermaid<turnstile>(), "stateDiagram-v2\n"
                                   "    [*] --> LOCKED\n"
                                   "    LOCKED --> UNLOCKED : coin\n"
                                   "    UNLOCKED --> UNLOCKED : coin\n"
                                   "    UNLOCKED --> LOCKED : push-through\n"
                                   "    LOCKED --> BROKEN : kick\n"
                                   "    UNLOCKED --> BROKEN : kick\n"
                                   "    BROKEN --> LOCKED : repair\n");
   EXPECT_EQ(mermaid<door>(), "stateDiagram-v2\n    [*] --> CLOSED\n    CLOSED --> CLOSED : knock\n");
   std::vector<arrow> const two{{"A", "x", "e.x", "B"}, {"A", "y", "e.y", "B"}};
   EXPECT_EQ(mermaid(two, "A"), "stateDiagram-v2\n    [*] --> A\n    A --> B : x, y\n");
}

} // namespace
} // namespace noetl::fsm
