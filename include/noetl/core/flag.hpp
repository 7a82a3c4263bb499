// core/flag.hpp: a switch that operators write in several ways.
// Knows the standard library only.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace noetl {

/// On for `true`, `1`, `yes`, `on` in any case and with blanks around; everything else is off, as existing deployments
/// rely on. A text that is none of the usual words for off either is kept, so that a program can warn.
struct flag {
   bool on = false;
   std::string odd{}; ///< the text, when it was not understood

   constexpr operator bool() const noexcept { return on; }
};

inline flag to_flag(std::string_view text) {
   auto const original = text;
   constexpr std::string_view blanks = " \t\r\n";
   text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
   text = text.substr(0, text.find_last_not_of(blanks) + 1);
   std::string word(text);
   std::transform(word.begin(), word.end(), word.begin(),
                  [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
   auto const is_one_of = [&](auto const& words) { return std::find(words.begin(), words.end(), word) != words.end(); };
   if (is_one_of(std::array<std::string_view, 4>{"true", "1", "yes", "on"})) return {true, {}};
   if (is_one_of(std::array<std::string_view, 5>{"", "false", "0", "no", "off"})) return {};
   return {false, std::string(original)};
}

} // namespace noetl
