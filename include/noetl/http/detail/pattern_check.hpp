// http/detail/pattern_check.hpp: what can be wrong with a route pattern, one sentence each.
// Knows http/pattern.hpp only, so that these checks are cheap to test.
#pragma once

#include <noetl/core/fixed_string.hpp>
#include <noetl/http/pattern.hpp>

namespace noetl::http::detail {

template <fixed_string Pattern>
struct pattern_check {
   static constexpr auto fault = parse_pattern(Pattern.view()).fault;
   static constexpr bool ok = fault == pattern_fault::none;
   static_assert(fault != pattern_fault::no_leading_slash, "noetl: a route pattern begins with '/'");
   static_assert(fault != pattern_fault::trailing_slash, "noetl: a route pattern does not end with '/'");
   static_assert(fault != pattern_fault::empty_segment, "noetl: a route pattern has an empty segment ('//')");
   static_assert(fault != pattern_fault::unclosed_brace, "noetl: a route pattern has '{' without '}'");
   static_assert(fault != pattern_fault::brace_inside_segment,
                 "noetl: a placeholder of a route pattern fills its segment, as in '/x/{name}/y'");
   static_assert(fault != pattern_fault::bad_name,
                 "noetl: the name of a placeholder consists of letters, digits and '_'");
   static_assert(fault != pattern_fault::name_twice, "noetl: a route pattern names a placeholder twice");
   static_assert(fault != pattern_fault::rest_not_last,
                 "noetl: '{name...}' takes the rest of the path and stands last");
   static_assert(fault != pattern_fault::too_many_segments, "noetl: a route pattern has twelve segments at most");
};

} // namespace noetl::http::detail
