// reflect/detail/config_values.hpp: one setting from the text of its variable and back.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/flag.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/ranged.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/reflect/json_kinds.hpp>

namespace noetl::detail {

template <class T>
constexpr bool can_be_setting() {
   if constexpr (is_optional<T> || is_vector<T>)
      return can_be_setting<typename T::value_type>();
   else
      return std::same_as<T, std::string> || std::same_as<T, secret> || std::same_as<T, bool> ||
             std::same_as<T, flag> || plain_integer<T> || is_ranged<T> || std::floating_point<T> ||
             std::same_as<T, std::chrono::milliseconds> || std::same_as<T, std::chrono::seconds> || text_enum<T>;
}
template <class T>
concept config_value = can_be_setting<T>();

template <class T>
constexpr bool holds_secret() {
   if constexpr (is_optional<T> || is_vector<T>)
      return holds_secret<typename T::value_type>();
   else
      return std::same_as<T, secret>;
}
template <class T>
inline constexpr bool is_secret = holds_secret<T>();

/// What a variable of this type holds, as it stands behind "expected".
template <class T>
std::string setting_rule() {
   auto const integer = [](auto min, auto max) {
      return "an integer " + std::to_string(min) + ".." + std::to_string(max);
   };
   if constexpr (is_optional<T>)
      return setting_rule<typename T::value_type>();
   else if constexpr (is_vector<T>)
      return setting_rule<typename T::value_type>() + " between commas";
   else if constexpr (std::same_as<T, std::string> || std::same_as<T, secret>)
      return "text";
   else if constexpr (std::same_as<T, bool>)
      return "true or false";
   else if constexpr (std::same_as<T, flag>)
      return "true, 1, yes or on; everything else is off";
   else if constexpr (is_ranged<T>)
      return integer(T::min, T::max);
   else if constexpr (std::floating_point<T>)
      return "a number";
   else if constexpr (text_enum<T>) {
      std::string known;
      for (T const value : all_values(T{})) known.append(known.empty() ? "one of " : ", ").append(to_text(value));
      return known;
   } else if constexpr (plain_integer<T>)
      return integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
   else if constexpr (std::same_as<T, std::chrono::milliseconds>)
      return "a whole number of milliseconds";
   else
      return "a whole number of seconds";
}

/// Longest time that a setting may hold, in its unit: a clock's point of time plus twice as much fits 64 bits of
/// nanoseconds.
template <class Duration>
inline constexpr auto longest_setting = std::chrono::duration_cast<Duration>(std::chrono::years{100}).count();

// The number, or nothing when the text is not exactly one in the range.
template <class Int>
std::optional<Int> read_integer(std::string_view text, Int min, Int max) {
   auto const value = parse_number<Int>(text);
   return value && *value >= min && *value <= max ? value : std::nullopt;
}

/// Sets `out`, or leaves it alone and returns the rule that `text` breaks.
template <class T>
std::string parse_setting(std::string_view text, T& out) {
   auto const refused = [] { return "expected " + setting_rule<T>(); };
   if constexpr (is_optional<T>) {
      if (text.empty()) return out.reset(), "";
      typename T::value_type value{};
      std::string rule = parse_setting(text, value);
      if (rule.empty()) out = std::move(value);
      return rule;
   } else if constexpr (is_vector<T>) {
      T values;
      for (std::size_t start = 0; !text.empty() && start <= text.size();) {
         std::size_t const comma = std::min(text.find(',', start), text.size());
         typename T::value_type value{};
         auto const rule = parse_setting(text.substr(start, comma - start), value);
         if (!rule.empty()) return rule + " between commas";
         values.push_back(std::move(value));
         start = comma + 1;
      }
      return out = std::move(values), "";
   } else if constexpr (std::same_as<T, std::string>) {
      return out = text, "";
   } else if constexpr (std::same_as<T, secret>) {
      return out.value = text, "";
   } else if constexpr (std::same_as<T, bool>) {
      if (text != "true" && text != "false") return refused();
      return out = text == "true", "";
   } else if constexpr (std::same_as<T, flag>) {
      return out = to_flag(text), "";
   } else if constexpr (is_ranged<T>) {
      auto const value = read_integer<typename T::value_type>(text, T::min, T::max);
      return value ? (out = T{*value}, "") : refused();
   } else if constexpr (std::floating_point<T>) {
      auto const value = parse_number<T>(text);
      if (!value || !(*value - *value == 0)) return refused();
      return out = *value, "";
   } else if constexpr (text_enum<T>) {
      for (T const value : all_values(T{}))
         if (to_text(value) == text) return out = value, "";
      return refused();
   } else if constexpr (plain_integer<T>) {
      auto const value = read_integer<T>(text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
      return value ? (out = *value, "") : refused();
   } else {
      auto const value = read_integer<typename T::rep>(text, 0, longest_setting<T>);
      return value ? (out = T{*value}, "") : refused() + " 0.." + std::to_string(longest_setting<T>);
   }
}

/// The text that parse_setting reads back, or the mask of a secret.
template <class T>
void print_setting(std::string& out, T const& value) {
   if constexpr (is_optional<T>) {
      if (value) print_setting(out, *value);
   } else if constexpr (is_vector<T>) {
      for (std::size_t i = 0; i < value.size(); ++i) {
         if (i > 0) out.push_back(',');
         print_setting(out, static_cast<typename T::value_type const&>(value[i]));
      }
   } else if constexpr (std::same_as<T, std::string>)
      out.append(value);
   else if constexpr (std::same_as<T, secret>)
      out.append(value.empty() ? std::string_view{} : secret::masked);
   else if constexpr (std::same_as<T, bool> || std::same_as<T, flag>)
      out.append(value ? "true" : "false");
   else if constexpr (text_enum<T>)
      out.append(to_text(value));
   else if constexpr (is_ranged<T>)
      out.append(std::to_string(value.value()));
   else if constexpr (plain_integer<T>)
      out.append(std::to_string(value));
   else if constexpr (std::floating_point<T>) {
      char buffer[64];
      out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
   } else
      out.append(std::to_string(value.count()));
}

} // namespace noetl::detail
