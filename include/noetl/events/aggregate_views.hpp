// events/aggregate_views.hpp: what the routes of aggregates take and answer. Plain data; field names are those on the
// wire. Ids are strings in answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/aggregate_fold.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/stream_head.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl {

/// The answer of every call about one aggregate.
template <class A>
struct aggregate_view {
   id_text<aggregate_id> id;
   std::string state;        ///< of the life cycle
   std::int64_t version = 0; ///< place of its newest event in its log: 1, 2, 3, ... when it has the log to itself
   typename A::state data;
   id_text<event_id> last_event_id;
   std::string last_event; ///< its type
   timestamp created_at{};
   timestamp updated_at{};
   std::vector<std::string> actions; ///< those that its state allows
};

/// One of a list, without its data.
struct aggregate_summary {
   id_text<aggregate_id> id;
   std::string state;
   std::int64_t version = 0;
   timestamp created_at{};
   timestamp updated_at{};
};

struct aggregate_list {
   std::vector<aggregate_summary> items;
   std::optional<id_text<aggregate_id>> next; ///< there are more after this id
   using json_rules = rules<omit_empty<"next">>;
};

struct aggregate_filter {
   std::optional<std::string> state;  ///< this state only
   std::optional<std::int64_t> limit; ///< 1..1000, 100 when absent
   std::optional<aggregate_id> after; ///< the `next` of the page before
};

/// One event of the past.
struct aggregate_step {
   std::int64_t version = 0;
   id_text<noetl::event_id> event_id;
   std::string event_type;
   std::optional<std::string> from; ///< the state before; absent for the first
   std::string state;               ///< the state after
   timestamp at{};
   raw_json data; ///< fields of the event; null for an event without
   using json_rules = rules<omit_empty<"from">>;
};

struct aggregate_history {
   id_text<aggregate_id> id;
   std::vector<aggregate_step> history;
   std::optional<std::int64_t> next; ///< there are more after this version
   using json_rules = rules<omit_empty<"next">>;
};

struct aggregate_history_filter {
   std::optional<std::int64_t> limit; ///< 1..1000, 100 when absent
   std::int64_t after = 0;            ///< the `next` of the page before
   using json_rules = rules<defaulted<"after">>;
};

/// Query of a change.
struct aggregate_condition {
   std::optional<std::int64_t> version; ///< only if the aggregate is at this version, else 409
};

template <aggregate A>
aggregate_view<A> view_of(aggregate_id id, aggregate_state<A> at) {
   aggregate_view<A> view;
   view.id = id;
   for (auto const action : A::lifecycle::allowed_actions(at.status)) view.actions.emplace_back(action);
   view.state = std::move(at.status);
   view.version = at.version;
   view.data = std::move(at.data);
   view.last_event_id = at.last_event_id;
   view.last_event = std::move(at.last_event);
   view.created_at = at.created_at;
   view.updated_at = at.updated_at;
   return view;
}

inline aggregate_summary summary_of(stream_head const& head) {
   // Facts of others in the log are no version of the aggregate.
   return {aggregate_id{head.execution_id.value}, head.status, head.guarded_version, head.created_at, head.updated_at};
}

template <aggregate A>
aggregate_step step_of(event const& e, std::optional<std::string> from) {
   return {e.stream_version, e.event_id, e.event_type, std::move(from), e.status, e.created_at, payload_of<A>(e)};
}

} // namespace noetl
