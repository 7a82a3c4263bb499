// core/fixed_string.hpp: a text that can be a template argument.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace noetl {

/// Text usable as a non-type template argument: `strong<"execution_id">`, `get<"/health", health>`.
/// N counts the terminating zero, as string literals do.
template <std::size_t N>
struct fixed_string {
   char text[N]{};

   constexpr fixed_string(char const (&literal)[N]) { std::copy_n(literal, N, text); }

   [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, N - 1}; }
   constexpr operator std::string_view() const noexcept { return view(); }
   [[nodiscard]] static constexpr std::size_t size() noexcept { return N - 1; }

   /// One text after the other.
   template <std::size_t M>
   [[nodiscard]] constexpr fixed_string<N + M - 1> operator+(fixed_string<M> const& after) const noexcept {
      char both[N + M - 1]{};
      std::copy_n(text, N - 1, both);
      std::copy_n(after.text, M, both + N - 1);
      return both;
   }

   template <std::size_t M>
   constexpr bool operator==(fixed_string<M> const& other) const noexcept {
      return view() == other.view();
   }
};

} // namespace noetl
