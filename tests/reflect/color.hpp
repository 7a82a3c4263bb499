#pragma once
// An enumeration as its author binds it: texts of their own, and the list of its values.
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
