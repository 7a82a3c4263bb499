// reflect/sql_values.hpp: single values as PostgreSQL's text: column type, parameter, cell of an answer.
// Knows core/ and the kinds of values; no database driver.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <noetl/core/number_text.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// A row holds something else than the struct was written for: a broken invariant, not an expected failure.
/// `what()` names the column and the type, never the content.
class bad_column : public std::runtime_error {
public:
   using std::runtime_error::runtime_error;
};

/// The JSON forms of an id (reflect/ids.hpp): in SQL they are what they hold.
template <class T>
concept id_form = !is_strong<T> && requires(T wrapper) {
   requires is_strong<std::remove_cvref_t<decltype(wrapper.value)>>;
};

/// Column type of a field, `text` for std::string and so on; empty when there is none.
template <class T>
constexpr std::string_view sql_type() {
   if constexpr (is_optional<T>)
      return sql_type<typename T::value_type>();
   else if constexpr (id_form<T>)
      return sql_type<std::remove_cvref_t<decltype(T{}.value)>>();
   else if constexpr (is_strong<T>)
      return sql_type<typename T::rep>();
   else if constexpr (std::same_as<T, bool>)
      return "boolean";
   else if constexpr (plain_integer<T>) {
      constexpr std::size_t needed = sizeof(T) + (std::unsigned_integral<T> ? 1 : 0);
      return needed <= 2 ? "smallint" : needed <= 4 ? "integer" : needed <= 8 ? "bigint" : "numeric(20)";
   } else if constexpr (std::same_as<T, float>)
      return "real";
   else if constexpr (std::same_as<T, double>)
      return "double precision";
   else if constexpr (std::same_as<T, std::string> || text_enum<T>)
      return "text";
   else if constexpr (std::same_as<T, timestamp>)
      return "timestamptz";
   else if constexpr (std::same_as<T, raw_json>)
      return "jsonb";
   else
      return {};
}

namespace detail {

// Exact: shortest form that reads back as the same value.
template <class T>
void append_sql_number(std::string& out, T value) {
   if constexpr (std::floating_point<T>) {
      if (std::isnan(value)) return void(out += "NaN");
      if (std::isinf(value)) return void(out += value > 0 ? "Infinity" : "-Infinity");
   }
   std::array<char, 64> buffer;
   out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}
template <class T>
std::string to_sql_number(T value) {
   std::string out;
   append_sql_number(out, value);
   return out;
}

template <class T>
bool decode_cell(std::optional<std::string_view> cell, T& out) {
   if constexpr (is_optional<T>) {
      if (cell) return decode_cell(cell, out.emplace());
      out.reset();
      return true;
   } else if constexpr (std::same_as<T, raw_json>) {
      out.text = cell.value_or(std::string_view{});
      return true;
   } else if constexpr (id_form<T> || is_strong<T>) {
      return decode_cell(cell, out.value);
   } else {
      if (!cell) return false;
      if constexpr (std::same_as<T, std::string>) {
         out = *cell;
         return true;
      } else if constexpr (std::same_as<T, bool>) {
         out = *cell == "t" || *cell == "true";
         return out || *cell == "f" || *cell == "false";
      } else if constexpr (std::same_as<T, timestamp>) {
         auto time = from_sql(*cell);
         if (time) out = *time;
         return time.has_value();
      } else if constexpr (text_enum<T>) {
         for (T const value : all_values(T{}))
            if (to_text(value) == *cell) return out = value, true;
         return false;
      } else {
         auto const value = parse_number<T>(*cell);
         if (value) out = *value;
         return value.has_value();
      }
   }
}

} // namespace detail

/// One value as a text parameter; nullopt is NULL. Times carry their offset, so they mean the same in any session.
template <class T>
std::optional<std::string> to_sql_text(T const& value) {
   static_assert(!sql_type<T>().empty(), "noetl: this type has no SQL column type; keep nested values as raw_json");
   if constexpr (is_optional<T>)
      return value ? to_sql_text(*value) : std::nullopt;
   else if constexpr (id_form<T> || is_strong<T>)
      return to_sql_text(value.value);
   else if constexpr (std::same_as<T, bool>)
      return value ? "true" : "false";
   else if constexpr (std::same_as<T, std::string>)
      return value;
   else if constexpr (std::same_as<T, timestamp>)
      return to_sql(value) + "+00";
   else if constexpr (text_enum<T>)
      return std::string(to_text(value));
   else if constexpr (std::same_as<T, raw_json>) {
      if (value.empty()) return std::nullopt;
      return value.text;
   } else
      return detail::to_sql_number(value);
}

} // namespace noetl
