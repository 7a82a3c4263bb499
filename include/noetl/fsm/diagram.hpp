// fsm/diagram.hpp: a life cycle as a picture, in the words of Mermaid (stateDiagram-v2; mermaid.js.org, "State
// diagrams"). Knows fsm/row.hpp and plain arrays.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <noetl/fsm/row.hpp>

namespace noetl::fsm {

/// The text of the diagram: one line per pair of states, with the actions that lead from one to the other.
/// \param arrows  in the order in which lines shall appear
inline std::string mermaid(std::span<arrow const> arrows, std::string_view initial) {
   std::string text = "stateDiagram-v2\n    [*] --> ";
   text.append(initial).append("\n");
   auto const same_pair = [](arrow const& a, arrow const& b) { return a.from == b.from && a.to == b.to; };
   for (std::size_t i = 0; i < arrows.size(); ++i) {
      bool drawn = false;
      for (std::size_t k = 0; k < i; ++k) drawn = drawn || same_pair(arrows[k], arrows[i]);
      if (drawn) continue;
      text.append("    ")
          .append(arrows[i].from)
          .append(" --> ")
          .append(arrows[i].to)
          .append(" : ")
          .append(arrows[i].action);
      for (std::size_t k = i + 1; k < arrows.size(); ++k)
         if (same_pair(arrows[k], arrows[i])) text.append(", ").append(arrows[k].action);
      text.append("\n");
   }
   return text;
}

/// The diagram of a lifecycle<...>.
template <class Lifecycle>
std::string mermaid() {
   return mermaid(Lifecycle::arrows, Lifecycle::initial);
}

} // namespace noetl::fsm
