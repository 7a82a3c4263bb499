// core/edit_distance.hpp: how many slips lie between two words. Knows the standard library only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace noetl {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
/// (Optimal string alignment: Damerau 1964, Wagner and Fischer 1974.)
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
   std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
   for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
   for (std::size_t i = 1; i <= a.size(); ++i) {
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
         row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
         if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            row[j] = std::min(row[j], before[j - 2] + 1);
      }
      before.swap(last);
      last.swap(row);
   }
   return last[b.size()];
}

} // namespace noetl
