// control_plane/subscription_event_log.hpp: the event store as the aggregates of subscriptions see it. Knows the store
// and subscription_log.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/subscription_aggregate.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/events/store.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// An event_log of life-cycle events only, rows of older servers included. Thread-safe; the store and the log outlive
/// it.
class subscription_event_log {
public:
   subscription_event_log(event_store& store, subscription_log& log) : store_(store), log_(log) {}

   /// Other facts about a subscription (audits of its messages) may come in between, transitions may not.
   awaitable<result<append_result>> append(append_request request) {
      if (request.expect.what == expected::exactly) request.expect.what = expected::undecided_since;
      return store_.append(std::move(request));
   }
   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after, std::size_t limit) {
      return log_.events(subscription_id{id.value}, after, static_cast<std::int64_t>(limit));
   }
   awaitable<result<std::optional<event>>> find(execution_id id, event_id which) { return store_.find(id, which); }
   awaitable<result<std::vector<stream_head>>> heads(std::vector<std::string> statuses, execution_id after,
                                                     std::size_t limit) {
      return store_.heads(std::move(statuses), after, limit);
   }
   awaitable<result<execution_id>> claim_key(std::string scope, std::string key, execution_id mine) {
      return store_.claim_key(std::move(scope), std::move(key), mine);
   }

   /// Makes the newest event what a subscription is loaded from. It is all that is needed, and more than a fold gets
   /// when retention has taken the first ones, or when an older server wrote them.
   void load_newest(aggregates<subscription_aggregate>& kind) {
      struct work {
         static awaitable<result<aggregate_state<subscription_aggregate>>> load(subscription_log& log,
                                                                                subscription_id id) {
            auto newest = co_await log.latest(id);
            if (!newest) co_return std::move(newest).error();
            if (!*newest) co_return aggregate_state<subscription_aggregate>{};
            co_return state_of(**newest);
         }
      };
      aggregate_snapshots<subscription_aggregate> newest;
      newest.load = [&log = log_](aggregate_id id) { return work::load(log, subscription_id{id.value}); };
      newest.load_tells_foreign = true;
      kind.keep_snapshots(std::move(newest));
   }

private:
   static aggregate_state<subscription_aggregate> state_of(subscription_record const& r) {
      aggregate_state<subscription_aggregate> at;
      at.data = {r.path, r.catalog_id};
      at.status = r.status;
      at.version = r.version;
      at.last_event_id = r.event_id;
      at.last_event = r.event_type;
      at.updated_at = r.created_at.value_or(timestamp{});
      return at;
   }

   event_store& store_;
   subscription_log& log_;
};
static_assert(event_log<subscription_event_log>);

} // namespace noetl::control_plane
