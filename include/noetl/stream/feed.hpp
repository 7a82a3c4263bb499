// stream/feed.hpp: a place in the event feed of one database, and an event on its way to the stream. Plain data.
// Knows the standard library only. Source: spec schema.md sections 10.4 and 11.2.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace noetl::stream {

/// What the first start left out of the feed: of history until that is read, of what followed for good, because a
/// stream that lost its messages is filled again from before the cursor.
struct feed_scope {
   std::string seen{};                  ///< pg_snapshot: what is visible in it was there before us and is not published
   std::optional<std::int64_t> above{}; ///< of history, rows with a higher event_id
   std::string after{};                 ///< of history, also rows created later than this, whatever their id
};

/// The key of the feed. Transactions of one database are numbered, and a row carries the number of the one that wrote
/// it; rows of older servers carry none. They are the history and come first, with number 0, in primary key order.
/// Places are equal when their keys are.
struct feed_position {
   static constexpr auto first = std::numeric_limits<std::int64_t>::min();
   static constexpr auto last = std::numeric_limits<std::int64_t>::max();

   std::uint64_t xid = 0;
   std::int64_t execution_id = first;
   std::int64_t event_id = first;
   std::shared_ptr<feed_scope const> scope{}; ///< null: nothing is left out

   /// Behind all of history, before everything else.
   static feed_position history_end() { return {.xid = 0, .execution_id = last, .event_id = last, .scope = {}}; }
   /// Behind every row of transaction `number`.
   static feed_position behind(std::uint64_t number) {
      return {.xid = number, .execution_id = last, .event_id = last, .scope = {}};
   }
   [[nodiscard]] bool in_history() const noexcept { return xid == 0 && execution_id != last; }

   friend bool operator==(feed_position const& a, feed_position const& b) noexcept {
      return a.xid == b.xid && a.execution_id == b.execution_id && a.event_id == b.event_id;
   }
   friend std::strong_ordering operator<=>(feed_position const& a, feed_position const& b) noexcept {
      if (auto const order = a.xid <=> b.xid; order != 0) return order;
      if (auto const order = a.execution_id <=> b.execution_id; order != 0) return order;
      return a.event_id <=> b.event_id;
   }
};

/// One row of noetl.event as it goes to the stream.
struct feed_item {
   feed_position at{};
   std::int64_t execution_id = 0;
   std::int64_t event_id = 0;
   std::optional<std::string> event_type{};
   std::string payload{};     ///< the whole row as a JSON object
   std::string outline{};     ///< of a large row, the same object without its large values; `{}` pairs only, no braces
   bool by_reference = false; ///< the payload is a stub by now
};

} // namespace noetl::stream
