// control_plane/detail/execution_sql.hpp: what read models of executions share: where a log begins and how it ends.
// Text only, made of the table of terminal event types.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include <noetl/core/fixed_string.hpp>
#include <noetl/events/envelope.hpp>

namespace noetl::control_plane::detail {

// The partial index ix_event_start is used only when the literals are the same as in its predicate.
inline constexpr std::string_view start_types = "('playbook_started','playbook.started','playbook.initialized')";

/// The terminal event types that mean a status, or all of them, as an SQL list.
template <fixed_string Status = "">
inline constexpr auto terminal_list = [] {
   constexpr auto wanted = [](terminal_type const& one) { return Status.size() == 0 || one.status == Status.view(); };
   constexpr auto size = [wanted] {
      std::size_t needed = 1;
      for (auto const& one : terminal_types)
         if (wanted(one)) needed += one.event_type.size() + 3; // a comma and quotes
      return needed;
   }();
   char text[size + 1]{};
   auto* at = text;
   char before = '(';
   for (auto const& one : terminal_types) {
      if (!wanted(one)) continue;
      *at++ = std::exchange(before, ',');
      *at++ = '\'';
      at = std::copy(one.event_type.begin(), one.event_type.end(), at);
      *at++ = '\'';
   }
   *at = ')';
   return fixed_string(text);
}();

inline constexpr auto status_of_t = fixed_string("CASE WHEN t.event_type IN ") + terminal_list<"COMPLETED"> +
                                    fixed_string(" THEN 'COMPLETED' WHEN t.event_type IN ") + terminal_list<"FAILED"> +
                                    fixed_string(" THEN 'FAILED' ELSE 'CANCELLED' END AS status");

/// The first terminal event of an execution `e`, which wins, because it is sticky. `Condition` is empty or ends in AND.
template <fixed_string Columns, fixed_string Condition>
inline constexpr auto
    first_terminal_of_e = fixed_string("LEFT JOIN LATERAL (SELECT ") + Columns +
                          fixed_string(" FROM noetl.event t WHERE ") + Condition +
                          fixed_string("t.execution_id = e.execution_id AND t.event_type IN ") + terminal_list<> +
                          fixed_string(" ORDER BY t.stream_version NULLS FIRST, t.event_id LIMIT 1) o ON true");

/// status and end of one execution `e`, by its terminal events.
inline constexpr auto outcome_of_e = first_terminal_of_e<status_of_t + fixed_string(", t.created_at"), "">;

/// Its status alone, for executions without a head `h` that says it.
inline constexpr auto outcome_unless_head = first_terminal_of_e<status_of_t, "h.execution_id IS NULL AND ">;

} // namespace noetl::control_plane::detail
