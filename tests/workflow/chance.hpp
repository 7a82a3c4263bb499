// tests/workflow/chance.hpp: what tests with random schedules and logs draw from. NOETL_SEED repeats a run; the test
// prints the seed.
#pragma once

#include <cstdlib>
#include <random>

namespace workflow_test {

using random_source = std::mt19937;

/// \pre below > 0  \return a number in [0, below)
template <class Number>
Number pick(random_source& random, Number below) {
   return static_cast<Number>(random() % static_cast<unsigned>(below));
}

inline unsigned seed() {
   char const* given = std::getenv("NOETL_SEED");
   return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

} // namespace workflow_test
