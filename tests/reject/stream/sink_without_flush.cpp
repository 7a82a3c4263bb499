#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct to_a_file {
   result<void> ready();
   result<void> prepare(std::span<memory_source::item>);
   void send(memory_source::item const&, outcome_handler);
#ifndef NOETL_REJECT
   void flush();
#endif
   bool lost();
   void delivered(memory_source::item const&);
};
std::size_t size = sizeof(tailer<memory_source, to_a_file, memory_cursor>);
