// fsm/table.hpp: a life cycle as one table of types: states and actions with their wire names, and the rows between
// them. The types only say it; what remains are plain constexpr arrays that ordinary functions walk. Knows core; needs
// no Boost.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <noetl/fsm/detail/table_check.hpp>
#include <noetl/fsm/row.hpp>

namespace noetl::fsm {

/// A checked table. `Initial` is a state or starts<state, "event.type">; the rest are rows.
///
/// Everything is a constant of static storage: views into it live as long as the program. A mistake in the table is one
/// compile error that begins with `noetl:`.
template <class Initial, class... Rows>
struct lifecycle {
   static_assert(sizeof(detail::lifecycle_check<Initial, Rows...>) > 0); // the mistakes have sentences of their own

private:
   using check = detail::lifecycle_check<Initial, Rows...>;
   using parts = detail::table_parts<check::ok, Initial, Rows...>;

public:
   /// The rows one by one, `row<from, action, to>`, as types: what fsm/msm.hpp makes a machine of.
   using rows = typename parts::rows;
   using initial_state = typename parts::initial_state;

   /// Every allowed transition, in the order of the table.
   static constexpr auto arrows = parts::make_arrows();
   /// Names of the states: the initial one first, the others as the table mentions them.
   static constexpr auto states = parts::make_states(arrows);
   /// The actions as the table mentions them.
   static constexpr auto actions = parts::make_actions(arrows);
   static constexpr std::string_view initial = parts::initial_name;
   /// Type of the event that brings a thing into being; empty when the table names none.
   static constexpr std::string_view created_by = parts::created_by;

   /// The transition, or nullptr when the action is not allowed from there or one of the names is unknown.
   [[nodiscard]] static constexpr arrow const* find(std::string_view from, std::string_view action) noexcept {
      for (auto const& one : arrows)
         if (one.from == from && one.action == action) return &one;
      return nullptr;
   }
   /// The action of that name, or nullptr.
   [[nodiscard]] static constexpr action_name const* find_action(std::string_view name) noexcept {
      for (auto const& one : actions)
         if (one.name == name) return &one;
      return nullptr;
   }
   [[nodiscard]] static constexpr bool has_state(std::string_view name) noexcept {
      for (auto one : states)
         if (one == name) return true;
      return false;
   }
   /// The states that an action is allowed from; empty for an unknown action.
   [[nodiscard]] static constexpr auto allowed_from(std::string_view action) noexcept {
      name_list<states.size()> from;
      for (auto const& one : arrows)
         if (one.action == action) from.add(one.from);
      return from;
   }
   /// The actions that are allowed from a state; empty for an unknown state.
   [[nodiscard]] static constexpr auto allowed_actions(std::string_view from) noexcept {
      name_list<actions.size()> found;
      for (auto const& one : arrows)
         if (one.from == from) found.add(one.action);
      return found;
   }
   /// Types of all events of the life cycle: the creating one first, if there is one, then those of the actions.
   [[nodiscard]] static constexpr auto event_types() noexcept {
      name_list<actions.size() + 1> types;
      if (!created_by.empty()) types.add(created_by);
      for (auto const& one : actions) types.add(one.event_type);
      return types;
   }
   /// Why an action is refused, for people: `cannot pause from DRAINING; pause is allowed from ACTIVE, PAUSED`.
   [[nodiscard]] static std::string refusal(std::string_view from, std::string_view action) {
      std::string text = "cannot ";
      text.append(action).append(" from ").append(from).append("; ").append(action).append(" is allowed from ");
      return text.append(joined(allowed_from(action)));
   }
};

} // namespace noetl::fsm
