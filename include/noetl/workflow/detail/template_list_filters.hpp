// workflow/detail/template_list_filters.hpp: the engine's general filters (2.9, second list), and the look-up over all
// filters.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/template_filters.hpp>
#include <noetl/workflow/detail/template_tests.hpp>

namespace noetl::workflow::detail {

var run_filter(std::string_view name, var const& v, call_arguments const& arguments);

namespace filters {

/// `a.b.0` inside `v`.
inline var path(var v, std::string_view dotted) {
   while (true) {
      auto const dot = dotted.find('.');
      v = attribute_of(v, dotted.substr(0, dot));
      if (dot == std::string_view::npos) return v;
      dotted.remove_prefix(dot + 1);
   }
}

inline var absolute(var const& v, call_arguments const&) {
   if (v.is_float()) return std::abs(*v.as<double>());
   if (!arithmetic::integral(v)) throw template_failure("abs needs a number");
   auto const i = arithmetic::integer(v);
   if (i == INT64_MIN) throw template_failure("integer overflow");
   return i < 0 ? -i : i;
}
inline var attr(var const& v, call_arguments const& a) {
   return item_of(v, a.get(0));
}
inline var boolean(var const& v, call_arguments const&) {
   return truth(v);
}
inline var capitalize(var const& v, call_arguments const&) {
   auto text = changed_case(printed(v), false);
   if (!text.empty()) text[0] = changed_case(text.substr(0, 1), true)[0];
   return text;
}
inline var title(var const& v, call_arguments const&) {
   auto text = changed_case(printed(v), false);
   bool start = true;
   for (char& c : text) {
      bool const letter = std::string_view(" \t\r\n-_([{<").find(c) == std::string_view::npos;
      if (letter && start) c = changed_case({&c, 1}, true)[0];
      start = !letter;
   }
   return text;
}
inline var count(var const& v, call_arguments const& a) {
   if (v.is_text()) return static_cast<std::int64_t>(characters(v.text(), a.left).size());
   return length(v, a);
}
inline var batch(var const& v, call_arguments const& a) {
   auto const size = a.integer(0, 0, "linecount");
   if (size <= 0) throw template_failure("batch needs a positive size");
   list out, row;
   for (auto& item : iterate(v, a.left)) {
      row.push_back(std::move(item));
      if (row.size() == static_cast<std::size_t>(size)) out.push_back(std::exchange(row, {}));
   }
   if (!row.empty()) {
      if (auto const fill = a.get(1, "fill_with"); !fill.is_undefined()) {
         a.left.spend(static_cast<std::size_t>(size));
         row.resize(static_cast<std::size_t>(size), fill);
      }
      out.push_back(std::move(row));
   }
   return out;
}
inline var slices(var const& v, call_arguments const& a) {
   auto const wanted = a.integer(0, 0, "count");
   if (wanted <= 0) throw template_failure("slice needs a positive count");
   a.left.spend(static_cast<std::size_t>(wanted));
   auto const all = iterate(v, a.left);
   auto const n = static_cast<std::size_t>(wanted), base = all.size() / n, extra = all.size() % n;
   auto const fill = a.get(1, "fill_with");
   list out;
   for (std::size_t i = 0, at = 0; i < n; ++i) {
      auto const take = base + (i < extra ? 1 : 0);
      list row(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + take));
      at += take;
      if (!fill.is_undefined() && i >= extra && extra != 0) row.push_back(fill);
      out.emplace_back(std::move(row));
   }
   return out;
}
inline var chain(var const& v, call_arguments const& a) {
   if (v.is_mapping()) {
      dict out;
      auto const add = [&](std::string_view key, var const& value) { out.insert_or_assign(std::string(key), value); };
      v.each(add);
      for (auto const& other : a.positional) other.each(add);
      return out;
   }
   list out = iterate(v, a.left);
   for (auto const& other : a.positional)
      for (auto& item : iterate(other, a.left)) out.push_back(std::move(item));
   return out;
}
inline var zip(var const& v, call_arguments const& a) {
   std::vector<list> columns{iterate(v, a.left)};
   for (auto const& other : a.positional) columns.push_back(iterate(other, a.left));
   std::size_t rows = SIZE_MAX;
   for (auto const& c : columns) rows = std::min(rows, c.size());
   list out;
   for (std::size_t i = 0; i < rows; ++i) {
      list row;
      for (auto const& c : columns) row.push_back(c[i]);
      out.emplace_back(std::move(row));
   }
   return out;
}

/// Order for sorting; texts without regard to case unless asked.
inline bool before(var const& x, var const& y, bool case_sensitive) {
   if (!case_sensitive && x.is_text() && y.is_text())
      return changed_case(x.text(), false) < changed_case(y.text(), false);
   return compare(x, y) < 0;
}
inline var sort(var const& v, call_arguments const& a) {
   auto all = iterate(v, a.left);
   a.left.spend(all.size() * 4);
   bool const reverse = a.flag(0, "reverse"), exact = a.flag(1, "case_sensitive");
   auto const by = a.text(2, "", "attribute");
   auto const key = [&](var const& item) { return by.empty() ? item : path(item, by); };
   std::stable_sort(all.begin(), all.end(), [&](var const& x, var const& y) {
      return reverse ? before(key(y), key(x), exact) : before(key(x), key(y), exact);
   });
   return all;
}
inline var dictsort(var const& v, call_arguments const& a) {
   demand_map(v, "dictsort");
   auto pairs = iterate(items(v, a), a.left);
   std::size_t const by = a.text(9, "key", "by") == "value" ? 1 : 0;
   bool const reverse = a.flag(9, "reverse"), exact = a.flag(9, "case_sensitive");
   std::stable_sort(pairs.begin(), pairs.end(), [&](var const& x, var const& y) {
      return reverse ? before(y.at(by), x.at(by), exact) : before(x.at(by), y.at(by), exact);
   });
   return pairs;
}
inline var groupby(var const& v, call_arguments const& a) {
   auto const by = a.text(0, "", "attribute");
   auto all = iterate(v, a.left);
   auto const key = [&](var const& item) {
      auto const k = path(item, by);
      return k.is_undefined() ? a.get(1, "default") : k;
   };
   std::stable_sort(all.begin(), all.end(), [&](var const& x, var const& y) { return before(key(x), key(y), true); });
   list out;
   for (std::size_t i = 0; i < all.size();) {
      list group;
      auto const grouper = key(all[i]);
      for (; i < all.size() && equal(key(all[i]), grouper); ++i) group.push_back(all[i]);
      out.push_back(list{grouper, var(std::move(group))});
   }
   return out;
}
inline var unique(var const& v, call_arguments const& a) {
   auto const by = a.text(9, "", "attribute");
   list out, seen;
   for (auto& item : iterate(v, a.left)) {
      auto const key = by.empty() ? item : path(item, by);
      a.left.spend(seen.size());
      if (std::none_of(seen.begin(), seen.end(), [&](var const& s) { return equal(s, key); })) {
         seen.push_back(key);
         out.push_back(std::move(item));
      }
   }
   return out;
}
inline var extreme(var const& v, call_arguments const& a, bool largest) {
   var best;
   bool any = false;
   for (auto& item : iterate(v, a.left)) {
      if (!any || (largest ? compare(item, best) > 0 : compare(item, best) < 0)) best = std::move(item);
      any = true;
   }
   return best;
}
inline var max(var const& v, call_arguments const& a) {
   return extreme(v, a, true);
}
inline var min(var const& v, call_arguments const& a) {
   return extreme(v, a, false);
}
inline var sum(var const& v, call_arguments const& a) {
   auto const by = a.text(9, "", "attribute");
   var total = std::int64_t{0};
   for (auto const& item : iterate(v, a.left))
      total = calculate(op::add, total, by.empty() ? item : path(item, by), a.left);
   return total;
}
inline var reverse(var const& v, call_arguments const& a) {
   auto all = iterate(v, a.left);
   std::reverse(all.begin(), all.end());
   if (!v.is_text()) return all;
   std::string out;
   for (auto const& c : all) out += c.text();
   return out;
}
inline var to_list(var const& v, call_arguments const& a) {
   return iterate(v, a.left);
}
inline var lines(var const& v, call_arguments const& a) {
   list out;
   std::string const text = printed(v);
   for (std::size_t from = 0; from < text.size();) {
      a.left.spend();
      auto const at = std::min(text.find('\n', from), text.size());
      auto line = text.substr(from, at - from);
      if (line.ends_with('\r')) line.pop_back();
      out.emplace_back(std::move(line));
      from = at + 1;
   }
   return out;
}
inline var replace(var const& v, call_arguments const& a) {
   std::string const text = printed(v), what = a.text(0, ""), with = a.text(1, "");
   if (what.empty()) return text;
   std::string out;
   for (std::size_t from = 0;;) {
      auto const at = text.find(what, from);
      out.append(text, from, at == std::string::npos ? at : at - from);
      if (at == std::string::npos) break;
      out += with;
      a.left.bytes(out.size());
      from = at + what.size();
   }
   return out;
}
inline var indent(var const& v, call_arguments const& a) {
   auto const width = std::clamp<std::int64_t>(a.integer(0, 4, "width"), 0, 1000);
   bool const also_first = a.flag(1, "first"), blank = a.flag(2, "blank");
   std::string const text = printed(v), pad(static_cast<std::size_t>(width), ' ');
   std::string out;
   bool first_line = true;
   for (std::size_t from = 0; from <= text.size();) {
      auto const at = std::min(text.find('\n', from), text.size());
      if (!first_line) out += '\n';
      if ((!first_line || also_first) && (blank || at > from)) out += pad;
      out.append(text, from, at - from);
      a.left.bytes(out.size());
      first_line = false;
      from = at + 1;
   }
   return out;
}
inline var escape(var const& v, call_arguments const& a) {
   std::string out;
   for (char const c : printed(v)) {
      switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#x27;"; break;
      default: out += c;
      }
   }
   a.left.bytes(out.size());
   return out;
}
inline var round(var const& v, call_arguments const& a) {
   if (arithmetic::integral(v)) return v;
   auto const scale =
       std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(a.integer(0, 0, "precision"), 0, 15)));
   return std::round(to_double(v, "a float") * scale) / scale;
}
inline var pprint(var const& v, call_arguments const& a) {
   std::string out;
   print(out, v, true);
   a.left.bytes(out.size());
   return out;
}

/// Arguments without the first `n`.
inline call_arguments rest(call_arguments const& a, std::size_t n) {
   auto const from = a.positional.begin() + static_cast<std::ptrdiff_t>(std::min(n, a.positional.size()));
   return {list(from, a.positional.end()), a.named, a.left};
}
inline var map(var const& v, call_arguments const& a) {
   auto const by = a.text(9, "", "attribute");
   if (by.empty() && a.positional.empty()) throw template_failure("map needs a filter or an attribute");
   list out;
   for (auto const& item : iterate(v, a.left)) {
      if (!by.empty()) {
         auto const value = path(item, by);
         out.push_back(value.is_undefined() ? a.get(9, "default") : value);
      } else {
         out.push_back(run_filter(printed(a.positional[0]), item, rest(a, 1)));
      }
   }
   return out;
}
inline var choose(var const& v, call_arguments const& a, bool by_attribute, bool wanted) {
   std::size_t const at = by_attribute ? 1 : 0;
   list out;
   for (auto& item : iterate(v, a.left)) {
      auto const subject = by_attribute ? path(item, a.text(0, "")) : item;
      bool const yes =
          a.positional.size() > at ? run_test(printed(a.positional[at]), subject, rest(a, at + 1)) : truth(subject);
      if (yes == wanted) out.push_back(std::move(item));
   }
   return out;
}
inline var select(var const& v, call_arguments const& a) {
   return choose(v, a, false, true);
}
inline var reject(var const& v, call_arguments const& a) {
   return choose(v, a, false, false);
}
inline var selectattr(var const& v, call_arguments const& a) {
   return choose(v, a, true, true);
}
inline var rejectattr(var const& v, call_arguments const& a) {
   return choose(v, a, true, false);
}

} // namespace filters

inline constexpr std::array engine_filters{
    filter_entry{"abs", filters::absolute, 0},
    filter_entry{"attr", filters::attr, 1},
    filter_entry{"batch", filters::batch, 2},
    filter_entry{"bool", filters::boolean, 0},
    filter_entry{"capitalize", filters::capitalize, 0},
    filter_entry{"chain", filters::chain, 99},
    filter_entry{"count", filters::count, 0},
    filter_entry{"dictsort", filters::dictsort, 0},
    filter_entry{"e", filters::escape, 0},
    filter_entry{"escape", filters::escape, 0},
    filter_entry{"groupby", filters::groupby, 2},
    filter_entry{"indent", filters::indent, 3},
    filter_entry{"lines", filters::lines, 0},
    filter_entry{"list", filters::to_list, 0},
    filter_entry{"map", filters::map, 99},
    filter_entry{"max", filters::max, 0},
    filter_entry{"min", filters::min, 0},
    filter_entry{"pprint", filters::pprint, 0},
    filter_entry{"reject", filters::reject, 99},
    filter_entry{"rejectattr", filters::rejectattr, 99},
    filter_entry{"replace", filters::replace, 2},
    filter_entry{"reverse", filters::reverse, 0},
    filter_entry{"round", filters::round, 1},
    filter_entry{"select", filters::select, 99},
    filter_entry{"selectattr", filters::selectattr, 99},
    filter_entry{"slice", filters::slices, 2},
    filter_entry{"sort", filters::sort, 3},
    filter_entry{"sum", filters::sum, 0},
    filter_entry{"title", filters::title, 0},
    filter_entry{"unique", filters::unique, 0},
    filter_entry{"zip", filters::zip, 99},
};

inline filter_entry const* find_filter(std::string_view name) {
   for (auto const& one : redefined_filters)
      if (one.name == name) return &one;
   for (auto const& one : engine_filters)
      if (one.name == name) return &one;
   return nullptr;
}
inline bool is_filter(std::string_view name) {
   return find_filter(name) != nullptr;
}

inline var run_filter(std::string_view name, var const& v, call_arguments const& arguments) {
   auto const* filter = find_filter(name);
   if (filter == nullptr) throw template_failure("unknown filter: " + std::string(name));
   if (arguments.positional.size() > filter->max_arguments)
      throw template_failure("too many arguments for filter " + std::string(name));
   arguments.left.spend();
   return filter->call(v, arguments);
}

} // namespace noetl::workflow::detail
