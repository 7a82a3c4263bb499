#include <noetl/core/id_generator.hpp>

struct counter {
#ifdef NOETL_REJECT
   int next();
#else
   std::int64_t next();
#endif
};
counter of_mine;
noetl::id_generator ids = of_mine;
