// stream/detail/leadership.hpp: what a tailer knows while it publishes, and what other threads tell it.
// Private to stream/tailer.hpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <noetl/core/backoff.hpp>
#include <noetl/core/result.hpp>
#include <noetl/stream/concepts.hpp>
#include <noetl/stream/window.hpp>

namespace noetl::stream::detail {

/// What other threads leave for the tailer. Outlives it when the bus answers late.
template <class Item>
struct letter_box {
   std::mutex guard;
   std::condition_variable wake;
   std::vector<sequence> acked;
   std::vector<std::pair<sequence, error>> failed;
   std::optional<result<page<Item>>> read;
   std::optional<result<void>> saved;
   std::size_t enough = 1; ///< acknowledgements that are worth waking for
   bool woken = false;
   bool listening = false; ///< a wake() is of use now
   bool stop = false;

   void stopping(bool value) {
      std::lock_guard lock(guard);
      stop = value;
      wake.notify_all();
   }
   void rest(std::chrono::milliseconds time) {
      std::unique_lock lock(guard);
      wake.wait_for(lock, time, [&] { return stop; });
   }
   void await_outcome(std::chrono::milliseconds time) {
      std::unique_lock lock(guard);
      enough = 1;
      wake.wait_for(lock, time, [&] { return !acked.empty() || !failed.empty(); });
   }
};

/// One time as the leader.
template <class Item>
struct leadership {
   using clock = std::chrono::steady_clock;
   using position = decltype(Item::at);

   std::uint64_t epoch;
   position read;  ///< everything up to here was read
   position acked; ///< everything up to here is delivered
   position saved; ///< the cursor
   clock::time_point lease_until, renew_at;
   window<Item> in_flight;
   std::deque<Item> ready{};
   std::optional<position> saving{};
   clock::time_point save_started{}, next_save{}, next_read{}, repeat_at{}, sink_away_since{};
   std::chrono::milliseconds poll{1};
   backoff sink_pause;
   bool reading = false, more = true, repeating = false, unflushed = false;
   bool lost = false;      ///< another has the lease
   bool give_up = false;   ///< begin again from the stored position
   bool hand_over = false; ///< let another try
   bool saved_once = false;
};

} // namespace noetl::stream::detail
