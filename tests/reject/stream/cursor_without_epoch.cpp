#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct in_a_file {
   using position = std::uint64_t;
   result<std::optional<tenure<position>>> acquire();
#ifdef NOETL_REJECT
   result<void> advance(position stored, position to);
#else
   result<void> advance(std::uint64_t epoch, position stored, position to);
#endif
   result<void> release(std::uint64_t epoch);
   std::chrono::milliseconds lease() const;
};
std::size_t size = sizeof(tailer<memory_source, memory_sink, in_a_file>);
