#include <noetl/http/detail/pattern_check.hpp>

using noetl::http::detail::pattern_check;

#ifdef NOETL_REJECT
static_assert(pattern_check<"/x/e-{execution_id}">::ok);
#else
static_assert(pattern_check<"/x/{execution_id}">::ok);
#endif
