// workflow/decide.hpp: what happens next in an execution: a pure function of the playbook and the folded log.
//
// The rule (orchestration.md 5.1): every completion's arcs are decided once. *Front* is what runs plus targets of taken
// arcs that are not dispatched yet; *live* is everything that can still be reached from the front. A join waits for
// live upstreams, a pending step that is no longer live is skipped, a target that can reach the source of a newer arc
// is entered again, and the run ends when the front is empty.
//
// Where a decision is kept. State is rebuilt from events only, so a decision that depends on values travels in the log:
//   meta.routed = {"<step>": {"gen": <id of the completing event>, "arcs": [indexes taken], "set": true}}
// on the first event a pass appends; without "gen" it belongs to the very event that carries it (step.skipped by a
// guard, step.exit of an empty loop). A pass with a decision and no other event appends `step.routed`, which other
// readers ignore. Steps whose arcs have no `when` need no record. `set` values (of the step and of the arcs taken) and
// `_context_updates` of the worker travel in one ctx.updated {step, gen, values} per completion.
#pragma once

#include <noetl/core/result.hpp>
#include <noetl/workflow/decision.hpp>
#include <noetl/workflow/loop_memo.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow {

/// Decides what to append next.
///
/// Pure and thread-safe; changes nothing. An execution that has not started or has ended gets an empty decision. After
/// the decision has been appended and folded, deciding again gives an empty one until another fact arrives. \return a
/// decision; a template that cannot be evaluated is a decision with `end`, not an error. Errors are our own faults.
/// \param memo  of this execution, so that a long loop is not rendered anew for each iteration; changes no decision
/// Defined by workflow/definitions.hpp.
result<decision> decide(playbook const& book, workflow_state const& state, loop_memo* memo = nullptr);

} // namespace noetl::workflow
