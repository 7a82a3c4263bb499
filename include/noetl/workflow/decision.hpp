// workflow/decision.hpp: what a decision holds: events, commands and the end of an execution, all without ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/reflect/raw_json.hpp>
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

} // namespace noetl::workflow
