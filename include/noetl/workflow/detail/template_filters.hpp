// workflow/detail/template_filters.hpp: filters that playbooks use, with the reference's own meanings (2.9). The
// engine's general ones are in template_list_filters.hpp, tests in template_tests.hpp.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_operators.hpp>

namespace noetl::workflow::detail {

/// Arguments of one filter or test.
struct call_arguments {
   list positional;
   dict named;
   budget& left;

   /// Positional argument `i`, else the one called `name`, else undefined.
   [[nodiscard]] var get(std::size_t i, std::string_view name = {}) const {
      if (i < positional.size()) return positional[i];
      auto const found = named.find(name);
      return found == named.end() ? var() : found->second;
   }
   [[nodiscard]] std::string text(std::size_t i, std::string_view fallback, std::string_view name = {}) const {
      auto const v = get(i, name);
      return v.is_undefined() ? std::string(fallback) : printed(v);
   }
   [[nodiscard]] std::int64_t integer(std::size_t i, std::int64_t fallback, std::string_view name = {}) const {
      auto const v = get(i, name);
      if (v.is_undefined() || v.is_none()) return fallback;
      if (!arithmetic::integral(v)) throw template_failure("argument must be an integer");
      return arithmetic::integer(v);
   }
   [[nodiscard]] bool flag(std::size_t i, std::string_view name) const { return truth(get(i, name)); }
};

namespace filters {

inline std::string_view trimmed(std::string_view text) {
   auto const from = text.find_first_not_of(" \t\r\n\f\v");
   if (from == std::string_view::npos) return {};
   return text.substr(from, text.find_last_not_of(" \t\r\n\f\v") - from + 1);
}

inline std::string changed_case(std::string_view text, bool upper) {
   std::string out(text); // ASCII letters only
   for (char& c : out) {
      if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
   }
   return out;
}

/// A whole text as a number; nothing else may stand beside it.
inline bool read_double(std::string_view text, double& out) {
   text = trimmed(text);
   if (text.starts_with('+')) text.remove_prefix(1);
   if (text.starts_with('+')) return false;
   auto const read = std::from_chars(text.data(), text.data() + text.size(), out);
   return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

inline double to_double(var const& v, std::string_view what) {
   if (v.is_float()) return *v.as<double>();
   if (arithmetic::integral(v)) return arithmetic::real(v);
   double out = 0;
   if (!read_double(printed(v), out))
      throw template_failure("cannot convert " + std::string(kind_name(v)) + " to " + std::string(what));
   return out;
}

inline var default_value(var const& v, call_arguments const& a) {
   if (!v.is_undefined() && !v.is_none()) return v;
   return a.positional.empty() && a.named.empty() ? var(std::string()) : a.get(0, "value");
}
inline var default_with_flag(var const& v, call_arguments const& a) {
   return a.flag(1, "boolean") && !truth(v) ? a.get(0, "value") : default_value(v, {{a.get(0, "value")}, {}, a.left});
}

inline var integer(var const& v, call_arguments const&) {
   if (arithmetic::integral(v)) return arithmetic::integer(v);
   double const d = std::trunc(to_double(v, "an integer"));
   if (!(d >= -9.2233720368547758e18 && d < 9.2233720368547758e18)) throw template_failure("integer overflow");
   // a text of digits keeps all of them, which a double would not
   std::int64_t exact = 0;
   if (v.is_text()) {
      auto const t = trimmed(v.text());
      auto const read = std::from_chars(t.data(), t.data() + t.size(), exact);
      if (read.ec == std::errc() && read.ptr == t.data() + t.size()) return exact;
   }
   return static_cast<std::int64_t>(d);
}
inline var real(var const& v, call_arguments const&) {
   return to_double(v, "a float");
}
inline var string(var const& v, call_arguments const&) {
   return v.is_text() ? v : var(printed(v));
}
inline var lower(var const& v, call_arguments const&) {
   return changed_case(printed(v), false);
}
inline var upper(var const& v, call_arguments const&) {
   return changed_case(printed(v), true);
}
inline var trim(var const& v, call_arguments const&) {
   return std::string(trimmed(printed(v)));
}
inline var safe(var const& v, call_arguments const&) {
   return v;
}

inline var split(var const& v, call_arguments const& a) {
   std::string const text = printed(v), separator = a.text(0, " ", "sep");
   list out;
   if (separator.empty()) return characters(text, a.left);
   for (std::size_t from = 0;;) {
      a.left.spend();
      auto const at = text.find(separator, from);
      out.emplace_back(text.substr(from, at == std::string::npos ? at : at - from));
      if (at == std::string::npos) return out;
      from = at + separator.size();
   }
}
inline var join(var const& v, call_arguments const& a) {
   std::string out;
   auto const separator = a.text(0, "", "sep");
   bool first = true;
   for (auto const& item : iterate(v, a.left)) {
      if (!first) out += separator;
      first = false;
      print(out, item);
      if (out.size() > a.left.max_bytes) a.left.bytes(out.size());
   }
   a.left.bytes(out.size());
   return out;
}

inline var end_item(var const& v, call_arguments const& a, bool front) {
   auto const items = iterate(v, a.left);
   if (items.empty()) throw template_failure(front ? "first of nothing" : "last of nothing");
   return front ? items.front() : items.back();
}
inline var first(var const& v, call_arguments const& a) {
   return end_item(v, a, true);
}
inline var last(var const& v, call_arguments const& a) {
   return end_item(v, a, false);
}

inline var length(var const& v, call_arguments const&) {
   if (v.is_text()) return static_cast<std::int64_t>(v.text().size());
   if (v.is_container()) return static_cast<std::int64_t>(v.size());
   throw template_failure(std::string(kind_name(v)) + " has no length");
}

inline void demand_map(var const& v, std::string_view filter) {
   if (!v.is_mapping()) throw template_failure(std::string(filter) + " needs a map, not " + std::string(kind_name(v)));
}
inline var keys(var const& v, call_arguments const& a) {
   demand_map(v, "keys");
   return iterate(v, a.left);
}
inline var values(var const& v, call_arguments const& a) {
   demand_map(v, "values");
   list out;
   v.each([&](std::string_view, var const& value) {
      a.left.spend();
      out.push_back(value);
   });
   return out;
}
inline var items(var const& v, call_arguments const& a) {
   demand_map(v, "items");
   list out;
   v.each([&](std::string_view key, var const& value) {
      a.left.spend();
      out.push_back(list{var(std::string(key)), value});
   });
   return out;
}
inline var get(var const& v, call_arguments const& a) {
   demand_map(v, "get");
   return v.get(printed(a.get(0)));
}

inline constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline var b64encode(var const& v, call_arguments const& a) {
   std::string const text = printed(v);
   std::string out;
   a.left.bytes(text.size() * 2);
   for (std::size_t i = 0; i < text.size(); i += 3) {
      std::uint32_t block = 0;
      auto const n = std::min<std::size_t>(3, text.size() - i);
      for (std::size_t k = 0; k < 3; ++k) block = block << 8 | (k < n ? static_cast<unsigned char>(text[i + k]) : 0u);
      for (std::size_t k = 0; k < 4; ++k) out += k <= n ? base64_alphabet[block >> (18 - 6 * k) & 63] : '=';
   }
   return out;
}

/// True for well-formed UTF-8.
inline bool valid_utf8(std::string_view s) {
   for (std::size_t i = 0; i < s.size();) {
      auto const c = static_cast<unsigned char>(s[i]);
      std::size_t const n = c < 0x80                ? 1
                            : c >= 0xc2 && c < 0xe0 ? 2
                            : c >= 0xe0 && c < 0xf0 ? 3
                            : c >= 0xf0 && c < 0xf5 ? 4
                                                    : 0;
      if (n == 0 || i + n > s.size()) return false;
      for (std::size_t k = 1; k < n; ++k)
         if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return false;
      auto const second = n > 1 ? static_cast<unsigned char>(s[i + 1]) : 0u;
      if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) ||
          (c == 0xf4 && second > 0x8f))
         return false;
      i += n;
   }
   return true;
}

inline var b64decode(var const& v, call_arguments const&) {
   std::string text(trimmed(printed(v)));
   while (text.ends_with('=')) text.pop_back();
   std::string out;
   std::uint32_t block = 0;
   int bits = 0;
   for (char const c : text) {
      auto const at = base64_alphabet.find(c);
      if (at == std::string_view::npos) throw template_failure("not base64");
      block = block << 6 | static_cast<std::uint32_t>(at);
      bits += 6;
      if (bits >= 8) {
         bits -= 8;
         out += static_cast<char>(block >> bits & 0xff);
      }
   }
   if (bits >= 6) throw template_failure("not base64");
   if (!valid_utf8(out)) throw template_failure("base64 holds no UTF-8 text");
   return out;
}

/// Compact JSON with sorted keys, numbers as they are (L-32).
inline var tojson(var const& v, call_arguments const& a) {
   auto text = json_text(to_json(v));
   a.left.bytes(text.size());
   return text;
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
inline var fromjson(var const& v, call_arguments const& a) {
   auto const text = printed(v);
   auto const read = parse_json(text);
   if (!read) throw template_failure("fromjson: not JSON");
   return owned(*read, a.left);
}

} // namespace filters

struct filter_entry {
   std::string_view name;
   var (*call)(var const&, call_arguments const&);
   std::size_t max_arguments;
};

inline constexpr std::array redefined_filters{
    filter_entry{"default", filters::default_value, 1},
    filter_entry{"d", filters::default_with_flag, 2},
    filter_entry{"int", filters::integer, 0},
    filter_entry{"float", filters::real, 0},
    filter_entry{"string", filters::string, 0},
    filter_entry{"lower", filters::lower, 0},
    filter_entry{"upper", filters::upper, 0},
    filter_entry{"trim", filters::trim, 0},
    filter_entry{"safe", filters::safe, 0},
    filter_entry{"split", filters::split, 1},
    filter_entry{"join", filters::join, 1},
    filter_entry{"first", filters::first, 0},
    filter_entry{"last", filters::last, 0},
    filter_entry{"length", filters::length, 0},
    filter_entry{"keys", filters::keys, 0},
    filter_entry{"values", filters::values, 0},
    filter_entry{"items", filters::items, 0},
    filter_entry{"get", filters::get, 1},
    filter_entry{"b64encode", filters::b64encode, 0},
    filter_entry{"b64decode", filters::b64decode, 0},
    filter_entry{"tojson", filters::tojson, 0},
    filter_entry{"fromjson", filters::fromjson, 0},
};

} // namespace noetl::workflow::detail
