// nats/plain_publisher.hpp: publishing over core NATS: no stream, no acknowledgement, whoever listens gets it.
// Knows core and nats/connection.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/subject.hpp>

namespace noetl::nats {

/// For signals whose loss costs nothing but time. Thread-safe.
class plain_publisher {
public:
   explicit plain_publisher(connection& over) : connection_(over) {}

   /// \param message_id  `Nats-Msg-Id` header; empty: none
   /// \param done  called before this returns. success: handed to the connection, which is all that is known.
   ///    unavailable: not connected. too_large, validation: this message cannot be sent
   void publish(std::string_view subject, std::string_view payload, std::string_view message_id,
                std::function<void(result<void>)> done) {
      auto outcome = send(subject, payload, message_id);
      if (done) done(std::move(outcome));
   }

private:
   result<void> send(std::string_view subject, std::string_view payload, std::string_view message_id) {
      auto const link = connection_.current_link();
      if (!link || connection_.state() != connection_state::connected)
         return fail(error_code::unavailable, "NATS: not connected");
      if (!is_subject(subject))
         return fail(error_code::validation, "NATS: not a subject that can be published to", std::string(subject));
      if (message_id.find_first_of("\r\n") != std::string_view::npos)
         return fail(error_code::validation, "NATS: a message id must not hold line breaks");
      natsMsg* raw = nullptr;
      auto status =
          natsMsg_Create(&raw, std::string(subject).c_str(), nullptr, payload.data(), static_cast<int>(payload.size()));
      detail::message_handle const message(raw);
      if (status == NATS_OK && !message_id.empty())
         status = natsMsgHeader_Set(raw, "Nats-Msg-Id", std::string(message_id).c_str());
      if (status == NATS_OK) status = natsConnection_PublishMsg(link->native.get(), raw);
      if (status != NATS_OK) return detail::to_error(status, "publish");
      return {};
   }
   connection& connection_;
};

} // namespace noetl::nats
