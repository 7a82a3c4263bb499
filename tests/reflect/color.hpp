// tests/reflect/color.hpp: an enumeration as its author binds it: a text for each value, and the list of them.
#pragma once

#include <array>
#include <string_view>

namespace reflect_test {

enum class color { red, dark_green };

constexpr std::string_view to_text(color c) {
   return c == color::red ? "RED" : "DARK_GREEN";
}
constexpr auto all_values(color) {
   return std::array{color::red, color::dark_green};
}

} // namespace reflect_test
