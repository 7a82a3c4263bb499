// events/detail/aggregate_check.hpp: what can be wrong with an aggregate, one sentence each. The culprit is a template
// argument of the failing struct, so that the compiler's first line names it. Knows aggregate_parts.hpp and reflect.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/events/detail/aggregate_parts.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/reflect/json_kinds.hpp>

namespace noetl::detail {

template <class T>
constexpr bool has_json();

template <class T, std::size_t... I>
constexpr bool fields_have_json(std::index_sequence<I...>) {
   return (has_json<field_type<T, I>>() && ...);
}

/// Whether reflect writes and reads a T, and whatever is in it.
template <class T>
constexpr bool has_json() {
   constexpr auto kind = json_kind_of<T>;
   if constexpr (kind == json_kind::none)
      return false;
   else if constexpr (kind == json_kind::optional || kind == json_kind::list)
      return has_json<typename T::value_type>();
   else if constexpr (kind == json_kind::map)
      return has_json<typename T::mapped_type>();
   else if constexpr (kind == json_kind::object)
      return fields_have_json<T>(std::make_index_sequence<field_count<T>>{});
   else
      return true;
}

// Prints: in 'field_check<shipment, shipment::state, 2>'.
template <class A, class Struct, std::size_t I>
struct field_check {
   static constexpr bool ok = has_json<field_type<Struct, I>>();
   static_assert(ok, "noetl: a field of an aggregate's state, action or event has no JSON form; use a known type, a "
                     "plain struct, or specialise json_form<T>");
};

template <class A, class Struct>
struct struct_check {
   static constexpr bool plain = reflected<Struct>;
   static_assert(plain, "noetl: the state, actions with fields and events of an aggregate are plain structs");
   static constexpr bool ok = [] {
      if constexpr (!plain)
         return false;
      else
         return []<std::size_t... I>(std::index_sequence<I...>) {
            return (field_check<A, Struct, I>::ok && ... && true);
         }
      (std::make_index_sequence<field_count<Struct>>{});
   }();
};

template <class A>
struct lifecycle_use_check {
   static constexpr bool created = !A::lifecycle::created_by.empty();
   static_assert(created, "noetl: the life cycle of an aggregate names the event that creates it: "
                          "lifecycle<starts<state, \"thing.created\">, ...>");
   static constexpr bool dotted =
       !created || first_word(A::lifecycle::created_by).size() < A::lifecycle::created_by.size();
   static_assert(dotted, "noetl: the event types of an aggregate are its name, a dot and what happened: "
                         "\"shipment.dispatched\"");
   static constexpr bool ok = created && dotted;
};

template <class A, class Action>
struct action_use_check {
   static constexpr bool same_name = first_word(action_event<Action>) == first_word(A::lifecycle::created_by);
   static_assert(same_name, "noetl: all event types of an aggregate begin with the same name before the first dot");
   static constexpr bool free = action_name<Action> != "history";
   static_assert(free, "noetl: an action clashes with a route that every aggregate has: history");
   static constexpr bool fields = carries_payload<Action> || std::is_empty_v<Action>;
   static_assert(fields, "noetl: an action with fields does not derive from action<...>, it names it: "
                         "using action = fsm::action<\"name\", \"thing.happened\">");
   static constexpr bool body = [] {
      if constexpr (fields && carries_payload<Action>) return struct_check<A, Action>::ok;
      return true;
   }();
   static constexpr bool ok = same_name && free && fields && body;
};

template <class A, class Decision>
struct decision_check {
   static constexpr bool ok = is_result<Decision>;
   static_assert(ok, "noetl: decide returns result<event>, or result<void> when it only allows or refuses");
};

// Prints: in 'event_check<shipment, dispatched>'.
template <class A, class E>
struct event_check {
   static constexpr bool folded = !has_payload<E> || folds<A, E>;
   static_assert(folded, "noetl: an event of the life cycle has no static void A::apply(state&, event const&)");
   static constexpr bool ok = [] {
      if constexpr (!folded)
         return false;
      else if constexpr (has_payload<E>)
         return struct_check<A, E>::ok;
      else
         return true;
   }();
};

template <class A, class Action>
constexpr bool action_ok() {
   if constexpr (!action_use_check<A, Action>::ok) {
      return false;
   } else if constexpr (decides<A, Action>) {
      using decision = decltype(A::decide(std::declval<typename A::state const&>(), std::declval<Action const&>()));
      if constexpr (!decision_check<A, decision>::ok)
         return false;
      else
         return event_check<A, fact_of<A, Action>>::ok;
   } else {
      return event_check<A, Action>::ok;
   }
}

template <class A>
constexpr bool creation_ok() {
   if constexpr (!has_creation<A>) {
      return true;
   } else if constexpr (!struct_check<A, typename A::create>::ok) {
      return false;
   } else if constexpr (decides_creation<A>) {
      if constexpr (!decision_check<A, decltype(A::decide(std::declval<typename A::create const&>()))>::ok)
         return false;
      else
         return event_check<A, creation_fact<A>>::ok;
   } else {
      return event_check<A, typename A::create>::ok;
   }
}

template <class A>
struct description_check {
   static constexpr bool ok = !has_description<A> || describes<A>;
   static_assert(ok, "noetl: describe is public: static void describe(event&, aggregate_id, state const&)");
};

template <class A>
struct aggregate_check {
   static constexpr bool ok = [] {
      if constexpr (A::lifecycle::arrows.empty())
         return false; // the table has told its own mistake
      else if constexpr (!lifecycle_use_check<A>::ok)
         return false;
      else if constexpr (!struct_check<A, typename A::state>::ok)
         return false;
      else if constexpr (!creation_ok<A>() || !description_check<A>::ok)
         return false;
      else
         return []<class... Action>(types<Action...>) { return (action_ok<A, Action>() && ...); }(actions_of<A>{});
   }();
};

} // namespace noetl::detail
