#include <noetl/reflect/config.hpp>

struct settings {
   struct {
      std::string host = "127.0.0.1";
#ifdef NOETL_REJECT
      std::chrono::hours retention{24};
#else
      std::chrono::seconds retention{86400};
#endif
   } noetl;
};

auto const config = noetl::load_config<settings>({});
