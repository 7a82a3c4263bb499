// workflow/detail/template_text.hpp: UTF-8 texts: characters, case, blanks, search. Bytes that are no UTF-8 count as
// characters of their own, so that every text can be cut and none is read past its end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <noetl/workflow/detail/template_budget.hpp>
#include <noetl/workflow/detail/template_case_table.hpp>

namespace noetl::workflow::detail {

/// Bytes of the character at `at`.
inline std::size_t character_size(std::string_view text, std::size_t at) {
   auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
   auto const c = byte(at);
   std::size_t const n = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
   if (n == 1 || at + n > text.size()) return 1;
   for (std::size_t k = 1; k < n; ++k)
      if ((byte(at + k) & 0xc0) != 0x80) return 1;
   auto const second = byte(at + 1);
   bool const outside = (c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) ||
                        (c == 0xf4 && second > 0x8f);
   return outside ? 1 : n;
}

inline bool valid_utf8(std::string_view text) {
   for (std::size_t at = 0; at < text.size();) {
      auto const n = character_size(text, at);
      if (n == 1 && static_cast<unsigned char>(text[at]) >= 0x80) return false;
      at += n;
   }
   return true;
}

/// Code point of a character of `n` bytes.
inline char32_t code_point(std::string_view text, std::size_t at, std::size_t n) {
   auto const byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[at + i])); };
   switch (n) {
   case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
   case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
   case 4: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
   default: return byte(0);
   }
}

inline void append_utf8(std::string& out, char32_t c) {
   auto const put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
   auto const tail = [&](int shift) { put(0x80 | (c >> shift & 0x3f)); };
   if (c < 0x80) return put(c);
   if (c < 0x800) return put(0xc0 | c >> 6), tail(0);
   if (c < 0x10000) return put(0xe0 | c >> 12), tail(6), tail(0);
   put(0xf0 | c >> 18), tail(12), tail(6), tail(0);
}

inline std::size_t count_characters(std::string_view text) {
   std::size_t n = 0;
   for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) ++n;
   return n;
}

/// White space of Unicode.
inline bool is_blank(char32_t c) {
   return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
          c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

inline std::string_view stripped(std::string_view text) {
   while (!text.empty()) {
      auto const n = character_size(text, 0);
      if (!is_blank(code_point(text, 0, n)) || (n == 1 && static_cast<unsigned char>(text[0]) >= 0x80)) break;
      text.remove_prefix(n);
   }
   while (!text.empty()) {
      auto at = text.size() - 1;
      while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
      auto const n = character_size(text, at);
      bool const torn = at + n != text.size() || (n == 1 && static_cast<unsigned char>(text[at]) >= 0x80);
      if (torn || !is_blank(code_point(text, at, n))) break;
      text.remove_suffix(n);
   }
   return text;
}

template <std::size_t N>
char32_t mapped_case(case_range const (&ranges)[N], char32_t c) {
   auto const found = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                       [](char32_t x, case_range const& r) { return x < r.first; });
   if (found == std::begin(ranges)) return c;
   auto const& r = *std::prev(found);
   if (c <= r.last && (c - r.first) % static_cast<char32_t>(r.step) == 0)
      return static_cast<char32_t>(static_cast<std::int32_t>(c) + r.shift);
   return c;
}
inline bool is_upper_letter(char32_t c) {
   return c < 0x80 ? c >= 'A' && c <= 'Z' : mapped_case(to_lower_ranges, c) != c || c == 0x130;
}
inline bool is_lower_letter(char32_t c) {
   if (c < 0x80) return c >= 'a' && c <= 'z';
   if (mapped_case(to_upper_ranges, c) != c) return !is_upper_letter(c);
   return std::any_of(std::begin(upper_specials), std::end(upper_specials),
                      [&](case_special const& s) { return s.letter == c; });
}

inline void append_upper(std::string& out, char32_t c) {
   if (c < 0x80) {
      out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      return;
   }
   auto const special = std::lower_bound(std::begin(upper_specials), std::end(upper_specials), c,
                                         [](case_special const& s, char32_t x) { return s.letter < x; });
   if (special != std::end(upper_specials) && special->letter == c) {
      out += special->text;
      return;
   }
   append_utf8(out, mapped_case(to_upper_ranges, c));
}
inline void append_lower(std::string& out, char32_t c) {
   if (c < 0x80)
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
   else if (c == 0x130)
      out += "i\u0307";
   else
      append_utf8(out, mapped_case(to_lower_ranges, c));
}

/// Calls `f(code point, its bytes)` for each character; what is no UTF-8 is copied to `out` as it is.
template <class F>
void each_letter(std::string_view text, std::string& out, F f) {
   for (std::size_t at = 0; at < text.size();) {
      auto const c = static_cast<unsigned char>(text[at]);
      if (c < 0x80) {
         f(static_cast<char32_t>(c), at++);
         continue;
      }
      auto const n = character_size(text, at);
      if (n == 1)
         out += text[at];
      else
         f(code_point(text, at, n), at);
      at += n;
   }
}

inline std::string upper_case(std::string_view text) {
   std::string out;
   out.reserve(text.size());
   each_letter(text, out, [&](char32_t c, std::size_t) { append_upper(out, c); });
   return out;
}
inline std::string lower_case(std::string_view text) {
   auto const is_letter = [&](std::size_t at) {
      auto const c = code_point(text, at, character_size(text, at));
      return is_upper_letter(c) || is_lower_letter(c);
   };
   std::string out;
   out.reserve(text.size());
   std::size_t before = std::string_view::npos;
   each_letter(text, out, [&](char32_t c, std::size_t at) {
      // a sigma at the end of a word is written differently
      bool const last = c == 0x3a3 && before != std::string_view::npos && is_letter(before) &&
                        (at + 2 >= text.size() || !is_letter(at + 2));
      last ? append_utf8(out, 0x3c2) : append_lower(out, c);
      before = at;
   });
   return out;
}

/// Where `what` begins in `text` from `from` on; time grows with the sum of their lengths, never with the product.
class text_search {
public:
   explicit text_search(std::string_view what) : what_(what) {
      if (what.size() <= short_text) return;
      border_.resize(what.size(), 0);
      for (std::size_t i = 1, k = 0; i < what.size(); ++i) {
         while (k > 0 && what[i] != what[k]) k = border_[k - 1];
         if (what[i] == what[k]) ++k;
         border_[i] = k;
      }
   }
   [[nodiscard]] std::size_t find(std::string_view text, std::size_t from = 0) const {
      if (border_.empty()) return text.find(what_, from);
      for (std::size_t i = from, k = 0; i < text.size(); ++i) {
         while (k > 0 && text[i] != what_[k]) k = border_[k - 1];
         if (text[i] == what_[k]) ++k;
         if (k == what_.size()) return i + 1 - k;
      }
      return std::string_view::npos;
   }

private:
   static constexpr std::size_t short_text = 16;
   std::string_view what_;
   std::vector<std::size_t> border_; // Knuth, Morris, Pratt
};

} // namespace noetl::workflow::detail
