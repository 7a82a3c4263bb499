// workflow/detail/stored_json.hpp: JSON text of an event as PostgreSQL's jsonb will give it back, so that a state
// folded from an event just written equals one folded from the log. Knows json_text.hpp.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail {

constexpr bool is_digit(char c) noexcept {
   return c >= '0' && c <= '9';
}

/// A JSON number as jsonb prints it, as far as that changes what is read: jsonb keeps decimals, so `1e3` comes back as
/// the integer 1000, `-0.0` as 0.0. A fraction written with an exponent reads as the same double and is left alone.
inline std::string stored_number(std::string_view token) {
   bool const negative = token.starts_with('-');
   auto mantissa = token.substr(negative ? 1 : 0);
   std::int64_t exponent = 0;
   if (auto const e = mantissa.find_first_of("eE"); e != mantissa.npos) {
      auto text = mantissa.substr(e + 1);
      if (text.starts_with('+')) text.remove_prefix(1);
      auto const end = text.data() + text.size();
      // jsonb refuses larger ones than fit here
      if (text.empty() || std::from_chars(text.data(), end, exponent).ptr != end) return std::string(token);
      mantissa = mantissa.substr(0, e);
   }
   bool const zero = mantissa.find_first_not_of("0.") == mantissa.npos;
   auto const point = std::min(mantissa.find('.'), mantissa.size());
   auto const decimals = static_cast<std::int64_t>(mantissa.size() - std::min(point + 1, mantissa.size()));
   if (exponent < decimals) return std::string(token.substr(negative && zero ? 1 : 0));
   constexpr std::int64_t beyond_doubles = 400;
   if (exponent > beyond_doubles && !zero) return std::string(token);
   std::string digits(mantissa.substr(0, point));
   digits += mantissa.substr(std::min(point + 1, mantissa.size()));
   if (zero) return "0";
   digits.erase(0, digits.find_first_not_of('0'));
   digits.append(static_cast<std::size_t>(exponent - decimals), '0');
   return (negative ? "-" : "") + digits;
}

/// \return the text with such numbers rewritten; nothing when there are none
inline std::optional<std::string> stored_numbers(std::string_view text) {
   std::optional<std::string> out;
   std::size_t copied = 0;
   for (std::size_t at = 0; at < text.size();) {
      if (text[at] == '"') {
         for (++at; at < text.size() && text[at] != '"'; ++at)
            if (text[at] == '\\') ++at;
         ++at;
      } else if (is_digit(text[at]) || text[at] == '-') {
         auto const end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
         auto const token = text.substr(at, end - at);
         if (token.find_first_of("eE") != token.npos || token.starts_with("-0")) {
            if (!out) out.emplace();
            *out += text.substr(copied, at - copied);
            *out += stored_number(token);
            copied = end;
         }
         at = end;
      } else {
         ++at;
      }
   }
   if (out) *out += text.substr(copied);
   return out;
}

/// parse_json for texts of events.
inline std::optional<json> parse_stored(std::string_view text) {
   auto const changed = stored_numbers(text);
   return parse_json(changed ? std::string_view(*changed) : text);
}

} // namespace noetl::workflow::detail
