// pg/writer_settings.hpp: limits of a group_commit_writer, and what it tells of itself.
// Knows pg/settings.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <noetl/pg/settings.hpp>

namespace noetl::pg {

/// Limits of one writer. A request that alone is above a limit of transactions has a transaction of its own.
struct writer_settings {
   settings database{};
   std::size_t max_requests = 512;  ///< in one transaction
   std::size_t max_weight = 4'000;  ///< rows in one transaction
   std::size_t max_waiting = 4'000; ///< requests; one more is refused at once
   /// In one transaction, by the policy's count. PostgreSQL takes no message above 1 GiB, and escapes lengthen texts.
   std::size_t max_bytes = std::size_t{32} << 20U;
   /// In the queue, by the policy's count; what goes beyond is refused at once, unless nothing waits.
   std::size_t max_waiting_bytes = std::size_t{512} << 20U;
   /// How long the outcome of a COMMIT without an answer is looked up, while everything else waits; then its requests
   /// are told that it is not known. At most 2 s once the writer stops.
   std::chrono::milliseconds max_doubt{10'000};
};

/// A look at a writer, for health and metrics.
struct writer_stats {
   std::size_t waiting = 0;        ///< requests in the queue
   std::size_t waiting_bytes = 0;  ///< of them, by the policy's count
   bool connected = false;         ///< a session is open
   std::uint64_t transactions = 0; ///< committed since the start
   std::uint64_t requests = 0;     ///< in committed transactions, those that failed their own check included
};

} // namespace noetl::pg
