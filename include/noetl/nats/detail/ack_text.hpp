// nats/detail/ack_text.hpp: what a JetStream server answers to a publish, read without building a tree.
// Private to nats/publisher.hpp.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include <noetl/core/result.hpp>

namespace noetl::nats::detail {

struct publish_ack {
   bool duplicate = false;
};

/// The JSON value text after `"key":`, for the flat objects the server writes; empty when absent.
inline std::string_view value_after(std::string_view json, std::string_view quoted_key) noexcept {
   auto at = json.find(quoted_key);
   if (at == std::string_view::npos) return {};
   at = json.find_first_not_of(": \t\n", at + quoted_key.size());
   return at == std::string_view::npos ? std::string_view{} : json.substr(at);
}

/// Reads `{"stream":"s","seq":7}`, `{...,"duplicate":true}` or `{"error":{"code":503,"description":"..."},...}`.
inline result<publish_ack> read_publish_ack(std::string_view json) {
   if (auto const failure = value_after(json, "\"error\""); !failure.empty()) {
      int code = 0;
      auto const number = value_after(failure, "\"code\"");
      std::from_chars(number.data(), number.data() + number.size(), code);
      auto text = value_after(failure, "\"description\"");
      if (text.starts_with('"')) text = text.substr(1, text.find('"', 1) - 1);
      auto const kind = code == 503 ? error_code::unavailable : error_code::upstream;
      return fail(kind, "NATS: the stream refused the message: " + std::string(text));
   }
   if (value_after(json, "\"seq\"").empty())
      return fail(error_code::upstream, "NATS: the answer to a publish is not an acknowledgement", std::string(json));
   return publish_ack{value_after(json, "\"duplicate\"").starts_with("true")};
}

} // namespace noetl::nats::detail
