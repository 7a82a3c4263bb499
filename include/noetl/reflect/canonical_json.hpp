// reflect/canonical_json.hpp: one spelling for each JSON value: compact, members sorted by the bytes of their names,
// the last of equal names, no needless escapes, the shortest form of each number. Knows the JSON scanner. The spelling
// is that of noetl-server 3.15, so that sizes and sums of both are the same.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <noetl/core/json_text.hpp>
#include <noetl/reflect/json_scanner.hpp>

namespace noetl {

namespace detail {

/// A double as noetl-server 3.15 prints it: shortest digits, a point always, an exponent beyond 1e-5 and 1e16.
inline std::string canonical_double(double value) {
   char buffer[32];
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
   std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
   std::string out;
   if (text.front() == '-') {
      out = "-";
      text.remove_prefix(1);
   }
   auto const mark = text.find('e');
   std::string digits(1, text.front());
   if (mark > 2) digits += text.substr(2, mark - 2);
   auto exponent = text.substr(mark + 1);
   if (exponent.front() == '+') exponent.remove_prefix(1);
   int place = 0; // digits before the point
   std::from_chars(exponent.data(), exponent.data() + exponent.size(), place);
   ++place;
   auto const count = static_cast<int>(digits.size());
   if (value == 0) return out + "0.0";
   if (place > 0 && count <= place && place <= 16)
      return out + digits.append(static_cast<std::size_t>(place - count), '0') + ".0";
   if (place > 0 && place <= 16) return out + digits.insert(static_cast<std::size_t>(place), ".");
   if (place > -5 && place <= 0) return out + "0." + std::string(static_cast<std::size_t>(-place), '0') + digits;
   if (count > 1) digits.insert(1, ".");
   return out + digits + "e" + std::to_string(place - 1);
}

/// Receives canonical text and keeps it.
class canonical_text {
public:
   explicit canonical_text(std::string& out) : out_(out) {}
   bool put(std::string_view piece) {
      out_.append(piece);
      return true;
   }
   [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
   // Members arrived in the sender's order; `places` says where each begins, in sorted order.
   bool reorder(std::size_t start, std::vector<std::pair<std::size_t, std::size_t>> const& places) {
      std::string sorted;
      sorted.reserve(out_.size() - start);
      for (auto const& [from, size] : places) {
         if (!sorted.empty()) sorted += ',';
         sorted.append(out_, from, size);
      }
      out_.resize(start);
      out_ += sorted;
      return true;
   }

private:
   std::string& out_;
};

/// Receives canonical text and compares it with the source: the first difference ends the walk.
class canonical_check {
public:
   explicit canonical_check(std::string_view source) : source_(source) {}
   bool put(std::string_view piece) {
      if (source_.substr(at_, piece.size()) != piece) return false;
      at_ += piece.size();
      return true;
   }
   [[nodiscard]] std::size_t size() const noexcept { return at_; }
   bool reorder(std::size_t, std::vector<std::pair<std::size_t, std::size_t>> const&) { return false; }
   [[nodiscard]] bool whole() const noexcept { return at_ == source_.size(); }

private:
   std::string_view source_;
   std::size_t at_ = 0;
};

/// Walks a checked value and puts its canonical form into the sink.
template <class Sink>
class canonical_walk : json_scanner {
public:
   canonical_walk(std::string_view text, Sink& sink) : json_scanner(text, text.size()), sink_(sink) {}
   bool run() { return value(); }

private:
   bool value() {
      skip_space();
      switch (peek()) {
      case '{': return object();
      case '[': return array();
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
      }
   }
   bool word(std::string_view text) { return skip_word(text) && sink_.put(text); }

   bool put_string(string_token const& token, std::string& decoded) {
      if (!token.escaped) // the quotes stand around the body
         return sink_.put({token.body.data() - 1, token.body.size() + 2});
      if (!decode(token, decoded)) return false;
      std::string quoted;
      append_json_string(quoted, decoded);
      return sink_.put(quoted);
   }
   bool string() {
      string_token token;
      std::string decoded;
      return scan_string(token) && put_string(token, decoded);
   }

   bool number() {
      char const* const start = at_;
      bool whole = false;
      if (!number_token(whole)) return false;
      std::string_view const text(start, static_cast<std::size_t>(at_ - start));
      if (whole && text != "-0") {
         std::int64_t small = 0;
         std::uint64_t large = 0;
         if (std::from_chars(start, at_, small).ec == std::errc{} ||
             std::from_chars(start, at_, large).ec == std::errc{})
            return sink_.put(text);
      }
      double real = 0;
      // jsonb holds numbers that no double does, 1e400 for instance: such a one is passed on as it stands.
      if (!to_float(start, at_, real)) return sink_.put(text);
      return sink_.put(canonical_double(real));
   }

   bool array() {
      ++at_;
      if (!sink_.put("[")) return false;
      skip_space();
      for (bool first = true; peek() != ']'; first = false) {
         if (!first) {
            if (peek() != ',') return false;
            ++at_;
            if (!sink_.put(",")) return false;
         }
         if (!value()) return false;
         skip_space();
      }
      ++at_;
      return sink_.put("]");
   }

   struct member {
      std::string name;
      std::size_t from, size;
   };
   bool object() {
      ++at_;
      if (!sink_.put("{")) return false;
      auto const start = sink_.size();
      std::vector<member> members;
      bool sorted = true;
      skip_space();
      while (peek() != '}') {
         if (!members.empty()) {
            if (peek() != ',') return false;
            ++at_;
            skip_space();
            if (!sink_.put(",")) return false;
         }
         auto const from = sink_.size();
         string_token token;
         std::string name;
         if (peek() != '"' || !scan_string(token) || !put_string(token, name)) return false;
         if (!token.escaped) name = token.body;
         skip_space();
         if (peek() != ':') return false;
         ++at_;
         if (!sink_.put(":") || !value()) return false;
         skip_space();
         sorted = sorted && (members.empty() || members.back().name < name);
         members.push_back({std::move(name), from, sink_.size() - from});
      }
      ++at_;
      if (!sorted && !sink_.reorder(start, order(members))) return false;
      return sink_.put("}");
   }
   static std::vector<std::pair<std::size_t, std::size_t>> order(std::vector<member>& members) {
      std::stable_sort(members.begin(), members.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
      std::vector<std::pair<std::size_t, std::size_t>> places;
      for (std::size_t i = 0; i < members.size(); ++i)
         if (i + 1 == members.size() || members[i].name != members[i + 1].name)
            places.emplace_back(members[i].from, members[i].size);
      return places;
   }

   Sink& sink_;
};

} // namespace detail

/// Appends the canonical form of one JSON value. A number too large for a double keeps its own text, so what comes out
/// is a whole value always. \pre `text` was checked, as json_view and raw_json are, or PostgreSQL's json
inline void append_canonical_json(std::string& out, std::string_view text) {
   detail::canonical_text sink(out);
   detail::canonical_walk<detail::canonical_text>(text, sink).run();
}

/// True when `text` is its own canonical form, as most programs write it: then it needs no copy. \pre as above
inline bool is_canonical_json(std::string_view text) {
   detail::canonical_check sink(text);
   return detail::canonical_walk<detail::canonical_check>(text, sink).run() && sink.whole();
}

} // namespace noetl
