// tests/fsm/turnstile.hpp: life cycles that have nothing to do with the server's, for the same headers.
#pragma once

#include <noetl/fsm/table.hpp>

namespace noetl::test {

namespace turnstile_words {
struct locked : fsm::state<"LOCKED"> {};
struct unlocked : fsm::state<"UNLOCKED"> {};
struct broken : fsm::state<"BROKEN"> {};
struct coin : fsm::action<"coin", "turnstile.paid"> {};
struct push : fsm::action<"push-through", "turnstile.passed"> {};
struct kick : fsm::action<"kick", "turnstile.kicked"> {};
struct repair : fsm::action<"repair", "turnstile.repaired"> {};

// clang-format off
struct table : fsm::lifecycle<locked,
   fsm::row< fsm::any_of<locked, unlocked>, coin,   unlocked >,
   fsm::row< unlocked,                      push,   locked   >,
   fsm::row< fsm::any_of<locked, unlocked>, kick,   broken   >,
   fsm::row< broken,                        repair, locked   >> {};
// clang-format on
} // namespace turnstile_words
using turnstile = turnstile_words::table;

/// The smallest one.
struct closed : fsm::state<"CLOSED"> {};
struct knock : fsm::action<"knock", "door.knocked"> {};
using door = fsm::lifecycle<fsm::starts<closed, "door.built">, fsm::row<closed, knock, closed>>;

/// More rows than Boost.MPL's vectors have places.
namespace dial_words {
template <fixed_string Name>
struct at : fsm::state<Name> {};
struct next : fsm::action<"next", "dial.next"> {};
struct reset : fsm::action<"reset", "dial.reset"> {};
using zero = at<"ZERO">;
using all = fsm::any_of<zero, at<"ONE">, at<"TWO">, at<"THREE">, at<"FOUR">, at<"FIVE">, at<"SIX">, at<"SEVEN">,
                        at<"EIGHT">, at<"NINE">, at<"TEN">, at<"ELEVEN">>;
// clang-format off
struct table : fsm::lifecycle<zero,
   fsm::row< zero,        next, at<"ONE">    >,
   fsm::row< at<"ONE">,   next, at<"TWO">    >,
   fsm::row< at<"TWO">,   next, at<"THREE">  >,
   fsm::row< at<"THREE">, next, at<"FOUR">   >,
   fsm::row< at<"FOUR">,  next, at<"FIVE">   >,
   fsm::row< at<"FIVE">,  next, at<"SIX">    >,
   fsm::row< at<"SIX">,   next, at<"SEVEN">  >,
   fsm::row< at<"SEVEN">, next, at<"EIGHT">  >,
   fsm::row< at<"EIGHT">, next, at<"NINE">   >,
   fsm::row< at<"NINE">,  next, at<"TEN">    >,
   fsm::row< at<"TEN">,   next, at<"ELEVEN"> >,
   fsm::row< all,         reset, zero        >> {};
// clang-format on
} // namespace dial_words
using dial = dial_words::table;

} // namespace noetl::test
