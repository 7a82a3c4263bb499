#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> bad(int);
result<raw_json> good(request const&);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/x", bad>);
#else
inline constexpr auto api = routes<services<>>(get<"/x", good>);
#endif
