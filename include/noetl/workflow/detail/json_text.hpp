// workflow/detail/json_text.hpp: JSON text to value and back, with bounded depth and sorted keys.
// Knows taoJSON, core and reflect/last_member.hpp.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tao/json/events/from_string.hpp>
#include <tao/json/events/limit_nesting_depth.hpp>
#include <tao/json/value.hpp>

#include <noetl/core/hex.hpp>
#include <noetl/reflect/last_member.hpp>

namespace noetl::workflow::detail {

using json = tao::json::value;

template <class Consumer>
struct limit_depth_256 : tao::json::events::limit_nesting_depth<Consumer, 256> {};

/// Of members with one name the last counts.
/// \return nothing for text that is no JSON or nests deeper than 256
inline std::optional<json> parse_json(std::string_view text) {
   if (text.empty()) return std::nullopt;
   try {
      limit_depth_256<last_member_wins> builder;
      tao::json::events::from_string(builder, text.data(), text.size(), "");
      return std::move(builder.value);
   } catch (std::exception const&) {
      return std::nullopt;
   }
}

inline void append_quoted(std::string& out, std::string_view text) {
   out += '"';
   std::size_t from = 0;
   for (std::size_t at = 0; at < text.size(); ++at) {
      auto const c = static_cast<unsigned char>(text[at]);
      if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
      out.append(text, from, at - from);
      from = at + 1;
      switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default: out += "\\u00"; append_hex(out, c);
      }
   }
   out.append(text, from);
   out += '"';
}

inline void append_number(std::string& out, std::int64_t v) {
   char buffer[24];
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
   out.append(buffer, end);
}
inline void append_number(std::string& out, std::uint64_t v) {
   char buffer[24];
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
   out.append(buffer, end);
}
/// Shortest text that reads back as the same double; always with a point or an exponent. Infinity and NaN are null.
inline void append_number(std::string& out, double v) {
   if (!std::isfinite(v)) {
      out += "null";
      return;
   }
   char buffer[40];
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
   std::string_view const text(buffer, static_cast<std::size_t>(end - buffer));
   out += text;
   if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

/// Compact JSON with sorted keys.
inline void append_json(std::string& out, json const& v) {
   switch (v.type()) {
   case tao::json::type::BOOLEAN: out += v.get_boolean() ? "true" : "false"; break;
   case tao::json::type::SIGNED: append_number(out, v.get_signed()); break;
   case tao::json::type::UNSIGNED: append_number(out, v.get_unsigned()); break;
   case tao::json::type::DOUBLE: append_number(out, v.get_double()); break;
   case tao::json::type::STRING:
   case tao::json::type::STRING_VIEW: append_quoted(out, v.get_string_type()); break;
   case tao::json::type::ARRAY: {
      out += '[';
      bool first = true;
      for (auto const& item : v.get_array()) {
         if (!first) out += ',';
         first = false;
         append_json(out, item);
      }
      out += ']';
      break;
   }
   case tao::json::type::OBJECT: {
      out += '{';
      bool first = true;
      for (auto const& [key, item] : v.get_object()) {
         if (!first) out += ',';
         first = false;
         append_quoted(out, key);
         out += ':';
         append_json(out, item);
      }
      out += '}';
      break;
   }
   case tao::json::type::VALUE_PTR: append_json(out, *v.get_value_ptr()); break;
   default: out += "null";
   }
}

inline std::string json_text(json const& v) {
   std::string out;
   append_json(out, v);
   return out;
}

/// Member of an object.
/// \return null when `v` is no object or has no such key
inline json const* member(json const* v, std::string_view key) {
   if (v == nullptr || !v->is_object()) return nullptr;
   auto const& object = v->get_object();
   auto const found = object.find(key);
   return found == object.end() ? nullptr : &found->second;
}

template <class... Keys>
json const* member(json const* v, std::string_view key, Keys... rest) {
   return member(member(v, key), rest...);
}

inline std::optional<std::int64_t> as_integer(json const* v) {
   if (v == nullptr) return std::nullopt;
   if (v->is_signed()) return v->get_signed();
   if (v->is_unsigned() && v->get_unsigned() <= INT64_MAX) return static_cast<std::int64_t>(v->get_unsigned());
   if (v->is_double()) {
      auto const d = v->get_double();
      if (std::trunc(d) == d && std::abs(d) < 9.0e15) return static_cast<std::int64_t>(d);
   }
   return std::nullopt;
}

inline std::optional<std::string_view> as_text(json const* v) {
   if (v == nullptr || !v->is_string_type()) return std::nullopt;
   return v->get_string_type();
}

} // namespace noetl::workflow::detail
