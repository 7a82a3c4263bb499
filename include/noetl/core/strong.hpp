// core/strong.hpp: named identifiers, so that one kind of id cannot stand where another is wanted.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include <noetl/core/fixed_string.hpp>

namespace noetl {

/// An integer with a name. Construction is explicit, comparison is within one name only.
/// In JSON it is an integer (see reflect/ids.hpp for the text forms), in SQL a bigint, in a route pattern `{name}`.
template <fixed_string Name, class Rep = std::int64_t>
struct strong {
   using rep = Rep;
   static constexpr std::string_view name = Name.view();

   Rep value{};

   constexpr strong() = default;
   constexpr explicit strong(Rep v) noexcept : value(v) {}

   friend constexpr auto operator<=>(strong, strong) = default;
};

template <class T>
inline constexpr bool is_strong = false;
template <fixed_string Name, class Rep>
inline constexpr bool is_strong<strong<Name, Rep>> = true;

/// Ids that several layers share. All are 64-bit snowflakes (core/snowflake.hpp).
using execution_id = strong<"execution_id">;
using event_id = strong<"event_id">;
using catalog_id = strong<"catalog_id">;

} // namespace noetl

template <noetl::fixed_string Name, class Rep>
struct std::hash<noetl::strong<Name, Rep>> {
   std::size_t operator()(noetl::strong<Name, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
