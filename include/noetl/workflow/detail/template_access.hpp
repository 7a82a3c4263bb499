// workflow/detail/template_access.hpp: what is inside a value: items, attributes, slices, iteration, `in`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <noetl/core/number_text.hpp>
#include <noetl/workflow/detail/template_operators.hpp>
#include <noetl/workflow/detail/template_text.hpp>

namespace noetl::workflow::detail {

inline list characters(std::string_view text, budget& left) {
   list out;
   for (std::size_t at = 0; at < text.size();) {
      left.spend(2);
      auto const n = character_size(text, at);
      out.emplace_back(std::string(text.substr(at, n)));
      at += n;
   }
   return out;
}

/// Where each character begins, and the end.
inline std::vector<std::size_t> character_places(std::string_view text, budget& left) {
   left.work(text.size());
   std::vector<std::size_t> out;
   for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) out.push_back(at);
   out.push_back(text.size());
   return out;
}

/// Items of anything that can be iterated: a map gives its keys, a text its characters, undefined and none nothing.
inline list iterate(var const& v, budget& left) {
   if (v.is_nothing()) return {};
   if (v.is_text()) return characters(v.text(), left);
   list out;
   if (v.is_sequence()) {
      auto const n = v.size();
      left.spend(n);
      out.reserve(n);
      for (std::size_t i = 0; i < n; ++i) out.push_back(v.at(i));
      return out;
   }
   if (v.is_mapping()) {
      left.spend(v.size());
      v.each([&](std::string_view key, var const&) {
         left.bytes(key.size());
         out.emplace_back(std::string(key));
      });
      return out;
   }
   throw template_failure(std::string(kind_name(v)) + " is not iterable");
}

var item_of(var const& subject, var const& key, budget& left);

inline bool contains(var const& container, var const& item, budget& left) {
   if (container.is_undefined()) return false;
   if (container.is_text()) {
      printed_view const what(item, left);
      left.work(container.text().size() + what.view().size());
      return text_search(what).find(container.text()) != std::string_view::npos;
   }
   if (container.is_mapping()) return !item.is_undefined() && !item_of(container, item, left).is_undefined();
   if (!container.is_sequence())
      throw template_failure("'in' needs a string, list or map on its right, not " + std::string(kind_name(container)));
   for (std::size_t i = 0, n = container.size(); i < n; ++i) {
      left.spend();
      if (equal(container.at(i), item, left)) return true;
   }
   return false;
}

/// `subject[start:stop:step]` of lists and texts (by characters); an absent bound is undefined.
inline var slice(var const& subject, var const& start, var const& stop, var const& step, budget& left) {
   if (subject.is_nothing()) return list{};
   if (!subject.is_text() && !subject.is_sequence())
      throw template_failure("cannot slice " + std::string(kind_name(subject)));
   auto const number = [](var const& v, std::int64_t fallback) {
      if (v.is_nothing()) return fallback;
      auto const n = as_index(v);
      if (!n) throw template_failure("slice bounds must be integers");
      return *n;
   };
   bool const text = subject.is_text();
   auto const places = text ? character_places(subject.text(), left) : std::vector<std::size_t>();
   auto const size = static_cast<std::int64_t>(text ? places.size() - 1 : subject.size());
   auto const stride = number(step, 1);
   if (stride == 0) throw template_failure("slice step must not be 0");
   auto const bound = [&](var const& v, std::int64_t fallback, std::int64_t low, std::int64_t high) {
      auto at = number(v, fallback);
      if (!v.is_nothing() && at < 0) at += size;
      return std::clamp(at, low, high);
   };
   list out;
   std::string cut;
   auto const take = [&](std::int64_t at) {
      auto const i = static_cast<std::size_t>(at);
      if (text) {
         cut += subject.text().substr(places[i], places[i + 1] - places[i]);
      } else {
         left.spend();
         out.push_back(subject.at(i));
      }
   };
   if (size != 0 && stride > 0) {
      auto const to = bound(stop, size, 0, size);
      for (auto at = bound(start, 0, 0, size); at < to; at += std::min(stride, size)) take(at);
   } else if (size != 0) {
      auto const to = bound(stop, -1, -1, size - 1);
      for (auto at = bound(start, size - 1, -1, size - 1); at > to; at += std::max(stride, -size)) take(at);
   }
   return text ? var(std::move(cut)) : var(std::move(out));
}

inline var attribute_of(var const& v, std::string_view name);

/// `subject[key]`: negative indexes count from the end; what is not there is undefined.
inline var item_of(var const& subject, var const& key, budget& left) {
   if (subject.is_mapping()) {
      printed_view const name(key, left);
      left.spend(name.view().size() / 64);
      return subject.get(name);
   }
   auto const index = key.is_bool() ? std::int64_t{*key.as<bool>()} : as_index(key);
   if (subject.is_sequence() && index) {
      auto const size = static_cast<std::int64_t>(subject.size());
      auto const at = *index < 0 ? *index + size : *index;
      return at < 0 || at >= size ? var() : subject.at(static_cast<std::size_t>(at));
   }
   if (subject.is_text() && index) {
      auto const places = character_places(subject.text(), left);
      auto const size = static_cast<std::int64_t>(places.size()) - 1;
      auto const at = *index < 0 ? *index + size : *index;
      if (at < 0 || at >= size) return {};
      auto const from = places[static_cast<std::size_t>(at)], to = places[static_cast<std::size_t>(at) + 1];
      return std::string(subject.text().substr(from, to - from));
   }
   return key.is_text() ? attribute_of(subject, key.text()) : var();
}

inline var loop_attribute(loop_info const& loop, std::string_view name) {
   auto const& items = loop.state->items->items;
   auto const count = static_cast<std::int64_t>(items.size());
   auto const at = static_cast<std::int64_t>(loop.index0);
   auto const depth = static_cast<std::int64_t>(loop.state->depth);
   if (name == "index") return at + 1;
   if (name == "index0") return at;
   if (name == "revindex") return count - at;
   if (name == "revindex0") return count - at - 1;
   if (name == "first") return at == 0;
   if (name == "last") return at + 1 == count;
   if (name == "length") return count;
   if (name == "depth") return depth + 1;
   if (name == "depth0") return depth;
   if (name == "previtem") return at == 0 ? var() : items[loop.index0 - 1];
   if (name == "nextitem") return at + 1 == count ? var() : items[loop.index0 + 1];
   return {};
}

/// `v.name`; a list takes numbers, and the groups of groupby have `grouper` and `list`.
inline var attribute_of(var const& v, std::string_view name) {
   if (v.is_mapping()) return v.get(name);
   if (auto const* loop = v.as<loop_info>()) return loop_attribute(*loop, name);
   if (!v.is_sequence()) return {};
   if (auto const* boxed = v.as<std::shared_ptr<boxed_list const>>(); boxed && (*boxed)->group) {
      if (name == "grouper") return v.at(0);
      if (name == "list") return v.at(1);
   }
   auto const at = parse_number<std::uint64_t>(name);
   return at && *at < v.size() ? v.at(static_cast<std::size_t>(*at)) : var();
}

/// `a.b.0` inside `v`.
inline var path_of(var v, std::string_view dotted, budget& left) {
   while (true) {
      left.spend();
      auto const dot = dotted.find('.');
      v = attribute_of(v, dotted.substr(0, dot));
      if (dot == std::string_view::npos) return v;
      dotted.remove_prefix(dot + 1);
   }
}

} // namespace noetl::workflow::detail
