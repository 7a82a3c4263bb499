#include <noetl/reflect/sql.hpp>

struct shipment {
   noetl::execution_id shipment_id;
   std::string destination;
};

#ifdef NOETL_REJECT
auto const statement = noetl::create_table<shipment, "id">("app.shipment");
#else
auto const statement = noetl::create_table<shipment, "shipment_id">("app.shipment");
#endif
