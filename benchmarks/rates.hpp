// benchmarks/rates.hpp: how fast work is that needs no services.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace noetl::bench {

/// Units per second of `work`, which returns how many units (bytes, texts) it made; over about `seconds`.
template <class Work>
double rate(Work const& work, double seconds = 0.25) {
   using clock = std::chrono::steady_clock;
   auto const start = clock::now();
   std::size_t units = 0;
   double passed = 0;
   do {
      for (int i = 0; i < 100; ++i) units += work();
      passed = std::chrono::duration<double>(clock::now() - start).count();
   } while (passed < seconds);
   return static_cast<double>(units) / passed;
}

inline double median(std::vector<double> values) {
   std::sort(values.begin(), values.end());
   return values[values.size() / 2];
}

} // namespace noetl::bench
