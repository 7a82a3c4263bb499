// workflow/detail/yaml_scalars.hpp: plain scalars of the YAML 1.2 core schema as the values they mean, with the
// reference's choices (orchestration.md 1.1). Knows JSON values only.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail {

inline bool all_of_class(std::string_view t, std::string_view allowed) {
   return !t.empty() && t.find_first_not_of(allowed) == std::string_view::npos;
}

/// \return true and the number when a plain text is a decimal integer without leading zero, hexadecimal or octal
inline bool yaml_integer(std::string_view text, json& out) {
   auto digits = text;
   bool const negative = digits.starts_with('-');
   if (negative || digits.starts_with('+')) digits.remove_prefix(1);
   int base = 10;
   if (digits.starts_with("0x") || digits.starts_with("0o")) {
      base = digits[1] == 'x' ? 16 : 8;
      digits.remove_prefix(2);
   } else if (digits.size() > 1 && digits.starts_with('0')) {
      return false;
   }
   if (!all_of_class(digits, base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789"))
      return false;
   std::uint64_t value = 0;
   if (std::from_chars(digits.data(), digits.data() + digits.size(), value, base).ec != std::errc()) {
      double big = 0;
      if (base != 10 || std::from_chars(digits.data(), digits.data() + digits.size(), big).ec != std::errc())
         return false;
      out = negative ? -big : big;
      return true;
   }
   if (!negative && value > INT64_MAX) {
      out = value;
   } else if (negative && value > std::uint64_t{1} << 63) {
      out = -static_cast<double>(value);
   } else {
      out = static_cast<std::int64_t>(negative ? 0 - value : value);
   }
   return true;
}

inline bool yaml_float(std::string_view text, json& out) {
   auto t = text;
   bool const negative = t.starts_with('-');
   if (negative || t.starts_with('+')) t.remove_prefix(1);
   if (t.size() > 1 && t[0] == '0' && t[1] >= '0' && t[1] <= '9') return false;
   if (!all_of_class(t, "0123456789.eE+-") || t.find_first_of("0123456789") == std::string_view::npos) return false;
   double value = 0;
   auto const read = std::from_chars(t.data(), t.data() + t.size(), value);
   if (read.ec != std::errc() || read.ptr != t.data() + t.size() || t.starts_with('-')) return false;
   out = negative ? -value : value;
   return true;
}

/// What a plain scalar means; text that means nothing else is text.
inline json plain_value(std::string const& text) {
   std::string_view const t = text;
   if (t.empty() || t == "~" || t == "null" || t == "Null" || t == "NULL") return tao::json::null;
   if (t == "true" || t == "True" || t == "TRUE") return true;
   if (t == "false" || t == "False" || t == "FALSE") return false;
   auto sign_free = t;
   if (t.front() == '-' || t.front() == '+') sign_free.remove_prefix(1);
   if (sign_free == ".inf" || sign_free == ".Inf" || sign_free == ".INF" || t == ".nan" || t == ".NaN" || t == ".NAN")
      return tao::json::null; // JSON has no such number
   json out;
   if (yaml_integer(t, out) || yaml_float(t, out)) return out;
   return text;
}

} // namespace noetl::workflow::detail
