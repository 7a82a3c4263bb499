#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct from_a_file {
   using position = std::uint64_t;
   using item = memory_source::item;
#ifdef NOETL_REJECT
   std::vector<item> read(position, std::size_t);
#else
   result<page<item>> read(position, std::size_t);
#endif
   result<position> back(position);
};
template class noetl::stream::tailer<from_a_file, memory_sink, memory_cursor>;
