// fsm/lifecycle_view.hpp: a life cycle as plain data, for programs and for people: what a route can answer. Field names
// are those on the wire. Knows the table and its diagram.
#pragma once

#include <string>
#include <vector>

#include <noetl/fsm/diagram.hpp>

namespace noetl::fsm {

struct transition_view {
   std::string from;
   std::string action;
   std::string event_type;
   std::string to;
};
struct action_view {
   std::string name;
   std::string event_type;
   std::vector<std::string> allowed_from;
};
struct lifecycle_view {
   std::string initial;
   std::string created_by; ///< type of the event that brings a thing into being
   std::vector<std::string> states;
   std::vector<action_view> actions;
   std::vector<transition_view> transitions;
   std::string mermaid; ///< the diagram, stateDiagram-v2
};

/// The whole table.
template <class Lifecycle>
lifecycle_view view_of() {
   lifecycle_view view;
   view.initial = Lifecycle::initial;
   view.created_by = Lifecycle::created_by;
   for (auto name : Lifecycle::states) view.states.emplace_back(name);
   for (auto const& one : Lifecycle::actions) {
      auto& action = view.actions.emplace_back(action_view{std::string(one.name), std::string(one.event_type), {}});
      for (auto from : Lifecycle::allowed_from(one.name)) action.allowed_from.emplace_back(from);
   }
   for (auto const& one : Lifecycle::arrows)
      view.transitions.push_back(
          {std::string(one.from), std::string(one.action), std::string(one.event_type), std::string(one.to)});
   view.mermaid = mermaid<Lifecycle>();
   return view;
}

} // namespace noetl::fsm
