// core/hex.hpp: bytes and 64-bit numbers as hexadecimal digits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace noetl {

inline constexpr std::string_view hex_digits = "0123456789abcdef";
inline constexpr std::string_view upper_hex_digits = "0123456789ABCDEF"; ///< RFC 3986 section 2.1 asks for these

/// What a digit of either case stands for; -1 for other characters.
constexpr int hex_value(char c) noexcept {
   if (c >= '0' && c <= '9') return c - '0';
   if (c >= 'a' && c <= 'f') return c - 'a' + 10;
   if (c >= 'A' && c <= 'F') return c - 'A' + 10;
   return -1;
}

/// Appends two digits.
inline void append_hex(std::string& out, unsigned char byte, std::string_view digits = hex_digits) {
   out.push_back(digits[byte >> 4U]);
   out.push_back(digits[byte & 15U]);
}

/// Sixteen digits.
inline std::string hex_text(std::uint64_t value) {
   std::string text(16, '0');
   for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4U) *at = hex_digits[value & 15U];
   return text;
}

} // namespace noetl
