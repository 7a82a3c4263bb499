// reflect/json_kinds.hpp: which C++ types have a JSON form, and of which kind. Reader, writer and schema branch on it.
// Knows core/ and fields only.
#pragma once

#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

class json_reader;

/// The JSON form of a type that is none of the known kinds: specialise it with
///   static bool read(json_reader&, T&);              // false after in.wrong(...) or a failed read
///   static void write(std::string&, T const&);       // appends one JSON value
///   static void schema(std::string&);                // appends its JSON Schema (2020-12)
template <class T>
struct json_form;

template <class T>
concept has_json_form = requires(json_reader& in, T& value, std::string& out) {
   { json_form<T>::read(in, value) } -> std::same_as<bool>;
   json_form<T>::write(out, value);
   json_form<T>::schema(out);
};

/// An enumeration with a text for each value, found by argument-dependent lookup:
///   constexpr std::string_view to_text(color);
///   constexpr auto all_values(color) { return std::array{color::red, color::green}; } // the argument only names the
///   type
template <class T>
concept text_enum = std::is_enum_v<T> && requires(T value) {
   { to_text(value) } -> std::convertible_to<std::string_view>;
   all_values(value).size();
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
inline constexpr bool is_string_map = false;
template <class T>
inline constexpr bool is_string_map<std::map<std::string, T>> = true;

/// Integers that count: not bool, not characters.
template <class T>
concept plain_integer =
    std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

enum class json_kind {
   none,
   custom,
   boolean,
   integer,
   strong,
   number,
   string,
   time,
   raw,
   optional,
   list,
   map,
   enumeration,
   object
};

template <class T>
inline constexpr json_kind json_kind_of = [] {
   if (has_json_form<T>) return json_kind::custom;
   if (std::same_as<T, bool>) return json_kind::boolean;
   if (plain_integer<T>) return json_kind::integer;
   if (is_strong<T>) return json_kind::strong;
   if (std::floating_point<T>) return json_kind::number;
   if (std::same_as<T, std::string>) return json_kind::string;
   if (std::same_as<T, timestamp>) return json_kind::time;
   if (std::same_as<T, raw_json>) return json_kind::raw;
   if (is_optional<T>) return json_kind::optional;
   if (is_vector<T>) return json_kind::list;
   if (is_string_map<T>) return json_kind::map;
   if (text_enum<T>) return json_kind::enumeration;
   if (reflected<T>) return json_kind::object;
   return json_kind::none;
}();

namespace detail {

template <class T>
struct json_form_check {
   static constexpr bool ok = json_kind_of<T> != json_kind::none;
   static_assert(ok, "noetl: this type has no JSON form; use a known type, a plain struct, or specialise json_form<T>");
};

} // namespace detail
} // namespace noetl
