// control_plane/detail/execution_sql.hpp: what read models of executions share: where a log begins and how it ends.
// Text only.
#pragma once

#include <string_view>

namespace noetl::control_plane::detail {

// The partial index ix_event_start is used only when the literals are the same as in its predicate.
inline constexpr std::string_view start_types = "('playbook_started','playbook.started','playbook.initialized')";

/// status and end of one execution `e`, by its terminal events; the first terminal one wins, because it is sticky.
inline constexpr std::string_view outcome_of_e = R"(LEFT JOIN LATERAL (
   SELECT CASE WHEN t.event_type IN ('playbook.completed','playbook_completed') THEN 'COMPLETED'
               WHEN t.event_type IN ('playbook.failed','playbook_failed') THEN 'FAILED' ELSE 'CANCELLED' END AS status,
          t.created_at
   FROM noetl.event t WHERE t.execution_id = e.execution_id AND t.event_type IN
      ('playbook.completed','playbook_completed','playbook.failed','playbook_failed',
       'playbook.cancelled','playbook_cancelled','execution.cancelled')
   ORDER BY t.stream_version NULLS FIRST, t.event_id LIMIT 1) o ON true)";

/// The same for executions without a head `h` that says it.
inline constexpr std::string_view outcome_unless_head = R"(LEFT JOIN LATERAL (
   SELECT CASE WHEN t.event_type IN ('playbook.completed','playbook_completed') THEN 'COMPLETED'
               WHEN t.event_type IN ('playbook.failed','playbook_failed') THEN 'FAILED' ELSE 'CANCELLED' END AS status
   FROM noetl.event t WHERE h.execution_id IS NULL AND t.execution_id = e.execution_id AND t.event_type IN
      ('playbook.completed','playbook_completed','playbook.failed','playbook_failed',
       'playbook.cancelled','playbook_cancelled','execution.cancelled')
   ORDER BY t.stream_version NULLS FIRST, t.event_id LIMIT 1) o ON true)";

} // namespace noetl::control_plane::detail
