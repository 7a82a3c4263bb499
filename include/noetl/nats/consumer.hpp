// nats/consumer.hpp: a durable pull consumer of a JetStream stream.
// Knows core and nats/connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/ack_subject.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>

namespace noetl::nats {

struct consumer_settings {
   std::string stream;
   std::string durable;        ///< name; a consumer that exists is used as found
   std::string filter_subject; ///< may hold wildcards; used when the consumer is created
   std::chrono::seconds ack_wait{30};
   std::int64_t max_ack_pending = 1000;
};

/// One delivered message. Until acked it comes again after the consumer's ack wait. Movable; not thread-safe, but may
/// be moved to another thread. Acknowledgements are sent at once and not confirmed by the server.
class message {
public:
   message(detail::message_handle handle, std::shared_ptr<detail::link> link)
       : link_(std::move(link)), handle_(std::move(handle)) {}

   [[nodiscard]] std::string_view subject() const noexcept { return natsMsg_GetSubject(handle_.get()); }
   /// Valid as long as the message.
   [[nodiscard]] std::string_view data() const noexcept { return detail::data_of(handle_.get()); }
   /// Empty when absent.
   [[nodiscard]] std::string_view header(std::string const& name) const noexcept {
      return detail::header_of(handle_.get(), name.c_str());
   }
   /// How often it was delivered, this time included; 0 when the server did not say.
   [[nodiscard]] std::uint64_t delivered() const noexcept;

   /// Done with it.
   result<void> ack() { return answer("+ACK"); }
   /// Deliver it again after `delay`.
   result<void> nak(std::chrono::milliseconds delay = {}) {
      auto const ns = std::chrono::duration_cast<std::chrono::nanoseconds>(delay).count();
      return answer(ns <= 0 ? "-NAK" : "-NAK {\"delay\":" + std::to_string(ns) + "}");
   }
   /// Never deliver it again.
   result<void> term() { return answer("+TERM"); }

private:
   result<void> answer(std::string const& text) {
      auto const status = natsConnection_Publish(link_->native.get(), natsMsg_GetReply(handle_.get()), text.data(),
                                                 static_cast<int>(text.size()));
      if (status != NATS_OK) return detail::to_error(status, "acknowledge");
      return {};
   }
   std::shared_ptr<detail::link> link_;
   detail::message_handle handle_;
};

/// Pulls messages. A request stays open at the server while fetch() waits, so a message is handed over when it arrives;
/// the next is sent when it is used up or over, so at most `max` messages come per round trip. Survives reconnects,
/// server restarts and a deleted consumer: it is made again and begins anew, with everything that the stream still
/// holds. Not every server tells that it is gone; silence is noticed after 7 s, or once 12 s.
///
/// ensure() and fetch() are for one thread at a time; interrupt() may be called from any.
class consumer {
public:
   consumer(connection& over, consumer_settings settings) : connection_(over), settings_(std::move(settings)) {}
   consumer(consumer const&) = delete;
   consumer& operator=(consumer const&) = delete;
   /// Messages that arrived and were never fetched are given back.
   ~consumer();

   /// Finds or makes the durable consumer.
   /// \return not_found when the stream does not exist; unavailable when not connected; upstream when refused
   result<void> ensure(std::chrono::milliseconds timeout = std::chrono::seconds(5));

   /// Waits for the first message, at most `wait`, and takes what else has arrived, at most `max` in all. Takes longer
   /// by up to 10 s when the consumer must be looked for and the server hangs.
   ///
   /// \param max  1..1000; no more than will be handled within the ack wait. The request stays open for up to 5 s, also
   ///    after the call: what arrives then is handed over by the next call, or comes again after the ack wait
   /// \return no message: nothing arrived in time, or interrupted. unavailable: not connected when `wait` was over, the
   ///    server refused, or the consumer is gone and could not be made again; not_found, upstream: as ensure(). Wait a
   ///    little before the next call after each of them
   result<std::vector<message>> fetch(std::size_t max, std::chrono::milliseconds wait);

   /// Makes a waiting fetch() return now, and the next one when none is waiting. While the connection is down or the
   /// consumer is looked for, it may take its whole time.
   void interrupt();

private:
   using clock = std::chrono::steady_clock;
   /// Not every server tells that a pull went nowhere: its silence is noticed when the pull is over.
   static constexpr std::chrono::milliseconds longest_pull{5000};
   /// A request for messages. One at a time: a delivered message does not say which request it answers.
   struct pull {
      std::uint64_t number;
      std::size_t open; // messages still to come, at least: late ones of an earlier pull are counted here, too
      clock::time_point until;
   };

   result<void> attach();
   result<void> ask(std::size_t max, std::chrono::milliseconds wait);
   [[nodiscard]] std::uint64_t queued() const;
   result<void> sort(detail::message_handle handle, std::vector<message>& out);
   void lose_unanswered();
   /// What was asked goes unanswered; what is said of it from now on is old.
   void forget() {
      pull_.reset();
      unheard_.reset();
      first_pull_ = next_pull_;
   }
   /// The durable consumer may be gone.
   void lose() {
      lost_ = true;
      forget();
   }

   connection& connection_;
   consumer_settings settings_;
   std::shared_ptr<detail::link> link_;
   std::string inbox_;
   std::uint64_t connects_ = 0; // connection in use when the pull was sent
   std::uint64_t next_pull_ = 0;
   std::uint64_t first_pull_ = 0; // earlier ones are forgotten
   std::optional<pull> pull_;
   std::optional<clock::time_point> unheard_; // when the first pull ends of which nothing was heard
   bool lost_ = true;                         // the durable consumer must be looked for
   int unanswered_ = 0;                       // pulls of this fetch() that found no consumer

   detail::subscription_handle subscription_;

   std::mutex mutex_; // guards what interrupt() touches: link_ and inbox_ are changed under it, too
   bool interrupted_ = false;
};

inline std::uint64_t message::delivered() const noexcept {
   char const* const reply = natsMsg_GetReply(handle_.get());
   auto const told = detail::read_ack_subject(reply ? reply : "");
   return told ? told->delivered : 0;
}

inline result<void> consumer::ensure(std::chrono::milliseconds timeout) {
   auto const path = settings_.stream + '.' + settings_.durable;
   auto const found =
       detail::api_request(connection_, "$JS.API.CONSUMER.INFO." + path, tao::json::empty_object, timeout);
   if (!found) return found.error();
   if (found->ok()) return lost_ = false, result<void>{};
   if (found->err_code == detail::stream_not_found)
      return fail(error_code::not_found, "NATS: stream " + settings_.stream + " does not exist");
   if (found->err_code != detail::consumer_not_found) return found->as_error("consumer " + settings_.durable);

   auto const wait_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(settings_.ack_wait).count();
   tao::json::value const wish = {{"stream_name", settings_.stream},
                                  {"config",
                                   {{"durable_name", settings_.durable},
                                    {"filter_subject", settings_.filter_subject},
                                    {"ack_policy", "explicit"},
                                    {"deliver_policy", "all"},
                                    {"replay_policy", "instant"},
                                    {"ack_wait", wait_ns},
                                    {"max_deliver", -1},
                                    {"max_ack_pending", settings_.max_ack_pending}}}};
   auto const made = detail::api_request(connection_, "$JS.API.CONSUMER.DURABLE.CREATE." + path, wish, timeout);
   if (!made) return made.error();
   if (!made->ok()) return made->as_error("consumer " + settings_.durable);
   forget(); // what was asked of one that is no more
   lost_ = false;
   return {};
}

/// Subscribes to an inbox of our own on the connection in use and forgets a pull that a lost connection took along.
inline result<void> consumer::attach() {
   auto const link = connection_.current_link();
   if (!link) return fail(error_code::unavailable, "NATS: not connected");
   if (auto const connects = connection_.stats().connects; connects != connects_) {
      connects_ = connects;
      lose();
   }
   // The server reports the end of each pull. One that ended in silence went to a consumer that does not exist.
   if (unheard_ && *unheard_ + std::chrono::seconds(1) < clock::now() && queued() == 0) lose();
   if (subscription_ && link_ && link_->generation == link->generation) return {};
   std::lock_guard lock(mutex_);
   link_ = link;
   inbox_ = detail::new_inbox();
   forget();
   subscription_.reset();
   natsSubscription* made = nullptr;
   auto const status = natsConnection_SubscribeSync(&made, link->native.get(), (inbox_ + ".*").c_str());
   if (status != NATS_OK) return detail::to_error(status, "subscribe");
   subscription_.reset(made);
   natsSubscription_SetPendingLimits(made, -1, -1);
   return {};
}

/// Keeps a pull open.
inline result<void> consumer::ask(std::size_t max, std::chrono::milliseconds wait) {
   auto const now = clock::now();
   if (pull_ && pull_->until > now) return {};
   if (queued() > 0) return {}; // that first: else more than was asked for would stay queued for ever
   auto const open_for = std::min(wait, longest_pull);
   auto const ns = std::chrono::duration_cast<std::chrono::nanoseconds>(open_for).count();
   auto const body = "{\"batch\":" + std::to_string(max) + ",\"expires\":" + std::to_string(ns) + "}";
   auto const subject = "$JS.API.CONSUMER.MSG.NEXT." + settings_.stream + '.' + settings_.durable;
   auto const number = next_pull_++;
   auto const status = natsConnection_PublishRequest(link_->native.get(), subject.c_str(),
                                                     (inbox_ + '.' + std::to_string(number)).c_str(), body.data(),
                                                     static_cast<int>(body.size()));
   if (status != NATS_OK) return detail::to_error(status, "pull");
   if (!unheard_) unheard_ = pull_ ? pull_->until : now + open_for;
   pull_ = pull{number, max, now + open_for};
   return {};
}

inline std::uint64_t consumer::queued() const {
   std::uint64_t count = 0;
   if (!subscription_ || natsSubscription_QueuedMsgs(subscription_.get(), &count) != NATS_OK) return 0;
   return count;
}

/// A pull found no consumer, though it may be there: interest takes a moment to spread, a new leader longer. So the
/// second look and those behind it take their time.
inline void consumer::lose_unanswered() {
   lose();
   if (++unanswered_ > 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

/// Puts a message into `out`, or books the end of a pull. \return why pulling cannot go on
inline result<void> consumer::sort(detail::message_handle handle, std::vector<message>& out) {
   char const* const reply = natsMsg_GetReply(handle.get());
   if (reply != nullptr && *reply != '\0') {
      unheard_.reset();
      if (pull_ && --pull_->open == 0) pull_.reset();
      out.emplace_back(std::move(handle), link_);
      return {};
   }
   std::string_view const subject = natsMsg_GetSubject(handle.get());
   auto const number = parse_number<std::uint64_t>(subject.substr(subject.rfind('.') + 1));
   if (!number || *number < first_pull_) return {}; // a wake, or news of a pull that was forgotten
   unheard_.reset();
   if (pull_ && pull_->number == *number) pull_.reset();
   auto const status = detail::header_of(handle.get(), "Status");
   auto const text = std::string(detail::header_of(handle.get(), "Description"));
   if (status == "404" || status == "408") return {}; // ended without more messages
   if (status == "503") return lose_unanswered(), result<void>{};
   lose();
   if (text == "Consumer Deleted") return {};
   return fail(error_code::unavailable, "NATS: pull refused: " + text); // 409: a limit of the server, a shutdown
}

inline result<std::vector<message>> consumer::fetch(std::size_t max, std::chrono::milliseconds wait) {
   max = std::max<std::size_t>(max, 1);
   auto const end = clock::now() + wait;
   auto const left = [&] {
      return std::max(std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()), std::chrono::milliseconds(0));
   };
   std::vector<message> out;
   unanswered_ = 0;
   while (true) {
      if (!connection_.wait_connected(left())) return fail(error_code::unavailable, "NATS: not connected");
      if (auto attached = attach(); !attached) return std::move(attached).error();
      if (lost_) // after attach(), which finds out; before ask(): not every server tells that a pull went nowhere
         if (auto made = ensure(
                 std::clamp<std::chrono::milliseconds>(left(), std::chrono::seconds(1), std::chrono::seconds(5)));
             !made)
            return std::move(made).error();
      {
         std::lock_guard lock(mutex_);
         if (std::exchange(interrupted_, false)) return out;
      }
      if (auto asked = ask(max, std::max(left(), std::chrono::milliseconds(1))); !asked)
         return std::move(asked).error();

      // A second at most, so that a lost connection is noticed during a long wait.
      auto const slice = std::clamp<std::int64_t>(left().count(), 1, 1000);
      natsMsg* raw = nullptr;
      auto status = natsSubscription_NextMsg(&raw, subscription_.get(), slice);
      while (status == NATS_OK) {
         if (auto sorted = sort(detail::message_handle(raw), out); !sorted) {
            if (out.empty()) return std::move(sorted).error();
            break;
         }
         if (out.size() >= max || queued() == 0) break;
         status = natsSubscription_NextMsg(&raw, subscription_.get(), 1);
      }
      if (status == NATS_NO_RESPONDERS)
         lose_unanswered(); // how newer nats.c tells a 503
      else if (status != NATS_OK && status != NATS_TIMEOUT)
         subscription_.reset(); // closed with its connection
      if (!out.empty()) return out;
      if (left().count() > 0) continue;
      if (connection_.state() != connection_state::connected)
         return fail(error_code::unavailable, "NATS: not connected");
      return out;
   }
}

inline void consumer::interrupt() {
   std::lock_guard lock(mutex_);
   interrupted_ = true;
   if (link_) natsConnection_Publish(link_->native.get(), (inbox_ + ".wake").c_str(), "", 0);
}

inline consumer::~consumer() {
   // Draining ends the interest at the server and hands over what was under way.
   if (!subscription_ || natsSubscription_DrainTimeout(subscription_.get(), 1000) != NATS_OK) return;
   natsMsg* raw = nullptr;
   std::vector<message> unwanted;
   auto status = NATS_OK;
   while (status == NATS_OK || status == NATS_NO_RESPONDERS) {
      status = natsSubscription_NextMsg(&raw, subscription_.get(), 1000);
      if (status == NATS_OK) static_cast<void>(sort(detail::message_handle(raw), unwanted));
   }
   // Not at once: nats-server 2.9 skips a message that is given back while it still looks for somebody to hand it to.
   for (auto& one : unwanted)
      if (!one.nak(std::chrono::milliseconds(50))) break; // not connected: they come again after the ack wait
}

} // namespace noetl::nats
