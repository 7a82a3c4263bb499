#include <noetl/reflect/sql.hpp>

#include <map>

struct shipment {
   noetl::execution_id shipment_id;
#ifdef NOETL_REJECT
   std::map<std::string, std::string> labels;
#else
   noetl::raw_json labels;
#endif
};

auto const statement = noetl::insert_statement<shipment>("app.shipment");
