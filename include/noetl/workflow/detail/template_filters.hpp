// workflow/detail/template_filters.hpp: filters that playbooks use, with the reference's own meanings (2.9). The
// engine's general ones are in template_list_filters.hpp and template_text_filters.hpp, all names in
// template_filter_table.hpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/number_text.hpp>
#include <noetl/workflow/detail/template_access.hpp>

namespace noetl::workflow::detail {

/// Arguments of one filter, test or function.
struct call_arguments {
   list positional;
   dict named;
   budget& left;

   /// The keyword argument called `name`, else undefined.
   [[nodiscard]] var keyword(std::string_view name) const {
      auto const found = named.find(name);
      return found == named.end() ? var() : found->second;
   }
   /// Positional argument `i`, else the one called `name`, else undefined.
   [[nodiscard]] var get(std::size_t i, std::string_view name = {}) const {
      return i < positional.size() ? positional[i] : keyword(name);
   }
   [[nodiscard]] std::string text(std::size_t i, std::string_view fallback, std::string_view name = {}) const {
      auto const v = get(i, name);
      return v.is_undefined() ? std::string(fallback) : printed(v, left);
   }
   /// Printed keyword argument, "" when it was not given.
   [[nodiscard]] std::string word(std::string_view name) const {
      auto const v = keyword(name);
      return v.is_nothing() ? std::string() : printed(v, left);
   }
   [[nodiscard]] std::int64_t integer(std::size_t i, std::int64_t fallback, std::string_view name = {}) const {
      auto const v = get(i, name);
      if (v.is_nothing()) return fallback;
      auto const n = v.is_bool() ? std::int64_t{*v.as<bool>()} : as_index(v);
      if (!n) throw template_failure("an argument must be an integer, not " + std::string(kind_name(v)));
      return *n;
   }
   [[nodiscard]] bool flag(std::string_view name) const { return truth(keyword(name)); }
};

namespace filters {

using args = call_arguments const&;

/// A whole text as a number; nothing else may stand beside it.
inline std::optional<double> read_double(std::string_view text) {
   text = stripped(text);
   if (text.starts_with('+')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) return std::nullopt;
   }
   return parse_number<double>(text);
}

inline double to_double(var const& v, std::string_view what, budget& left) {
   if (arithmetic::numeric(v)) return arithmetic::real(v);
   printed_view const text(v, left);
   left.work(text.view().size());
   auto const number = read_double(text);
   if (!number) throw template_failure("cannot convert " + std::string(kind_name(v)) + " to " + std::string(what));
   return *number;
}

inline var default_value(var const& v, args a) {
   if (!v.is_nothing()) return v;
   return a.positional.empty() && a.named.empty() ? var(std::string()) : a.get(0, "value");
}
inline var default_with_flag(var const& v, args a) {
   bool const wanted = v.is_undefined() || (truth(a.get(1, "boolean")) && !truth(v));
   if (!wanted) return v;
   return a.positional.empty() && !a.named.contains("value") ? var(std::string()) : a.get(0, "value");
}

inline var integer(var const& v, args a) {
   if (arithmetic::integral(v)) return var::of_integer(arithmetic::integer(v));
   // a text of digits keeps all of them, which a double would not
   if (v.is_text())
      if (auto const exact = parse_number<std::int64_t>(stripped(v.text()))) return *exact;
   double const d = std::trunc(to_double(v, "an integer", a.left));
   if (!(d >= -9.2233720368547758e18 && d < 9.2233720368547758e18))
      throw template_failure("integer overflow in filter int");
   return static_cast<std::int64_t>(d);
}
inline var real(var const& v, args a) {
   return to_double(v, "a float", a.left);
}
inline var string(var const& v, args a) {
   return v.is_text() ? v : var(printed(v, a.left));
}
inline var lower(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size());
   return lower_case(text);
}
inline var upper(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size());
   return upper_case(text);
}
inline var trim(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size());
   return std::string(stripped(text));
}
inline var safe(var const& v, args) {
   return v;
}

inline var split(var const& v, args a) {
   std::string const text = printed(v, a.left), separator = a.text(0, " ", "sep");
   if (separator.empty()) return characters(text, a.left);
   a.left.work(text.size());
   text_search const search(separator);
   list out;
   for (std::size_t from = 0;;) {
      a.left.spend();
      auto const at = search.find(text, from);
      out.emplace_back(text.substr(from, at == std::string::npos ? at : at - from));
      if (at == std::string::npos) return out;
      from = at + separator.size();
   }
}
inline var join(var const& v, args a) {
   std::string out;
   auto const separator = a.text(0, "", "sep");
   bool first = true;
   for (auto const& item : iterate(v, a.left)) {
      if (!first) {
         a.left.bytes(separator.size());
         out += separator;
      }
      first = false;
      print(out, item, a.left);
   }
   return out;
}

inline var end_item(var const& v, args a, bool front) {
   auto const name = std::string(front ? "first" : "last");
   if (!v.is_container() && !v.is_text()) throw template_failure(name + " of nothing: " + std::string(kind_name(v)));
   auto const n = v.is_text() ? v.text().size() : v.size();
   if (n == 0) throw template_failure(name + " of nothing: the " + std::string(kind_name(v)) + " is empty");
   if (v.is_sequence()) return v.at(front ? 0 : n - 1);
   if (v.is_text()) return item_of(v, front ? std::int64_t{0} : std::int64_t{-1}, a.left);
   auto const keys = iterate(v, a.left);
   return front ? keys.front() : keys.back();
}
inline var first(var const& v, args a) {
   return end_item(v, a, true);
}
inline var last(var const& v, args a) {
   return end_item(v, a, false);
}

inline var length(var const& v, args) {
   if (v.is_text()) return static_cast<std::int64_t>(v.text().size());
   if (v.is_container()) return static_cast<std::int64_t>(v.size());
   throw template_failure(std::string(kind_name(v)) + " has no length");
}

inline void demand_map(var const& v, std::string_view filter) {
   if (!v.is_mapping()) throw template_failure(std::string(filter) + " needs a map, not " + std::string(kind_name(v)));
}
inline var keys(var const& v, args a) {
   demand_map(v, "keys");
   return iterate(v, a.left);
}
inline var values(var const& v, args a) {
   demand_map(v, "values");
   a.left.spend(v.size());
   list out;
   v.each([&](std::string_view, var const& value) { out.push_back(value); });
   return out;
}
inline var items(var const& v, args a) {
   demand_map(v, "items");
   a.left.spend(v.size());
   list out;
   v.each([&](std::string_view key, var const& value) { out.push_back(list{var(std::string(key)), value}); });
   return out;
}
inline var get(var const& v, args a) {
   demand_map(v, "get");
   return v.get(printed_view(a.get(0, "key"), a.left));
}

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline var b64encode(var const& v, args a) {
   printed_view const shown(v, a.left);
   auto const text = shown.view();
   a.left.bytes(text.size() / 3 * 4);
   a.left.work(text.size());
   std::string out;
   for (std::size_t i = 0; i < text.size(); i += 3) {
      std::uint32_t block = 0;
      auto const n = std::min<std::size_t>(3, text.size() - i);
      for (std::size_t k = 0; k < 3; ++k) block = block << 8 | (k < n ? static_cast<unsigned char>(text[i + k]) : 0u);
      for (std::size_t k = 0; k < 4; ++k) out += k <= n ? base64_alphabet[block >> (18 - 6 * k) & 63] : '=';
   }
   return out;
}
inline var b64decode(var const& v, args a) {
   printed_view const shown(v, a.left);
   auto text = stripped(shown);
   a.left.work(text.size() * 2);
   while (text.ends_with('=')) text.remove_suffix(1);
   std::string out;
   std::uint32_t block = 0;
   int bits = 0;
   for (char const c : text) {
      auto const at = base64_alphabet.find(c);
      if (at == std::string_view::npos) throw template_failure("b64decode: not base64");
      block = block << 6 | static_cast<std::uint32_t>(at);
      bits += 6;
      if (bits >= 8) {
         bits -= 8;
         out += static_cast<char>(block >> bits & 0xff);
      }
   }
   if (bits >= 6) throw template_failure("b64decode: not base64");
   if (!valid_utf8(out)) throw template_failure("b64decode: the bytes are no UTF-8 text");
   return out;
}

/// Compact JSON with sorted keys, numbers as they are (L-32).
inline var tojson(var const& v, args a) {
   std::string out;
   append_json(out, v, a.left);
   return out;
}

/// A JSON value that owns all its parts; null is none.
inline var owned(json const& v, budget& left) {
   left.spend();
   if (v.is_null()) return none_t{};
   if (v.is_string_type()) return std::string(v.get_string_type());
   if (v.is_array()) {
      list out;
      for (auto const& item : v.get_array()) out.push_back(owned(item, left));
      return out;
   }
   if (v.is_object()) {
      dict out;
      for (auto const& [key, value] : v.get_object()) out.emplace(key, owned(value, left));
      return out;
   }
   return var::of(v);
}
inline var fromjson(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size() * 4);
   auto const read = parse_json(text);
   if (!read) throw template_failure("fromjson: not JSON, or deeper than 256");
   return owned(*read, a.left);
}

} // namespace filters

} // namespace noetl::workflow::detail
