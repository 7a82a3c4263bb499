// nats/subject.hpp: which texts are NATS subjects, and which subjects a pattern covers.
// Knows the standard library only.
#pragma once

#include <algorithm>
#include <string_view>

namespace noetl::nats {

/// True when `text` can stand between two dots of a subject: not empty, no blank, control character, dot or wildcard.
/// Bytes above 127 are allowed, as the server allows them.
[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
   if (text.empty()) return false;
   return std::all_of(text.begin(), text.end(), [](char c) {
      auto const byte = static_cast<unsigned char>(c);
      return byte > 32 && byte != 127 && c != '.' && c != '*' && c != '>';
   });
}

namespace detail {
/// Takes the first token off `rest`; the dot goes with it.
constexpr std::string_view next_token(std::string_view& rest) noexcept {
   auto const dot = rest.find('.');
   auto const token = rest.substr(0, dot);
   rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
   return token;
}
} // namespace detail

/// True when a message may be published under `subject`: tokens joined by dots, no wildcards.
[[nodiscard]] constexpr bool is_subject(std::string_view subject) noexcept {
   if (subject.empty() || subject.back() == '.') return false;
   while (!subject.empty())
      if (!is_token(detail::next_token(subject))) return false;
   return true;
}

/// True when every subject matched by `narrow` is matched by `wide`; either may hold `*` and a final `>`.
[[nodiscard]] constexpr bool covers(std::string_view wide, std::string_view narrow) noexcept {
   while (!wide.empty() && !narrow.empty()) {
      auto const outer = detail::next_token(wide);
      auto const inner = detail::next_token(narrow);
      if (outer == ">") return true;
      if (inner == ">") return false;
      if (outer != "*" && outer != inner) return false;
   }
   return wide.empty() && narrow.empty();
}

/// True when some subject is matched by both.
[[nodiscard]] constexpr bool overlap(std::string_view a, std::string_view b) noexcept {
   while (!a.empty() && !b.empty()) {
      auto const left = detail::next_token(a);
      auto const right = detail::next_token(b);
      if (left == ">" || right == ">") return true;
      if (left != "*" && right != "*" && left != right) return false;
   }
   return a.empty() && b.empty();
}

} // namespace noetl::nats
