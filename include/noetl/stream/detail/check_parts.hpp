// stream/detail/check_parts.hpp: what a source, a sink or a cursor lacks, in one sentence each.
// Private to stream/tailer.hpp. What is asked stands in stream/concepts.hpp.
#pragma once

#include <concepts>

#include <noetl/stream/concepts.hpp>

namespace noetl::stream::detail {

template <class S>
consteval bool check_source() {
   static_assert(source_types<S>, "noetl: a source names its types `position` and `item`");
   if constexpr (source_types<S>) {
      static_assert(source_position<S>,
                    "noetl: a source's position can be copied and compared, and its default is the beginning");
      static_assert(source_item<S>, "noetl: a source's item can be moved and has its position in `at`");
      if constexpr (source_item<S>) {
         static_assert(source_read<S>,
                       "noetl: a source needs `result<page<item>> read(position const& after, std::size_t limit)`");
         static_assert(source_back<S>, "noetl: a source needs `result<position> back(position const& after)`");
      }
   }
   return true;
}

template <class K, class Item>
consteval bool check_sink() {
   static_assert(sink_ready<K>, "noetl: a sink needs `result<void> ready()`");
   static_assert(sink_prepare<K, Item>,
                 "noetl: a sink needs `result<void> prepare(std::span<item> items)` for the source's items");
   static_assert(sink_send<K, Item>,
                 "noetl: a sink needs `void send(item const&, outcome_handler done)` for the source's items");
   static_assert(sink_flush<K>, "noetl: a sink needs `void flush()`");
   static_assert(sink_lost<K>, "noetl: a sink needs `bool lost()`");
   static_assert(sink_delivered<K, Item>, "noetl: a sink needs `void delivered(item const&)` for the source's items");
   return true;
}

template <class C, class Position>
consteval bool check_cursor() {
   constexpr bool same = requires {
      requires std::same_as<typename C::position, Position>;
   };
   static_assert(same, "noetl: a cursor's type `position` is that of the source");
   if constexpr (same) {
      static_assert(cursor_acquire<C>, "noetl: a cursor needs `result<std::optional<tenure<position>>> acquire()`");
      static_assert(cursor_advance<C>, "noetl: a cursor needs `result<void> advance(std::uint64_t epoch, position "
                                       "const& stored, position const& to)`");
      static_assert(cursor_release<C>, "noetl: a cursor needs `result<void> release(std::uint64_t epoch)`");
      static_assert(cursor_lease<C>, "noetl: a cursor needs `std::chrono::milliseconds lease() const`");
   }
   return true;
}

} // namespace noetl::stream::detail
