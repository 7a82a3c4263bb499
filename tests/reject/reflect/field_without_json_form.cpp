#include <noetl/reflect/json.hpp>

struct shipment {
   std::string destination;
#ifdef NOETL_REJECT
   char const* carrier = nullptr;
#else
   std::string carrier;
#endif
};

auto const text = noetl::to_json(shipment{});
