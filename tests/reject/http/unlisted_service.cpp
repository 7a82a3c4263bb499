#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

struct store {};
struct clock_service {};
result<raw_json> list(store&, clock_service const&);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<store>>(get<"/x", list>);
#else
inline constexpr auto api = routes<services<store, clock_service>>(get<"/x", list>);
#endif
