// nats/detail/jetstream_api.hpp: requests to JetStream's management subjects, JSON in and out.
// Raw JSON and not the C client's structs: settings this program does not know survive an update.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/core/result.hpp>
#include <noetl/nats/cnats.hpp>
#include <noetl/nats/connection.hpp>

namespace noetl::nats::detail {

/// Numbers of JetStream's `err_code`.
enum api_error : int { consumer_not_found = 10014, stream_not_found = 10059 };

struct api_answer {
   tao::json::value body;
   int err_code = 0; ///< 0: success
   std::string description{};

   [[nodiscard]] bool ok() const noexcept { return err_code == 0; }
   [[nodiscard]] error as_error(std::string const& what) const {
      return fail(error_code::upstream, "NATS: " + what + ": " + description);
   }
};

/// Member of an object; null when absent, or when `object` is none.
inline tao::json::value const* member_of(tao::json::value const& object, std::string const& key) {
   return object.is_object() ? object.find(key) : nullptr;
}
/// The same as text or number, `fallback` when absent or of another kind.
inline std::string text_of(tao::json::value const& object, std::string const& key, std::string fallback = {}) {
   auto const* const member = member_of(object, key);
   return member && member->is_string_type() ? member->as<std::string>() : std::move(fallback);
}
inline std::int64_t number_of(tao::json::value const& object, std::string const& key, std::int64_t fallback = 0) {
   auto const* const member = member_of(object, key);
   return member && member->is_integer() ? member->as<std::int64_t>() : fallback;
}

/// The answer to `subject` lacks what every JetStream server says.
inline error incomplete_answer(std::string const& subject) {
   return fail(error_code::upstream, "NATS: the answer to " + subject + " lacks a part that was expected");
}

/// One request and its answer, an object; waits at most `timeout`.
/// \return unavailable when not connected or not answered, upstream when the answer is no object; a refusal by
/// JetStream is an answer with err_code
inline result<api_answer> api_request(connection& over, std::string const& subject, tao::json::value const& body,
                                      std::chrono::milliseconds timeout) {
   auto const link = over.current_link();
   if (!link || over.state() != connection_state::connected)
      return fail(error_code::unavailable, "NATS: not connected");
   natsMsg* raw = nullptr;
   auto const status = natsConnection_RequestString(&raw, link->native.get(), subject.c_str(),
                                                    tao::json::to_string(body).c_str(), timeout.count());
   message_handle const message(raw);
   if (status == NATS_NO_RESPONDERS)
      return fail(error_code::unavailable,
                  "NATS: JetStream is not running on this server or not enabled for this account");
   if (status != NATS_OK) return to_error(status, "request " + subject);
   try {
      api_answer answer{tao::json::from_string(data_of(message.get()))};
      if (!answer.body.is_object()) return incomplete_answer(subject);
      if (auto const* failure = answer.body.find("error")) {
         answer.err_code = static_cast<int>(number_of(*failure, "err_code", -1));
         answer.description = text_of(*failure, "description", "no reason given");
      }
      return answer;
   } catch (std::exception const& e) {
      return fail(error_code::upstream, "NATS: the answer to " + subject + " is not JSON", e.what());
   }
}

} // namespace noetl::nats::detail
