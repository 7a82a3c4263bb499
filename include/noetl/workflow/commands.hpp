// workflow/commands.hpp: planned events and commands as rows: ids, JSON bodies, subject and notification
// (http-execution.md sections 7 and 8). Knows the event envelope; no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/workflow/decision.hpp>

namespace noetl::workflow {

/// What all rows of one execution share.
struct run_identity {
   noetl::execution_id execution{};
   noetl::catalog_id catalog{};
   std::optional<noetl::execution_id> parent{};
   raw_json trace{}; ///< empty when absent

   explicit run_identity(workflow_state const& state);
   run_identity() = default;
};

/// `<execution>:<step>:<event>`, iterations append `:i<index>` (7.2).
std::string command_id_text(noetl::execution_id execution, planned_command const& command, noetl::event_id issued);

/// `context` of command.issued: {"args", "render_context", "tool_config"} (7.1).
raw_json command_context(planned_command const& command);

/// `meta` of command.issued (7.1).
raw_json command_meta(planned_command const& command, run_identity const& run, noetl::event_id issued, int attempt = 1);

/// Body of the notification (8).
raw_json command_notification(planned_command const& command, run_identity const& run, noetl::event_id issued,
                              std::string_view server_url, std::string_view pool);

/// True for text usable as one token of a NATS subject: 1..128 of letters, digits, `-`, `_` (W30).
bool is_subject_token(std::string_view text) noexcept;

/// Worker pool of an execution: its own choice, else by prefix of `metadata.path`, else `shared` (8).
/// \return error_code::validation when the chosen pool is not one NATS token (W30)
result<std::string> command_pool(std::optional<std::string> const& execution_pool,
                                 std::optional<std::string> const& metadata_path);

/// The same for an execution of the log, which goes on whatever older servers let into it: a pool that is no token does
/// not count.
std::string stored_command_pool(std::optional<std::string> const& execution_pool,
                                std::optional<std::string> const& metadata_path);

/// `noetl.commands.<pool>.<execution>`
std::string command_subject(std::string_view pool, noetl::execution_id execution);

/// Rows as events. `parent` is the event that caused the pass.
event to_event(planned_event const& planned, run_identity const& run, noetl::event_id id,
               std::optional<noetl::event_id> parent, timestamp at);
event to_event(planned_command const& planned, run_identity const& run, noetl::event_id id,
               std::optional<noetl::event_id> parent, timestamp at);
event to_event(planned_end const& planned, run_identity const& run, noetl::event_id id,
               std::optional<noetl::event_id> parent, timestamp at);

} // namespace noetl::workflow

#include <noetl/workflow/detail/command_rows.hpp>
