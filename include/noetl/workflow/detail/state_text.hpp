// workflow/detail/state_text.hpp: definitions of state_text(), parse_state() and routing_meta(), derived from the
// fields of the state. Included by workflow/definitions.hpp only.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include <tao/json/events/limit_nesting_depth.hpp>
#include <tao/json/from_string.hpp>

#include <noetl/workflow/aggregate.hpp>
#include <noetl/workflow/detail/canonical_text.hpp>

namespace noetl::workflow {

namespace detail {
// Values of events nest up to 256 deep and stand a few levels deeper inside a state.
template <class Consumer>
struct limit_state_depth : tao::json::events::limit_nesting_depth<Consumer, 600> {};
} // namespace detail

std::string state_text(workflow_state const& state) {
   std::string out;
   detail::canonical::put(out, state);
   return out;
}

std::optional<workflow_state> parse_state(std::string_view text) {
   std::optional<workflow_state> state(std::in_place);
   try {
      auto tree = tao::json::from_string<detail::limit_state_depth>(text.data(), text.size(), "");
      if (!detail::canonical::take(tree, *state)) state.reset();
   } catch (std::exception const&) { // not JSON, or too deep
      state.reset();
   }
   return state;
}

raw_json routing_meta(workflow_state const& state) {
   detail::json meta = tao::json::empty_object;
   if (state.execution_pool) meta.try_emplace("execution_pool", *state.execution_pool);
   if (!state.trace.is_null() && !state.trace.is_uninitialized()) meta.try_emplace("trace", state.trace);
   return raw_json(detail::json_text(meta));
}

} // namespace noetl::workflow
