// reflect/json_value.hpp: tao::json::value as a field or on its own. Apart, because value.hpp is slow to compile and
// most programs pass JSON through as raw_json.
#pragma once

#include <string>
#include <utility>

#include <tao/json/events/from_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/last_member.hpp>

namespace noetl {

/// A JSON tree. Integers above 64 bits become doubles (spec http-execution.md section 1), of a member given twice the
/// last counts, members are written in sorted order. The reader's limits (depth, range of numbers) hold here too.
template <>
struct json_form<tao::json::value> {
   static bool read(json_reader& in, tao::json::value& out) {
      std::string text; // checked by the reader, so that the parser below has nothing left to refuse
      if (!in.raw(text)) return false;
      last_member_wins builder;
      tao::json::events::from_string(builder, text);
      out = std::move(builder.value);
      return true;
   }

   static void write(std::string& out, tao::json::value const& value) {
      using tao::json::type;
      switch (value.type()) {
      case type::BOOLEAN: return append_json(out, value.get_boolean());
      case type::SIGNED: return append_json(out, value.get_signed());
      case type::UNSIGNED: return append_json(out, value.get_unsigned());
      case type::DOUBLE: return append_json(out, value.get_double());
      case type::STRING: return append_json_string(out, value.get_string());
      case type::STRING_VIEW: return append_json_string(out, value.get_string_view());
      case type::ARRAY: return detail::append_list(out, value.get_array());
      case type::OBJECT: return detail::append_map(out, value.get_object());
      case type::VALUE_PTR: return write(out, *value.get_value_ptr());
      default: out.append("null"); // null, unset, and what JSON cannot say (binary)
      }
   }

   static void schema(std::string& out) { out.append("{}"); }
};

} // namespace noetl
