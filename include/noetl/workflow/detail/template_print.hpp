// workflow/detail/template_print.hpp: values as text (2.5), as JSON and in order. Everything that walks a value walks
// it on a budget: a small template can build a value with billions of parts.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/template_value.hpp>

namespace noetl::workflow::detail {

inline void append_integer(std::string& out, wide_integer v) {
   if (v >= INT64_MIN && v <= INT64_MAX) return append_number(out, static_cast<std::int64_t>(v));
   char buffer[48];
   char* at = buffer + sizeof buffer;
   bool const negative = v < 0;
   for (; v != 0; v /= 10) {
      auto const digit = static_cast<int>(v % 10);
      *--at = static_cast<char>('0' + (digit < 0 ? -digit : digit));
   }
   if (negative) *--at = '-';
   out.append(at, buffer + sizeof buffer);
}

/// Float as printed: the shortest digits that read back the same, never an exponent, always a point (2.5).
inline std::string float_text(double d) {
   if (std::isnan(d)) return "NaN";
   if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
   char buffer[40]; // d.ddde±xx
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
   std::string_view const all(buffer, static_cast<std::size_t>(end - buffer));
   auto const e = all.find('e');
   int exponent = 0;
   auto const sign = all[e + 1] == '+' ? e + 2 : e + 1;
   std::from_chars(all.data() + sign, all.data() + all.size(), exponent);
   std::string out, digits;
   for (char const c : all.substr(0, e)) {
      if (c == '-') out += c;
      if (c >= '0' && c <= '9') digits += c;
   }
   if (exponent < 0) {
      out += "0.";
      out.append(static_cast<std::size_t>(-exponent - 1), '0');
      return out + digits;
   }
   auto const whole = static_cast<std::size_t>(exponent) + 1;
   if (digits.size() < whole) digits.append(whole - digits.size(), '0');
   out.append(digits, 0, whole);
   out += '.';
   return digits.size() == whole ? out + '0' : out.append(digits, whole);
}

namespace printing {

inline void part(std::string const& out, budget& left) {
   left.spend();
   if (out.size() > left.max_bytes) left.bytes(out.size());
}

template <class Entry>
void entries(var const& v, std::string& out, char const* between, budget& left, Entry entry) {
   bool first = true;
   v.each([&](std::string_view key, var const& value) {
      if (!first) out += between;
      first = false;
      left.bytes(key.size());
      append_quoted(out, key);
      entry(value);
   });
}

inline void value(std::string& out, var const& v, bool nested, budget& left) {
   if (v.is_undefined()) {
      if (nested) out += "undefined";
   } else if (v.is_none()) {
      out += "none";
   } else if (auto const* b = v.as<bool>()) {
      out += *b ? "true" : "false";
   } else if (v.is_integer()) {
      append_integer(out, v.integer());
   } else if (auto const* d = v.as<double>()) {
      out += float_text(*d);
   } else if (v.is_text()) {
      left.bytes(v.text().size());
      nested ? append_quoted(out, v.text()) : void(out += v.text());
   } else if (v.is_sequence()) {
      out += '[';
      for (std::size_t i = 0, n = v.size(); i < n; ++i) {
         if (i != 0) out += ", ";
         part(out, left);
         value(out, v.at(i), true, left);
      }
      out += ']';
   } else if (v.is_mapping()) {
      out += '{';
      entries(v, out, ", ", left, [&](var const& entry) {
         out += ": ";
         part(out, left);
         value(out, entry, true, left);
      });
      out += '}';
   } else {
      out += v.as<loop_info>() ? "<loop>" : "<macro>";
   }
}

} // namespace printing

/// Appends what `{{ v }}` prints; texts inside containers are quoted (2.5).
inline void print(std::string& out, var const& v, budget& left, bool nested = false) {
   printing::value(out, v, nested, left);
   if (out.size() > left.max_bytes) left.bytes(out.size());
}
inline std::string printed(var const& v, budget& left) {
   std::string out;
   print(out, v, left);
   return out;
}
/// The printed text, without a copy when it is one already.
class printed_view {
public:
   printed_view(var const& v, budget& left) {
      if (v.is_text())
         view_ = v.text();
      else
         view_ = own_ = printed(v, left);
   }
   printed_view(printed_view const&) = delete;
   printed_view& operator=(printed_view const&) = delete;
   operator std::string_view() const noexcept { return view_; }
   [[nodiscard]] std::string_view view() const noexcept { return view_; }

private:
   std::string own_;
   std::string_view view_;
};

/// One part a line, four blanks a level, as `pprint` and `debug` show values.
inline void print_pretty(std::string& out, var const& v, budget& left, std::size_t level = 0) {
   if (!v.is_container() || v.size() == 0) return print(out, v, left, true);
   bool const map = v.is_mapping();
   std::string const line = "\n" + std::string(4 * (level + 1), ' ');
   auto const entry = [&](var const& one) {
      printing::part(out, left);
      print_pretty(out, one, left, level + 1);
      out += ',';
   };
   out += map ? '{' : '[';
   if (map)
      v.each([&](std::string_view key, var const& one) {
         out += line;
         left.bytes(key.size());
         append_quoted(out, key);
         out += ": ";
         entry(one);
      });
   else
      for (std::size_t i = 0, n = v.size(); i < n; ++i) {
         out += line;
         entry(v.at(i));
      }
   out.append(line, 0, line.size() - 4);
   out += map ? '}' : ']';
}

/// Appends compact JSON with sorted keys; undefined, none, NaN and infinity are null. Numbers stay numbers (L-32).
inline void append_json(std::string& out, var const& v, budget& left) {
   printing::part(out, left);
   if (auto const* b = v.as<bool>()) {
      out += *b ? "true" : "false";
   } else if (v.is_integer()) {
      append_integer(out, v.integer());
   } else if (auto const* d = v.as<double>()) {
      append_number(out, *d);
   } else if (v.is_text()) {
      left.bytes(v.text().size());
      append_quoted(out, v.text());
   } else if (v.is_sequence()) {
      out += '[';
      for (std::size_t i = 0, n = v.size(); i < n; ++i) {
         if (i != 0) out += ',';
         append_json(out, v.at(i), left);
      }
      out += ']';
   } else if (v.is_mapping()) {
      out += '{';
      printing::entries(v, out, ",", left, [&](var const& entry) {
         out += ':';
         append_json(out, entry, left);
      });
      out += '}';
   } else {
      out += "null";
   }
}

/// The value as JSON; what JSON has no word for is null, an integer beyond 64 bits a float.
inline json to_json(var const& v, budget& left) {
   left.spend();
   if (auto const* j = v.as<json const*>()) return **j;
   if (auto const* b = v.as<bool>()) return *b;
   if (auto const* i = v.as<std::int64_t>()) return *i;
   if (v.is_integer()) {
      auto const i = v.integer();
      return i >= 0 && i <= UINT64_MAX ? json(static_cast<std::uint64_t>(i)) : json(static_cast<double>(i));
   }
   if (auto const* d = v.as<double>()) return std::isfinite(*d) ? json(*d) : json(tao::json::null);
   if (v.is_text()) {
      left.bytes(v.text().size());
      return std::string(v.text());
   }
   if (v.is_sequence()) {
      json out = tao::json::empty_array;
      for (std::size_t i = 0, n = v.size(); i < n; ++i) out.emplace_back(to_json(v.at(i), left));
      return out;
   }
   if (v.is_mapping()) {
      json out = tao::json::empty_object;
      v.each([&](std::string_view key, var const& value) { out.try_emplace(std::string(key), to_json(value, left)); });
      return out;
   }
   return tao::json::null;
}

/// Order of kinds when values of different kinds are compared.
inline int kind_rank(var const& v) {
   if (v.is_undefined()) return 0;
   if (v.is_none()) return 1;
   if (v.is_bool() || v.is_number()) return 2;
   if (v.is_text()) return 3;
   if (v.is_sequence()) return 4;
   return 5;
}

inline int compare(var const& a, var const& b, budget& left);

inline int compare_maps(var const& a, var const& b, budget& left) {
   std::vector<std::pair<std::string, var>> x, y;
   auto const into = [&](auto& out) {
      return [&](std::string_view key, var const& value) {
         left.spend();
         left.bytes(key.size());
         out.emplace_back(std::string(key), value);
      };
   };
   a.each(into(x));
   b.each(into(y));
   for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (int const c = x[i].first.compare(y[i].first); c != 0) return c;
      if (int const c = compare(x[i].second, y[i].second, left); c != 0) return c;
   }
   return x.size() < y.size() ? -1 : (x.size() > y.size() ? 1 : 0);
}

/// \return negative, zero or positive; values of different kinds are ordered by kind, NaN is the largest number:
/// nothing is unordered
inline int compare(var const& a, var const& b, budget& left) {
   auto const sign = [](auto const& x, auto const& y) { return x < y ? -1 : (y < x ? 1 : 0); };
   left.spend();
   int const ra = kind_rank(a), rb = kind_rank(b);
   if (ra != rb) return ra < rb ? -1 : 1;
   if (ra == 2) {
      auto const integer = [](var const& v) -> wide_integer {
         return v.is_bool() ? wide_integer{*v.as<bool>()} : v.integer();
      };
      if (!a.is_float() && !b.is_float()) return sign(integer(a), integer(b));
      auto const real = [&](var const& v) { return v.is_float() ? *v.as<double>() : static_cast<double>(integer(v)); };
      double const x = real(a), y = real(b);
      return std::isnan(x) || std::isnan(y) ? sign(std::isnan(x), std::isnan(y)) : sign(x, y);
   }
   if (ra == 3) {
      left.spend(std::min(a.text().size(), b.text().size()) / 256);
      return sign(a.text(), b.text());
   }
   if (ra == 4) {
      std::size_t const na = a.size(), nb = b.size();
      for (std::size_t i = 0; i < na && i < nb; ++i)
         if (int const c = compare(a.at(i), b.at(i), left); c != 0) return c;
      return sign(na, nb);
   }
   return a.is_mapping() && b.is_mapping() ? compare_maps(a, b, left) : 0;
}

inline bool equal(var const& a, var const& b, budget& left) {
   if (a.is_text() && b.is_text() && a.text().size() != b.text().size()) return false;
   auto const nan = [](var const& v) { return v.is_float() && std::isnan(*v.as<double>()); };
   if (nan(a) || nan(b)) return false;
   return compare(a, b, left) == 0 && (kind_rank(a) != 5 || a.is_mapping() == b.is_mapping());
}

} // namespace noetl::workflow::detail
