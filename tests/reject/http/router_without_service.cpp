#include <noetl/http/router.hpp>

using namespace noetl;
using namespace noetl::http;

struct store {};
result<raw_json> list(store&);
inline constexpr auto api = routes<services<store>>(get<"/x", list>);

#ifdef NOETL_REJECT
router make(services<> const& given) {
   return router(api, given);
}
#else
router make(services<store> const& given) {
   return router(api, given);
}
#endif
