// benchmarks/program.hpp: the main of benchmarks that need services: their environment, and exceptions as a sentence.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

namespace noetl::bench {

/// \throws std::runtime_error when the variable is not set
inline std::string required(char const* name) {
   auto const* value = std::getenv(name);
   if (!value) throw std::runtime_error(std::string(name) + " is not set");
   return value;
}
inline int number(char const* name, int otherwise) {
   auto const* text = std::getenv(name);
   return text ? std::atoi(text) : otherwise;
}

/// Runs `work` and makes the exit status of its outcome. \param name  as in `scripts/bench name`
template <class Work>
int program(char const* name, Work const& work) {
   try {
      work();
      return 0;
   } catch (std::exception const& e) {
      std::fprintf(stderr, "bench-%s: %s\n", name, e.what());
      return 1;
   }
}

/// The same for benchmarks that start real programs as the tests do, on the database of the benchmark.
template <class Work>
int program_with_servers(char const* name, Work const& work) {
   return program(name, [&] {
      setenv("NOETL_TEST_PG", required("NOETL_BENCH_PG").c_str(), 1);
      work();
   });
}

} // namespace noetl::bench
