// core/trimmed.hpp: a text without the blanks around it.
#pragma once

#include <string_view>

namespace noetl {

/// `text` without the characters of `blanks` at both ends; a view into it.
constexpr std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n\v\f") noexcept {
   auto const first = text.find_first_not_of(blanks);
   if (first == text.npos) return {};
   return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace noetl
