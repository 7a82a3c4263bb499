// values.hpp: small things done with JSON values and texts. Knows taoJSON only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tao/json/events/limit_nesting_depth.hpp>
#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/core/utf8.hpp>

namespace stub {

using json = tao::json::value;

/// A member's value, null when absent or when `object` is none.
inline json const& at(json const& object, std::string const& key) {
   static json const none = tao::json::null;
   auto const* found = object.is_object() ? object.find(key) : nullptr;
   return found ? *found : none;
}
/// The first of two members that is not null.
inline json const& at(json const& object, std::string const& key, std::string const& other) {
   auto const& first = at(object, key);
   return first.is_null() ? at(object, other) : first;
}

/// A text as it is, null as `fallback`, anything else as JSON.
inline std::string text(json const& value, std::string fallback = {}) {
   if (value.is_string_type()) return std::string(value.get_string_type());
   return value.is_null() ? std::move(fallback) : tao::json::to_string(value);
}

/// A number, also one written as text.
inline double number(json const& value, double fallback) {
   if (value.is_number()) return value.as<double>();
   if (!value.is_string_type()) return fallback;
   try {
      return std::stod(std::string(value.get_string_type()));
   } catch (std::exception const&) {
      return fallback; // no number: as if it were absent
   }
}
inline long long whole(json const& value, long long fallback) {
   if (value.is_integer()) return value.as<std::int64_t>();
   return static_cast<long long>(number(value, static_cast<double>(fallback)));
}
inline bool yes(json const& value) {
   if (value.is_boolean()) return value.get_boolean();
   return value.is_string_type() && (value.get_string_type() == "true" || value.get_string_type() == "yes");
}

/// `timeout_seconds` or `timeout`; fractions count.
inline std::chrono::milliseconds timeout_of(json const& config, double fallback_seconds) {
   auto const seconds = number(at(config, "timeout_seconds", "timeout"), fallback_seconds);
   return std::chrono::milliseconds(static_cast<long long>(seconds * 1000));
}

template <class Consumer>
struct limit_depth_256 : tao::json::events::limit_nesting_depth<Consumer, 256> {};

/// \return nothing for text that is no JSON or nests deeper than 256
inline std::optional<json> parsed(std::string_view body) {
   try {
      return tao::json::from_string<limit_depth_256>(body);
   } catch (std::exception const&) {
      return std::nullopt;
   }
}

/// Valid UTF-8 without NUL, so that it can be stored; what is not becomes U+FFFD.
inline std::string storable(std::string_view text) {
   return noetl::storable_text(text, "\xEF\xBF\xBD");
}

} // namespace stub
