// workflow/detail/json_size.hpp: about how much memory a JSON value takes. Knows JSON values only.
#pragma once

#include <cstddef>
#include <string>

#include <tao/json/value.hpp>

namespace noetl::workflow::detail {

inline constexpr std::size_t allocation_bytes = 16; ///< an allocator's own share of a block
inline constexpr std::size_t tree_node_bytes = 32 + allocation_bytes;

inline std::size_t heap_of(std::string const& text) {
   static std::size_t const inside = std::string().capacity();
   return text.capacity() > inside ? text.capacity() + 1 + allocation_bytes : 0;
}

/// What a value holds beside itself.
inline std::size_t heap_of(tao::json::value const& value) {
   switch (value.type()) {
   case tao::json::type::STRING: return heap_of(value.get_string());
   case tao::json::type::ARRAY: {
      auto const& items = value.get_array();
      auto bytes = items.capacity() * sizeof(tao::json::value) + (items.capacity() == 0 ? 0 : allocation_bytes);
      for (auto const& item : items) bytes += heap_of(item);
      return bytes;
   }
   case tao::json::type::OBJECT: {
      std::size_t bytes = 0;
      for (auto const& [key, item] : value.get_object())
         bytes += tree_node_bytes + sizeof(std::string) + sizeof(tao::json::value) + heap_of(key) + heap_of(item);
      return bytes;
   }
   default: return 0;
   }
}

} // namespace noetl::workflow::detail
