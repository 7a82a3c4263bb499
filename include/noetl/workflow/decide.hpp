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

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow {

/// An event to append; the caller adds ids, parent and time (workflow/commands.hpp).
struct planned_event {
   std::string event_type;
   std::optional<std::string> node; ///< node_id and node_name
   std::string status;
   raw_json result; ///< {"status", "context"?}
   raw_json meta;   ///< {"emitted_by":"orchestrator", ...}
   std::optional<std::string> error{};
};

/// Place of a command in a loop.
struct planned_iteration {
   std::int64_t index = 0;
   std::int64_t total = 0;
   std::string item_var;
};

/// A command to issue; workflow/commands.hpp turns it into rows once its event id is known.
struct planned_command {
   std::string step;
   std::string tool_kind;
   raw_json tool_config;    ///< object, or array for pipelines
   raw_json args;           ///< step `args` as written
   raw_json render_context; ///< flat template variables
   std::optional<planned_iteration> iteration{};
   raw_json cursor{}; ///< meta.cursor of cursor loops, else empty
};

/// The end of the execution.
struct planned_end {
   run_status status = run_status::completed; ///< completed or failed
   std::string error{};                       ///< empty when completed
   std::vector<std::string> failed_steps{};
   bool evaluate_error = false; ///< a template or loop could not be evaluated; nothing else of the pass stands
   error_code code =
       error_code::internal; ///< for the caller of execute: validation for loops on `start`, else internal
};

/// What to append, in this order: events, one command.issued per command, the end.
struct decision {
   std::vector<planned_event> events;
   std::vector<planned_command> commands;
   std::optional<planned_end> end;
   std::size_t commands_generated =
       0; ///< for the answer of execute: like commands.size(), but a looped start counts all items
   std::vector<std::string> warnings; ///< for the log: `set` templates that failed and were stored as written

   [[nodiscard]] bool empty() const noexcept { return events.empty() && commands.empty() && !end; }
};

/// Decides what to append next.
///
/// Pure and thread-safe; changes nothing. An execution that has not started or has ended gets an empty decision. After
/// the decision has been appended and folded, deciding again gives an empty one until another fact arrives. \return a
/// decision; a template that cannot be evaluated is a decision with `end`, not an error. Errors are our own faults.
result<decision> decide(playbook const& book, workflow_state const& state);

} // namespace noetl::workflow

#include <noetl/workflow/detail/decide_pass.hpp>
