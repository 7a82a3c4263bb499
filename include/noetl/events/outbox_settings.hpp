// events/outbox_settings.hpp: how the relay of the outbox behaves, and what it tells about itself. Plain data.
// Knows the standard library only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace noetl {

struct outbox_settings {
   std::chrono::milliseconds poll{1'000};  ///< between looks for rows that nobody published
   std::chrono::milliseconds grace{5'000}; ///< age from which a pending row is taken from the database
   /// Age from which an IN_FLIGHT row counts as left by a relay that died. Well above the bus's ack time-out (a live
   /// relay settles its rows by then), well below the stream's dedup window (a copy of what did arrive is dropped).
   std::chrono::milliseconds abandoned{15'000};
   std::chrono::milliseconds keep_published{86'400'000};
   std::chrono::milliseconds announce_again{60'000}; ///< an unclaimed command is announced again this often; 0: never
   std::chrono::milliseconds care{15'000};           ///< between looks for abandoned, stale and old rows, at most
   std::size_t batch = 256;                          ///< rows published from the database at a time
   std::size_t care_batch = 2'000;                   ///< rows changed or deleted by one statement of care
};

struct outbox_stats {
   std::uint64_t published = 0; ///< acknowledged by the bus
   std::uint64_t refused = 0;   ///< attempts that the bus did not take
   std::uint64_t announced_again = 0;
   std::uint64_t purged = 0;
   std::uint64_t leases_expired = 0; ///< rows taken back from publishers that did not report in time
   std::uint64_t database_errors = 0;
   std::size_t unmarked = 0; ///< published, not yet marked in the database
};

} // namespace noetl
