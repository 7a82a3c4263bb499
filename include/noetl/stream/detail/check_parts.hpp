// stream/detail/check_parts.hpp: what a source, a sink or a cursor lacks, in one sentence each.
// Private to stream/tailer.hpp. The concepts of stream/concepts.hpp say the same to those who ask.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <noetl/stream/concepts.hpp>

namespace noetl::stream::detail {

template <class S>
consteval bool check_source() {
   constexpr bool named = requires {
      typename S::position;
      typename S::item;
   };
   static_assert(named, "noetl: a source names its types `position` and `item`");
   if constexpr (named) {
      using position = typename S::position;
      using item = typename S::item;
      static_assert(std::regular<position> && std::totally_ordered<position>,
                    "noetl: a source's position can be copied and compared, and its default is the beginning");
      constexpr bool placed = requires {
         requires std::same_as<decltype(item::at), position>;
      };
      static_assert(placed && std::movable<item>, "noetl: a source's item can be moved and has its position in `at`");
      if constexpr (placed) {
         static_assert(
             requires(S & from, position const& after, std::size_t limit) {
                { from.read(after, limit) } -> std::same_as<result<page<item>>>;
             },
             "noetl: a source needs `result<page<item>> read(position const& after, std::size_t limit)`");
         static_assert(
             requires(S & from, position const& after) {
                { from.back(after) } -> std::same_as<result<position>>;
             },
             "noetl: a source needs `result<position> back(position const& after)`");
      }
   }
   return true;
}

template <class K, class Item>
consteval bool check_sink() {
   static_assert(
       requires(K & to) {
          { to.ready() } -> std::same_as<result<void>>;
       },
       "noetl: a sink needs `result<void> ready()`");
   static_assert(
       requires(K & to, std::span<Item> items) {
          { to.prepare(items) } -> std::same_as<result<void>>;
       },
       "noetl: a sink needs `result<void> prepare(std::span<item> items)` for the source's items");
   static_assert(
       requires(K & to, Item const& item, outcome_handler done) { to.send(item, done); },
       "noetl: a sink needs `void send(item const&, outcome_handler done)` for the source's items");
   static_assert(
       requires(K & to) { to.flush(); }, "noetl: a sink needs `void flush()`");
   static_assert(
       requires(K & to) {
          { to.lost() } -> std::same_as<bool>;
       },
       "noetl: a sink needs `bool lost()`");
   static_assert(
       requires(K & to, Item const& item) { to.delivered(item); },
       "noetl: a sink needs `void delivered(item const&)` for the source's items");
   return true;
}

template <class C, class Position>
consteval bool check_cursor() {
   constexpr bool same = requires {
      requires std::same_as<typename C::position, Position>;
   };
   static_assert(same, "noetl: a cursor's type `position` is that of the source");
   static_assert(
       requires(C & at) {
          { at.acquire() } -> std::same_as<result<std::optional<tenure<Position>>>>;
       },
       "noetl: a cursor needs `result<std::optional<tenure<position>>> acquire()`");
   static_assert(
       requires(C & at, Position const& from, Position const& to, std::uint64_t epoch) {
          { at.advance(epoch, from, to) } -> std::same_as<result<void>>;
       },
       "noetl: a cursor needs `result<void> advance(std::uint64_t epoch, position const& stored, position const& to)`");
   static_assert(
       requires(C & at, std::uint64_t epoch) {
          { at.release(epoch) } -> std::same_as<result<void>>;
       },
       "noetl: a cursor needs `result<void> release(std::uint64_t epoch)`");
   static_assert(
       requires(C & at) {
          { at.lease() } -> std::convertible_to<std::chrono::milliseconds>;
       },
       "noetl: a cursor needs `std::chrono::milliseconds lease() const`");
   return true;
}

} // namespace noetl::stream::detail
