// events/publisher.hpp: what the bus looks like to those who publish, and one that keeps messages in memory.
// Knows core/result only. Publishers: nats::publisher (JetStream, acknowledged), nats::plain_publisher (core NATS, not
// acknowledged), memory_publisher.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>

namespace noetl {

/// A bus that takes messages without waiting for their acknowledgement. One concept for commands (outbox_relay) and
/// events (stream sinks).
template <class P>
concept message_publisher = requires(P& bus, std::string subject, std::string_view payload, std::string message_id,
                                     std::function<void(result<void>)> done) {
   // Thread-safe; calls `done` exactly once, on any thread, possibly inside publish(). May block while a connection
   // takes no bytes, for as long as the bus bounds that; only threads of those who publish call it.
   bus.publish(std::move(subject), payload, std::move(message_id), std::move(done));
};

/// Keeps messages in the order of the calls and drops copies by message id, as a stream does. For tests and for trying
/// things without a bus. Thread-safe.
class memory_publisher {
public:
   struct message {
      std::string subject, payload, id;
      friend bool operator==(message const&, message const&) = default;
   };

   void publish(std::string_view subject, std::string_view payload, std::string_view message_id,
                std::function<void(result<void>)> done) {
      result<void> outcome;
      {
         std::lock_guard lock(guard_);
         if (fault_) outcome = fault_();
         if (outcome && (message_id.empty() || known_.emplace(message_id).second))
            messages_.push_back({std::string(subject), std::string(payload), std::string(message_id)});
      }
      if (done) done(std::move(outcome));
   }
   /// Asked before each message; an error is its outcome.
   void on_publish(std::function<result<void>()> fault) {
      std::lock_guard lock(guard_);
      fault_ = std::move(fault);
   }
   [[nodiscard]] std::vector<message> messages() const {
      std::lock_guard lock(guard_);
      return messages_;
   }

private:
   mutable std::mutex guard_;
   std::function<result<void>()> fault_;
   std::vector<message> messages_;
   std::set<std::string, std::less<>> known_;
};
static_assert(message_publisher<memory_publisher>);

} // namespace noetl
