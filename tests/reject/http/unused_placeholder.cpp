#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show_execution(execution_id);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/executions/{execution_id}/steps/{step}", show_execution>);
#else
inline constexpr auto api = routes<services<>>(get<"/executions/{execution_id}", show_execution>);
#endif
