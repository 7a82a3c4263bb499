// core/snowflake.hpp: 64-bit ids that need no coordination: milliseconds, machine, sequence.
// Knows the standard library only. Layout: spec http-execution.md section 3.1.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace noetl {

/// Machine id of a host name: FNV-1a (64 bit) masked to 10 bits. (Fowler, Noll, Vo; draft-eastlake-fnv.)
constexpr unsigned machine_id_for(std::string_view host) noexcept {
   std::uint64_t hash = 0xcbf29ce484222325U;
   for (char const c : host) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 0x100000001b3U;
   }
   return static_cast<unsigned>(hash & 0x3FFU);
}

/// Mints ids that grow with time: bit 63 zero, 41 bits of milliseconds since 2024-01-01T00:00:00Z, 10 bits of machine
/// id, 12 bits of sequence. Thread-safe; one per process, because two with one machine id may mint the same id.
class snowflake {
public:
   static constexpr std::int64_t epoch_ms = 1'704'067'200'000; ///< 2024-01-01T00:00:00Z in Unix milliseconds
   static constexpr unsigned max_machine_id = 1023;
   static constexpr std::int64_t sequences_per_ms = 4096;
   static constexpr std::int64_t max_ahead_ms = 10; ///< how far keep_above follows a faster clock

   /// Unix time in milliseconds.
   using clock = std::function<std::int64_t()>;

   /// \throws std::invalid_argument when `machine_id` is above 1023
   explicit snowflake(unsigned machine_id) : snowflake(machine_id, system_ms) {}

   /// With a clock of the caller's, for tests.
   snowflake(unsigned machine_id, clock source) : machine_id_(machine_id), clock_(std::move(source)) {
      if (machine_id > max_machine_id)
         throw std::invalid_argument("machine id " + std::to_string(machine_id) + " is above 1023");
   }

   snowflake(snowflake const&) = delete;
   snowflake& operator=(snowflake const&) = delete;

   /// The next id, above every earlier one of this generator. Ids that are ahead of the clock (it went back, or
   /// keep_above) stay ahead: the last millisecond remains in use, and the one behind it is taken without waiting. When
   /// the 4096 numbers of the clock's own millisecond are spent, waits for the next one.
   /// \throws std::runtime_error when the clock stands before 2024
   [[nodiscard]] std::int64_t next() {
      std::scoped_lock const lock(mutex_);
      std::int64_t ms = read_clock();
      if (ms > last_ms_) {
         last_ms_ = ms;
         sequence_ = 0;
      } else if (++sequence_ == sequences_per_ms) {
         // A clock that went back may need hours to return, so only one that stands at these ids is waited for.
         while (ms == last_ms_) {
            std::this_thread::yield();
            ms = read_clock();
         }
         last_ms_ = ms > last_ms_ ? ms : last_ms_ + 1;
         sequence_ = 0;
      }
      return compose();
   }

   /// Makes later ids stand above an id of somebody else, as a hybrid logical clock does with what it receives
   /// (Kulkarni and others, 2014). \return false when that id is more than max_ahead_ms ahead of our clock; nothing
   /// changes then
   bool keep_above(std::int64_t id) {
      std::scoped_lock const lock(mutex_);
      if (last_ms_ >= 0 && id <= compose()) return true;
      auto const wanted = id >> 22;
      auto const ms = read_clock();
      if (wanted > ms + max_ahead_ms) return false;
      last_ms_ = std::max(ms, wanted + 1); // above what it was; kept also when the clock goes back now
      sequence_ = -1;
      return true;
   }

   [[nodiscard]] unsigned machine_id() const noexcept { return machine_id_; }

   /// Unix milliseconds at which an id was minted.
   [[nodiscard]] static constexpr std::int64_t unix_ms(std::int64_t id) noexcept { return (id >> 22) + epoch_ms; }
   [[nodiscard]] static constexpr unsigned machine_id(std::int64_t id) noexcept {
      return static_cast<unsigned>((id >> 12) & 0x3FF);
   }
   [[nodiscard]] static constexpr unsigned sequence(std::int64_t id) noexcept {
      return static_cast<unsigned>(id & 0xFFF);
   }

private:
   static std::int64_t system_ms() {
      auto const since = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
   }
   /// The id minted last; one below the next when none was minted in its millisecond.
   std::int64_t compose() const noexcept {
      return ((last_ms_ << 22) | (static_cast<std::int64_t>(machine_id_) << 12)) + sequence_;
   }
   std::int64_t read_clock() const {
      std::int64_t const ms = clock_() - epoch_ms;
      if (ms < 0) throw std::runtime_error("the system clock stands before 2024-01-01; ids cannot be minted");
      return ms;
   }

   unsigned machine_id_;
   clock clock_;
   std::mutex mutex_;
   std::int64_t last_ms_ = -1;
   std::int64_t sequence_ = 0;
};

} // namespace noetl
