// workflow/detail/template_operators.hpp: arithmetic, containment, slices and iteration of template values, under a
// budget.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_ast.hpp>

namespace noetl::workflow::detail {

/// What one rendering may still spend.
struct budget {
   std::size_t steps;
   std::size_t max_bytes;

   void spend(std::size_t n = 1) {
      if (n > steps) throw template_failure("template takes too many steps");
      steps -= n;
   }
   /// A text of that size is about to exist.
   void bytes(std::size_t n) {
      if (n > max_bytes) throw template_failure("template output exceeds " + std::to_string(max_bytes) + " bytes");
      spend(n / 256);
   }
};

[[noreturn]] inline void impossible(std::string_view operation, var const& a, var const& b) {
   throw template_failure("cannot " + std::string(operation) + " " + std::string(kind_name(a)) + " and " +
                          std::string(kind_name(b)));
}

/// Bytes of the UTF-8 character at `at`.
inline std::size_t character_size(std::string_view text, std::size_t at) {
   auto const c = static_cast<unsigned char>(text[at]);
   std::size_t const n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
   return std::min(n, text.size() - at);
}

inline list characters(std::string_view text, budget& b) {
   list out;
   for (std::size_t at = 0; at < text.size();) {
      b.spend();
      auto const n = character_size(text, at);
      out.emplace_back(std::string(text.substr(at, n)));
      at += n;
   }
   return out;
}

/// Items of anything that can be iterated: a map gives its keys, a text its characters, undefined and none nothing.
inline list iterate(var const& v, budget& b) {
   if (v.is_undefined() || v.is_none()) return {};
   if (v.is_text()) return characters(v.text(), b);
   list out;
   if (v.is_sequence()) {
      auto const n = v.size();
      b.spend(n);
      out.reserve(n);
      for (std::size_t i = 0; i < n; ++i) out.push_back(v.at(i));
      return out;
   }
   if (v.is_mapping()) {
      v.each([&](std::string_view key, var const&) {
         b.spend();
         out.emplace_back(std::string(key));
      });
      return out;
   }
   throw template_failure(std::string(kind_name(v)) + " is not iterable");
}

inline bool contains(var const& container, var const& item, budget& b) {
   if (container.is_undefined() || container.is_none()) return false;
   if (container.is_text()) return container.text().find(printed(item)) != std::string_view::npos;
   if (container.is_mapping()) return !item.is_undefined() && !container.get(printed(item)).is_undefined();
   if (!container.is_sequence()) throw template_failure("cannot look inside " + std::string(kind_name(container)));
   auto const n = container.size();
   b.spend(n);
   for (std::size_t i = 0; i < n; ++i)
      if (equal(container.at(i), item)) return true;
   return false;
}

namespace arithmetic {

inline bool integral(var const& v) {
   return v.is_integer() || v.is_bool();
}
inline std::int64_t integer(var const& v) {
   return v.is_bool() ? std::int64_t{*v.as<bool>()} : *v.as<std::int64_t>();
}
inline double real(var const& v) {
   return v.is_float() ? *v.as<double>() : static_cast<double>(integer(v));
}
inline bool numeric(var const& v) {
   return v.is_number() || v.is_bool();
}

inline std::int64_t power(std::int64_t base, std::int64_t exponent) {
   std::int64_t out = 1;
   for (; exponent > 0; --exponent) {
      if (__builtin_mul_overflow(out, base, &out)) throw template_failure("integer overflow");
      if (out == 0 || (out == 1 && base == 1)) break;
      if (base == -1) return exponent % 2 != 0 ? -1 : 1;
   }
   return out;
}

inline var integers(op kind, std::int64_t a, std::int64_t b) {
   std::int64_t out = 0;
   bool overflow = false;
   switch (kind) {
   case op::add: overflow = __builtin_add_overflow(a, b, &out); break;
   case op::subtract: overflow = __builtin_sub_overflow(a, b, &out); break;
   case op::multiply: overflow = __builtin_mul_overflow(a, b, &out); break;
   case op::divide: return static_cast<double>(a) / static_cast<double>(b);
   case op::floor_divide:
   case op::modulo:
      if (b == 0) throw template_failure("division by zero");
      if (a == INT64_MIN && b == -1) throw template_failure("integer overflow");
      // Euclidean, as in the reference's engine: the remainder is never negative
      out = a % b;
      if (out < 0) out += b < 0 ? -b : b;
      if (kind == op::floor_divide) out = (a - out) / b;
      break;
   default:
      if (b < 0) return std::pow(static_cast<double>(a), static_cast<double>(b));
      return power(a, b);
   }
   if (overflow) throw template_failure("integer overflow");
   return out;
}

inline var reals(op kind, double a, double b) {
   switch (kind) {
   case op::add: return a + b;
   case op::subtract: return a - b;
   case op::multiply: return a * b;
   case op::divide: return a / b;
   case op::floor_divide: return std::floor(a / b);
   case op::modulo: {
      double const r = std::fmod(a, b);
      return r < 0 ? r + std::abs(b) : r;
   }
   default: return std::pow(a, b);
   }
}

} // namespace arithmetic

inline std::string_view verb_of(op kind) {
   switch (kind) {
   case op::add: return "add";
   case op::subtract: return "subtract";
   case op::multiply: return "multiply";
   case op::power: return "raise";
   default: return "divide";
   }
}

inline var concatenate(var const& a, var const& b, budget& left) {
   std::string out = printed(a);
   print(out, b);
   left.bytes(out.size());
   return out;
}

inline var calculate(op kind, var const& a, var const& b, budget& left) {
   if (arithmetic::numeric(a) && arithmetic::numeric(b)) {
      if (arithmetic::integral(a) && arithmetic::integral(b))
         return arithmetic::integers(kind, arithmetic::integer(a), arithmetic::integer(b));
      return arithmetic::reals(kind, arithmetic::real(a), arithmetic::real(b));
   }
   if (kind == op::add && a.is_text() && b.is_text()) return concatenate(a, b, left);
   if (kind == op::add && a.is_sequence() && b.is_sequence()) {
      auto out = iterate(a, left);
      for (auto& item : iterate(b, left)) out.push_back(std::move(item));
      return out;
   }
   if (kind == op::multiply && a.is_text() && b.is_integer()) {
      std::string out;
      auto const times = std::max<std::int64_t>(0, *b.as<std::int64_t>());
      if (!a.text().empty() && static_cast<std::size_t>(times) > left.max_bytes / a.text().size()) left.bytes(SIZE_MAX);
      for (std::int64_t i = 0; i < times; ++i) out += a.text();
      left.bytes(out.size());
      return out;
   }
   impossible(verb_of(kind), a, b);
}

/// `subject[start:stop:step]` of lists and texts; an absent bound is undefined.
inline var slice(var const& subject, var const& start, var const& stop, var const& step, budget& left) {
   if (subject.is_undefined()) return list{};
   if (!subject.is_text() && !subject.is_sequence())
      throw template_failure("cannot slice " + std::string(kind_name(subject)));
   auto const number = [](var const& v, std::int64_t fallback) {
      if (v.is_undefined() || v.is_none()) return fallback;
      if (!v.is_integer()) throw template_failure("slice bounds must be integers");
      return *v.as<std::int64_t>();
   };
   auto const items = iterate(subject, left);
   auto const size = static_cast<std::int64_t>(items.size());
   auto const stride = number(step, 1);
   if (stride == 0) throw template_failure("slice step must not be 0");
   auto const bound = [&](var const& v, std::int64_t fallback, std::int64_t low, std::int64_t high) {
      auto at = number(v, fallback);
      if (!v.is_undefined() && !v.is_none() && at < 0) at += size;
      return std::clamp(at, low, high);
   };
   list out;
   if (stride > 0) {
      auto const to = bound(stop, size, 0, size);
      for (auto at = bound(start, 0, 0, size); at < to; at += std::min(stride, size)) {
         out.push_back(items[static_cast<std::size_t>(at)]);
      }
   } else {
      auto const to = bound(stop, -1, -1, size - 1);
      for (auto at = bound(start, size - 1, -1, size - 1); at > to; at -= std::min(-stride, size)) {
         out.push_back(items[static_cast<std::size_t>(at)]);
      }
   }
   if (!subject.is_text()) return out;
   std::string text;
   for (auto const& c : out) text += c.text();
   return text;
}

inline var attribute_of(var const& v, std::string_view name);

/// `subject[key]`: negative indexes count from the end; what is not there is undefined.
inline var item_of(var const& subject, var const& key) {
   if (subject.is_sequence()) {
      if (!key.is_integer()) return {};
      auto at = *key.as<std::int64_t>();
      auto const size = static_cast<std::int64_t>(subject.size());
      if (at < 0) at += size;
      return at < 0 || at >= size ? var() : subject.at(static_cast<std::size_t>(at));
   }
   if (subject.is_mapping()) return subject.get(printed(key));
   if (key.is_text()) return attribute_of(subject, key.text());
   return {};
}

inline var attribute_of(var const& v, std::string_view name) {
   if (v.is_mapping()) return v.get(name);
   if (v.is_sequence()) {
      std::int64_t at = 0;
      auto const read = std::from_chars(name.data(), name.data() + name.size(), at);
      return read.ec == std::errc() && read.ptr == name.data() + name.size() ? item_of(v, at) : var();
   }
   auto const* loop = v.as<loop_info>();
   if (loop == nullptr) return {};
   auto const count = static_cast<std::int64_t>(loop->items->size());
   auto const at = static_cast<std::int64_t>(loop->index0);
   if (name == "index") return at + 1;
   if (name == "index0") return at;
   if (name == "revindex") return count - at;
   if (name == "revindex0") return count - at - 1;
   if (name == "first") return at == 0;
   if (name == "last") return at + 1 == count;
   if (name == "length") return count;
   if (name == "depth") return static_cast<std::int64_t>(loop->depth);
   if (name == "depth0") return static_cast<std::int64_t>(loop->depth) - 1;
   if (name == "previtem") return at == 0 ? var() : (*loop->items)[loop->index0 - 1];
   if (name == "nextitem") return at + 1 == count ? var() : (*loop->items)[loop->index0 + 1];
   return {};
}

} // namespace noetl::workflow::detail
