// control_plane/sql_rows_json.hpp: rows of any statement as JSON objects (http-platform.md 13.1, defect D-03).
// Knows pg/described_rows.hpp and how JSON strings are written; nothing of HTTP.
#pragma once

#include <cctype>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <tao/json/utf8.hpp>

#include <noetl/core/json_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/described_rows.hpp>

namespace noetl::control_plane {

namespace detail {

/// `2026-11-29 07:13:42.5+00` as RFC 3339; what is no such time (`infinity`, years before Christ or of five
/// digits) stays as it is.
inline std::string time_text(std::string_view text) {
   std::string out(text);
   if (out.size() < 19 || out[4] != '-' || out[7] != '-' || out[10] != ' ' || out.ends_with("BC")) return out;
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
   case jsonb:
      if (tao::json::internal::validate_utf8_nothrow(text))
         out += text;
      else
         append_json_string(out, text);
      return;
   case timestamp:
   case timestamptz: append_json_string(out, time_text(text)); return;
   }
   append_json_string(out, text);
}

} // namespace detail

/// Collects rows as an array of objects. Members are sorted by name; of columns with one name the last counts.
/// Integers, floats and numerics are numbers, booleans and json values themselves, times RFC 3339; any other type is
/// PostgreSQL's text. Not thread-safe.
class json_rows {
public:
   /// \param most  bytes of the whole array
   explicit json_rows(std::size_t most) : most_(most) {}

   /// All answers of one array have the same columns. Errors: validation when it gets longer than it may; what was
   /// added before stays.
   result<void> add(pg::described_rows const& answer) {
      std::map<std::string_view, std::size_t> members;
      for (std::size_t i = 0; i < answer.columns.size(); ++i) members.insert_or_assign(answer.columns[i].name, i);
      for (auto const row : answer.data) {
         if (text_.size() > 1) text_ += ',';
         char before = '{';
         for (auto const& [name, column] : members) {
            text_ += before;
            before = ',';
            append_json_string(text_, name);
            text_ += ':';
            auto const cell = row[column];
            if (text_.size() + (cell ? cell->size() : 0) > most_)
               return fail(error_code::validation,
                           "query: its rows take more than " + std::to_string(most_) + " bytes; add a LIMIT");
            if (cell && !cell->empty())
               detail::append_cell(text_, *cell, answer.columns[column].type);
            else
               text_ += cell ? "\"\"" : "null";
         }
         text_ += '}';
      }
      return {};
   }

   [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
   [[nodiscard]] std::string take() && { return std::move(text_) + "]"; }

private:
   std::size_t most_;
   std::string text_ = "[";
};

} // namespace noetl::control_plane
