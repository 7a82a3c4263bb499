// reflect/json_write.hpp: plain structs to compact JSON text.
// Knows core/, fields and rules. What is written is always valid JSON.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/json_text.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl {

template <class T>
void append_json(std::string& out, T const& value);

namespace detail {

// `,"name":` ready to copy.
template <class T, std::size_t I>
inline constexpr auto member_prefix = [] {
   constexpr std::string_view name = field_name<T, I>;
   std::array<char, name.size() + 4> text{',', '"'};
   for (std::size_t i = 0; i < name.size(); ++i) text[i + 2] = name[i];
   text[name.size() + 2] = '"';
   text[name.size() + 3] = ':';
   return text;
}();

template <class Int>
void append_integer(std::string& out, Int value) {
   std::array<char, 24> buffer;
   auto const [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
   out.append(buffer.data(), end);
}

// The shortest text that reads back as the same value, always recognisable as not an integer. JSON has no NaN or
// infinity.
template <class Float>
void append_number(std::string& out, Float value) {
   if (!std::isfinite(value)) {
      out.append("null");
      return;
   }
   std::array<char, 64> buffer;
   auto const [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
   std::string_view const text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
   out.append(text);
   if (text.find_first_of(".e") == std::string_view::npos) out.append(".0");
}

template <class T>
bool is_empty_value(T const& value) {
   if constexpr (is_optional<T>)
      return !value.has_value();
   else if constexpr (requires { value.empty(); })
      return value.empty();
   else
      return false;
}

template <class T>
void append_struct(std::string& out, T const& value) {
   using layout = json_layout<T>;
   if constexpr (layout::ok) {
      std::size_t const start = out.size();
      for_each_field(value, [&](auto i, auto const& member) {
         if constexpr (layout::marks.omitted[i])
            if (is_empty_value(member)) return;
         out.append(member_prefix<T, i>.data(), member_prefix<T, i>.size());
         append_json(out, member);
      });
      // Each member brought a comma; the first of them becomes the brace.
      if (out.size() == start)
         out.push_back('{');
      else
         out[start] = '{';
      out.push_back('}');
   }
}

template <class Range>
void append_list(std::string& out, Range const& values) {
   out.push_back('[');
   bool first = true;
   for (auto const& value : values) {
      if (!std::exchange(first, false)) out.push_back(',');
      append_json(out, value);
   }
   out.push_back(']');
}

template <class Map>
void append_map(std::string& out, Map const& values) {
   out.push_back('{');
   bool first = true;
   for (auto const& [key, value] : values) {
      if (!std::exchange(first, false)) out.push_back(',');
      append_json_string(out, key);
      out.push_back(':');
      append_json(out, value);
   }
   out.push_back('}');
}

} // namespace detail

/// Appends `value` as compact JSON: fields in the order of the struct, an optional without value as `null` unless
/// json_rules omits it, times as RFC 3339, NaN and infinity as `null`, raw_json as it stands.
template <class T>
void append_json(std::string& out, T const& value) {
   constexpr json_kind kind = json_kind_of<T>;
   if constexpr (kind == json_kind::custom)
      json_form<T>::write(out, value);
   else if constexpr (kind == json_kind::boolean)
      out.append(value ? std::string_view("true") : std::string_view("false"));
   else if constexpr (kind == json_kind::integer)
      detail::append_integer(out, value);
   else if constexpr (kind == json_kind::strong)
      detail::append_integer(out, value.value);
   else if constexpr (kind == json_kind::number)
      detail::append_number(out, value);
   else if constexpr (kind == json_kind::string)
      append_json_string(out, value);
   else if constexpr (kind == json_kind::raw)
      out.append(value.empty() ? std::string_view("null") : value.text);
   else if constexpr (kind == json_kind::list)
      detail::append_list(out, value);
   else if constexpr (kind == json_kind::map)
      detail::append_map(out, value);
   else if constexpr (kind == json_kind::enumeration)
      append_json_string(out, to_text(value));
   else if constexpr (kind == json_kind::object)
      detail::append_struct(out, value);
   else if constexpr (kind == json_kind::time) {
      out.push_back('"');
      append_rfc3339(out, value);
      out.push_back('"');
   } else if constexpr (kind == json_kind::optional) {
      if (value)
         append_json(out, *value);
      else
         out.append("null");
   } else {
      static_cast<void>(detail::json_form_check<T>::ok);
   }
}

/// \copydoc append_json
template <class T>
std::string to_json(T const& value) {
   std::string out;
   append_json(out, value);
   return out;
}

} // namespace noetl
