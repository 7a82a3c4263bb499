#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

struct item {};
result<raw_json> bad(body<item>, body<raw_json>);
result<raw_json> good(body<item>);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(post<"/x", bad>);
#else
inline constexpr auto api = routes<services<>>(post<"/x", good>);
#endif
