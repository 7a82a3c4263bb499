// core/number_text.hpp: reads a number that is the whole of a text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace noetl {

/// The number in decimal that fills `text`; a sign may only be '-'.
/// \return nothing for an empty text, one with blanks or other characters, or a number out of range of `Number`
template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
   Number value{};
   auto const end = text.data() + text.size();
   auto const [stop, code] = std::from_chars(text.data(), end, value);
   if (code != std::errc{} || stop != end) return std::nullopt;
   return value;
}

} // namespace noetl
