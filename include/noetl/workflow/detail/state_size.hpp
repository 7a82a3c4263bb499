// workflow/detail/state_size.hpp: about how much memory a state takes. Knows the state and the size of JSON values.
#pragma once

#include <cstddef>
#include <string>

#include <noetl/workflow/detail/json_size.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow::detail {

/// Bytes of a state with everything that it owns. Costs a walk over all of it.
inline std::size_t memory_of(workflow_state const& state) {
   auto bytes = sizeof(state) + heap_of(state.workload) + heap_of(state.trace) + heap_of(state.ctx) +
                heap_of(state.data) + heap_of(state.results);
   for (auto const& [name, s] : state.steps) {
      bytes += tree_node_bytes + sizeof(name) + sizeof(s) + heap_of(name) + heap_of(s.error) +
               s.arcs.capacity() * sizeof(std::size_t);
      bytes += s.finished.size() * (tree_node_bytes + sizeof(*s.finished.begin()));
      for (auto const& [index, data] : s.iteration_data)
         bytes += tree_node_bytes + sizeof(index) + sizeof(data) + heap_of(data);
      for (auto const& [number, frame] : s.frames)
         bytes += tree_node_bytes + sizeof(number) + sizeof(frame) + heap_of(frame.rows);
   }
   for (auto const& [id, c] : state.commands)
      bytes += tree_node_bytes + sizeof(id) + sizeof(c) + heap_of(id) + heap_of(c.step) + heap_of(c.error) +
               heap_of(c.early_result);
   return bytes;
}

} // namespace noetl::workflow::detail
