// workflow/detail/known_words.hpp: lists of words, and the nearest one to a misspelt word.
// Knows core only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <noetl/core/edit_distance.hpp>

namespace noetl::workflow::detail {

template <class Words>
bool one_of(Words const& words, std::string_view word) {
   return std::find(words.begin(), words.end(), word) != words.end();
}

/// \return ` (did you mean 'x'?)`, or nothing when no word is near
template <class Words>
std::string suggestion(Words const& words, std::string_view word) {
   if (word.empty() || word.size() > 40) return {};
   std::string_view best;
   auto least = std::min<std::size_t>(3, (word.size() + 2) / 3 + 1);
   for (std::string_view const known : words) {
      auto const distance = noetl::edit_distance(word, known);
      if (distance < least) best = known, least = distance;
   }
   return best.empty() ? std::string() : " (did you mean '" + std::string(best) + "'?)";
}

/// `a, b, c`
template <class Words>
std::string listed(Words const& words) {
   std::string out;
   for (std::string_view const word : words) out.append(out.empty() ? "" : ", ").append(word);
   return out;
}

} // namespace noetl::workflow::detail
