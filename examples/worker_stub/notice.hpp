// notice.hpp: what tells the worker of a command: a NATS message, or a line of standard input (--poll).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/nats/consumer.hpp>

namespace stub {

/// One notice. Lines cannot be given back: `again` says that the worker has to try once more by itself.
class notice {
public:
   explicit notice(noetl::nats::message message) : message_(std::move(message)) {}
   explicit notice(std::string line) : line_(std::move(line)) {}

   [[nodiscard]] bool is_line() const noexcept { return !message_; }
   [[nodiscard]] std::string_view data() const { return message_ ? message_->data() : std::string_view(line_); }

   noetl::result<void> ack() { return message_ ? message_->ack() : noetl::result<void>{}; }
   void term() {
      if (message_) (void)message_->term();
   }
   /// Comes again after `delay`, when it is a message.
   void nak(std::chrono::milliseconds delay) {
      again = true;
      if (message_) (void)message_->nak(delay);
   }
   bool again = false;

private:
   std::optional<noetl::nats::message> message_;
   std::string line_{};
};

/// Lines of standard input, read without blocking for long. For one thread.
class lines {
public:
   /// Waits for a line, at most `limit`. \return nothing when none came; see ended()
   std::optional<std::string> next(std::chrono::milliseconds limit);
   /// No more lines will come.
   [[nodiscard]] bool ended() const noexcept { return ended_ && buffer_.empty(); }

private:
   std::string buffer_;
   bool ended_ = false;
};

} // namespace stub
