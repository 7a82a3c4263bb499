// workflow/detail/fold_ranges.hpp: sets of iteration numbers as ranges: what ends nearly in order takes little room.
// Knows core only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>

#include <noetl/core/number_text.hpp>

namespace noetl::workflow::detail {

/// Numbers as ranges [first, second) that neither touch nor overlap.
using number_ranges = std::map<std::int64_t, std::int64_t>;

inline bool holds(number_ranges const& all, std::int64_t number) {
   auto const after = all.upper_bound(number);
   return after != all.begin() && number < std::prev(after)->second;
}

/// \pre the number is not in it and is below the largest one
inline void insert(number_ranges& all, std::int64_t number) {
   auto to = number + 1;
   auto const after = all.upper_bound(number);
   auto const next = after != all.end() && after->first == to ? std::optional(after->second) : std::nullopt;
   auto const touched = after != all.begin() && std::prev(after)->second == number ? std::prev(after) : all.end();
   if (next) {
      all.erase(after);
      to = *next;
   }
   if (touched != all.end())
      touched->second = to;
   else
      all.emplace(number, to);
}

/// The iteration that a command id names at its end: `...:i<index>`.
inline std::optional<std::int64_t> iteration_of(std::string_view command_id) {
   auto const mark = command_id.rfind(":i");
   if (mark == std::string_view::npos) return std::nullopt;
   auto const index = parse_number<std::int64_t>(command_id.substr(mark + 2));
   return index && *index >= 0 ? index : std::nullopt;
}

} // namespace noetl::workflow::detail
