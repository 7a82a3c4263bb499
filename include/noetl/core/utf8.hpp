// core/utf8.hpp: what is valid UTF-8, and texts that PostgreSQL can store. Knows the standard library only.
// Source: Unicode 15 table 3-7 (well-formed UTF-8).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace noetl {

/// Length of the well-formed UTF-8 sequence that starts at `at`, or 0 when there is none before `end`.
/// \pre at < end
inline std::size_t utf8_length(char const* at, char const* end) noexcept {
   auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(at[i]); };
   auto const follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
   auto const left = static_cast<std::size_t>(end - at);
   unsigned const first = byte(0);
   if (first < 0x80) return 1;
   if (first < 0xC2) return 0;
   if (first < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
   if (first < 0xF0) {
      if (left < 3 || !follows(1) || !follows(2)) return 0;
      if (first == 0xE0 && byte(1) < 0xA0) return 0; // a longer spelling than needed
      if (first == 0xED && byte(1) > 0x9F) return 0; // a surrogate
      return 3;
   }
   if (first > 0xF4 || left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
   if (first == 0xF0 && byte(1) < 0x90) return 0;
   if (first == 0xF4 && byte(1) > 0x8F) return 0;
   return 4;
}

/// The text as a column can hold it: each zero byte, and each byte that belongs to no well-formed sequence, becomes
/// `instead`.
inline std::string storable_text(std::string_view text, std::string_view instead) {
   std::string out;
   out.reserve(text.size());
   char const* const end = text.data() + text.size();
   for (char const* at = text.data(); at != end;) {
      if (auto const length = *at == '\0' ? 0 : utf8_length(at, end); length > 0) {
         out.append(at, length);
         at += length;
      } else {
         out += instead;
         ++at;
      }
   }
   return out;
}

} // namespace noetl
