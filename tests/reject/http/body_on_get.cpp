#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

struct item {};
result<raw_json> take(body<item>);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/x", take>);
#else
inline constexpr auto api = routes<services<>>(post<"/x", take>);
#endif
