#include <noetl/reflect/json.hpp>

struct shipment {
   std::string destination;
   std::string city;
#ifdef NOETL_REJECT
   using json_rules = noetl::rules<noetl::alias<"destination", "city">>;
#else
   using json_rules = noetl::rules<noetl::alias<"destination", "target">>;
#endif
};

auto const text = noetl::to_json(shipment{});
