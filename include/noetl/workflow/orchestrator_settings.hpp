// workflow/orchestrator_settings.hpp: how the orchestrator behaves, and what it tells about itself. Plain data.
// Knows the standard library only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace noetl::workflow {

struct orchestrator_settings {
   std::string server_url = "http://localhost:8082"; ///< absolute URL for notifications
   std::size_t cached_executions = 20'000;           ///< folded states kept; the rest is rebuilt when needed
   std::size_t cached_bytes = 256U << 20U;           ///< estimated memory of the states kept
   std::chrono::milliseconds retry_delay{500};       ///< after a failure that may pass; doubles up to 16 times this
   std::uint64_t snapshot_events = 500; ///< events of an execution between two snapshots; 0: none is written
};

struct orchestrator_stats {
   std::size_t cached = 0;      ///< executions in memory
   std::size_t bytes = 0;       ///< their estimated memory
   std::size_t active = 0;      ///< of them being advanced now
   std::uint64_t decisions = 0; ///< appended since start
   std::uint64_t conflicts = 0; ///< decisions another replica or event got in before
   std::uint64_t rebuilds = 0;  ///< states loaded from snapshot and log
   std::uint64_t failures = 0;  ///< attempts put off
};

} // namespace noetl::workflow
