// workflow/detail/template_text_filters.hpp: the engine's general filters for texts and numbers (2.9, second list).
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_filters.hpp>

namespace noetl::workflow::detail::filters {

inline var absolute(var const& v, args) {
   if (v.is_float()) return std::abs(*v.as<double>());
   if (!v.is_integer()) throw template_failure("abs needs a number, not " + std::string(kind_name(v)));
   auto const i = v.integer();
   wide_integer out = i;
   if (i < 0 && __builtin_sub_overflow(wide_integer{0}, i, &out)) throw template_failure("integer overflow in abs");
   return var::of_integer(out);
}
inline var round(var const& v, args a) {
   if (v.is_integer()) return v;
   if (!v.is_float()) throw template_failure("round needs a number, not " + std::string(kind_name(v)));
   auto const digits = static_cast<double>(std::clamp<std::int64_t>(a.integer(0, 0, "precision"), -400, 400));
   double const d = *v.as<double>(), scale = std::pow(10.0, digits);
   double const scaled = d * scale;
   // beyond what a double resolves there is nothing to round
   if (!std::isfinite(scaled) || scale == 0.0) return digits < 0 ? 0.0 : d;
   return std::round(scaled) / scale;
}
inline var boolean(var const& v, args) {
   return truth(v);
}

inline var capitalize(var const& v, args a) {
   printed_view const shown(v, a.left);
   auto const text = shown.view();
   a.left.work(text.size());
   if (text.empty()) return std::string();
   auto const n = character_size(text, 0);
   return upper_case(text.substr(0, n)) + lower_case(text.substr(n));
}
inline var title(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size());
   std::string out;
   bool start = true;
   each_letter(text, out, [&](char32_t c, std::size_t) {
      bool const sign =
          c > ' ' && c < 0x7f &&
          std::string_view("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~").find(static_cast<char>(c)) != std::string_view::npos;
      bool const gap = sign || is_blank(c);
      if (gap)
         append_utf8(out, c);
      else
         start ? append_upper(out, c) : append_lower(out, c);
      start = gap;
   });
   return out;
}

inline var lines(var const& v, args a) {
   if (!v.is_text()) throw template_failure("lines needs a string, not " + std::string(kind_name(v)));
   auto const text = v.text();
   a.left.bytes(text.size());
   list out;
   for (std::size_t from = 0; from < text.size();) {
      a.left.spend();
      auto const at = std::min(text.find('\n', from), text.size());
      auto line = text.substr(from, at - from);
      if (line.ends_with('\r')) line.remove_suffix(1);
      out.emplace_back(std::string(line));
      from = at + 1;
   }
   return out;
}
inline var replace(var const& v, args a) {
   printed_view const shown(v, a.left), what(a.get(0), a.left), with(a.get(1), a.left);
   auto const text = shown.view();
   a.left.work(text.size() + what.view().size());
   text_search const search(what);
   std::string out;
   auto const insert = [&] {
      a.left.spend();
      out += with;
      if (out.size() > a.left.max_bytes) a.left.bytes(out.size());
   };
   if (what.view().empty()) { // between all characters
      for (std::size_t from = 0; from < text.size();) {
         insert();
         auto const n = character_size(text, from);
         out += text.substr(from, n);
         from += n;
      }
      insert();
      a.left.bytes(out.size());
      return out;
   }
   for (std::size_t from = 0;;) {
      auto const at = search.find(text, from);
      out += text.substr(from, at == std::string::npos ? at : at - from);
      if (at == std::string::npos) break;
      insert();
      from = at + what.view().size();
   }
   a.left.bytes(out.size());
   return out;
}
inline var indent(var const& v, args a) {
   auto const width = a.integer(0, 4, "width");
   if (width < 0) throw template_failure("indent needs a width that is not negative");
   a.left.bytes(static_cast<std::size_t>(width));
   bool const also_first = truth(a.get(1, "first")), blank = truth(a.get(2, "blank"));
   printed_view const shown(v, a.left);
   auto text = shown.view();
   if (text.ends_with('\n')) text.remove_suffix(1);
   if (text.ends_with('\r')) text.remove_suffix(1);
   std::string const pad(static_cast<std::size_t>(width), ' ');
   std::string out;
   bool first_line = true;
   for (std::size_t from = 0; from <= text.size();) {
      a.left.spend();
      auto const at = std::min(text.find('\n', from), text.size());
      if (!first_line) out += '\n';
      if ((!first_line || also_first) && (blank || at > from)) out += pad;
      out += text.substr(from, at - from);
      if (out.size() > a.left.max_bytes) a.left.bytes(out.size());
      first_line = false;
      from = at + 1;
   }
   a.left.bytes(out.size());
   return out;
}
inline var escape(var const& v, args a) {
   printed_view const text(v, a.left);
   a.left.work(text.view().size());
   std::string out;
   for (char const c : text.view()) {
      switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#x27;"; break;
      case '/': out += "&#x2f;"; break;
      default: out += c;
      }
   }
   a.left.bytes(out.size());
   return out;
}
inline var pprint(var const& v, args a) {
   std::string out;
   print_pretty(out, v, a.left);
   a.left.bytes(out.size());
   return out;
}

} // namespace noetl::workflow::detail::filters
