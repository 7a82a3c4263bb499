// tests/fuzz/demand.hpp: what must hold for every input; an abort is what libFuzzer reports.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace noetl::test {

inline void demand(bool holds, char const* what) {
   if (holds) return;
   std::fprintf(stderr, "broken: %s\n", what);
   std::abort();
}

} // namespace noetl::test
