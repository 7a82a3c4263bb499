#include <noetl/reflect/sql.hpp>

#ifdef NOETL_REJECT
auto const text = noetl::to_sql_text("a literal");
#else
auto const text = noetl::to_sql_text(std::string("a text"));
#endif
