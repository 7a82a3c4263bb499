#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

std::string bad();
result<std::string> good();

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/x", bad>);
#else
inline constexpr auto api = routes<services<>>(get<"/x", good>);
#endif
