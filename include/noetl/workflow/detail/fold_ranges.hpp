// workflow/detail/fold_ranges.hpp: sets of iteration numbers as ranges: what ends nearly in order takes little room.
// Knows the standard library only.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>

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
   auto const digits = command_id.substr(mark + 2);
   std::int64_t index = 0;
   auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), index);
   if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || index < 0) return std::nullopt;
   return index;
}

} // namespace noetl::workflow::detail
