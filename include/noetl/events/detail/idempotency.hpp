// events/detail/idempotency.hpp: what a caller's key does: a repeat is told from another request by a sum of what it
// says, and the event of an action has an id made of the key. Knows the envelope.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::detail {

/// What `meta` of an event holds when its request had a key or a reason.
struct change_meta {
   std::optional<std::string> idempotency_key;
   std::string request; ///< with a key: SHA-256 of action and wish
   std::optional<std::string> reason;
   using json_rules = rules<omit_empty<"idempotency_key", "request", "reason">, defaulted<"request">>;
};

/// Adds that to what `meta` says already.
inline void add_change(raw_json& meta, change_meta const& change) {
   auto text = to_json(change);
   if (meta.text.size() > 2) text = meta.text.substr(0, meta.text.size() - 1) + "," + text.substr(1);
   meta.text = std::move(text);
}

inline constexpr std::size_t longest_key = 255;

inline result<void> check_key(std::optional<std::string> const& key) {
   if (!key) return {};
   bool fits = !key->empty() && key->size() <= longest_key;
   for (char const c : *key) fits = fits && c > ' ' && c < 127;
   if (fits) return {};
   return fail(error_code::bad_request,
               "Idempotency-Key: expected 1 to " + std::to_string(longest_key) + " visible ASCII characters");
}

/// \param wish  JSON of what the caller says; empty when there is nothing to say
inline std::string request_sum(std::string_view action, raw_json const& wish) {
   std::string text(action);
   return sha256_hex(text.append("\n").append(wish.text));
}

/// The same id for the same key on the same aggregate, in every process; 60 bits of a SHA-256.
inline event_id keyed_event_id(std::int64_t aggregate, std::string_view key) {
   auto const hex = sha256_hex(std::to_string(aggregate) + "\n" + std::string(key));
   std::int64_t value = 0;
   std::from_chars(hex.data(), hex.data() + 15, value, 16);
   return event_id{value == 0 ? 1 : value};
}

/// Errors: validation when the event was recorded for another request.
inline result<void> same_request(event const& known, std::string_view request) {
   auto const meta = from_json<change_meta>(known.meta.text);
   if (meta && meta->request == request) return {};
   return fail(error_code::validation, "Idempotency-Key: was used with another request");
}

} // namespace noetl::detail
