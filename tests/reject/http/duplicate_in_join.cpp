#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show_execution(execution_id);
inline constexpr auto first = routes<services<>>(get<"/x/{execution_id}", show_execution>);
inline constexpr auto same = routes<services<>>(get<"/x/{execution_id}", show_execution>);
inline constexpr auto other = routes<services<>>(get<"/y/{execution_id}", show_execution>);

#ifdef NOETL_REJECT
inline constexpr auto api = join(first, same);
#else
inline constexpr auto api = join(first, other);
#endif
