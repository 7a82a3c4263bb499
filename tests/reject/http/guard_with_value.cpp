#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show();
result<bool> bad(request const&);
result<void> good(request const&);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(guarded_by<bad>(get<"/x", show>));
#else
inline constexpr auto api = routes<services<>>(guarded_by<good>(get<"/x", show>));
#endif
