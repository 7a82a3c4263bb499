// nats/stream_ids.hpp: the message ids that a JetStream stream holds, without their payloads.
// Knows core and nats/connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/ack_subject.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>

namespace noetl::nats {

/// `Nats-Msg-Id` of every message stored since `since`. About 100 bytes of memory for each; reads headers only.
/// \param timeout  of each request and of each message: the server sends them one after the other
/// \return unavailable: not connected, or the flow broke off. not_found: there is no such stream
inline result<std::unordered_set<std::string>>
message_ids_since(connection& over, std::string const& stream, timestamp since,
                  std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
   auto const link = over.current_link();
   if (!link || over.state() != connection_state::connected)
      return fail(error_code::unavailable, "NATS: not connected");
   // Only the stream itself knows that there is nothing to wait for: what a consumer says is pending is wrong after a
   // restart of nats-server 2.9.
   auto const info = detail::api_request(over, "$JS.API.STREAM.INFO." + stream, tao::json::empty_object, timeout);
   if (!info) return info.error();
   if (info->err_code == detail::stream_not_found)
      return fail(error_code::not_found, "NATS: there is no stream " + stream);
   if (!info->ok()) return info->as_error("state of " + stream);
   auto const* state = detail::member_of(info->body, "state");
   if (state == nullptr || detail::number_of(*state, "messages") == 0) return std::unordered_set<std::string>{};
   // After its last message was deleted and a restart, nats-server 2.9 takes the end of the stream for older than its
   // beginning, and finds nothing by time: then everything is read.
   auto const oldest = from_rfc3339(detail::text_of(*state, "first_ts"));
   auto const newest = from_rfc3339(detail::text_of(*state, "last_ts"));
   bool const by_time = oldest && newest && *newest >= *oldest;
   if (by_time && *newest < since) return std::unordered_set<std::string>{};
   auto const inbox = detail::new_inbox();
   natsSubscription* raw = nullptr;
   if (auto const status = natsConnection_SubscribeSync(&raw, link->native.get(), inbox.c_str()); status != NATS_OK)
      return detail::to_error(status, "subscribe");
   detail::subscription_handle const subscription(raw);
   natsSubscription_SetPendingLimits(raw, -1, -1);
   // Without a filter: with one, nats-server 2.9 miscounts what is pending after a restart.
   tao::json::value config = {{"deliver_subject", inbox},
                              {"deliver_policy", by_time ? "by_start_time" : "all"},
                              {"ack_policy", "none"},
                              {"headers_only", true},
                              {"inactive_threshold", 30'000'000'000}};
   if (by_time) config["opt_start_time"] = to_rfc3339(since);
   tao::json::value const wish = {{"stream_name", stream}, {"config", config}};
   auto const made = detail::api_request(over, "$JS.API.CONSUMER.CREATE." + stream, wish, timeout);
   if (!made) return made.error();
   if (made->err_code == detail::stream_not_found)
      return fail(error_code::not_found, "NATS: there is no stream " + stream);
   if (!made->ok()) return made->as_error("consumer of " + stream);
   auto const name = detail::text_of(made->body, "name");
   std::unordered_set<std::string> ids;
   result<void> outcome;
   for (;;) {
      natsMsg* message = nullptr;
      auto const status = natsSubscription_NextMsg(&message, raw, timeout.count());
      detail::message_handle const owned(message);
      if (status != NATS_OK) {
         outcome = detail::to_error(status, "read of " + stream);
         break;
      }
      auto const* const reply = natsMsg_GetReply(message);
      auto const told = detail::read_ack_subject(reply ? reply : "");
      if (!told) continue;
      if (auto const id = detail::header_of(message, "Nats-Msg-Id"); !id.empty()) ids.emplace(id);
      if (told->pending == 0) break;
   }
   (void)detail::api_request(over, "$JS.API.CONSUMER.DELETE." + stream + "." + name, tao::json::empty_object, timeout);
   if (!outcome) return std::move(outcome).error();
   return ids;
}

} // namespace noetl::nats
