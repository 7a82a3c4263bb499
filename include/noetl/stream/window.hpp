// stream/window.hpp: which messages are under way, how far everything is acknowledged, and what to send again.
// Knows the standard library only: no clock, no thread, no bus. It is told what happened and says what to do next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <variant>
#include <vector>

namespace noetl::stream {

/// Number of a message in one window: 0, 1, 2, ... in the order of sending.
using sequence = std::uint64_t;

/// Everything up to `position` is acknowledged; `items` are the messages that this adds, in order.
template <class Item>
struct advance_to {
   decltype(Item::at) position;
   std::vector<Item> items;
};

/// Nothing is under way and these failed: send them again, in this order, before anything new.
struct send_again {
   std::vector<sequence> numbers;
};

/// Nothing to do until the next outcome.
struct wait {};

template <class Item>
using window_action = std::variant<wait, advance_to<Item>, send_again>;

/// Messages sent and not yet part of the acknowledged prefix, oldest first.
///
/// The order of the stream is the order of sending. So after a failure nothing new is sent until every message under
/// way has its outcome; then the failed ones go again, oldest first. (A connection loses a suffix of what was written
/// to it, so what is sent again still stands behind everything that arrived.) The bus drops copies by their message id.
///
/// `Item` has a member `at`, its position in the source. Not thread-safe.
template <class Item>
class window {
public:
   /// \param capacity  messages held at most, acknowledged ones behind a gap included; at least 1
   /// \param first     number of the first message
   explicit window(std::size_t capacity, sequence first = 0)
       : capacity_(std::max<std::size_t>(capacity, 1)), first_(first) {}

   /// How many new messages may be sent now: none while failed ones wait for their repeat.
   [[nodiscard]] std::size_t room() const noexcept { return failed_ > 0 ? 0 : capacity_ - entries_.size(); }

   /// Books a message as under way. \pre room() > 0
   sequence add(Item item) {
      entries_.push_back({std::move(item), state::under_way});
      ++under_way_;
      return first_ + entries_.size() - 1;
   }

   /// The bus has it. An outcome for a message that has one already is ignored.
   void acked(sequence number) { settle(number, state::acked); }

   /// The bus may or may not have it.
   void failed(sequence number) {
      if (settle(number, state::failed)) ++failed_;
   }

   /// Books a failed message as under way again. \pre it was named by send_again
   void sent_again(sequence number) {
      auto& one = entries_[number - first_];
      if (one.now != state::failed) return;
      one.now = state::under_way;
      --failed_;
      ++under_way_;
   }

   /// What to do now. An advance is reported once; send_again for as long as it is true.
   [[nodiscard]] window_action<Item> next() {
      if (!entries_.empty() && entries_.front().now == state::acked) {
         advance_to<Item> done{};
         for (; !entries_.empty() && entries_.front().now == state::acked; ++first_) {
            done.items.push_back(std::move(entries_.front().item));
            entries_.pop_front();
         }
         done.position = done.items.back().at;
         return done;
      }
      if (failed_ > 0 && under_way_ == 0) {
         send_again repeat;
         for (std::size_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].now == state::failed) repeat.numbers.push_back(first_ + i);
         return repeat;
      }
      return wait{};
   }

   /// \pre the message is held: not yet part of an advance
   [[nodiscard]] Item& item(sequence number) { return entries_[number - first_].item; }

   /// The number that the next add() gives.
   [[nodiscard]] sequence next_number() const noexcept { return first_ + entries_.size(); }
   [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }
   [[nodiscard]] std::size_t failures() const noexcept { return failed_; }
   /// Messages held, whatever their state.
   [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
   [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

private:
   enum class state : std::uint8_t { under_way, acked, failed };
   struct entry {
      Item item;
      state now;
   };

   bool settle(sequence number, state outcome) {
      if (number < first_ || number - first_ >= entries_.size()) return false;
      auto& one = entries_[number - first_];
      if (one.now != state::under_way) return false;
      one.now = outcome;
      --under_way_;
      return true;
   }

   std::size_t capacity_;
   sequence first_; ///< of entries_.front()
   std::deque<entry> entries_;
   std::size_t under_way_ = 0;
   std::size_t failed_ = 0;
};

} // namespace noetl::stream
