#include <noetl/http/detail/pattern_check.hpp>

using noetl::http::detail::pattern_check;

#ifdef NOETL_REJECT
static_assert(pattern_check<"/{execution_id}/{execution_id}">::ok);
#else
static_assert(pattern_check<"/{execution_id}/{event_id}">::ok);
#endif
