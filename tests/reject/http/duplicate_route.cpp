#include <noetl/http/route.hpp>

using namespace noetl;
using namespace noetl::http;

result<raw_json> show_execution(execution_id);
result<raw_json> again(path_text<"id">);

#ifdef NOETL_REJECT
inline constexpr auto api =
    routes<services<>>(under<"/x">(get<"/{execution_id}", show_execution>), get<"/x/{id}", again>);
#else
inline constexpr auto api =
    routes<services<>>(under<"/x">(get<"/{execution_id}", show_execution>), put<"/x/{id}", again>);
#endif
