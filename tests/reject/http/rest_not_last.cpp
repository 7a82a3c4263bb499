#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show(path_text<"key">);

#ifdef NOETL_REJECT
inline constexpr auto api = routes<services<>>(get<"/x/{key...}/y", show>);
#else
inline constexpr auto api = routes<services<>>(get<"/x/{key...}", show>);
#endif
