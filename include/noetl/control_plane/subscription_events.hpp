// control_plane/subscription_events.hpp: the event that records a registration or a transition (http-platform.md
// section 8.1). Knows the event store's append; no database.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/control_plane/subscription_views.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane::detail {

struct subscription_context {
   id_text<control_plane::subscription_id> subscription_id;
   std::string path;
   id_text<noetl::catalog_id> catalog_id;
};

struct subscription_meta {
   timestamp emitted_at{};
   std::string emitter = "control_plane";
   bool subscription_lifecycle = true;
   std::optional<std::string> reason; ///< why the server acted by itself
   using json_rules = rules<omit_empty<"reason">>;
};

/// The append of one life-cycle event. `after` is the subscription as it will be: state, event type and all.
inline append_request lifecycle_append(subscription_record const& after, expected expect,
                                       std::optional<std::string> reason = {}) {
   append_request append;
   append.execution_id = execution_id{after.subscription_id.value};
   append.expect = expect;
   append.head_status = after.status;
   event fact;
   fact.event_id = after.event_id;
   fact.catalog_id = after.catalog_id;
   fact.event_type = after.event_type;
   fact.node_id = "subscription";
   fact.node_name = after.path;
   fact.node_type = "subscription";
   fact.status = after.status;
   fact.created_at = after.created_at.value_or(timestamp{});
   fact.context = raw_json(to_json(subscription_context{after.subscription_id, after.path, after.catalog_id}));
   subscription_meta meta;
   meta.emitted_at = fact.created_at;
   meta.reason = std::move(reason);
   fact.meta = raw_json(to_json(meta));
   append.events.push_back(std::move(fact));
   return append;
}

} // namespace noetl::control_plane::detail
