// stream/row_json.hpp: a row of any table as a JSON object, put together from text cells.
// Knows pg/connection and core/json_text. PostgreSQL's own to_jsonb(row) takes ten times as long (measured).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <noetl/core/json_text.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::stream {

/// The columns of a table and how the text of each becomes JSON. The object equals to_jsonb(row) as a value: every
/// column by its name, NULL as null, json and jsonb as they are, `timestamp` in ISO 8601 without a zone, `timestamptz`
/// in UTC with `+00:00`, numbers as numbers (NaN and infinities as texts), everything else as PostgreSQL would put it.
/// Immutable after discover(); thread-safe.
class row_json {
public:
   /// Reads the columns of `table` from the catalogue. \param alias  of the table in the statement to come
   /// \throws pg::sql_error when there is no such table
   static row_json discover(pg::connection& db, std::string const& table, std::string const& alias) {
      row_json out;
      auto const rows =
          db.exec("select a.attname, t.typname, quote_ident(a.attname), t.typtype = 'b' and t.typelem = 0 "
                  "from pg_attribute a join pg_type t on t.oid = a.atttypid "
                  "where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum",
                  table);
      for (auto const row : rows) {
         column one;
         one.name = *row[0];
         one.how = row.get<bool>(3) ? form_of(*row[1]) : form::built;
         one.key = out.columns_.empty() ? "{" : ",";
         append_json_string(one.key, one.name);
         one.key += ':';
         auto const name = alias + "." + std::string(*row[2]);
         // The zone of the session does not matter this way.
         auto const text = one.how == form::utc_time ? "(" + name + " at time zone 'utc')"
                           : one.how == form::built  ? "to_jsonb(" + name + ")::text"
                                                     : name;
         out.select_list_ += (out.columns_.empty() ? "" : ", ") + text;
         out.columns_.push_back(std::move(one));
      }
      return out;
   }

   /// For SELECT; the cells come in this order.
   [[nodiscard]] std::string const& select_list() const noexcept { return select_list_; }
   /// Cell of a column, none when the table has no such column.
   [[nodiscard]] std::optional<std::size_t> index_of(std::string_view name) const {
      auto const at = std::find_if(columns_.begin(), columns_.end(), [&](auto const& one) { return one.name == name; });
      if (at == columns_.end()) return std::nullopt;
      return static_cast<std::size_t>(at - columns_.begin());
   }

   /// The object. \param first  cell of the first column
   [[nodiscard]] std::string object(pg::rows::row const& row, std::size_t first = 0) const {
      std::size_t bytes = 2;
      for (std::size_t i = 0; i < columns_.size(); ++i)
         bytes += columns_[i].key.size() + row[first + i].value_or("null").size() + 12;
      std::string out;
      out.reserve(bytes);
      for (std::size_t i = 0; i < columns_.size(); ++i) {
         out += columns_[i].key;
         append(out, columns_[i].how, row[first + i]);
      }
      if (out.empty()) out = "{";
      out += '}';
      return out;
   }

   /// The members without braces, where cells longer than `most` bytes are null and listed as a last member,
   /// `"left_out":["context"]`.
   [[nodiscard]] std::string outline(pg::rows::row const& row, std::size_t most, std::size_t first = 0) const {
      std::string out, left;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
         auto const cell = row[first + i];
         bool const large = cell && cell->size() > most;
         out.append(columns_[i].key, out.empty() ? 1 : 0);
         append(out, columns_[i].how, large ? pg::cell{} : cell);
         if (!large) continue;
         if (!left.empty()) left += ',';
         append_json_string(left, columns_[i].name);
      }
      return out + R"(,"left_out":[)" + left + ']';
   }

private:
   enum class form : std::uint8_t { integer, decimal, boolean, json, text, time, utc_time, built };
   struct column {
      std::string name, key;
      form how;
   };

   static form form_of(std::string_view type) {
      if (type == "int8" || type == "int4" || type == "int2") return form::integer;
      if (type == "float8" || type == "float4" || type == "numeric") return form::decimal;
      if (type == "bool") return form::boolean;
      if (type == "jsonb" || type == "json") return form::json;
      if (type == "timestamp") return form::time;
      if (type == "timestamptz") return form::utc_time;
      for (auto const plain : {"text", "varchar", "bpchar", "xid8", "uuid"})
         if (type == plain) return form::text;
      return form::built;
   }

   static void append(std::string& out, form how, pg::cell cell) {
      if (!cell) {
         out.append("null", 4);
         return;
      }
      switch (how) {
      case form::integer:
      case form::json:
      case form::built: out += *cell; break;
      case form::decimal:
         // NaN, Infinity, -Infinity are no JSON numbers.
         cell->find_first_of("NI") == std::string_view::npos ? out.append(*cell)
                                                             : (append_json_string(out, *cell), out);
         break;
      case form::boolean: out += *cell == "t" ? "true" : "false"; break;
      case form::text: append_json_string(out, *cell); break;
      case form::time:
      case form::utc_time: append_time(out, *cell, how == form::utc_time); break;
      }
   }

   /// `2026-01-31 12:00:00.5` to `"2026-01-31T12:00:00.5"`; `infinity` and `0044-03-15 10:00:00 BC` occur, too.
   static void append_time(std::string& out, std::string_view text, bool utc) {
      out += '"';
      auto const blank = text.find(' ');
      if (blank == std::string_view::npos) {
         out += text;
      } else {
         bool const before_christ = text.ends_with(" BC");
         auto const rest = text.substr(blank + 1, text.size() - blank - 1 - (before_christ ? 3 : 0));
         out.append(text.substr(0, blank)).append("T").append(rest).append(utc ? "+00:00" : "");
         if (before_christ) out += " BC";
      }
      out += '"';
   }

   std::vector<column> columns_;
   std::string select_list_;
};

} // namespace noetl::stream
