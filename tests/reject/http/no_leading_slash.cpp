#include <noetl/http/detail/pattern_check.hpp>

using noetl::http::detail::pattern_check;

#ifdef NOETL_REJECT
static_assert(pattern_check<"health">::ok);
#else
static_assert(pattern_check<"/health">::ok);
#endif
