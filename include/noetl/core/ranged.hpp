// core/ranged.hpp: a whole number whose limits are part of its type.
// Knows the standard library only.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>

namespace noetl {

/// An Int in Min..Max. Behaves as an Int; `ranged<int, 1, 65535> port = 8082;`
template <std::integral Int, Int Min, Int Max>
class ranged {
   static_assert(Min <= Max, "noetl: a range needs its lower limit first");

public:
   using value_type = Int;
   static constexpr Int min = Min;
   static constexpr Int max = Max;

   constexpr ranged() noexcept requires(Min <= 0 && Max >= 0) = default;
   /// \throws std::out_of_range when `value` is outside; in a constant expression that is a compile error
   constexpr ranged(Int value) : value_(value) {
      if (!contains(value))
         throw std::out_of_range("value outside " + std::to_string(Min) + ".." + std::to_string(Max));
   }

   [[nodiscard]] static constexpr bool contains(Int value) noexcept { return value >= Min && value <= Max; }
   [[nodiscard]] constexpr Int value() const noexcept { return value_; }
   constexpr operator Int() const noexcept { return value_; }

private:
   Int value_{};
};

template <class T>
inline constexpr bool is_ranged = false;
template <class Int, Int Min, Int Max>
inline constexpr bool is_ranged<ranged<Int, Min, Max>> = true;

} // namespace noetl
