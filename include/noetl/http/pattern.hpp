// http/pattern.hpp: route patterns: literals, `{name}` for one segment, `{name...}` for the rest of the path.
// Knows the standard library only. Everything works at compile time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace noetl::http {

enum class segment_kind : std::uint8_t { literal, placeholder, rest };

struct segment {
   segment_kind kind = segment_kind::literal;
   std::string_view text; ///< the literal, or the name between the braces
   friend constexpr bool operator==(segment const&, segment const&) = default;
};

inline constexpr std::size_t max_segments = 12;

enum class pattern_fault : std::uint8_t {
   none,
   no_leading_slash,
   trailing_slash,
   empty_segment,
   unclosed_brace,
   brace_inside_segment,
   bad_name,
   name_twice,
   rest_not_last,
   too_many_segments,
};

/// A parsed pattern. Views point into the text it was parsed from.
struct pattern {
   std::string_view text;
   std::array<segment, max_segments> segments{};
   std::size_t size = 0;
   pattern_fault fault = pattern_fault::none;

   /// Index among the placeholders (the rest capture counts) of the one called `name`, or max_segments.
   [[nodiscard]] constexpr std::size_t placeholder(std::string_view name) const noexcept {
      std::size_t index = 0;
      for (std::size_t i = 0; i < size; ++i) {
         if (segments[i].kind == segment_kind::literal) continue;
         if (segments[i].text == name) return index;
         ++index;
      }
      return max_segments;
   }
   [[nodiscard]] constexpr bool ends_in_rest() const noexcept {
      return size > 0 && segments[size - 1].kind == segment_kind::rest;
   }
};

namespace detail {

// string_view::find compares a pointer with null, which GCC 12 does not take for a constant under -fsanitize=undefined.
constexpr std::size_t find_char(std::string_view text, char c, std::size_t from = 0) noexcept {
   for (std::size_t i = from; i < text.size(); ++i)
      if (text[i] == c) return i;
   return std::string_view::npos;
}

constexpr bool is_name(std::string_view text) noexcept {
   if (text.empty()) return false;
   for (char c : text)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
   return true;
}

constexpr pattern_fault parse_segment(std::string_view text, segment& out) noexcept {
   if (text.empty()) return pattern_fault::empty_segment;
   if (text.front() != '{') {
      if (find_char(text, '{') != text.npos || find_char(text, '}') != text.npos)
         return pattern_fault::brace_inside_segment;
      out = {segment_kind::literal, text};
      return pattern_fault::none;
   }
   auto const close = find_char(text, '}');
   if (close == text.npos) return pattern_fault::unclosed_brace;
   if (close + 1 != text.size()) return pattern_fault::brace_inside_segment;
   auto name = text.substr(1, close - 1);
   bool const rest = name.ends_with("...");
   if (rest) name.remove_suffix(3);
   out = {rest ? segment_kind::rest : segment_kind::placeholder, name};
   return is_name(name) ? pattern_fault::none : pattern_fault::bad_name;
}

} // namespace detail

/// Parses a pattern; `fault` of the result says what is wrong with it. "/" has no segments.
constexpr pattern parse_pattern(std::string_view text) noexcept {
   pattern parsed{.text = text};
   auto const with = [&parsed](pattern_fault fault) {
      parsed.fault = fault;
      return parsed;
   };
   if (!text.starts_with('/')) return with(pattern_fault::no_leading_slash);
   if (text == "/") return parsed;
   if (text.ends_with('/')) return with(pattern_fault::trailing_slash);
   for (auto left = text.substr(1);;) {
      auto const slash = detail::find_char(left, '/');
      segment next;
      auto const fault = detail::parse_segment(left.substr(0, slash), next);
      if (fault != pattern_fault::none) return with(fault);
      if (parsed.ends_in_rest()) return with(pattern_fault::rest_not_last);
      if (parsed.size == max_segments) return with(pattern_fault::too_many_segments);
      if (next.kind != segment_kind::literal && parsed.placeholder(next.text) != max_segments)
         return with(pattern_fault::name_twice);
      parsed.segments[parsed.size++] = next;
      if (slash == left.npos) return parsed;
      left.remove_prefix(slash + 1);
   }
}

/// Orders patterns so that the first match is the right one: at the first difference a literal comes before a
/// placeholder and that before a rest capture. Patterns that match the same paths are equivalent and end up side by
/// side.
constexpr int compare_shape(pattern const& a, pattern const& b) noexcept {
   for (std::size_t i = 0; i < a.size && i < b.size; ++i) {
      auto const &x = a.segments[i], &y = b.segments[i];
      if (x.kind != y.kind) return x.kind < y.kind ? -1 : 1;
      if (x.kind != segment_kind::literal) continue;
      if (int const order = x.text.compare(y.text); order != 0) return order;
   }
   return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

/// A request path cut at its slashes, still percent-encoded.
struct split_path {
   std::string_view text;
   std::array<std::string_view, max_segments> segments{};
   std::size_t size = 0; ///< may exceed max_segments; only the first ones are kept
   bool rooted = false;  ///< begins with '/'

   /// Everything from segment i to the end. \pre i < size, i < max_segments
   [[nodiscard]] constexpr std::string_view from(std::size_t i) const noexcept {
      std::size_t start = 0;
      for (std::size_t k = 0; k < i; ++k) start += segments[k].size() + 1;
      return text.substr(start + 1);
   }
};

constexpr split_path split(std::string_view path) noexcept {
   split_path cut{.text = path};
   cut.rooted = path.starts_with('/');
   if (!cut.rooted || path == "/") return cut;
   for (std::size_t start = 1;;) {
      auto const slash = detail::find_char(path, '/', start);
      if (cut.size < max_segments) cut.segments[cut.size] = path.substr(start, slash - start);
      ++cut.size;
      if (slash == path.npos) return cut;
      start = slash + 1;
   }
}

/// What the placeholders of a pattern matched, still percent-encoded, in the order of the pattern.
using captures = std::array<std::string_view, max_segments>;

/// True when the path has the pattern's shape; fills `found` then. A placeholder never matches an empty text.
constexpr bool matches(pattern const& p, split_path const& path, captures& found) noexcept {
   if (!path.rooted) return false;
   if (p.ends_in_rest() ? path.size < p.size : path.size != p.size) return false;
   std::size_t filled = 0;
   for (std::size_t i = 0; i < p.size; ++i) {
      auto const& wanted = p.segments[i];
      if (wanted.kind == segment_kind::literal) {
         if (path.segments[i] != wanted.text) return false;
         continue;
      }
      auto const text = wanted.kind == segment_kind::rest ? path.from(i) : path.segments[i];
      if (text.empty()) return false;
      found[filled++] = text;
   }
   return true;
}

} // namespace noetl::http
