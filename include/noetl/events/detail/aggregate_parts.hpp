// events/detail/aggregate_parts.hpp: what the declaration of an aggregate says, as types: its actions, what a caller
// sends with each, what each is recorded as. Knows the life cycle's table and reflect; checks nothing.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/fsm/row.hpp>

namespace noetl {

struct event;

/// Identifies one aggregate. Ids of all kinds share one space with those of executions.
using aggregate_id = strong<"id">;

namespace detail {

/// Types in a row, each once.
template <class... T>
struct types {
   static constexpr std::size_t size = sizeof...(T);
};

template <class Done, class... More>
struct distinct {
   using type = Done;
};
template <class... Done, class First, class... More>
struct distinct<types<Done...>, First, More...>
    : distinct<std::conditional_t<(std::is_same_v<Done, First> || ...), types<Done...>, types<Done..., First>>,
               More...> {};

template <class Rows>
struct actions_in;
template <template <class...> class List, class... From, class... Action, class... To>
struct actions_in<List<fsm::row<From, Action, To>...>> : distinct<types<>, Action...> {};

/// The actions of an aggregate in the order of its table.
template <class A>
using actions_of = typename actions_in<typename A::lifecycle::rows>::type;

/// A caller says more than the action's name: the action is a plain struct, not one that derives from action<...>.
template <class Action>
concept carries_payload = !std::is_base_of_v<typename Action::action, Action>;

// ---- decisions ----

template <class A, class Action>
concept decides = requires(typename A::state const& s, Action const& wish) {
   A::decide(s, wish);
};
template <class A>
concept has_creation = requires {
   typename A::create;
};
template <class A>
concept decides_creation = has_creation<A> && requires(typename A::create const& wish) {
   A::decide(wish);
};
template <class A>
concept describes = requires(event& fact, aggregate_id id, typename A::state const& after) {
   { A::describe(fact, id, after) } -> std::same_as<void>;
};
// Whether A has a member of that name, whatever it is: then it and this one are ambiguous.
struct name_of_description {
   void describe();
};
template <class A>
struct with_description : A, name_of_description {};
template <class A>
inline constexpr bool has_description = [] {
   if constexpr (std::is_final_v<A>)
      return describes<A>;
   else
      return !requires {
         &with_description<A>::describe;
      };
}();
template <class A, class E>
concept folds = requires(typename A::state& s, E const& e) {
   { A::apply(s, e) } -> std::same_as<void>;
};

// What is recorded: what decide() makes of the wish; without decide(), or when it only allows, the wish itself.
template <class Wish, class Decision>
struct fact_from {
   using type = void; // decide() returns something else: checked elsewhere
};
template <class Wish, class E>
struct fact_from<Wish, result<E>> {
   using type = E;
};
template <class Wish>
struct fact_from<Wish, result<void>> {
   using type = Wish;
};

template <class A, class Action>
struct recorded_by {
   using type = Action;
};
template <class A, class Action>
requires decides<A, Action>
struct recorded_by<A, Action>
    : fact_from<Action, decltype(A::decide(std::declval<typename A::state const&>(), std::declval<Action const&>()))> {
};
/// The struct that stands in the event of an action.
template <class A, class Action>
using fact_of = typename recorded_by<A, Action>::type;

/// Stands for a body or a payload that there is none of.
struct nothing {};

template <class A>
struct creation {
   using wish = nothing;
   using fact = nothing;
};
template <has_creation A>
struct creation<A> {
   using wish = typename A::create;
   using fact = typename A::create;
};
template <decides_creation A>
struct creation<A> {
   using wish = typename A::create;
   using fact = typename fact_from<wish, decltype(A::decide(std::declval<wish const&>()))>::type;
};
template <class A>
using creation_wish = typename creation<A>::wish;
template <class A>
using creation_fact = typename creation<A>::fact;

/// A fact that has fields to store: not an action without payload.
template <class E>
inline constexpr bool has_payload = [] {
   if constexpr (requires { typename E::action; })
      return carries_payload<E>;
   else
      return !std::is_same_v<E, nothing>;
}();

/// `shipment` of `shipment.registered`. No string_view::find: with -fsanitize=undefined GCC 12 does not take it for a
/// constant.
constexpr std::string_view first_word(std::string_view event_type) noexcept {
   std::size_t length = 0;
   while (length < event_type.size() && event_type[length] != '.') ++length;
   return event_type.substr(0, length);
}

template <class Action>
inline constexpr std::string_view action_name = Action::action::name;
template <class Action>
inline constexpr std::string_view action_event = Action::action::event_type;

/// Calls `f(std::type_identity<Action>{})` for each action.
template <class A, class F>
constexpr void for_each_action(F&& f) {
   [&]<class... Action>(types<Action...>) { (f(std::type_identity<Action>{}), ...); }(actions_of<A>{});
}

} // namespace detail
} // namespace noetl
