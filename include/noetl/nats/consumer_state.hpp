// nats/consumer_state.hpp: how far a durable consumer is behind its stream.
// Knows core and nats/connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>

namespace noetl::nats {

struct consumer_state {
   std::uint64_t pending = 0;    ///< not yet delivered
   std::uint64_t unacked = 0;    ///< delivered and not acknowledged
   double oldest_seconds = 0;    ///< age of the oldest message that is not acknowledged; 0: there is none
   double retention_seconds = 0; ///< max age of the stream; 0: unlimited
   /// The oldest message is about to be dropped unread.
   [[nodiscard]] bool nearly_lost() const noexcept {
      return retention_seconds > 0 && oldest_seconds > 0.8 * retention_seconds;
   }
};

/// Three requests. \return unavailable: not connected; upstream: no such stream or consumer, or an odd answer
inline result<consumer_state> look_at_consumer(connection& over, std::string const& stream, std::string const& durable,
                                               std::chrono::milliseconds timeout = std::chrono::seconds(2)) {
   auto const ask = [&](std::string const& subject, tao::json::value const& body) -> result<detail::api_answer> {
      auto got = detail::api_request(over, subject, body, timeout);
      if (got && !got->ok()) return got->as_error(subject);
      return got;
   };
   auto const info = ask("$JS.API.CONSUMER.INFO." + stream + "." + durable, tao::json::empty_object);
   if (!info) return info.error();
   auto const whole = ask("$JS.API.STREAM.INFO." + stream, tao::json::empty_object);
   if (!whole) return whole.error();
   auto const* const config = detail::member_of(whole->body, "config");
   auto const* const state = detail::member_of(whole->body, "state");
   auto const* const acked = detail::member_of(info->body, "ack_floor");
   if (config == nullptr || state == nullptr) return detail::incomplete_answer("$JS.API.STREAM.INFO." + stream);
   if (acked == nullptr) return detail::incomplete_answer("$JS.API.CONSUMER.INFO." + stream + "." + durable);
   consumer_state out;
   out.pending = static_cast<std::uint64_t>(detail::number_of(info->body, "num_pending"));
   out.unacked = static_cast<std::uint64_t>(detail::number_of(info->body, "num_ack_pending"));
   out.retention_seconds = static_cast<double>(detail::number_of(*config, "max_age")) / 1e9;
   if (out.pending + out.unacked == 0) return out;
   auto const first = std::max(detail::number_of(*acked, "stream_seq") + 1, detail::number_of(*state, "first_seq"));
   auto const oldest = ask("$JS.API.STREAM.MSG.GET." + stream, {{"seq", first}});
   // Deleted in between: the first one of the stream is older than any that waits.
   auto const* const message = oldest ? detail::member_of(oldest->body, "message") : nullptr;
   auto const time = message ? detail::text_of(*message, "time") : detail::text_of(*state, "first_ts");
   if (auto const at = from_rfc3339(time))
      out.oldest_seconds = std::max(0.0, std::chrono::duration<double>(now() - *at).count());
   return out;
}

} // namespace noetl::nats
