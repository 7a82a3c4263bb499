// stream/tailer_settings.hpp: how a tailer behaves, and what it tells about itself. Plain data.
// Knows the standard library only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace noetl::stream {

struct tailer_settings {
   std::size_t batch = 500;             ///< items of one read, 1..10'000
   std::size_t window = 1'024;          ///< messages without acknowledgement, 1..65'536; at most what the sink takes
   std::chrono::milliseconds poll{500}; ///< between looks for items that nobody told of
   std::chrono::milliseconds save_every{100};   ///< between writes of the cursor while items flow
   std::chrono::milliseconds least_pause{50};   ///< after a first failure; doubles
   std::chrono::milliseconds most_pause{5'000}; ///< between attempts at most
   std::chrono::milliseconds farewell{1'000};   ///< for outstanding acknowledgements at the end
};

enum class tailer_state : std::uint8_t {
   waiting,   ///< source, sink or cursor is away, or the cursor refuses; `trouble` says why
   following, ///< somebody else has the lease
   leading,   ///< publishes
   stopped,
};

constexpr std::string_view to_text(tailer_state state) noexcept {
   switch (state) {
   case tailer_state::waiting: return "waiting";
   case tailer_state::following: return "following";
   case tailer_state::leading: return "leading";
   case tailer_state::stopped: return "stopped";
   }
   return "stopped";
}

/// Counters since the start; `under_way`, `held` and `ready` are levels.
struct tailer_stats {
   tailer_state state = tailer_state::stopped;
   std::uint64_t epoch = 0;         ///< of the lease held now or last
   std::uint64_t read = 0;          ///< items
   std::uint64_t reads = 0;         ///< calls of the source
   std::uint64_t sent = 0;          ///< messages, repeats included
   std::uint64_t delivered = 0;     ///< items in the stream for certain
   std::uint64_t failed = 0;        ///< messages without acknowledgement
   std::uint64_t saves = 0;         ///< writes of the cursor, renewals of the lease included
   std::uint64_t stale_refused = 0; ///< writes refused because the lease was another's by then
   std::uint64_t put_off = 0;       ///< times that something was away
   std::size_t under_way = 0;       ///< messages without outcome
   std::size_t held = 0;            ///< messages in the window
   std::size_t ready = 0;           ///< read and not yet sent
   std::string trouble{};           ///< why it does not go on; empty while it does
};

/// For readiness: `leading`, `following`, or `waiting: ` and why.
inline std::string standing_text(tailer_stats const& stats) {
   return stats.trouble.empty() ? std::string(to_text(stats.state)) : "waiting: " + stats.trouble;
}

} // namespace noetl::stream
