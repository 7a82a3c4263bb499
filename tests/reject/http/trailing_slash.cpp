#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show();

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/health/", show>);
#else
inline constexpr auto api = routes<services<>>(get<"/health", show>);
#endif
