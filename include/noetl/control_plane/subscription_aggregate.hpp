// control_plane/subscription_aggregate.hpp: a subscription as an aggregate: its state, and what its events look like
// (http-platform.md section 8.1). Knows the declaration of aggregates; no database, no HTTP.
#pragma once

#include <string>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {

/// The `context` of every event of a subscription.
struct subscription_context {
   id_text<control_plane::subscription_id> subscription_id;
   std::string path;
   id_text<noetl::catalog_id> catalog_id;
};

/// The `meta` of every event of a subscription; `reason` follows when the server acted by itself.
struct subscription_meta {
   timestamp emitted_at{};
   std::string emitter = "control_plane";
   bool subscription_lifecycle = true;
};

/// Every event says which subscription it is about, as the readers of the reference's log expect: the newest one is
/// the whole state.
struct subscription_aggregate {
   using lifecycle = subscription::lifecycle;
   struct state {
      std::string path; ///< of the catalog entry
      noetl::catalog_id catalog_id{};
   };
   using create = subscription_context;

   static void apply(state& s, create const& e) {
      s.path = e.path;
      s.catalog_id = e.catalog_id.value;
   }
   static void describe(event& fact, aggregate_id id, state const& s) {
      fact.catalog_id = s.catalog_id;
      fact.node_name = s.path;
      fact.context = raw_json(to_json(subscription_context{subscription_id{id.value}, s.path, s.catalog_id}));
      subscription_meta meta;
      meta.emitted_at = fact.created_at;
      fact.meta = raw_json(to_json(meta));
   }
};
static_assert(aggregate<subscription_aggregate>);

} // namespace noetl::control_plane
