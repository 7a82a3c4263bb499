#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>

using namespace noetl;
using namespace noetl::stream;

struct in_a_file {
#ifdef NOETL_REJECT
   using position = std::string;
#else
   using position = std::uint64_t;
#endif
   result<std::optional<tenure<std::uint64_t>>> acquire();
   result<void> advance(std::uint64_t epoch, std::uint64_t stored, std::uint64_t to);
   result<void> release(std::uint64_t epoch);
   std::chrono::milliseconds lease() const;
};
std::size_t size = sizeof(tailer<memory_source, memory_sink, in_a_file>);
