// reflect/json_read.hpp: JSON text straight into plain structs, without a tree in between.
// Knows core/, fields, rules and the reader. Rules of the contract: spec http-execution.md section 1.
#pragma once

#include <bitset>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_reader.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl {

template <class T>
bool read_json(json_reader& in, T& out);

namespace detail {

// Not a value of its own, so that a missing field is told from one that was read.
template <class T>
inline constexpr auto required_fields = [] {
   using layout = json_layout<T>;
   std::array<bool, layout::size> required{};
   for_each_field_index<T>([&](auto i) {
      required[i] = !is_optional<field_type<T, i>> && !layout::marks.defaulted[i] && !layout::marks.omitted[i];
   });
   return required;
}();

template <class T, std::size_t I>
bool read_field(json_reader& in, T& out) {
   return read_json(in, field<I>(out));
}

template <class T>
inline constexpr auto field_readers = []<std::size_t... I>(std::index_sequence<I...>) {
   return std::array<bool (*)(json_reader&, T&), sizeof...(I)>{&read_field<T, I>...};
}
(std::make_index_sequence<field_count<T>>{});

// Senders mostly keep the order of the fields, so the search starts at the one after the last.
template <class T>
std::size_t find_key(std::string_view name, std::size_t hint) {
   constexpr auto& keys = json_layout<T>::keys;
   for (std::size_t i = hint; i < keys.size(); ++i)
      if (keys[i].name == name) return i;
   for (std::size_t i = 0; i < hint; ++i)
      if (keys[i].name == name) return i;
   return keys.size();
}

template <class T>
bool read_struct(json_reader& in, T& out) {
   using layout = json_layout<T>;
   if constexpr (!layout::ok)
      return false; // the mistake is reported by the layout; say nothing more
   else {
      std::bitset<layout::size> seen;
      std::size_t hint = 0;
      bool const read = in.object([&](std::string_view name) {
         std::size_t const key = find_key<T>(name, hint);
         if (key == layout::keys.size()) return in.skip();
         std::size_t const index = layout::keys[key].field;
         if (seen[index]) {
            std::string const& own = std::string(field_names<T>[index]);
            return in.wrong(name == own ? "given twice" : "given twice, it is another name of " + own);
         }
         seen[index] = true;
         hint = index + 1;
         return field_readers<T>[index](in, out);
      });
      if (!read) return false;
      for (std::size_t i = 0; i < layout::size; ++i)
         if (required_fields<T>[i] && !seen[i]) return in.missing(field_names<T>[i]);
      return true;
   }
}

template <class T>
bool read_enum(json_reader& in, T& out) {
   std::string text;
   if (!in.string(text)) return false;
   std::string known;
   for (T const value : all_values(T{})) {
      if (to_text(value) == text) return out = value, true;
      known.append(known.empty() ? "" : ", ").append(to_text(value));
   }
   return in.wrong("expected one of " + known + ", got \"" + json_reader::shortened(text) + "\"");
}

template <class T>
bool read_list(json_reader& in, std::vector<T>& out) {
   out.clear();
   return in.array([&] {
      if constexpr (std::same_as<T, bool>) {
         bool value = false;
         if (!in.boolean(value)) return false;
         out.push_back(value);
         return true;
      } else {
         return read_json(in, out.emplace_back());
      }
   });
}

template <class T>
bool read_map(json_reader& in, std::map<std::string, T>& out) {
   out.clear();
   return in.object([&](std::string_view name) {
      auto const [place, fresh] = out.try_emplace(std::string(name));
      return fresh ? read_json(in, place->second) : in.wrong("given twice");
   });
}

inline bool read_time_value(json_reader& in, timestamp& out) {
   std::string text;
   if (!in.string(text)) return false;
   auto time = from_rfc3339(text);
   if (!time) return in.wrong(time.error().message + ", got \"" + json_reader::shortened(text) + "\"");
   out = *time;
   return true;
}

} // namespace detail

/// Reads the value under the cursor. False after a mistake, which the reader then holds.
template <class T>
bool read_json(json_reader& in, T& out) {
   constexpr json_kind kind = json_kind_of<T>;
   if constexpr (kind == json_kind::custom)
      return json_form<T>::read(in, out);
   else if constexpr (kind == json_kind::boolean)
      return in.boolean(out);
   else if constexpr (kind == json_kind::integer)
      return in.integer(out);
   else if constexpr (kind == json_kind::strong)
      return in.integer(out.value);
   else if constexpr (kind == json_kind::number)
      return in.number(out);
   else if constexpr (kind == json_kind::string)
      return in.string(out);
   else if constexpr (kind == json_kind::time)
      return detail::read_time_value(in, out);
   else if constexpr (kind == json_kind::raw)
      return in.null() ? (out.text.clear(), true) : in.raw(out.text);
   else if constexpr (kind == json_kind::optional)
      return in.null() ? (out.reset(), true) : read_json(in, out.emplace());
   else if constexpr (kind == json_kind::list)
      return detail::read_list(in, out);
   else if constexpr (kind == json_kind::map)
      return detail::read_map(in, out);
   else if constexpr (kind == json_kind::enumeration)
      return detail::read_enum(in, out);
   else if constexpr (kind == json_kind::object)
      return detail::read_struct(in, out);
   else
      return detail::json_form_check<T>::ok;
}

/// Reads one JSON text into a T.
///
/// Unknown members are ignored. A field is required unless it is an optional or json_rules says otherwise; `null` is
/// for optionals only (and for raw_json, where it is "no value"). Integers are exact over their whole range: `1.0` and
/// `"1"` are refused. \param max_depth  objects and arrays within each other \return error_code::bad_request for text
/// that is not JSON (with line and column), error_code::validation for JSON that
///         does not fit T (with the path of the first misfit: `events[3].event_id: expected integer, got string`)
template <class T>
result<T> from_json(std::string_view text, std::size_t max_depth = json_reader::default_depth) {
   json_reader in(text, max_depth);
   result<T> out{T{}}; // filled where it will stand: a struct of many fields is not moved afterwards
   if (read_json(in, *out) && in.finish()) return out;
   error first = in.take_error();
   if (first.code == error_code::validation) {
      // Text that is malformed further on fits nothing, so that is what the sender has to hear.
      json_reader whole(text, max_depth);
      if (!(whole.skip() && whole.finish())) {
         error worse = whole.take_error();
         if (worse.code == error_code::bad_request) return worse;
      }
   }
   return first;
}

} // namespace noetl
