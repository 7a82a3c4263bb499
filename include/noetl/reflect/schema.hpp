// reflect/schema.hpp: JSON Schema (2020-12) of a type, for OpenAPI 3.1.
// Knows the JSON kinds, fields and rules. Says what json_read.hpp accepts and json_write.hpp writes.
#pragma once

#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include <noetl/core/json_text.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl {

template <class T>
void append_schema(std::string& out, std::type_identity<T>);

namespace detail {

template <class Int>
void append_integer_schema(std::string& out) {
   if constexpr (sizeof(Int) == 8) {
      out.append(std::is_signed_v<Int> ? R"({"type":"integer","format":"int64"})"
                                       : R"({"type":"integer","format":"uint64","minimum":0})");
   } else {
      out.append(R"({"type":"integer","minimum":)").append(std::to_string(std::numeric_limits<Int>::min()));
      out.append(R"(,"maximum":)").append(std::to_string(std::numeric_limits<Int>::max())).append("}");
   }
}

template <class T>
void append_enum_schema(std::string& out) {
   out.append(R"({"type":"string","enum":[)");
   bool first = true;
   for (T const value : all_values(T{})) {
      if (!std::exchange(first, false)) out.push_back(',');
      append_json_string(out, to_text(value));
   }
   out.append("]}");
}

template <class T>
void append_object_schema(std::string& out) {
   using layout = json_layout<T>;
   if constexpr (layout::ok) {
      out.append(R"({"type":"object","properties":{)");
      for_each_field_index<T>([&](auto i) {
         if (i > 0) out.push_back(',');
         append_json_string(out, field_name<T, i>);
         out.push_back(':');
         append_schema(out, std::type_identity<field_type<T, i>>{});
      });
      out.push_back('}');
      std::string required;
      for_each_field_index<T>([&](auto i) {
         if (is_optional<field_type<T, i>> || layout::marks.defaulted[i] || layout::marks.omitted[i]) return;
         if (!required.empty()) required.push_back(',');
         append_json_string(required, field_name<T, i>);
      });
      if (!required.empty()) out.append(R"(,"required":[)").append(required).append("]");
      out.push_back('}');
   }
}

} // namespace detail

/// Appends the schema of T, without references: nested structs stand where they are used. An optional is its type or
/// null, raw_json is anything, members not named are allowed (readers ignore them).
template <class T>
void append_schema(std::string& out, std::type_identity<T>) {
   constexpr json_kind kind = json_kind_of<T>;
   if constexpr (kind == json_kind::custom)
      json_form<T>::schema(out);
   else if constexpr (kind == json_kind::boolean)
      out.append(R"({"type":"boolean"})");
   else if constexpr (kind == json_kind::integer)
      detail::append_integer_schema<T>(out);
   else if constexpr (kind == json_kind::strong)
      detail::append_integer_schema<typename T::rep>(out);
   else if constexpr (kind == json_kind::number)
      out.append(R"({"type":"number"})");
   else if constexpr (kind == json_kind::string)
      out.append(R"({"type":"string"})");
   else if constexpr (kind == json_kind::time)
      out.append(R"({"type":"string","format":"date-time"})");
   else if constexpr (kind == json_kind::raw)
      out.append("{}");
   else if constexpr (kind == json_kind::optional) {
      out.append(R"({"anyOf":[)");
      append_schema(out, std::type_identity<typename T::value_type>{});
      out.append(R"(,{"type":"null"}]})");
   } else if constexpr (kind == json_kind::list) {
      out.append(R"({"type":"array","items":)");
      append_schema(out, std::type_identity<typename T::value_type>{});
      out.push_back('}');
   } else if constexpr (kind == json_kind::map) {
      out.append(R"({"type":"object","additionalProperties":)");
      append_schema(out, std::type_identity<typename T::mapped_type>{});
      out.push_back('}');
   } else if constexpr (kind == json_kind::enumeration)
      detail::append_enum_schema<T>(out);
   else if constexpr (kind == json_kind::object)
      detail::append_object_schema<T>(out);
   else
      static_cast<void>(detail::json_form_check<T>::ok);
}

/// The schema of T as a text of its own.
template <class T>
std::string schema_of() {
   std::string out;
   append_schema(out, std::type_identity<T>{});
   return out;
}

} // namespace noetl
