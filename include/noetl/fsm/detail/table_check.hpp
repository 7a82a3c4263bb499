// fsm/detail/table_check.hpp: what can be wrong with a life cycle, one sentence each, and how its rows become data. The
// culprit is a template argument of the failing struct, so that the compiler's first line names it. Knows core.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <noetl/core/fixed_string.hpp>
#include <noetl/fsm/row.hpp>

namespace noetl::fsm::detail {

template <class... T>
struct list {
   static constexpr std::size_t size = sizeof...(T);
};

template <class... Lists>
struct concat_of {
   using type = list<>;
};
template <class... A>
struct concat_of<list<A...>> {
   using type = list<A...>;
};
template <class... A, class... B, class... More>
struct concat_of<list<A...>, list<B...>, More...> : concat_of<list<A..., B...>, More...> {};

template <fixed_string Name>
void is_state_of(state<Name> const&);
template <fixed_string Name, fixed_string EventType>
void is_action_of(action<Name, EventType> const&);

template <class T>
concept named_state = requires(T const& t) {
   is_state_of(t);
};
// `T::action` is the action<...> that T names, and as an injected class name also the one that T derives from.
template <class T>
concept named_action = requires(typename T::action const& t) {
   is_action_of(t);
};
// Name and event type of an action, written either way.
template <named_action T>
using words_of = typename T::action;

// `row<any_of<a, b>, x, c>` is `row<a, x, c>, row<b, x, c>`.
template <class Row>
struct expanded {
   static constexpr bool is_row = false;
   using type = list<>;
};
template <class From, class Action, class To>
struct expanded<row<From, Action, To>> {
   static constexpr bool is_row = true;
   using type = list<row<From, Action, To>>;
};
template <class... From, class Action, class To>
struct expanded<row<any_of<From...>, Action, To>> {
   static constexpr bool is_row = true;
   using type = list<row<From, Action, To>...>;
};

template <class Initial>
struct start_of {
   using state = Initial;
   static constexpr std::string_view event_type{};
};
template <class State, fixed_string EventType>
struct start_of<starts<State, EventType>> {
   using state = State;
   static constexpr std::string_view event_type = EventType.view();
};

constexpr bool is_word(std::string_view text, std::string_view more) noexcept {
   if (text.empty()) return false;
   for (char const c : text) {
      bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      bool const digit = c >= '0' && c <= '9';
      if (!letter && !digit && more.find(c) == more.npos) return false;
   }
   return true;
}

// ---- stage 1: every piece alone ----

template <class Row>
struct row_check {
   static constexpr bool ok = expanded<Row>::is_row;
   static_assert(ok, "noetl: a life cycle is an initial state and rows: row<from, action, to>");
};

template <class State>
struct state_check {
   static constexpr bool named = named_state<State>;
   static_assert(named, "noetl: a row leads from state to state; write struct paused : state<\"PAUSED\"> {}");
   static constexpr bool word = [] {
      if constexpr (named) return is_word(State::name, "_");
      return true;
   }();
   static_assert(word, "noetl: the name of a state is a word of letters, digits and '_'");
   static constexpr bool ok = named && word;
};

template <class Action>
struct action_check {
   static constexpr bool named = named_action<Action>;
   static_assert(named,
                 "noetl: a row has an action in the middle; write struct pause : action<\"pause\", \"x.paused\"> {}");
   static constexpr bool word = [] {
      if constexpr (named) return is_word(words_of<Action>::name, "_-");
      return true;
   }();
   static_assert(word,
                 "noetl: the name of an action is a word of letters, digits, '_' and '-', because it stands in URLs");
   static constexpr bool typed = [] {
      if constexpr (named) return !words_of<Action>::event_type.empty();
      return true;
   }();
   static_assert(typed, "noetl: an action names the type of the event that records it");
   static constexpr bool ok = named && word && typed;
};

template <class Row>
struct pieces_check;
template <class From, class Action, class To>
struct pieces_check<row<From, Action, To>> {
   static constexpr bool ok = state_check<From>::ok && action_check<Action>::ok && state_check<To>::ok;
};

// ---- stage 2: the pieces together ----

template <class A, class B>
struct states_check {
   static constexpr bool ok = std::is_same_v<A, B> || A::name != B::name;
   static_assert(ok, "noetl: two states have the same name");
};

template <class A, class B>
struct actions_check {
   static constexpr bool names = std::is_same_v<A, B> || words_of<A>::name != words_of<B>::name;
   static_assert(names, "noetl: two actions have the same name");
   static constexpr bool types = !names || std::is_same_v<A, B> || words_of<A>::event_type != words_of<B>::event_type;
   static_assert(types, "noetl: two actions are recorded by the same type of event");
   static constexpr bool ok = names && types;
};

template <class Action, class Start>
struct creation_check {
   static constexpr bool ok = words_of<Action>::event_type != Start::event_type;
   static_assert(ok, "noetl: an action is recorded by the type of event that brings things into being");
};

template <class From, class Action, std::size_t Rows>
struct transition_check {
   static constexpr bool ok = Rows == 1;
   static_assert(ok, "noetl: two rows have the same state and action");
};

template <class State, bool Reached>
struct reach_check {
   static constexpr bool ok = Reached;
   static_assert(ok, "noetl: no row leads to this state, and it is not the initial one");
};

// ---- the table as data ----

template <class... Row>
struct row_data;
template <class... From, class... Action, class... To>
struct row_data<row<From, Action, To>...> {
   static constexpr std::size_t size = sizeof...(From);
   static constexpr std::array<arrow, size> arrows{
       arrow{From::name, words_of<Action>::name, words_of<Action>::event_type, To::name}...};

   // States that can be reached: the initial one, and whatever a row leads to from a reached one.
   static constexpr auto reached(std::string_view initial) {
      name_list<2 * size + 1> found;
      found.add(initial);
      for (bool more = true; more;) {
         more = false;
         for (auto const& one : arrows)
            if (found.contains(one.from) && !found.contains(one.to)) found.add(one.to), more = true;
      }
      return found;
   }
   static constexpr std::size_t count(std::string_view from, std::string_view action) {
      std::size_t rows = 0;
      for (auto const& one : arrows) rows += one.from == from && one.action == action ? 1 : 0;
      return rows;
   }

   template <class One>
   static constexpr bool state_names_ok = (states_check<One, From>::ok && ...) && (states_check<One, To>::ok && ...);
   template <class One>
   static constexpr bool action_names_ok = (actions_check<One, Action>::ok && ...);

   template <class Start>
   static constexpr bool names_ok() {
      constexpr bool states =
          (state_names_ok<From> && ...) && (state_names_ok<To> && ...) && state_names_ok<typename Start::state>;
      if constexpr (!states)
         return false;
      else
         return (action_names_ok<Action> && ...) && (creation_check<Action, Start>::ok && ...);
   }
   template <class Start>
   static constexpr bool graph_ok() {
      constexpr bool once = (transition_check<From, Action, count(From::name, words_of<Action>::name)>::ok && ...);
      if constexpr (!once) {
         return false;
      } else {
         constexpr auto found = reached(Start::state::name);
         return (reach_check<From, found.contains(From::name)>::ok && ...);
      }
   }
};

template <class Rows>
struct data_of;
template <class... Row>
struct data_of<list<Row...>> : row_data<Row...> {};

// An unnamed parameter of the wrong kind anywhere ends here; later stages stay silent.
template <class Initial, class... Rows>
struct lifecycle_check {
   using start = start_of<Initial>;
   using rows = typename concat_of<list<>, typename expanded<Rows>::type...>::type;

   static constexpr bool some = sizeof...(Rows) > 0;
   static_assert(some, "noetl: a life cycle has at least one row");

   template <class... Row>
   static constexpr bool all_pieces(list<Row...>) {
      return (pieces_check<Row>::ok && ...);
   }
   static constexpr bool ok = [] {
      if constexpr (!some)
         return false;
      else if constexpr (!(row_check<Rows>::ok && ...))
         return false;
      else if constexpr (!(state_check<typename start::state>::ok && all_pieces(rows{})))
         return false;
      else if constexpr (!data_of<rows>::template names_ok<start>())
         return false;
      else
         return data_of<rows>::template graph_ok<start>();
   }();
};

template <bool Ok, class Initial, class... Rows>
struct table_parts {
   using start = start_of<Initial>;
   using initial_state = typename start::state;
   using rows = typename concat_of<list<>, typename expanded<Rows>::type...>::type;
   static constexpr std::string_view initial_name = initial_state::name;
   static constexpr std::string_view created_by = start::event_type;

   static constexpr auto make_arrows() { return data_of<rows>::arrows; }

   template <std::size_t N>
   static constexpr auto state_names(std::array<arrow, N> const& arrows) {
      name_list<2 * N + 1> found;
      found.add(initial_name);
      for (auto const& one : arrows)
         for (auto name : {one.from, one.to})
            if (!found.contains(name)) found.add(name);
      return found;
   }
   template <std::size_t N>
   static constexpr auto action_names(std::array<arrow, N> const& arrows) {
      name_list<N> found;
      for (auto const& one : arrows)
         if (!found.contains(one.action)) found.add(one.action);
      return found;
   }
   template <std::size_t N>
   static constexpr auto make_states(std::array<arrow, N> const& arrows) {
      constexpr auto found = state_names(data_of<rows>::arrows);
      static_cast<void>(arrows);
      std::array<std::string_view, found.size()> names{};
      for (std::size_t i = 0; i < names.size(); ++i) names[i] = found.names[i];
      return names;
   }
   template <std::size_t N>
   static constexpr auto make_actions(std::array<arrow, N> const& arrows) {
      constexpr auto found = action_names(data_of<rows>::arrows);
      std::array<action_name, found.size()> actions{};
      for (std::size_t i = 0; i < actions.size(); ++i)
         for (auto const& one : arrows)
            if (one.action == found.names[i]) actions[i] = {one.action, one.event_type};
      return actions;
   }
};

// After a mistake: nothing to walk, so that there is one error and not forty.
template <class Initial, class... Rows>
struct table_parts<false, Initial, Rows...> {
   using initial_state = void;
   using rows = list<>;
   static constexpr std::string_view initial_name{};
   static constexpr std::string_view created_by{};
   static constexpr auto make_arrows() { return std::array<arrow, 0>{}; }
   static constexpr auto make_states(std::array<arrow, 0> const&) { return std::array<std::string_view, 1>{}; }
   static constexpr auto make_actions(std::array<arrow, 0> const&) { return std::array<action_name, 1>{}; }
};

} // namespace noetl::fsm::detail
