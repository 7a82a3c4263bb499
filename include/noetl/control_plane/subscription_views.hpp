// control_plane/subscription_views.hpp: what the subscription routes take and answer. Plain data; field names are those
// on the wire (http-platform.md section 8.1). Ids are strings in answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/fsm/lifecycle_view.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

struct subscription_request {
   std::string path; ///< of the catalog entry
};

/// The status object: the answer of every call about one subscription.
struct subscription_view {
   id_text<control_plane::subscription_id> subscription_id;
   std::string path;
   id_text<noetl::catalog_id> catalog_id;
   std::string state;           ///< of the life cycle; UNKNOWN in lists only
   std::string last_event_type; ///< of the event that led to the state
   std::optional<timestamp> updated_at;
   using json_rules = rules<omit_empty<"updated_at">>;
};

/// Which moment to show; nothing: the present. One of the two at most.
struct subscription_moment {
   std::optional<noetl::event_id> event_id; ///< after this event, see subscription_log::as_of
   std::optional<timestamp> at;             ///< after the last transition that is not younger
};

/// Without `limit` and `after` everything is listed, shard by shard; with one of them pages in the order of the ids.
struct subscription_filter {
   std::optional<std::string> state;                    ///< this state only
   std::optional<std::int64_t> limit;                   ///< 1..1000
   std::optional<control_plane::subscription_id> after; ///< the `next` of the page before
};

struct subscription_list {
   std::vector<subscription_view> subscriptions;
   std::optional<id_text<control_plane::subscription_id>> next; ///< there are more after this id
   using json_rules = rules<omit_empty<"next">>;
};

/// One transition of the past.
struct subscription_step {
   std::int64_t sequence = 0; ///< 1, 2, 3, ... in the order of the log
   id_text<noetl::event_id> event_id;
   std::string event_type;
   std::optional<std::string> from; ///< the state before; absent for the first
   std::string state;               ///< the state after
   std::optional<timestamp> at;
   using json_rules = rules<omit_empty<"from", "at">>;
};

struct subscription_history_filter {
   std::optional<std::int64_t> limit; ///< 1..1000, 1000 when absent
   std::int64_t after = 0;            ///< the `next` of the page before
   using json_rules = rules<defaulted<"after">>;
};

struct subscription_history {
   id_text<control_plane::subscription_id> subscription_id;
   std::vector<subscription_step> history;
   std::optional<std::int64_t> next; ///< there are more after this sequence
   using json_rules = rules<omit_empty<"next">>;
};

using fsm::lifecycle_view;

} // namespace noetl::control_plane
