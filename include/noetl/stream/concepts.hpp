// stream/concepts.hpp: what a tailer needs of a source, a sink and a cursor.
// Knows core/result only.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <noetl/core/result.hpp>

namespace noetl::stream {

/// What one read gave: items in order, and how far was looked.
template <class Item>
struct page {
   std::vector<Item> items;
   decltype(Item::at) through; ///< nothing else lies at or before it; at or behind the last item
   bool more = false;          ///< there is probably more: read on at once
};

/// The right to publish, and where to begin.
template <class Position>
struct tenure {
   std::uint64_t epoch = 0; ///< higher than that of everybody before
   Position from{};
};

/// Told the outcome of one message, exactly once, on any thread.
using outcome_handler = std::function<void(result<void>)>;

/// The parts of the concepts below, so that the tailer can say which one is missed.
namespace detail {

// Where an item stands, and what is read.
template <class S>
concept source_types = requires {
   typename S::position;
   typename S::item;
};
// Ordered, and its default is the beginning.
template <class S>
concept source_position = std::regular<typename S::position> && std::totally_ordered<typename S::position>;
template <class S>
concept source_item = std::movable<typename S::item> && requires {
   requires std::same_as<decltype(S::item::at), typename S::position>;
};
// Items behind `after`, in order, at most `limit`. An item never appears at or before a `through` that was returned.
template <class S>
concept source_read = requires(S& from, typename S::position const& after, std::size_t limit) {
   { from.read(after, limit) } -> std::same_as<result<page<typename S::item>>>;
};
// Where the stretch before `after` begins that a sink that lost everything must get again; `after` when there is none.
template <class S>
concept source_back = requires(S& from, typename S::position const& after) {
   { from.back(after) } -> std::same_as<result<typename S::position>>;
};

// Looks after what sending needs (connection, stream). Called while nothing is under way: before the first message and
// after failures. May block.
template <class K>
concept sink_ready = requires(K& to) {
   { to.ready() } -> std::same_as<result<void>>;
};
// Makes items sendable, for example too large ones by reference. May block. Thread-safe: what was read, what must be
// repeated and what an audit missed are prepared beside each other.
template <class K, class Item>
concept sink_prepare = requires(K& to, std::span<Item> items) {
   { to.prepare(items) } -> std::same_as<result<void>>;
};
// Sends one item without waiting. Messages arrive in the order of the calls: when one fails, those sent after it fail
// too, until ready().
template <class K, class Item>
concept sink_send = requires(K& to, Item const& item, outcome_handler done) {
   to.send(item, done);
};
// Nothing else will be sent for a moment: what was collected goes out now.
template <class K>
concept sink_flush = requires(K& to) {
   to.flush();
};
// True once after the sink turned out to have lost what was delivered earlier, by whomever.
template <class K>
concept sink_lost = requires(K& to) {
   { to.lost() } -> std::same_as<bool>;
};
// The item is in the stream for certain. Called once for each, in order.
template <class K, class Item>
concept sink_delivered = requires(K& to, Item const& item) {
   to.delivered(item);
};

// Takes the lease unless somebody else holds it; none: it is held.
template <class C>
concept cursor_acquire = requires(C& at) {
   { at.acquire() } -> std::same_as<result<std::optional<tenure<typename C::position>>>>;
};
// Moves the cursor from `stored` to `position` (or stays) and renews the lease. conflict: the lease is another's now,
// or the cursor does not stand at `stored`; then nothing is written.
template <class C>
concept cursor_advance = requires(C& at, typename C::position const& stored, typename C::position const& position,
                                  std::uint64_t epoch) {
   { at.advance(epoch, stored, position) } -> std::same_as<result<void>>;
};
// Gives the lease back early.
template <class C>
concept cursor_release = requires(C& at, std::uint64_t epoch) {
   { at.release(epoch) } -> std::same_as<result<void>>;
};
// How long a lease lasts after it was taken or renewed.
template <class C>
concept cursor_lease = requires(C& at) {
   { at.lease() } -> std::convertible_to<std::chrono::milliseconds>;
};

} // namespace detail

/// Where items come from. One call at a time, on any thread; calls may block.
template <class S>
concept source = detail::source_types<S> && detail::source_position<S> && detail::source_item<S> &&
    detail::source_read<S> && detail::source_back<S>;

/// Where items go.
template <class K, class Item>
concept sink = detail::sink_ready<K> && detail::sink_prepare<K, Item> && detail::sink_send<K, Item> &&
    detail::sink_flush<K> && detail::sink_lost<K> && detail::sink_delivered<K, Item>;

/// Where a tailer stands, and who may move it. One call at a time, on any thread; calls may block.
template <class C>
concept cursor =
    detail::cursor_acquire<C> && detail::cursor_advance<C> && detail::cursor_release<C> && detail::cursor_lease<C>;

} // namespace noetl::stream
