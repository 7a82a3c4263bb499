#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct from_a_file {
#ifndef NOETL_REJECT
   using position = std::uint64_t;
#endif
   using item = memory_source::item;
   result<page<item>> read(std::uint64_t, std::size_t);
   result<std::uint64_t> back(std::uint64_t);
};
std::size_t size = sizeof(tailer<from_a_file, memory_sink, memory_cursor>);
