// fsm/row.hpp: the words that a life cycle is written with, and what its rows are as data.
// Knows core; needs no Boost.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <noetl/core/fixed_string.hpp>

namespace noetl::fsm {

/// A state and its name: `struct paused : state<"PAUSED"> {};`
template <fixed_string Name>
struct state {
   static constexpr std::string_view name = Name.view();
};

/// Something that can be done, and the type of the event that records it:
/// `struct pause : action<"pause", "subscription.paused"> {};`
///
/// What needs more than its name is a plain struct that says which action it is; its fields are what a caller has to
/// say (events/aggregate.hpp):
///
///     struct dispatch {
///        using action = fsm::action<"dispatch", "shipment.dispatched">;
///        std::string carrier;
///     };
template <fixed_string Name, fixed_string EventType>
struct action {
   static constexpr std::string_view name = Name.view();
   static constexpr std::string_view event_type = EventType.view();
};

/// The action leads from the first state to the second: `row<active, pause, paused>`. From and to may be the same.
template <class From, class Action, class To>
struct row {};

/// Several states that an action leads away from: `row<any_of<active, paused>, drain, draining>`.
template <class... States>
struct any_of {};

/// The first state together with the type of the event that brings a thing into being:
/// `lifecycle<starts<registered, "subscription.registered">, ...>`.
template <class State, fixed_string EventType>
struct starts {};

/// One allowed transition, as data.
struct arrow {
   std::string_view from;
   std::string_view action;
   std::string_view event_type; ///< of the event that records the transition
   std::string_view to;
   friend constexpr bool operator==(arrow const&, arrow const&) = default;
};

/// An action, as data.
struct action_name {
   std::string_view name;
   std::string_view event_type;
   friend constexpr bool operator==(action_name const&, action_name const&) = default;
};

/// A few names in the order of the table. N is how many there may be.
template <std::size_t N>
struct name_list {
   std::array<std::string_view, N> names{};
   std::size_t count = 0;

   constexpr void add(std::string_view name) { names[count++] = name; }
   [[nodiscard]] constexpr std::size_t size() const noexcept { return count; }
   [[nodiscard]] constexpr bool empty() const noexcept { return count == 0; }
   [[nodiscard]] constexpr auto begin() const noexcept { return names.begin(); }
   [[nodiscard]] constexpr auto end() const noexcept { return names.begin() + static_cast<std::ptrdiff_t>(count); }
   [[nodiscard]] constexpr bool contains(std::string_view name) const noexcept {
      for (auto one : *this)
         if (one == name) return true;
      return false;
   }
};

/// `A, B, C`
template <class Names>
std::string joined(Names const& names) {
   std::string text;
   for (std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
   return text;
}

} // namespace noetl::fsm
