#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct from_a_file {
   using position = std::uint64_t;
   struct item {
#ifdef NOETL_REJECT
      std::uint64_t line = 0;
#else
      std::uint64_t at = 0;
#endif
   };
   template <class T = item>
   result<page<T>> read(position, std::size_t);
   result<position> back(position);
};
struct to_nowhere {
   result<void> ready();
   result<void> prepare(std::span<from_a_file::item>);
   void send(from_a_file::item const&, outcome_handler);
   void flush();
   bool lost();
   void delivered(from_a_file::item const&);
};
std::size_t size = sizeof(tailer<from_a_file, to_nowhere, memory_cursor>);
