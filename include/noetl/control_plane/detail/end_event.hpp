// control_plane/detail/end_event.hpp: the event that ends an execution, and the append that lets only the first one in.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl::control_plane::detail {

inline event end_event(execution_id id, std::string_view type, std::string_view status) {
   event what;
   what.execution_id = id;
   what.event_type = type;
   what.node_id = "playbook";
   what.node_name = "playbook";
   what.status = status;
   what.created_at = now();
   return what;
}

/// \param root  whose cancellation reached this execution, when it was not cancelled itself
inline event cancelled_event(execution_id id, std::optional<std::string> const& reason,
                             std::optional<execution_id> root) {
   auto what = end_event(id, "playbook_cancelled", "CANCELLED");
   std::string meta = R"({"emitted_by":"cancel")";
   if (reason) {
      meta += R"(,"reason":)";
      append_json(meta, *reason);
   }
   if (root) meta += R"(,"cascaded_from":")" + std::to_string(root->value) + "\"";
   what.meta = raw_json{meta + "}"};
   return what;
}

/// Fails with `conflict` when the execution has ended; decisions that are under way lose against it.
inline append_request first_end(event what, event_id fresh) {
   append_request append;
   append.execution_id = what.execution_id;
   append.expect = {expected::undecided_since, std::numeric_limits<std::int64_t>::max()};
   what.event_id = fresh;
   append.events.push_back(std::move(what));
   return append;
}

} // namespace noetl::control_plane::detail
