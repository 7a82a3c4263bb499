// events/detail/outbox_state.hpp: what the threads of an outbox relay and the completions of its bus share.
// Private to events/outbox.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <noetl/core/utf8.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/outbox_settings.hpp>

namespace noetl::detail {

/// A row that was just committed, on its way to the bus without a look at the table.
struct fresh_outbox_row {
   std::size_t shard;
   outbox_row row;
   std::chrono::steady_clock::time_point since;
};

enum class outbox_fate : std::uint8_t { published, failed, hopeless };

/// What became of a row, to be written into the table.
struct outbox_mark {
   std::size_t shard;
   std::int64_t outbox_id; ///< 0: by event
   std::int32_t attempts;
   std::int64_t execution_id;
   std::int64_t event_id;
   outbox_fate what;
   std::string error;
};

/// What completions need; outlives the relay when the bus answers late.
struct outbox_state {
   using fresh_ptr = std::shared_ptr<fresh_outbox_row>;

   std::mutex guard;
   std::condition_variable wake;  ///< of the keeper: marks, looks, the end
   std::condition_variable speak; ///< of the speaker: fresh rows, retries, the end
   std::deque<fresh_ptr> fresh;   ///< committed, not tried yet
   std::deque<fresh_ptr> again;   ///< refused by the bus just now
   std::deque<outbox_mark> marks; ///< as many as messages can be under way: never dropped
   std::size_t stored_in_flight = 0;
   outbox_stats stats;
   bool stopping = false;
   bool look_now = false;
   bool retry_now = false;

   /// \pre guard is held
   void add(outbox_mark one) {
      one.error = storable_text(one.error, "?"); // one mark that is refused would keep all others from being written
      marks.push_back(std::move(one));
      if (marks.size() == 1) wake.notify_all();
   }
};

} // namespace noetl::detail
