// http/percent.hpp: percent-encoded text of paths and query strings (RFC 3986 section 2.1).
// Knows core only.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/utf8.hpp>

namespace noetl::http {

namespace detail {

constexpr int hex_digit(char c) noexcept {
   if (c >= '0' && c <= '9') return c - '0';
   if (c >= 'a' && c <= 'f') return c - 'a' + 10;
   if (c >= 'A' && c <= 'F') return c - 'A' + 10;
   return -1;
}

inline std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
   std::string out;
   out.reserve(text.size());
   for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
         c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
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
inline std::string percent_encode(std::string_view text) {
   static constexpr char digits[] = "0123456789ABCDEF";
   std::string out;
   for (char c : text) {
      bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                         c == '.' || c == '_' || c == '~';
      if (plain) {
         out.push_back(c);
         continue;
      }
      auto const byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4U], digits[byte & 0xFU]});
   }
   return out;
}

} // namespace noetl::http
