// stream/jetstream_sink.hpp: events to a JetStream stream: subjects, message ids, large ones by reference.
// Knows nats/ and feed; where large events are put is a function given to it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream.hpp>
#include <noetl/stream/by_reference.hpp>
#include <noetl/stream/concepts.hpp>
#include <noetl/stream/event_subject.hpp>
#include <noetl/stream/feed.hpp>

namespace noetl::stream {

struct sink_settings {
   nats::stream_settings stream = nats::event_stream();
   std::string subject_prefix = "noetl.events";
   /// Durable pull consumers that must exist for the playbooks that read them; one that exists is left as it is (D-32).
   std::vector<std::string> consumers{"noetl_projector", "noetl_materializer"};
   std::size_t max_bytes = 900 * 1024; ///< a longer payload goes by reference, as does what the server would not take
   std::size_t window = 1'024;         ///< messages without acknowledgement; the tailer's window or more
   std::chrono::milliseconds ack_timeout{5'000};
   std::chrono::milliseconds api_timeout{2'000};
};

/// Settings that a server accepts: no dedup window beyond max_age (D-33).
inline nats::stream_settings acceptable(nats::stream_settings wish) {
   if (wish.max_age.count() > 0 && wish.dedup_window > wish.max_age) {
      log::warn("stream.dedup_shortened",
                {{"seconds", wish.max_age.count()}, {"configured", wish.dedup_window.count()}});
      wish.dedup_window = wish.max_age;
   }
   return wish;
}

/// What was delivered.
struct sink_stats {
   std::map<std::string, std::uint64_t> delivered{}; ///< by event type; at most a hundred, the rest as `other`
   std::uint64_t by_reference = 0;
   std::uint64_t not_stored = 0; ///< of these, without their text: the store refused it
   std::uint64_t streams_created = 0;
   std::int64_t last_event_id = 0;
   std::string stream{}; ///< in use; empty before the first look
};

/// Publishes events under `<prefix>.<event type>` with `Nats-Msg-Id` = decimal event id. Stream and consumers are
/// looked after at each connect and after a failure; an existing stream is left as found and its differences are
/// logged. The connection must be made with resume = false, or order is lost when the server restarts.
///
/// For one tailer; prepare() and stats() are thread-safe. `put_aside` stores a large event; prepare() calls it on
/// several threads at once.
class jetstream_sink {
public:
   using put_aside_function = std::function<result<stored_event>(feed_item const&)>;

   jetstream_sink(nats::connection& over, put_aside_function put_aside, sink_settings how = {})
       : connection_(over), put_aside_(std::move(put_aside)), how_(std::move(how)), wish_(acceptable(how_.stream)),
         bus_(over, {.window = how_.window, .ack_timeout = how_.ack_timeout, .ordered = true}) {}

   result<void> ready() {
      auto const before = connection_.stats();
      if (before.state != nats::connection_state::connected)
         return fail(error_code::unavailable, "NATS: not connected");
      if (before.connects != looked_at_ || doubtful_.exchange(false)) {
         if (auto there = ensure(); !there) {
            doubtful_ = true;
            return there;
         }
         looked_at_ = before.connects;
      }
      bus_.resume();
      return {};
   }

   result<void> prepare(std::span<feed_item> items) {
      auto const most = limit();
      for (auto& one : items) {
         if (one.payload.size() <= most) continue;
         auto stored = put_aside_(one);
         // What a database refuses once it refuses always; the stream must go on.
         if (!stored && stored.error().code == error_code::unavailable) return std::move(stored).error();
         if (!stored)
            log::error(
                "stream.not_stored",
                {{"event_id", one.event_id}, {"reason", stored.error().message}, {"detail", stored.error().detail}});
         auto const bytes = one.payload.size();
         one.payload = stored
                           ? event_stub(one, *stored, most)
                           : event_stub(one, {.uri = {}, .sha256 = {}, .bytes = bytes}, most, stored.error().message);
         one.by_reference = true;
         log::warn("stream.by_reference", {{"event_id", one.event_id}, {"bytes", bytes}, {"limit", most}});
         std::lock_guard lock(guard_);
         ++stats_.by_reference;
         if (!stored) ++stats_.not_stored;
      }
      return {};
   }

   void send(feed_item const& one, outcome_handler done) {
      ++unflushed_;
      auto const subject = event_subject(how_.subject_prefix, one.event_type);
      bus_.publish(subject, one.payload, std::to_string(one.event_id),
                   [this, done = std::move(done)](result<void> outcome) {
                      // The stream may be gone, or full: look after it before the repeat.
                      if (!outcome) doubtful_ = true;
                      done(std::move(outcome));
                   });
   }

   void flush() {
      // In bulk the client's own flushing is frequent enough, and a ping would wait for everything before it.
      if (std::exchange(unflushed_, 0) < 64) bus_.flush();
   }

   /// The stream is another one than at the last look, or made since we are here, by us or by somebody else: whatever
   /// was in one of that name is gone.
   bool lost() noexcept { return lost_.exchange(false); }

   void delivered(feed_item const& one) {
      std::lock_guard lock(guard_);
      auto const& type = one.event_type ? *one.event_type : unknown_;
      auto at = stats_.delivered.find(type);
      if (at == stats_.delivered.end())
         at = stats_.delivered.try_emplace(stats_.delivered.size() < 100 && type.size() <= 100 ? type : "other").first;
      ++at->second;
      stats_.last_event_id = one.event_id;
   }

   [[nodiscard]] sink_stats stats() const {
      std::lock_guard lock(guard_);
      return stats_;
   }
   [[nodiscard]] nats::publisher_stats bus_stats() const { return bus_.stats(); }

private:
   /// Payload bytes that fit beside subject and headers.
   [[nodiscard]] std::size_t limit() const {
      constexpr std::size_t headers = 256;
      auto const server = connection_.max_payload();
      return server == 0 ? how_.max_bytes : std::min(how_.max_bytes, server > headers ? server - headers : server);
   }

   result<void> ensure() {
      auto const report = nats::ensure_stream(connection_, wish_, how_.api_timeout);
      if (!report) return report.error();
      bool fresh = report->outcome == nats::stream_outcome::created;
      if (fresh || replaced(report->created)) lost_ = true;
      seen_ = report->created;
      {
         std::lock_guard lock(guard_);
         fresh = fresh || stats_.stream.empty();
         stats_.stream = report->name;
         if (report->outcome == nats::stream_outcome::created) ++stats_.streams_created;
      }
      if (fresh) {
         log::info("stream.ready", {{"name", report->name}, {"outcome", to_text(report->outcome)}});
         for (auto const& difference : report->differences)
            log::warn("stream.differs", {{"name", report->name}, {"difference", difference}});
      }
      for (auto const& name : how_.consumers) {
         nats::consumer one(connection_,
                            {.stream = report->name, .durable = name, .filter_subject = how_.subject_prefix + ".>"});
         if (auto made = one.ensure(how_.api_timeout); !made) return made;
      }
      return {};
   }

   /// At the first look only the clocks of both tell; when they differ, the audit still finds what is missing.
   [[nodiscard]] bool replaced(std::string const& created) const {
      if (!seen_.empty()) return created != seen_;
      auto const when = from_rfc3339(created);
      return when && *when > born_;
   }

   nats::connection& connection_;
   put_aside_function put_aside_;
   sink_settings const how_;
   nats::stream_settings const wish_;
   std::string const unknown_ = "unknown";
   std::uint64_t looked_at_ = 0; // connects of the connection at the last look
   std::atomic<bool> doubtful_{true};
   std::atomic<bool> lost_{false};
   timestamp const born_ = now();
   std::string seen_; // when the stream of the last look was made
   std::size_t unflushed_ = 0;
   mutable std::mutex guard_;
   sink_stats stats_;
   nats::publisher bus_; // last: its callbacks reach what stands above
};
static_assert(sink<jetstream_sink, feed_item>);

} // namespace noetl::stream
