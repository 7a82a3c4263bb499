// pg/param.hpp: C++ values as PostgreSQL text parameters, array literals included.
// Knows core and how reflect writes single values; no driver here.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/sql_values.hpp>

namespace noetl::pg {

/// Appends one element to an array literal, quoted; numbers need no quotes.
inline void append_array_element(std::string& out, std::string_view text) {
   out += '"';
   for (char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
   }
   out += '"';
}

/// Builds `{...}` literals for parameters such as `$1::text[]` piece by piece.
class array_literal {
public:
   void add(std::string_view text) { append_array_element(next(), text); }
   void add(std::string const& text) { add(std::string_view(text)); }
   void add(char const* text) { add(std::string_view(text)); }
   void add(raw_json const& json) { json.empty() ? add_null() : add(std::string_view(json.text)); }
   void add(timestamp at) { add(std::string_view(*to_sql_text(at))); }
   void add(bool value) { next() += *to_sql_text(value); }
   void add(double value) { noetl::detail::append_sql_number(next(), value); }
   template <std::integral T>
   requires(!std::same_as<T, bool> && !std::same_as<T, char>) void add(T value) {
      noetl::detail::append_sql_number(next(), value);
   }
   template <fixed_string Name, class Rep>
   void add(strong<Name, Rep> id) {
      add(id.value);
   }
   template <class T>
   void add(std::optional<T> const& value) {
      value ? add(*value) : add_null();
   }
   void add_null() { next() += "NULL"; }
   void reserve(std::size_t bytes) { text_.reserve(bytes); }
   /// Closes the literal and hands it out.
   [[nodiscard]] std::string take() && {
      text_ += '}';
      return std::move(text_);
   }

private:
   std::string& next() {
      if (text_.size() > 1) text_ += ',';
      return text_;
   }
   std::string text_ = "{";
};

/// One statement parameter: a text or NULL. Strings given as lvalues or views are not copied, so a param lives only
/// inside the call that it is made for.
class param {
public:
   param(std::nullptr_t) {}
   param(std::nullopt_t) {}
   param(std::string_view text) : view_(text), null_(false) {}
   param(char const* text) : param(std::string_view(text)) {}
   param(std::string const& text) : param(std::string_view(text)) {}
   param(std::string&& text) : owned_(std::move(text)), null_(false) {}
   param(raw_json const& json) : view_(json.text), null_(json.empty()) {}
   template <class T>
   requires(std::is_arithmetic_v<T> || is_strong<T> || std::same_as<T, timestamp>) param(T const& value)
       : owned_(to_sql_text(value)), null_(false) {}
   template <class T>
   param(std::optional<T> const& value) : param(value ? param(*value) : param(nullptr)) {}
   template <class T>
   param(std::vector<T> const& values) : null_(false) {
      array_literal array;
      for (auto const& value : values) array.add(value);
      owned_ = std::move(array).take();
   }

   [[nodiscard]] bool is_null() const noexcept { return null_; }
   [[nodiscard]] std::string_view text() const noexcept { return owned_ ? std::string_view(*owned_) : view_; }

private:
   std::optional<std::string> owned_{};
   std::string_view view_{};
   bool null_ = true;
};

} // namespace noetl::pg
