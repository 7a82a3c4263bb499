#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct to_a_file {
   result<void> ready();
   result<void> prepare(std::span<memory_source::item>);
#ifdef NOETL_REJECT
   void send(std::string const&, outcome_handler);
#else
   void send(memory_source::item const&, outcome_handler);
#endif
   void flush();
   bool lost();
   void delivered(memory_source::item const&);
};
std::size_t size = sizeof(tailer<memory_source, to_a_file, memory_cursor>);
