// workflow/detail/template_list_filters.hpp: the engine's general filters for lists and maps (2.9, second list).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/template_filters.hpp>
#include <noetl/workflow/detail/template_tests.hpp>

namespace noetl::workflow::detail {

var run_filter(std::string_view name, var const& v, call_arguments const& arguments);

namespace filters {

inline var attr(var const& v, args a) {
   return item_of(v, a.get(0), a.left);
}
inline var count(var const& v, args a) {
   if (!v.is_text()) return length(v, a);
   a.left.work(v.text().size());
   return static_cast<std::int64_t>(count_characters(v.text()));
}
inline std::size_t positive(std::int64_t n, std::string_view filter) {
   if (n <= 0) throw template_failure(std::string(filter) + " needs a size above 0");
   return static_cast<std::size_t>(n);
}
inline var batch(var const& v, args a) {
   auto const size = positive(a.integer(0, 0, "linecount"), "batch");
   list out, row;
   for (auto& item : iterate(v, a.left)) {
      row.push_back(std::move(item));
      if (row.size() == size) out.emplace_back(std::exchange(row, {}));
   }
   if (!row.empty()) {
      if (auto const fill = a.get(1, "fill_with"); !fill.is_undefined()) {
         a.left.spend(size);
         row.resize(size, fill);
      }
      out.emplace_back(std::move(row));
   }
   return out;
}
inline var slices(var const& v, args a) {
   auto const n = positive(a.integer(0, 0, "count"), "slice");
   a.left.spend(n);
   auto const all = iterate(v, a.left);
   auto const base = all.size() / n, extra = all.size() % n;
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
inline var chain(var const& v, args a) {
   bool const maps = v.is_mapping() && std::all_of(a.positional.begin(), a.positional.end(),
                                                   [](var const& other) { return other.is_mapping(); });
   if (maps) {
      dict out;
      auto const add = [&](std::string_view key, var const& value) {
         a.left.spend();
         out.insert_or_assign(std::string(key), value);
      };
      v.each(add);
      for (auto const& other : a.positional) other.each(add);
      return out;
   }
   list out = iterate(v, a.left);
   for (auto const& other : a.positional)
      for (auto& item : iterate(other, a.left)) out.push_back(std::move(item));
   return out;
}
inline var zip(var const& v, args a) {
   std::vector<list> columns{iterate(v, a.left)};
   for (auto const& other : a.positional) columns.push_back(iterate(other, a.left));
   std::size_t rows = SIZE_MAX;
   for (auto const& c : columns) rows = std::min(rows, c.size());
   list out;
   for (std::size_t i = 0; i < rows; ++i) {
      a.left.spend();
      list row;
      for (auto const& c : columns) row.push_back(c[i]);
      out.emplace_back(std::move(row));
   }
   return out;
}

/// What one item is sorted by.
struct sort_key {
   std::vector<var> parts;
   var item;
};
/// A text that is compared without regard to case is compared in lower case.
inline var folded(var v, bool case_sensitive, budget& left) {
   if (case_sensitive || !v.is_text()) return v;
   left.work(v.text().size());
   return lower_case(v.text());
}
inline list sorted(list items, std::vector<std::string> const& paths, bool reverse, bool exact, budget& left) {
   std::vector<sort_key> keyed;
   for (auto& item : items) {
      left.spend(2);
      sort_key k;
      for (auto const& path : paths) k.parts.push_back(folded(path_of(item, path, left), exact, left));
      if (paths.empty()) k.parts.push_back(folded(item, exact, left));
      k.item = std::move(item);
      keyed.push_back(std::move(k));
   }
   auto const before = [&](sort_key const& x, sort_key const& y) {
      for (std::size_t i = 0; i < x.parts.size(); ++i)
         if (int const c = compare(x.parts[i], y.parts[i], left); c != 0) return c < 0;
      return false;
   };
   std::stable_sort(keyed.begin(), keyed.end(),
                    [&](sort_key const& x, sort_key const& y) { return reverse ? before(y, x) : before(x, y); });
   for (std::size_t i = 0; i < items.size(); ++i) items[i] = std::move(keyed[i].item);
   return items;
}
inline std::vector<std::string> paths_of(std::string const& attribute) {
   std::vector<std::string> out;
   for (std::size_t from = 0; from < attribute.size();) {
      auto const end = std::min(attribute.find(',', from), attribute.size());
      out.emplace_back(stripped(std::string_view(attribute).substr(from, end - from)));
      from = end + 1;
   }
   return out;
}
inline var sort(var const& v, args a) {
   return sorted(iterate(v, a.left), paths_of(a.word("attribute")), a.flag("reverse"), a.flag("case_sensitive"),
                 a.left);
}
inline var dictsort(var const& v, args a) {
   demand_map(v, "dictsort");
   auto const by = a.word("by");
   if (!by.empty() && by != "key" && by != "value") throw template_failure("dictsort: by is key or value");
   return sorted(iterate(items(v, a), a.left), {by == "value" ? "1" : "0"}, a.flag("reverse"), a.flag("case_sensitive"),
                 a.left);
}
inline var groupby(var const& v, args a) {
   auto const by = a.text(0, "", "attribute");
   if (by.empty()) throw template_failure("filter groupby needs an attribute");
   bool const exact = a.flag("case_sensitive");
   auto const fallback = a.keyword("default");
   list all;
   for (auto& item : iterate(v, a.left)) {
      auto key = path_of(item, by, a.left);
      if (key.is_undefined()) key = fallback;
      all.emplace_back(list{folded(key, exact, a.left), std::move(key), std::move(item)});
   }
   all = sorted(std::move(all), {"0"}, false, true, a.left);
   list out;
   for (std::size_t i = 0; i < all.size();) {
      list group;
      auto const start = i;
      for (; i < all.size() && equal(all[i].at(0), all[start].at(0), a.left); ++i) group.push_back(all[i].at(2));
      if (i == start) group.push_back(all[i++].at(2)); // NaN equals nothing
      out.emplace_back(std::make_shared<boxed_list const>(list{all[start].at(1), var(std::move(group))}, true));
   }
   return out;
}
inline var unique(var const& v, args a) {
   auto const by = a.word("attribute");
   bool const exact = a.flag("case_sensitive");
   list out, seen;
   for (auto& item : iterate(v, a.left)) {
      auto key = folded(by.empty() ? item : path_of(item, by, a.left), exact, a.left);
      a.left.spend(seen.size() / 4);
      if (std::any_of(seen.begin(), seen.end(), [&](var const& s) { return equal(s, key, a.left); })) continue;
      seen.push_back(std::move(key));
      out.push_back(std::move(item));
   }
   return out;
}
inline var extreme(var const& v, args a, int wanted) {
   var best;
   bool any = false;
   for (auto& item : iterate(v, a.left)) {
      if (!any || compare(item, best, a.left) * wanted > 0) best = std::move(item);
      any = true;
   }
   return best;
}
inline var max(var const& v, args a) {
   return extreme(v, a, 1);
}
inline var min(var const& v, args a) {
   return extreme(v, a, -1);
}
inline var sum(var const& v, args a) {
   var total = std::int64_t{0};
   for (auto const& item : iterate(v, a.left)) {
      if (item.is_undefined()) continue;
      if (!arithmetic::numeric(item)) throw template_failure("sum needs numbers, not " + std::string(kind_name(item)));
      total = calculate(op::add, total, item, a.left);
   }
   return total;
}
inline var reverse(var const& v, args a) {
   if (v.is_undefined()) return v;
   if (v.is_text()) {
      auto const places = character_places(v.text(), a.left);
      std::string out;
      out.reserve(v.text().size());
      for (auto i = places.size() - 1; i > 0; --i) out += v.text().substr(places[i - 1], places[i] - places[i - 1]);
      return out;
   }
   auto all = iterate(v, a.left);
   std::reverse(all.begin(), all.end());
   return all;
}
inline var to_list(var const& v, args a) {
   return iterate(v, a.left);
}

/// Arguments without the first `n`.
inline call_arguments rest(args a, std::size_t n) {
   auto const from = a.positional.begin() + static_cast<std::ptrdiff_t>(std::min(n, a.positional.size()));
   return {list(from, a.positional.end()), a.named, a.left};
}
inline var map(var const& v, args a) {
   list out;
   if (a.positional.empty()) {
      auto const by = a.word("attribute");
      for (auto const& [key, value] : a.named)
         if (key != "attribute" && key != "default") throw template_failure("filter map has no argument called " + key);
      if (by.empty()) throw template_failure("filter map needs the name of a filter, or an attribute");
      auto const fallback = a.keyword("default");
      for (auto const& item : iterate(v, a.left)) {
         auto value = path_of(item, by, a.left);
         if (value.is_undefined()) value = fallback;
         out.push_back(std::move(value));
      }
      return out;
   }
   auto const name = printed(a.positional[0], a.left);
   auto const arguments = rest(a, 1);
   for (auto const& item : iterate(v, a.left)) out.push_back(run_filter(name, item, arguments));
   return out;
}
inline var choose(var const& v, args a, bool by_attribute, bool wanted) {
   std::size_t const at = by_attribute ? 1 : 0;
   auto const path = by_attribute ? a.text(0, "") : std::string();
   auto const name = a.positional.size() > at ? printed(a.positional[at], a.left) : std::string();
   auto const* test = find_test(name);
   auto const arguments = rest(a, at + 1);
   list out;
   for (auto& item : iterate(v, a.left)) {
      auto const subject = by_attribute ? path_of(item, path, a.left) : item;
      bool const yes = name.empty() ? truth(subject) : run_test(test, name, subject, arguments);
      if (yes == wanted) out.push_back(std::move(item));
   }
   return out;
}
inline var select(var const& v, args a) {
   return choose(v, a, false, true);
}
inline var reject(var const& v, args a) {
   return choose(v, a, false, false);
}
inline var selectattr(var const& v, args a) {
   return choose(v, a, true, true);
}
inline var rejectattr(var const& v, args a) {
   return choose(v, a, true, false);
}

} // namespace filters

} // namespace noetl::workflow::detail
