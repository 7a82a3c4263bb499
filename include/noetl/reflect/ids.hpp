// reflect/ids.hpp: the JSON forms of ids where the contract wants other than an integer (spec http-execution.md 3.2).
// Knows core/strong.hpp and the JSON kinds.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include <noetl/core/number_text.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_reader.hpp>

namespace noetl {

/// An id that travels as a JSON string, both ways.
template <class Id>
struct id_text {
   Id value{};

   constexpr id_text() = default;
   constexpr id_text(Id id) noexcept : value(id) {}
   friend constexpr auto operator<=>(id_text, id_text) = default;
};

/// An id that is accepted as a JSON string or integer and written as an integer.
template <class Id>
struct id_any {
   Id value{};

   constexpr id_any() = default;
   constexpr id_any(Id id) noexcept : value(id) {}
   friend constexpr auto operator<=>(id_any, id_any) = default;
};

namespace detail {

// The whole text, in decimal, within range; no sign but '-', no space.
template <class Id>
bool read_id_string(json_reader& in, Id& out) {
   std::string text;
   if (!in.string(text)) return false;
   if (auto const value = parse_number<decltype(out.value)>(text)) return out.value = *value, true;
   return in.wrong("expected an id in decimal digits, got \"" + json_reader::shortened(text) + "\"");
}

} // namespace detail

template <class Id>
requires is_strong<Id>
struct json_form<id_text<Id>> {
   static bool read(json_reader& in, id_text<Id>& out) { return detail::read_id_string(in, out.value); }
   static void write(std::string& out, id_text<Id> const& id) {
      out.append("\"" + std::to_string(id.value.value) + "\"");
   }
   static void schema(std::string& out) { out.append(R"({"type":"string","pattern":"^-?[0-9]+$"})"); }
};

template <class Id>
requires is_strong<Id>
struct json_form<id_any<Id>> {
   static bool read(json_reader& in, id_any<Id>& out) {
      if (in.at_string()) return detail::read_id_string(in, out.value);
      return in.integer(out.value.value);
   }
   static void write(std::string& out, id_any<Id> const& id) { out.append(std::to_string(id.value.value)); }
   static void schema(std::string& out) { out.append(R"({"type":["integer","string"],"format":"int64"})"); }
};

} // namespace noetl
