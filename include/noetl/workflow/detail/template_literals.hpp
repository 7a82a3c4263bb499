// workflow/detail/template_literals.hpp: numbers and texts as they are written in a template.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include <noetl/workflow/detail/template_text.hpp>
#include <noetl/workflow/detail/template_value.hpp>

namespace noetl::workflow::detail {

/// A number written with digits, `_` between them, and 0x, 0o or 0b before them.
inline wide_integer read_integer(std::string_view digits) {
   auto const mark = digits.size() < 3 || digits[0] != '0' ? '-' : static_cast<char>(digits[1] | 32);
   int const base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
   wide_integer v = 0;
   for (char const c : digits.substr(base == 10 ? 0 : 2)) {
      if (c == '_') continue;
      int const digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
      if (__builtin_mul_overflow(v, wide_integer{base}, &v) || __builtin_add_overflow(v, wide_integer{digit}, &v))
         throw template_failure("integer is too large");
   }
   return v;
}

inline double read_float(std::string_view digits) {
   std::string plain;
   std::copy_if(digits.begin(), digits.end(), std::back_inserter(plain), [](char c) { return c != '_'; });
   double v = 0;
   auto const read = std::from_chars(plain.data(), plain.data() + plain.size(), v);
   if (read.ec != std::errc()) throw template_failure("number is out of range");
   return v;
}

/// Hexadecimal digits of an escape.
inline char32_t code_of_hex(std::string_view text, std::size_t from, std::size_t n) {
   std::uint32_t out = 0;
   auto const digits = text.substr(std::min(from, text.size()), n);
   auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
   if (digits.size() != n || read.ec != std::errc() || read.ptr != digits.data() + n)
      throw template_failure("bad escape: " + std::to_string(n) + " hexadecimal digits are needed");
   return out;
}

/// Appends the text that stood between quotes, its escapes resolved; a backslash before anything else stays.
inline void append_unescaped(std::string& out, std::string_view escaped) {
   for (std::size_t i = 0; i < escaped.size(); ++i) {
      if (escaped[i] != '\\' || i + 1 == escaped.size()) {
         out += escaped[i];
         continue;
      }
      char const c = escaped[++i];
      switch (c) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case '0':
      case '1':
      case '2':
      case '3': {
         char32_t code = 0;
         std::size_t n = 0;
         for (; n < 3 && i + n < escaped.size() && escaped[i + n] >= '0' && escaped[i + n] <= '7'; ++n)
            code = code * 8 + static_cast<char32_t>(escaped[i + n] - '0');
         append_utf8(out, code);
         i += n - 1;
         break;
      }
      case 'x': {
         append_utf8(out, code_of_hex(escaped, i + 1, 2));
         i += 2;
         break;
      }
      case 'u': {
         auto code = code_of_hex(escaped, i + 1, 4);
         i += 4;
         if (code >= 0xd800 && code < 0xdc00 && escaped.substr(i + 1, 2) == "\\u") {
            auto const low = code_of_hex(escaped, i + 3, 4);
            if (low < 0xdc00 || low > 0xdfff) throw template_failure("bad \\u escape: half of a pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 6;
         }
         if (code >= 0xd800 && code <= 0xdfff) throw template_failure("bad \\u escape: half of a pair");
         append_utf8(out, code);
         break;
      }
      case '\'':
      case '"':
      case '\\':
      case '/': out += c; break;
      default: (out += '\\') += c;
      }
   }
}

} // namespace noetl::workflow::detail
