// core/json_text.hpp: JSON strings at the level of bytes: what stands for itself, what is escaped.
// Source: RFC 8259 section 7.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <noetl/core/hex.hpp>
#include <noetl/core/utf8.hpp>

namespace noetl {

/// First byte in [at, end) that does not stand for itself in a JSON string: a quote, a backslash, a control character
/// or a byte of a character beyond ASCII; `end` when there is none.
inline char const* skip_plain_json(char const* at, char const* end) noexcept {
   // Eight bytes at a time: a byte's high bit is set in `marks` when it is special. (Warren, Hacker's Delight, 6-1.)
   constexpr std::uint64_t ones = 0x0101010101010101U;
   constexpr std::uint64_t highs = 0x8080808080808080U;
   for (; end - at >= 8; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof word);
      std::uint64_t const quote = word ^ (ones * '"');
      std::uint64_t const backslash = word ^ (ones * '\\');
      std::uint64_t const marks =
          (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | word) &
          highs;
      if (marks == 0) continue;
      // The lowest mark is exact; those above it may be borrows.
      if constexpr (std::endian::native == std::endian::little)
         return at + std::countr_zero(marks) / 8;
      else
         break;
   }
   for (; at != end; ++at) {
      auto const c = static_cast<unsigned char>(*at);
      if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') break;
   }
   return at;
}

/// Appends `text` as a JSON string with its quotes. Whatever the bytes are, the outcome is valid JSON: bytes that are
/// not UTF-8 become U+FFFD.
inline void append_json_string(std::string& out, std::string_view text) {
   out.push_back('"');
   char const* at = text.data();
   char const* const end = at + text.size();
   while (true) {
      char const* const stop = skip_plain_json(at, end);
      out.append(at, stop);
      if (stop == end) break;
      at = stop + 1;
      auto const c = static_cast<unsigned char>(*stop);
      switch (c) {
      case '"': out.append("\\\"", 2); break;
      case '\\': out.append("\\\\", 2); break;
      case '\n': out.append("\\n", 2); break;
      case '\r': out.append("\\r", 2); break;
      case '\t': out.append("\\t", 2); break;
      case '\b': out.append("\\b", 2); break;
      case '\f': out.append("\\f", 2); break;
      default:
         if (c < 0x20) {
            out.append("\\u00", 4);
            append_hex(out, c);
         } else if (std::size_t const length = utf8_length(stop, end); length > 0) {
            out.append(stop, length);
            at = stop + length;
         } else {
            out.append("\xEF\xBF\xBD", 3);
         }
      }
   }
   out.push_back('"');
}

} // namespace noetl
