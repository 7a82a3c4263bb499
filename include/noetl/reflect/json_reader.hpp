// reflect/json_reader.hpp: walks over JSON text one value at a time and names the exact place of a mistake.
// Knows core/ and the scanner. What the values are read into is json_read.hpp's matter.
#pragma once

#include <charconv>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/reflect/json_scanner.hpp>

namespace noetl {

/// A cursor over one JSON text. Every function that reads returns false after the first mistake, and `take_error` then
/// says what and where: malformed text is error_code::bad_request with line and column, a value of the wrong kind is
/// error_code::validation with its path (`events[3].event_id: expected integer, got string`).
/// Not thread-safe; the text must outlive the reader.
class json_reader : public json_scanner {
public:
   explicit json_reader(std::string_view text, std::size_t max_depth = default_depth) : json_scanner(text, max_depth) {}

   /// Consumes `null`, or nothing.
   bool null() {
      if (peek() != 'n' || !starts_with("null")) return false;
      at_ += 4;
      return true;
   }

   /// True when the next value is a string.
   [[nodiscard]] bool at_string() const noexcept { return peek() == '"'; }

   bool boolean(bool& out) {
      if (peek() == 't' && starts_with("true")) return at_ += 4, out = true, true;
      if (peek() == 'f' && starts_with("false")) return at_ += 5, out = false, true;
      return expected("boolean");
   }

   /// Exact: no fraction, no exponent, within the range of Int.
   template <class Int>
   bool integer(Int& out) {
      if (!at_number()) return expected("integer");
      char const* const start = at_;
      bool whole = false;
      if (!number_token(whole)) return false;
      if (!whole) return wrong("expected integer, got decimal number");
      auto const [end, code] = std::from_chars(start, at_, out);
      if (code == std::errc{} && end == at_) return true;
      return wrong("expected integer " + std::to_string(std::numeric_limits<Int>::min()) + ".." +
                   std::to_string(std::numeric_limits<Int>::max()) + ", got " + shortened({start, at_}));
   }

   /// The double or float nearest to the number; one too large for it is refused.
   template <class Float>
   bool number(Float& out) {
      if (!at_number()) return expected("number");
      char const* const start = at_;
      bool whole = false;
      if (!number_token(whole)) return false;
      if (to_float(start, at_, out)) return true;
      return wrong("number out of range: " + shortened({start, at_}));
   }

   bool string(std::string& out) {
      if (peek() != '"') return expected("string");
      string_token token;
      return scan_string(token) && decode(token, out);
   }

   /// The next value as compact text: no space between tokens, numbers as written.
   bool raw(std::string& out) {
      char const* const start = at_;
      bool spaced = false;
      if (!pass(spaced)) return false;
      out.clear();
      if (spaced)
         append_compact(out, start, at_);
      else
         out.assign(start, at_);
      return true;
   }

   /// The next value where it stands in the text: checked, not copied.
   bool view(std::string_view& out) {
      char const* const start = at_;
      bool spaced = false;
      if (!pass(spaced)) return false;
      out = {start, static_cast<std::size_t>(at_ - start)};
      return true;
   }

   /// Passes over the next value, checking all of it.
   bool skip() {
      bool spaced = false;
      return pass(spaced);
   }

   /// Calls `member(key)` for each member, with the cursor before its value. The key is valid during that call.
   template <class F>
   bool object(F&& member) {
      if (peek() != '{') return expected("object");
      path_step step(*this);
      if (!enter()) return false;
      if (peek() == '}') return leave();
      std::string decoded;
      while (true) {
         if (peek() != '"') return malformed("expected a member name");
         string_token token;
         if (!scan_string(token)) return false;
         std::string_view key = token.body;
         if (token.escaped) {
            if (!decode(token, decoded)) return false;
            key = decoded;
         }
         skip_space();
         if (peek() != ':') return malformed("expected ':'");
         next();
         step.key = key;
         if (!member(key)) return false;
         skip_space();
         if (peek() == '}') return leave();
         if (peek() != ',') return malformed("expected ',' or '}'");
         next();
      }
   }

   /// Calls `element()` for each element, with the cursor before it.
   template <class F>
   bool array(F&& element) {
      if (peek() != '[') return expected("array");
      path_step step(*this);
      if (!enter()) return false;
      if (peek() == ']') return leave();
      for (step.is_index = true;; ++step.index) {
         if (!element()) return false;
         skip_space();
         if (peek() == ']') return leave();
         if (peek() != ',') return malformed("expected ',' or ']'");
         next();
      }
   }

   /// True when nothing but space is left.
   bool finish() {
      skip_space();
      return at_ == end_ || malformed("unexpected text after the value");
   }

   /// Records `path: message` as the mistake. \return false
   bool wrong(std::string const& message) { return wrong_at(path(), message); }

   /// Records that member `key`, required, was absent from the object just read. \return false
   bool missing(std::string_view key) {
      std::string place = path();
      append_key(place, key);
      return wrong_at(place, "required field is missing");
   }

   /// Records that the next value is not `what`, or that it is not JSON at all. \return false
   bool expected(std::string_view what) {
      std::string_view const got = kind_name();
      if (!skip()) return false;
      return wrong("expected " + std::string(what) + ", got " + std::string(got));
   }

   /// The recorded mistake.
   [[nodiscard]] error take_error() { return std::move(error_); }

   /// Where the cursor is: `events[3].event_id`; empty at the top.
   [[nodiscard]] std::string path() const { return path_to(step_); }

private:
   bool pass(bool& spaced) {
      if (skip_value(spaced)) return true;
      return !beyond_.empty() && wrong("number out of range: " + shortened(beyond_));
   }

   // The path is a list through the call stack; nothing is built until a mistake needs it.
   struct path_step {
      explicit path_step(json_reader& in) : reader(in), parent(in.step_) { in.step_ = this; }
      ~path_step() { reader.step_ = parent; }
      path_step(path_step const&) = delete;
      path_step& operator=(path_step const&) = delete;

      json_reader& reader;
      path_step const* parent;
      std::string_view key{};
      std::size_t index = 0;
      bool is_index = false;
   };

   [[nodiscard]] std::string_view kind_name() const {
      switch (peek()) {
      case '{': return "object";
      case '[': return "array";
      case '"': return "string";
      case 't':
      case 'f': return "boolean";
      case 'n': return "null";
      default: return "number";
      }
   }

   static void append_key(std::string& out, std::string_view key) {
      if (!out.empty()) out.push_back('.');
      out.append(shortened(key));
   }
   static std::string path_to(path_step const* last) {
      if (last == nullptr) return {};
      std::string out = path_to(last->parent);
      if (last->is_index)
         out.append("[" + std::to_string(last->index) + "]");
      else
         append_key(out, last->key);
      return out;
   }
   bool wrong_at(std::string const& place, std::string const& message) {
      error_ = fail(error_code::validation, place.empty() ? message : place + ": " + message);
      return false;
   }

   path_step const* step_ = nullptr;
};

} // namespace noetl
