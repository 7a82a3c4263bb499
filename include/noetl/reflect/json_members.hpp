// reflect/json_members.hpp: the texts of chosen members of a JSON object, without making values of the others.
// Knows reflect/json_scanner.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <noetl/reflect/json_scanner.hpp>

namespace noetl {

namespace detail {

class member_scanner : json_scanner {
public:
   static constexpr std::size_t depth = 256;
   explicit member_scanner(std::string_view text) : json_scanner(text, depth) {}

   /// \return false for anything but one well-formed object
   template <std::size_t N>
   bool find(std::array<std::string_view, N> const& names, std::array<std::string_view, N>& texts) {
      if (peek() != '{') return false;
      if (!enter()) return false;
      if (peek() == '}') return ended();
      while (true) {
         string_token name;
         if (peek() != '"' || !scan_string(name)) return false;
         auto const place = index_of(name, names);
         skip_space();
         if (peek() != ':') return false;
         next();
         char const* const start = at_;
         bool ignored = false;
         if (!skip_value(ignored)) return false;
         if (place < N) texts[place] = {start, static_cast<std::size_t>(at_ - start)};
         skip_space();
         if (peek() == '}') return ended();
         if (peek() != ',') return false;
         next();
      }
   }

private:
   bool ended() {
      next();
      return at_ == end_;
   }
   template <std::size_t N>
   std::size_t index_of(string_token const& name, std::array<std::string_view, N> const& names) {
      std::string_view text = name.body;
      std::string decoded;
      if (name.escaped) {
         if (!decode(name, decoded)) return N;
         text = decoded;
      }
      for (std::size_t i = 0; i < N; ++i)
         if (names[i] == text) return i;
      return N;
   }
};

} // namespace detail

/// The texts of the members `names` of the object `text`, in that order, found in one pass over it. Empty where the
/// object has no such member, everywhere when `text` is not one well-formed object (nesting up to 256). Of two members
/// with one name the last counts, as in PostgreSQL's jsonb. The views point into `text`. Thread-safe.
template <std::size_t N>
std::array<std::string_view, N> json_members(std::string_view text, std::array<std::string_view, N> const& names) {
   std::array<std::string_view, N> texts{};
   if (!detail::member_scanner(text).find(names, texts)) texts = {};
   return texts;
}

} // namespace noetl
