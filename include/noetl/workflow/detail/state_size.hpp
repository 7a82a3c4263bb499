// workflow/detail/state_size.hpp: about how much memory a state takes. Knows the state and JSON values.
#pragma once

#include <cstddef>
#include <string>

#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow::detail {

inline constexpr std::size_t allocation_bytes = 16; ///< an allocator's own share of a block
inline constexpr std::size_t tree_node_bytes = 32 + allocation_bytes;

inline std::size_t heap_of(std::string const& text) {
   static std::size_t const inside = std::string().capacity();
   return text.capacity() > inside ? text.capacity() + 1 + allocation_bytes : 0;
}

/// What a value holds beside itself.
inline std::size_t heap_of(json const& value) {
   switch (value.type()) {
   case tao::json::type::STRING: return heap_of(value.get_string());
   case tao::json::type::ARRAY: {
      auto const& items = value.get_array();
      auto bytes = items.capacity() * sizeof(json) + (items.capacity() == 0 ? 0 : allocation_bytes);
      for (auto const& item : items) bytes += heap_of(item);
      return bytes;
   }
   case tao::json::type::OBJECT: {
      std::size_t bytes = 0;
      for (auto const& [key, item] : value.get_object())
         bytes += tree_node_bytes + sizeof(std::string) + sizeof(json) + heap_of(key) + heap_of(item);
      return bytes;
   }
   default: return 0;
   }
}

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
