// reflect/sql.hpp: plain structs as table rows: column lists, INSERT, CREATE TABLE, parameters and row decoding.
// Knows core/, fields and reflect/sql_values.hpp; no database driver. A field's name is its column's name. PostgreSQL's
// dialect and text formats.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/fixed_string.hpp>
#include <noetl/reflect/detail/sql_words.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/sql_values.hpp>

namespace noetl {

/// One row of an answer in text form; NULL is nullopt.
template <class Row>
concept text_row = requires(Row const& row, std::size_t column) {
   { row[column] } -> std::convertible_to<std::optional<std::string_view>>;
};

namespace detail {

template <class T, std::size_t I>
inline constexpr bool is_column = !sql_type<field_type<T, I>>().empty();

// Prints: in 'column_check<shipment, 3>'.
template <class T, std::size_t I, bool Ok = is_column<T, I>>
struct column_check {
   static_assert(Ok, "noetl: a field of the row has no SQL column type; keep nested values as raw_json");
};

// What needs every column to have a type asks this first, and stays silent after the assertion.
template <class T>
inline constexpr bool row_ok = []<std::size_t... I>(std::index_sequence<I...>) {
   (static_cast<void>(sizeof(column_check<T, I>)), ...);
   return reflected<T> && (is_column<T, I> && ...);
}
(std::make_index_sequence<field_count<T>>{});

template <class T, fixed_string Column, bool Ok = has_field<T>(Column.view())>
struct key_check {
   static_assert(Ok, "noetl: a primary key column is not a field of the struct");
};

inline std::string column_name(std::string_view field) {
   return is_reserved_sql_word(field) ? "\"" + std::string(field) + "\"" : std::string(field);
}

} // namespace detail

/// `shipment_id, destination, weight_kg`: all columns in the order of the fields, reserved words quoted.
template <class T>
std::string column_list() {
   static_cast<void>(detail::row_ok<T>);
   std::string out;
   for (std::string_view const name : field_names<T>)
      out.append(out.empty() ? "" : ", ").append(detail::column_name(name));
   return out;
}

/// What to SELECT for decode_row<T>: the column list, each column of `table_alias` when one is given (`s.shipment_id,
/// ...`).
template <class T>
std::string select_list(std::string_view table_alias = {}) {
   if (table_alias.empty()) return column_list<T>();
   static_cast<void>(detail::row_ok<T>);
   std::string out;
   for (std::string_view const name : field_names<T>)
      out.append(out.empty() ? "" : ", ").append(table_alias).append(".").append(detail::column_name(name));
   return out;
}

/// `INSERT INTO table (a, b) VALUES ($1, $2)`; the values come from sql_parameters. `table` is trusted text.
template <class T>
std::string insert_statement(std::string_view table) {
   std::string out = "INSERT INTO " + std::string(table) + " (" + column_list<T>() + ") VALUES (";
   for (std::size_t i = 1; i <= field_count<T>; ++i) out.append(i == 1 ? "$" : ", $").append(std::to_string(i));
   return out + ")";
}

/// `CREATE TABLE IF NOT EXISTS` for the fields of T; optionals and raw_json may be NULL, nothing else. The primary key
/// is named by fields: `create_table<shipment, "tenant", "shipment_id">("app.shipment")`. `table` is trusted text.
template <class T, fixed_string... Key>
std::string create_table(std::string_view table) {
   static_cast<void>(detail::row_ok<T>);
   std::string out = "CREATE TABLE IF NOT EXISTS " + std::string(table) + " (";
   for_each_field_index<T>([&](auto i) {
      using type = field_type<T, i>;
      out.append(i == 0 ? "\n   " : ",\n   ").append(detail::column_name(field_name<T, i>)).append(" ");
      out.append(sql_type<type>());
      if (!is_optional<type> && !std::same_as<type, raw_json>) out.append(" NOT NULL");
   });
   (static_cast<void>(sizeof(detail::key_check<T, Key>)), ...);
   if constexpr (sizeof...(Key) > 0) {
      std::string key;
      (key.append(key.empty() ? "" : ", ").append(detail::column_name(Key.view())), ...);
      out.append(",\n   PRIMARY KEY (" + key + ")");
   }
   return out + "\n)";
}

/// All fields as text parameters, in the order of insert_statement<T>.
template <class T>
std::array<std::optional<std::string>, field_count<T>> sql_parameters(T const& object) {
   std::array<std::optional<std::string>, field_count<T>> out;
   if constexpr (detail::row_ok<T>)
      for_each_field(object, [&](auto i, auto const& member) { out[i] = to_sql_text(member); });
   return out;
}

/// Reads a row whose columns are the fields of T in order; further columns are not looked at. NULL is for optionals and
/// raw_json only.
/// \throws bad_column when a cell does not fit its field
template <class T, text_row Row>
T decode_row(Row const& row) {
   T out{};
   if constexpr (detail::row_ok<T>)
      for_each_field(out, [&](auto i, auto& member) {
         std::optional<std::string_view> const cell = row[i];
         if (!detail::decode_cell(cell, member))
            throw bad_column("column " + std::string(field_name<T, i>) + ": expected " +
                             std::string(sql_type<field_type<T, i>>()) + ", got " + (cell ? "other text" : "NULL"));
      });
   return out;
}

} // namespace noetl
