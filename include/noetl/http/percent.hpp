// http/percent.hpp: percent-encoded text of paths and query strings (RFC 3986 section 2.1).
// Knows core only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/hex.hpp>
#include <noetl/core/utf8.hpp>

namespace noetl::http {

namespace detail {

inline std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
   std::string out;
   out.reserve(text.size());
   for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
         c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
         i += 2;
      } else if (c == '+' && plus_is_blank) {
         c = ' ';
      }
      out.push_back(c);
   }
   for (char const *at = out.data(), *end = at + out.size(); at != end;) {
      std::size_t const length = utf8_length(at, end);
      if (length == 0) return std::nullopt;
      at += length;
   }
   return out;
}

} // namespace detail

/// Decodes one path segment or the rest of a path. A '%' without two hex digits stands for itself.
/// \return nothing when the decoded text is not UTF-8
inline std::optional<std::string> decode_path(std::string_view text) {
   return detail::decode(text, false);
}

/// Decodes a key or a value of a query string, where '+' stands for a blank.
inline std::optional<std::string> decode_query(std::string_view text) {
   return detail::decode(text, true);
}

/// Encodes everything but the unreserved characters of RFC 3986, for one path segment, key or value.
/// \param kept  further characters that stay, such as the '/' of a whole path
inline std::string percent_encode(std::string_view text, std::string_view kept = {}) {
   std::string out;
   for (char c : text) {
      bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                         c == '.' || c == '_' || c == '~' || kept.find(c) != kept.npos;
      if (plain) {
         out.push_back(c);
         continue;
      }
      out.push_back('%');
      append_hex(out, static_cast<unsigned char>(c), upper_hex_digits);
   }
   return out;
}

} // namespace noetl::http
