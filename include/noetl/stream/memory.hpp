// stream/memory.hpp: a source, a sink and a cursor in memory, for tests and for trying a tailer without services.
// Knows concepts only. Each can be told to fail; what they hold can be looked at from other threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/stream/concepts.hpp>

namespace noetl::stream {

/// Asked before each step; an error makes the step fail with it.
using fault = std::function<result<void>()>;

/// Items with positions 1, 2, 3, ... Thread-safe.
class memory_source {
public:
   using position = std::uint64_t;
   struct item {
      position at = 0;
      std::string text{};
   };

   void add(std::string text) {
      std::lock_guard lock(guard_);
      items_.push_back({items_.size() + 1, std::move(text)});
   }
   void on_read(fault f) {
      std::lock_guard lock(guard_);
      fault_ = std::move(f);
   }
   /// Everything.
   result<position> back(position) { return position{0}; }
   result<page<item>> read(position after, std::size_t limit) {
      std::lock_guard lock(guard_);
      if (fault_)
         if (auto ok = fault_(); !ok) return std::move(ok).error();
      page<item> out{.items = {}, .through = after, .more = false};
      for (auto i = after; i < items_.size() && out.items.size() < limit; ++i) out.items.push_back(items_[i]);
      if (!out.items.empty()) out.through = out.items.back().at;
      out.more = out.through < items_.size();
      return out;
   }

private:
   std::mutex guard_;
   fault fault_;
   std::vector<item> items_;
};
static_assert(source<memory_source>);

/// Keeps what arrives and drops copies of what it has, as a stream does by message id. Acknowledges at once, or later
/// when told to. Thread-safe.
class memory_sink {
public:
   using item = memory_source::item;

   result<void> ready() {
      auto outcome = ask(&memory_sink::ready_fault_);
      std::lock_guard lock(guard_);
      if (outcome) halted_ = false;
      return outcome;
   }
   result<void> prepare(std::span<item>) { return ask(&memory_sink::prepare_fault_); }
   void send(item const& one, outcome_handler done) {
      auto outcome = ask(&memory_sink::send_fault_);
      {
         std::lock_guard lock(guard_);
         ++sends_;
         if (outcome && halted_) outcome = fail(error_code::unavailable, "an earlier message failed");
         if (!outcome) halted_ = true;
         if (outcome && known_.insert(one.at).second) stored_.push_back(one);
         if (manual_) {
            waiting_.emplace_back(std::move(done), std::move(outcome));
            return;
         }
      }
      done(std::move(outcome));
   }
   void flush() {}
   bool lost() {
      std::lock_guard lock(guard_);
      return std::exchange(lost_, false);
   }
   /// Forgets everything, as a stream whose storage was wiped.
   void wipe() {
      std::lock_guard lock(guard_);
      stored_.clear(), known_.clear();
      lost_ = halted_ = true;
   }
   void delivered(item const& one) {
      std::lock_guard lock(guard_);
      delivered_.push_back(one.at);
   }

   void on_ready(fault f) { set(&memory_sink::ready_fault_, std::move(f)); }
   void on_prepare(fault f) { set(&memory_sink::prepare_fault_, std::move(f)); }
   /// An error means: not stored, and reported as failed.
   void on_send(fault f) { set(&memory_sink::send_fault_, std::move(f)); }
   /// From now on outcomes wait for acknowledge().
   void manual(bool value) {
      std::lock_guard lock(guard_);
      manual_ = value;
   }
   /// Gives the outcomes that wait, in an order chosen by `pick` from their number. \return how many
   std::size_t acknowledge(std::function<std::size_t(std::size_t)> pick = [](std::size_t) { return 0; }) {
      std::size_t count = 0;
      for (;; ++count) {
         std::unique_lock lock(guard_);
         if (waiting_.empty()) return count;
         auto const at = waiting_.begin() + static_cast<std::ptrdiff_t>(pick(waiting_.size()));
         auto one = std::move(*at);
         waiting_.erase(at);
         lock.unlock();
         one.first(std::move(one.second));
      }
   }

   [[nodiscard]] std::vector<item> stored() const {
      std::lock_guard lock(guard_);
      return stored_;
   }
   [[nodiscard]] std::vector<std::uint64_t> delivered_positions() const {
      std::lock_guard lock(guard_);
      return delivered_;
   }
   [[nodiscard]] std::size_t sends() const {
      std::lock_guard lock(guard_);
      return sends_;
   }
   [[nodiscard]] std::size_t unanswered() const {
      std::lock_guard lock(guard_);
      return waiting_.size();
   }

private:
   result<void> ask(fault memory_sink::*which) {
      std::lock_guard lock(guard_);
      return this->*which ? (this->*which)() : result<void>{};
   }
   void set(fault memory_sink::*which, fault f) {
      std::lock_guard lock(guard_);
      this->*which = std::move(f);
   }
   mutable std::mutex guard_;
   fault ready_fault_, prepare_fault_, send_fault_;
   std::vector<item> stored_;
   std::vector<std::uint64_t> delivered_;
   std::set<std::uint64_t> known_;
   std::vector<std::pair<outcome_handler, result<void>>> waiting_;
   std::size_t sends_ = 0;
   bool manual_ = false;
   bool halted_ = false;
   bool lost_ = false;
};
static_assert(sink<memory_sink, memory_source::item>);

/// A cursor row that several tailers may share; each has a memory_cursor of its own on it. Thread-safe.
struct memory_cursor_row {
   using clock = std::chrono::steady_clock;
   std::mutex guard{};
   std::uint64_t position = 0;
   std::uint64_t epoch = 0;
   std::string owner{};
   clock::time_point until{};
   std::vector<std::uint64_t> history{}; ///< every position that was stored
   std::size_t refused = 0;              ///< writes with an old epoch
};

class memory_cursor {
public:
   using position = std::uint64_t;

   memory_cursor(memory_cursor_row& row, std::string owner,
                 std::chrono::milliseconds lease = std::chrono::milliseconds(500))
       : row_(row), owner_(std::move(owner)), lease_(lease) {}

   result<std::optional<tenure<position>>> acquire() {
      if (auto ok = ask(acquire_fault_); !ok) return std::move(ok).error();
      std::lock_guard lock(row_.guard);
      auto const now = memory_cursor_row::clock::now();
      if (row_.owner != owner_ && !row_.owner.empty() && row_.until > now) return std::optional<tenure<position>>{};
      row_.owner = owner_;
      row_.until = now + lease_;
      return std::optional(tenure<position>{++row_.epoch, row_.position});
   }
   result<void> advance(std::uint64_t epoch, position stored, position to) {
      if (auto ok = ask(advance_fault_); !ok) return std::move(ok).error();
      std::lock_guard lock(row_.guard);
      if (row_.epoch != epoch || row_.position != stored) {
         ++row_.refused;
         return fail(error_code::conflict, "the lease was taken over");
      }
      row_.position = to;
      row_.until = memory_cursor_row::clock::now() + lease_;
      row_.history.push_back(to);
      return {};
   }
   result<void> release(std::uint64_t epoch) {
      std::lock_guard lock(row_.guard);
      if (row_.epoch == epoch) row_.owner.clear();
      return {};
   }
   [[nodiscard]] std::chrono::milliseconds lease() const noexcept { return lease_; }

   void on_acquire(fault f) { set(acquire_fault_, std::move(f)); }
   void on_advance(fault f) { set(advance_fault_, std::move(f)); }

private:
   result<void> ask(fault const& which) {
      std::lock_guard lock(guard_);
      return which ? which() : result<void>{};
   }
   void set(fault& which, fault f) {
      std::lock_guard lock(guard_);
      which = std::move(f);
   }
   memory_cursor_row& row_;
   std::string owner_;
   std::chrono::milliseconds lease_;
   std::mutex guard_;
   fault acquire_fault_, advance_fault_;
};
static_assert(cursor<memory_cursor>);

} // namespace noetl::stream
