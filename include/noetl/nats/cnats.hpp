// nats/cnats.hpp: the one header that includes the NATS C client: its objects owned, its statuses as our errors.
// Compiles with nats.c 3.4 and later.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <nats/nats.h>

#include <noetl/core/result.hpp>

namespace noetl::nats::detail {

struct destroyer {
   void operator()(natsOptions* object) const noexcept { natsOptions_Destroy(object); }
   void operator()(natsConnection* object) const noexcept { natsConnection_Destroy(object); }
   void operator()(natsSubscription* object) const noexcept { natsSubscription_Destroy(object); }
   void operator()(natsMsg* object) const noexcept { natsMsg_Destroy(object); }
};

using options_handle = std::unique_ptr<natsOptions, destroyer>;
using connection_handle = std::unique_ptr<natsConnection, destroyer>;
using subscription_handle = std::unique_ptr<natsSubscription, destroyer>;
using message_handle = std::unique_ptr<natsMsg, destroyer>;

inline error_code code_of(natsStatus status) noexcept {
   switch (status) {
   case NATS_MAX_PAYLOAD: return error_code::too_large;
   case NATS_INVALID_SUBJECT:
   case NATS_INVALID_ARG: return error_code::validation;
   case NATS_CONNECTION_CLOSED:
   case NATS_CONNECTION_DISCONNECTED:
   case NATS_NO_SERVER:
   case NATS_IO_ERROR:
   case NATS_TIMEOUT:
   case NATS_STALE_CONNECTION:
   case NATS_INSUFFICIENT_BUFFER:
   case NATS_NO_RESPONDERS:
   case NATS_INVALID_SUBSCRIPTION:
   case NATS_DRAINING:
   case NATS_NOT_YET_CONNECTED: return error_code::unavailable;
   default: return error_code::upstream;
   }
}

/// `what` says which step failed; the client's own words follow, they hold no credentials.
inline error to_error(natsStatus status, std::string_view what) {
   return fail(code_of(status), "NATS: " + std::string(what) + ": " + natsStatus_GetText(status));
}

inline std::string_view data_of(natsMsg const* message) noexcept {
   return {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

/// Value of a header, empty when absent; valid as long as the message.
inline std::string_view header_of(natsMsg* message, char const* name) noexcept {
   char const* value = nullptr;
   return natsMsgHeader_Get(message, name, &value) == NATS_OK && value != nullptr ? value : std::string_view{};
}

inline std::string new_inbox() {
   natsInbox* inbox = nullptr;
   if (natsInbox_Create(&inbox) != NATS_OK) throw std::bad_alloc();
   std::string text = inbox;
   natsInbox_Destroy(inbox);
   return text;
}

} // namespace noetl::nats::detail
