// control_plane/sql_rows_json.hpp: rows of any statement as JSON objects (http-platform.md 13.1, defect D-03).
// Knows pg/described_rows.hpp and how JSON strings are written; nothing of HTTP.
#pragma once

#include <cctype>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/json_text.hpp>
#include <noetl/pg/described_rows.hpp>

namespace noetl::control_plane {

namespace detail {

/// `2026-11-29 07:13:42.5+00` as RFC 3339; what is no such time (`infinity`, years before Christ) stays text.
inline std::string time_text(std::string_view text) {
   std::string out(text);
   if (out.size() < 19 || out[10] != ' ' || out.ends_with("BC")) return out;
   out[10] = 'T';
   auto const sign = out.find_first_of("+-", 19);
   if (sign != std::string::npos && out.size() == sign + 3) out += ":00";
   return out;
}

/// Appends one value. Numbers keep every digit that PostgreSQL tells; NaN and infinities, which JSON lacks, are texts.
inline void append_cell(std::string& out, std::string_view text, pg::type_id type) {
   using enum pg::type_id;
   switch (type) {
   case boolean: out += text == "t" ? "true" : "false"; return;
   case int2:
   case int4:
   case int8:
   case oid:
   case float4:
   case float8:
   case numeric:
      if (std::isdigit(static_cast<unsigned char>(text.back())) != 0)
         out += text;
      else
         append_json_string(out, text);
      return;
   case json:
   case jsonb: out += text; return;
   case timestamp:
   case timestamptz: append_json_string(out, time_text(text)); return;
   }
   append_json_string(out, text);
}

} // namespace detail

/// An array of objects. Members are sorted by name; of columns with one name the last counts. Integers, floats and
/// numerics are numbers, booleans and json values themselves, times RFC 3339; any other type is PostgreSQL's text.
/// \return nothing when the text would be longer than `most` bytes
inline std::optional<std::string> to_json_array(pg::described_rows const& answer, std::size_t most) {
   std::map<std::string_view, std::size_t> members;
   for (std::size_t i = 0; i < answer.columns.size(); ++i) members.insert_or_assign(answer.columns[i].name, i);
   std::string out = "[";
   for (auto const row : answer.data) {
      if (out.size() > 1) out += ',';
      char before = '{';
      for (auto const& [name, column] : members) {
         out += before;
         before = ',';
         append_json_string(out, name);
         out += ':';
         if (auto const cell = row[column]; cell && !cell->empty())
            detail::append_cell(out, *cell, answer.columns[column].type);
         else
            out += cell ? "\"\"" : "null";
         if (out.size() > most) return std::nullopt;
      }
      out += '}';
   }
   out += ']';
   return out;
}

} // namespace noetl::control_plane
