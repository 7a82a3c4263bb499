#include <noetl/reflect/sql.hpp>

struct shipment {
#ifdef NOETL_REJECT
   explicit shipment(std::string to) : destination(to) {}
#endif
   std::string destination;
};

auto const columns = noetl::column_list<shipment>();
