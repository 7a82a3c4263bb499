// test-fuzz NAME FOLDER: runs every file of a corpus once through the entry of the fuzzer of that name, so that what a
// fuzzer found stays found. A failure is an abort, as under libFuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

struct fuzz_entry {
   std::string_view name;
   int (*run)(std::uint8_t const*, std::size_t);
};

#include "fuzz_entries.inc"

int main(int argc, char** argv) {
   if (argc != 3) {
      std::fputs("usage: test-fuzz NAME FOLDER\n", stderr);
      return 2;
   }
   for (auto const& entry : fuzz_entries) {
      if (entry.name != argv[1]) continue;
      std::size_t count = 0;
      for (auto const& file : std::filesystem::directory_iterator(argv[2])) {
         std::ifstream in(file.path(), std::ios::binary);
         std::string const bytes{std::istreambuf_iterator<char>(in), {}};
         std::printf("%s\n", file.path().filename().c_str());
         std::fflush(stdout); // the last line names the file that aborts
         entry.run(reinterpret_cast<std::uint8_t const*>(bytes.data()), bytes.size());
         ++count;
      }
      if (count > 0) return 0;
      std::fputs("the corpus is empty\n", stderr);
      return 1;
   }
   std::fprintf(stderr, "there is no fuzzer '%s'\n", argv[1]);
   return 2;
}
