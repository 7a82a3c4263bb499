// workflow/aggregate.hpp: the folded execution as an aggregate whose state is kept in snapshots. Knows state and fold;
// the text of a state is defined by workflow/definitions.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/events/snapshotted.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/workflow/fold.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow {

/// A state as canonical JSON: members sorted, those with their first value left out, numbers exact. Equal states give
/// equal bytes in every process, and what PostgreSQL's jsonb makes of the text reads back as the same state. Pure.
std::string state_text(workflow_state const& state);

/// Reads state_text() back, whatever the spacing and the order of members. Nothing for any other shape: unknown
/// members, values of the wrong kind, text that is no JSON. Pure.
std::optional<workflow_state> parse_state(std::string_view text);

/// What commands of the execution are dispatched with: `{"execution_pool", "trace"}`, absent ones left out.
raw_json routing_meta(workflow_state const& state);

/// One execution. Source: schema.md 10.4 (the type's name), http-platform.md section 17.
struct workflow_aggregate {
   using state = workflow_state;
   static constexpr std::string_view aggregate_type = "orchestrator_workflow_state_cpp_v1";
   /// detail::event_body::payload() reads `context` of entered and updated events, the start reads its own.
   static constexpr std::array<std::string_view, 6> contexts_unread{
       "command.issued", "command.claimed", "command.started", "command.completed", "command.failed", "call.done"};
   static constexpr int format = 3; ///< of state_text(); raise it with every change of what a member means

   static void apply(state& s, event const& e) { workflow::apply(s, e); }
   static void start_after(state& s, std::int64_t version) { s.version = version; }
   static fold_position position(state const& s) { return {s.version, s.applied, s.unversioned, s.last_unversioned}; }
   static bool terminal(state const& s) { return s.terminal(); }
   static raw_json routing(state const& s) { return routing_meta(s); }
   static std::string text(state const& s) { return state_text(s); }
   static std::optional<state> parse(std::string_view text) { return parse_state(text); }
};
static_assert(snapshotted<workflow_aggregate>);

} // namespace noetl::workflow
