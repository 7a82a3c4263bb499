// events/envelope.hpp: one event as it is stored and handed out.
// Knows core and raw_json.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// A fact about one execution. Field names are column names of noetl.event and keys on the wire.
struct event {
   noetl::execution_id execution_id{};
   noetl::event_id event_id{};     ///< 0 on append: the store mints one
   noetl::catalog_id catalog_id{}; ///< 0 on append: that of the execution's head
   std::optional<noetl::event_id> parent_event_id{};
   std::optional<noetl::execution_id> parent_execution_id{};
   timestamp created_at{}; ///< when it happened, by the producer's clock; the epoch on append: now
   std::string event_type{};
   std::optional<std::string> node_id{};
   std::optional<std::string> node_name{};
   std::optional<std::string> node_type{};
   std::string status{};
   raw_json context{};
   raw_json result{};
   raw_json meta{};
   std::optional<std::string> error{};
   std::optional<std::string> worker_id{};
   /// Position in the execution, 1, 2, 3, ..., given by the store at append (W25): the order to fold in. 0 on rows of
   /// older servers, which come before all others in event_id order.
   std::int64_t stream_version = 0;
};

/// The spellings that end an execution for ever (W5, schema.md M37), and the status that each of them means.
struct terminal_type {
   std::string_view event_type;
   std::string_view status;
};
inline constexpr std::array terminal_types{
    terminal_type{"playbook.completed", "COMPLETED"},  terminal_type{"playbook_completed", "COMPLETED"},
    terminal_type{"playbook.failed", "FAILED"},        terminal_type{"playbook_failed", "FAILED"},
    terminal_type{"playbook.cancelled", "CANCELLED"},  terminal_type{"playbook_cancelled", "CANCELLED"},
    terminal_type{"execution.cancelled", "CANCELLED"},
};

/// COMPLETED, FAILED or CANCELLED for a terminal event type, empty for any other.
constexpr std::string_view terminal_status(std::string_view event_type) noexcept {
   for (auto const& one : terminal_types)
      if (one.event_type == event_type) return one.status;
   return {};
}

} // namespace noetl
