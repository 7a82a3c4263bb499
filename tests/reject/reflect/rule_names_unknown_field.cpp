#include <noetl/reflect/json.hpp>

struct shipment {
   std::string destination;
   bool express = false;
#ifdef NOETL_REJECT
   using json_rules = noetl::rules<noetl::defaulted<"expres">>;
#else
   using json_rules = noetl::rules<noetl::defaulted<"express">>;
#endif
};

auto const text = noetl::from_json<shipment>("{}");
