#include <noetl/reflect/schema.hpp>

struct shipment {
   std::string destination;
#ifdef NOETL_REJECT
   using json_rules = noetl::rules<int>;
#else
   using json_rules = noetl::rules<>;
#endif
};

auto const text = noetl::schema_of<shipment>();
