// workflow/detail/canonical_text.hpp: plain structs as canonical JSON and back, by the names of their fields.
// Knows reflect/fields.hpp and taoJSON. For our own storage: strict, exact, and fit for a jsonb column.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail::canonical {

template <class T>
concept named_enum = std::is_enum_v<T> && requires(T value) {
   names_of(value);
};
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_text_map = false;
template <class T, class Less>
inline constexpr bool is_text_map<std::map<std::string, T, Less>> = true;
template <class T>
inline constexpr bool is_number_map = false;
template <class T>
inline constexpr bool is_number_map<std::map<std::int64_t, T>> = true;
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;

// jsonb keeps numbers as decimals: an exponent would come back as an integer, and a zero without its sign.
inline void put_double(std::string& out, double v) {
   if (!std::isfinite(v)) {
      out += "null";
      return;
   }
   std::array<char, 512> buffer; // at most 309 digits before the point, 1074 bits behind it need 345 characters
   auto const end =
       std::to_chars(buffer.data(), buffer.data() + buffer.size(), v == 0 ? 0.0 : v, std::chars_format::fixed).ptr;
   std::string_view const text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
   out += text;
   if (text.find('.') == std::string_view::npos) out += ".0";
}

inline void put_json(std::string& out, json const& v) {
   switch (v.type()) {
   case tao::json::type::DOUBLE: return put_double(out, v.get_double());
   case tao::json::type::ARRAY: {
      char before = '[';
      if (v.get_array().empty()) out += '[';
      for (auto const& item : v.get_array()) {
         out += std::exchange(before, ',');
         put_json(out, item);
      }
      out += ']';
      return;
   }
   case tao::json::type::OBJECT: {
      char before = '{';
      if (v.get_object().empty()) out += '{';
      for (auto const& [key, item] : v.get_object()) {
         out += std::exchange(before, ',');
         append_quoted(out, key);
         out += ':';
         put_json(out, item);
      }
      out += '}';
      return;
   }
   default: append_json(out, v);
   }
}

// ---- writing
template <class T>
void put(std::string& out, T const& v);

template <class T>
bool is_first_value(T const& v, T const& first) {
   if constexpr (std::same_as<T, json>)
      return first.is_object() ? v.is_object() && v.get_object().empty() : v.is_null() || v.is_uninitialized();
   else if constexpr (is_optional<T>)
      return !v.has_value();
   else if constexpr (requires { v.empty(); })
      return v.empty();
   else
      return v == first;
}

template <class T>
inline constexpr auto by_name = [] {
   std::array<std::size_t, field_count<T>> order{};
   for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
   std::sort(order.begin(), order.end(),
             [](std::size_t a, std::size_t b) { return field_names<T>[a] < field_names<T>[b]; });
   return order;
}();

template <class T, std::size_t I>
void put_field(std::string& out, T const& object, char& before) {
   static T const blank{};
   if (is_first_value(field<I>(object), field<I>(blank))) return;
   out += std::exchange(before, ',');
   append_quoted(out, field_name<T, I>);
   out += ':';
   put(out, field<I>(object));
}

template <class T>
void put_struct(std::string& out, T const& object) {
   static constexpr auto writers = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<void (*)(std::string&, T const&, char&), sizeof...(I)>{&put_field<T, I>...};
   }
   (std::make_index_sequence<field_count<T>>{});
   char before = '{';
   for (auto i : by_name<T>) writers[i](out, object, before);
   if (before == '{') out += '{';
   out += '}';
}

template <class Range, class F>
void put_range(std::string& out, char open, char close, Range const& all, F each) {
   char before = open;
   for (auto const& one : all) {
      out += std::exchange(before, ',');
      each(one);
   }
   if (before == open) out += open;
   out += close;
}

template <class T>
void put(std::string& out, T const& v) {
   if constexpr (std::same_as<T, json>)
      put_json(out, v);
   else if constexpr (std::same_as<T, bool>)
      out += v ? "true" : "false";
   else if constexpr (named_enum<T>)
      append_quoted(out, names_of(v).at(static_cast<std::size_t>(v)));
   else if constexpr (std::signed_integral<T>)
      append_number(out, std::int64_t{v});
   else if constexpr (std::unsigned_integral<T>)
      append_number(out, std::uint64_t{v});
   else if constexpr (is_strong<T>)
      put(out, v.value);
   else if constexpr (std::same_as<T, std::string>)
      append_quoted(out, v);
   else if constexpr (std::same_as<T, timestamp>)
      append_quoted(out, to_rfc3339(v));
   else if constexpr (is_optional<T>)
      v ? put(out, *v) : void(out += "null");
   else if constexpr (is_list<T>)
      put_range(out, '[', ']', v, [&](auto const& one) { put(out, one); });
   else if constexpr (is_text_map<T>)
      put_range(out, '{', '}', v, [&](auto const& one) {
         append_quoted(out, one.first);
         out += ':';
         put(out, one.second);
      });
   else if constexpr (is_number_map<T>) // pairs: as keys of an object the numbers would be sorted as texts
      put_range(out, '[', ']', v, [&](auto const& one) {
         out += '[';
         put(out, one.first);
         out += ',';
         put(out, one.second);
         out += ']';
      });
   else
      put_struct(out, v);
}

// ---- reading; false leaves the target half filled
template <class T>
bool take(json& from, T& out);

template <class T, std::size_t I>
bool take_field(json& from, T& out) {
   return take(from, field<I>(out));
}

template <class T>
bool take_struct(json& from, T& out) {
   static constexpr auto readers = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<bool (*)(json&, T&), sizeof...(I)>{&take_field<T, I>...};
   }
   (std::make_index_sequence<field_count<T>>{});
   if (!from.is_object()) return false;
   for_each_field(out, [](auto, auto& member) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(member)>, json>)
         if (member.is_uninitialized()) member = tao::json::null;
   });
   for (auto& [key, value] : from.get_object()) {
      auto const i = field_index<T>(key);
      if (i == field_count<T> || !readers[i](value, out)) return false;
   }
   return true;
}

template <std::integral T>
bool take_integer(json const& from, T& out) {
   if (from.is_unsigned() && from.get_unsigned() <= std::uint64_t{std::numeric_limits<T>::max()}) {
      out = static_cast<T>(from.get_unsigned());
      return true;
   }
   if (!from.is_signed() || !std::in_range<T>(from.get_signed())) return false;
   out = static_cast<T>(from.get_signed());
   return true;
}

template <class T>
bool take(json& from, T& out) {
   if constexpr (std::same_as<T, json>) {
      out = std::move(from);
      return true;
   } else if constexpr (std::same_as<T, bool>) {
      return from.is_boolean() && (out = from.get_boolean(), true);
   } else if constexpr (named_enum<T>) {
      constexpr auto names = names_of(T{});
      auto const text = as_text(&from);
      auto const at = text ? std::find(names.begin(), names.end(), *text) : names.end();
      return at != names.end() && (out = static_cast<T>(at - names.begin()), true);
   } else if constexpr (std::integral<T>) {
      return take_integer(from, out);
   } else if constexpr (is_strong<T>) {
      return take(from, out.value);
   } else if constexpr (std::same_as<T, std::string>) {
      auto const text = as_text(&from);
      return text && (out = *text, true);
   } else if constexpr (std::same_as<T, timestamp>) {
      auto const at = from_rfc3339(as_text(&from).value_or(std::string_view{}));
      return at && (out = *at, true);
   } else if constexpr (is_optional<T>) {
      return take(from, out.emplace());
   } else if constexpr (is_list<T>) {
      if (!from.is_array()) return false;
      for (auto& item : from.get_array())
         if (!take(item, out.emplace_back())) return false;
      return true;
   } else if constexpr (is_text_map<T>) {
      if (!from.is_object()) return false;
      for (auto& [key, item] : from.get_object())
         if (!take(item, out[key])) return false;
      return true;
   } else if constexpr (is_number_map<T>) {
      if (!from.is_array()) return false;
      for (auto& pair : from.get_array()) {
         std::int64_t key = 0;
         if (!pair.is_array() || pair.get_array().size() != 2 || !take(pair.get_array()[0], key)) return false;
         auto const [place, fresh] = out.try_emplace(key);
         if (!fresh || !take(pair.get_array()[1], place->second)) return false;
      }
      return true;
   } else {
      return take_struct(from, out);
   }
}

} // namespace noetl::workflow::detail::canonical
