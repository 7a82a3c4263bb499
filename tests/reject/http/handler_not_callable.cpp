#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<std::string> good();

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/x", [](auto) -> result<std::string> { return std::string(); }>);
#else
inline constexpr auto api = routes<services<>>(get<"/x", good>);
#endif
