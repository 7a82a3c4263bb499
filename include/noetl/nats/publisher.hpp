// nats/publisher.hpp: publishing to JetStream without waiting, one outcome per message.
// Knows core and nats/connection.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/nats/cnats.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/ack_text.hpp>
#include <noetl/nats/subject.hpp>

namespace noetl::nats {

/// Of the error of a message that no stream captured, or while JetStream does not run.
inline constexpr std::string_view no_stream_message =
    "NATS: no stream captures the subject, or JetStream is not running";

struct publisher_settings {
   std::size_t window = 512; ///< from the oldest message without outcome to the newest, 1..65536; more are refused
   std::chrono::milliseconds ack_timeout{5000};
   /// After a message without success refuse all others until resume(): what is sent again must not be overtaken.
   bool ordered = false;
};

/// Counters since the start; `in_flight` is a level.
struct publisher_stats {
   std::uint64_t published = 0;  ///< handed to the connection
   std::uint64_t acked = 0;      ///< stored by the stream, duplicates included
   std::uint64_t duplicates = 0; ///< acked, and already known under the same message id
   std::uint64_t refused = 0;    ///< not sent: window full, not connected, not publishable
   std::uint64_t failed = 0;     ///< sent, and refused by the server or cut off by a lost connection
   std::uint64_t timed_out = 0;  ///< sent, and not answered in time
   std::uint64_t late = 0;       ///< answers that came after the outcome was given
   std::size_t in_flight = 0;
};

/// Sends messages in the order of the calls and matches the acknowledgements by an inbox of its own.
///
/// Thread-safe. `done` is called exactly once per message, on a thread of this class, of the C client, or (when the
/// message is refused) of the caller before publish() returns; it must not block and must not destroy the publisher.
/// After an outcome other than success the message may still have been stored: repeat it with the same id, the stream
/// drops the copy within its dedup window.
class publisher {
public:
   using completion = std::function<void(result<void>)>;

   explicit publisher(connection& over, publisher_settings settings = {});
   publisher(publisher const&) = delete;
   publisher& operator=(publisher const&) = delete;
   /// Messages in flight get `unavailable`.
   ~publisher();

   /// Sends one message. Never waits for the server's answer; while the server takes no bytes, it and every other call
   /// wait for at most the connection's write_deadline.
   ///
   /// \param message_id  `Nats-Msg-Id` header; empty: none, then nothing is deduplicated
   /// \param done  success: stored by a stream. unavailable: not connected, window full, connection lost, no answer in
   ///    time, or no stream captures the subject. too_large, validation: this message cannot be sent. upstream: the
   ///    stream refused it
   void publish(std::string_view subject, std::string_view payload, std::string_view message_id, completion done);

   /// Takes messages again after a failure. \pre settings.ordered, and every message has its outcome
   void resume();

   /// Sends what a connection without `send_at_once` collected. Waits a millisecond at most.
   void flush();

   [[nodiscard]] publisher_stats stats() const;

   /// Free places in the window, for callers that pace themselves.
   [[nodiscard]] std::size_t free() const;

private:
   using clock = std::chrono::steady_clock;
   struct waiting {
      clock::time_point deadline;
      completion done; // empty once the outcome was given
   };
   using settled = std::vector<std::pair<completion, result<void>>>;

   void attach();
   void on_answer(natsMsg* message);
   completion take(std::uint64_t number, bool ok);
   void fail_all(error const& why);
   void watch_deadlines();
   result<void> may_publish(std::string_view subject, std::string_view message_id) const;
   result<void> send(detail::link const& over, std::uint64_t number, std::string_view subject, std::string_view payload,
                     std::string_view message_id) const;

   static void call(settled& all) {
      for (auto& [done, outcome] : all) done(std::move(outcome));
   }

   connection& connection_;
   publisher_settings settings_;
   std::string const inbox_ = detail::new_inbox();

   std::mutex sending_; // taken before mutex_
   mutable std::mutex mutex_;
   std::condition_variable wake_;
   bool stopping_ = false;
   bool halted_ = false;
   std::shared_ptr<detail::link> link_;
   detail::subscription_handle subscription_;
   int open_subscriptions_ = 0; // whose last callback has not returned
   std::deque<waiting> in_flight_;
   std::uint64_t first_number_ = 0; // of in_flight_.front()
   publisher_stats stats_;
   std::shared_ptr<void> registration_;
   std::thread timer_;
};

inline publisher::publisher(connection& over, publisher_settings settings) : connection_(over), settings_(settings) {
   registration_ = connection_.on_change([this](connection_state now) {
      if (now == connection_state::connected) return attach();
      fail_all(fail(error_code::unavailable, "NATS: the connection was lost before the message was acknowledged"));
   });
   attach();
   timer_ = std::thread([this] { watch_deadlines(); });
}

inline publisher::~publisher() {
   registration_.reset();
   {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      wake_.notify_all();
   }
   timer_.join();
   {
      std::unique_lock lock(mutex_);
      auto const last = std::exchange(subscription_, nullptr).release();
      lock.unlock();
      natsSubscription_Destroy(last);
      lock.lock();
      wake_.wait(lock, [&] { return open_subscriptions_ == 0; });
   }
   fail_all(fail(error_code::unavailable, "NATS: the publisher was closed before the message was acknowledged"));
}

/// Subscribes to the inbox on the connection in use, once per native connection.
inline void publisher::attach() {
   auto const link = connection_.current_link();
   std::lock_guard lock(mutex_);
   if (!link || stopping_ || (link_ && link_->generation == link->generation)) return;
   natsSubscription* made = nullptr;
   auto const arrived = [](natsConnection*, natsSubscription*, natsMsg* message, void* self) {
      detail::message_handle const owned(message);
      static_cast<publisher*>(self)->on_answer(message);
   };
   auto const status = natsConnection_Subscribe(&made, link->native.get(), (inbox_ + ".*").c_str(), arrived, this);
   if (status != NATS_OK) return; // the connection is gone already; the next one calls again
   natsSubscription_SetPendingLimits(made, -1, -1);
   auto const ended = [](void* self) {
      auto& me = *static_cast<publisher*>(self);
      std::lock_guard guard(me.mutex_);
      --me.open_subscriptions_;
      me.wake_.notify_all();
   };
   if (natsSubscription_SetOnCompleteCB(made, ended, this) == NATS_OK) ++open_subscriptions_;
   subscription_.reset(made);
   link_ = link;
}

inline void publisher::publish(std::string_view subject, std::string_view payload, std::string_view message_id,
                               completion done) {
   if (!done) done = [](result<void>) {};
   // Numbers are given and messages sent in one order; but who only books an answer does not wait for the socket.
   std::unique_lock order(sending_);
   result<void> sent;
   std::shared_ptr<detail::link> over;
   std::uint64_t number = 0;
   {
      std::lock_guard lock(mutex_);
      sent = may_publish(subject, message_id);
      if (sent) {
         number = first_number_ + in_flight_.size();
         in_flight_.push_back({clock::now() + settings_.ack_timeout, std::move(done)});
         over = link_;
      } else {
         ++stats_.refused;
         halted_ = settings_.ordered;
      }
   }
   if (!sent) {
      order.unlock();               // a completion may publish
      return done(std::move(sent)); // NOLINT(bugprone-use-after-move): not sent, hence not kept
   }
   sent = send(*over, number, subject, payload, message_id);
   {
      std::lock_guard lock(mutex_);
      if (!sent) done = take(number, false); // empty when the connection was lost meanwhile: then it has its outcome
      if (sent)
         ++stats_.published;
      else if (done)
         ++stats_.refused;
   }
   order.unlock();
   if (!sent && done) done(std::move(sent));
}

/// \pre mutex_ is held
inline result<void> publisher::may_publish(std::string_view subject, std::string_view message_id) const {
   if (halted_) return fail(error_code::unavailable, "NATS: an earlier message failed");
   if (connection_.state() != connection_state::connected || !link_)
      return fail(error_code::unavailable, "NATS: not connected");
   if (in_flight_.size() >= settings_.window)
      return fail(error_code::unavailable, "NATS: too many messages wait for an acknowledgement");
   if (!is_subject(subject))
      return fail(error_code::validation, "NATS: not a subject that can be published to", std::string(subject));
   if (message_id.find_first_of("\r\n") != std::string_view::npos)
      return fail(error_code::validation, "NATS: a message id must not hold line breaks");
   return {};
}

inline result<void> publisher::send(detail::link const& over, std::uint64_t number, std::string_view subject,
                                    std::string_view payload, std::string_view message_id) const {
   std::string const to(subject);
   char digits[20];
   auto const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
   std::string const reply = inbox_ + '.' + std::string(digits, end);
   natsMsg* raw = nullptr;
   auto status = natsMsg_Create(&raw, to.c_str(), reply.c_str(), payload.data(), static_cast<int>(payload.size()));
   detail::message_handle const message(raw);
   if (status == NATS_OK && !message_id.empty())
      status = natsMsgHeader_Set(raw, "Nats-Msg-Id", std::string(message_id).c_str());
   if (status == NATS_OK) status = natsConnection_PublishMsg(over.native.get(), raw);
   if (status != NATS_OK) return detail::to_error(status, "publish");
   return {};
}

inline void publisher::on_answer(natsMsg* message) {
   std::string_view const subject = natsMsg_GetSubject(message);
   std::uint64_t number = 0;
   auto const digits = subject.substr(subject.rfind('.') + 1);
   if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc{}) return;

   bool duplicate = false;
   result<void> outcome;
   if (natsMsg_IsNoResponders(message)) {
      outcome = fail(error_code::unavailable, std::string(no_stream_message));
   } else if (auto ack = detail::read_publish_ack(detail::data_of(message))) {
      duplicate = ack->duplicate;
   } else {
      outcome = std::move(ack).error();
   }
   completion done;
   {
      std::lock_guard lock(mutex_);
      done = take(number, outcome.has_value());
      if (!done) {
         ++stats_.late;
      } else {
         ++(outcome ? stats_.acked : stats_.failed);
         if (duplicate) ++stats_.duplicates;
      }
   }
   if (done) done(std::move(outcome));
}

/// Settles message `number` and forgets the finished front of the window. \return whom to tell; empty when it has its
/// outcome already \pre mutex_ is held
inline publisher::completion publisher::take(std::uint64_t number, bool ok) {
   completion done;
   if (number >= first_number_ && number - first_number_ < in_flight_.size())
      done = std::exchange(in_flight_[number - first_number_].done, nullptr);
   if (done && !ok) halted_ = settings_.ordered;
   while (!in_flight_.empty() && !in_flight_.front().done) {
      in_flight_.pop_front();
      ++first_number_;
   }
   return done;
}

inline void publisher::fail_all(error const& why) {
   settled out;
   {
      std::lock_guard lock(mutex_);
      halted_ = settings_.ordered;
      for (auto& entry : in_flight_)
         if (entry.done) out.emplace_back(std::exchange(entry.done, nullptr), why);
      first_number_ += in_flight_.size();
      in_flight_.clear();
      stats_.failed += out.size();
   }
   call(out);
}

/// All deadlines are equally far from their publish, so the front of the window is always the next one; an empty window
/// needs a look only once per timeout.
inline void publisher::watch_deadlines() {
   std::unique_lock lock(mutex_);
   while (!stopping_) {
      auto const next = in_flight_.empty() ? clock::now() + settings_.ack_timeout : in_flight_.front().deadline;
      wake_.wait_until(lock, next);
      settled out;
      while (!in_flight_.empty() && in_flight_.front().deadline <= clock::now()) {
         out.emplace_back(take(first_number_, false),
                          fail(error_code::unavailable, "NATS: no acknowledgement in time"));
         ++stats_.timed_out;
      }
      if (out.empty()) continue;
      lock.unlock();
      call(out);
      lock.lock();
   }
}

inline void publisher::resume() {
   std::lock_guard lock(mutex_);
   halted_ = false;
}

inline void publisher::flush() {
   // The only public call that empties the client's buffer is a ping; its answer does not matter.
   if (auto const link = connection_.current_link()) (void)natsConnection_FlushTimeout(link->native.get(), 1);
}

inline publisher_stats publisher::stats() const {
   std::lock_guard lock(mutex_);
   auto copy = stats_;
   copy.in_flight = in_flight_.size();
   return copy;
}

inline std::size_t publisher::free() const {
   std::lock_guard lock(mutex_);
   return settings_.window - std::min(settings_.window, in_flight_.size());
}

} // namespace noetl::nats
