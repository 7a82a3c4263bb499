// events/aggregate_snapshots.hpp: snapshots of aggregates in PostgreSQL, by the machinery that executions use. Knows
// aggregate_states.hpp and what an aggregate declares.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregate_fold.hpp>
#include <noetl/events/aggregate_states.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/events/snapshotted.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/canonical_json.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl {

/// An aggregate as the snapshot machinery wants it. A change of A::state that old texts do not fit, or that means
/// something else, wants another `static constexpr int format` in A; snapshots of other formats count as absent.
template <aggregate A>
struct snapshotted_aggregate {
   using state = aggregate_state<A>;
   static constexpr std::string_view aggregate_type = aggregate_name<A>;
   static constexpr int format = [] {
      if constexpr (requires { int{A::format}; })
         return A::format;
      else
         return 1;
   }();

   static void apply(state& s, event const& e) { fold<A>(s, e); }
   static void start_after(state&, std::int64_t) {} // rows of older servers belong to executions
   static fold_position position(state const& s) { return {s.version, static_cast<std::uint64_t>(s.version), 0, {}}; }
   static bool terminal(state const& s) { return A::lifecycle::allowed_actions(s.status).empty(); }
   static raw_json routing(state const&) { return {}; }
   static std::string text(state const& s) {
      std::string canonical; // raw_json in a state comes back from jsonb in other words
      append_canonical_json(canonical, to_json(s));
      return canonical;
   }
   static std::optional<state> parse(std::string_view text) {
      auto read = from_json<state>(text);
      if (!read) return std::nullopt;
      return *std::move(read);
   }
};

/// From now on `kind` reads its aggregates from snapshot and tail, and saves a snapshot every
/// aggregate_settings::snapshot_every events. Before the first call of `kind`; the shards outlive it. For aggregates
/// that have their logs to themselves: it reads the whole log.
template <aggregate A>
void keep_snapshots(aggregates<A>& kind, pg::shard_map& shards, state_settings how = {}) {
   using kept = snapshotted_aggregate<A>;
   auto states = std::make_shared<aggregate_states<kept>>(shards, std::move(how));
   // A lambda that is a coroutine would have to outlive what it returns; these only make coroutines of functions.
   struct work {
      static awaitable<result<aggregate_state<A>>> load(std::shared_ptr<aggregate_states<kept>> all, aggregate_id id) {
         auto built = co_await all->load(execution_id{id.value});
         if (!built) co_return std::move(built).error();
         co_return std::move(built->state);
      }
      static awaitable<void> save(std::shared_ptr<aggregate_states<kept>> all, aggregate_id id, aggregate_state<A> at) {
         auto row = all->snapshots().prepare(at, now());
         auto saved = co_await all->snapshots().save(execution_id{id.value}, std::move(row));
         if (!saved)
            log::warn("aggregate.snapshot_failed",
                      {{"aggregate", aggregate_name<A>}, {"id", id.value}, {"reason", saved.error().message}});
      }
   };
   kind.keep_snapshots(
       {[states](aggregate_id id) { return work::load(states, id); },
        [states](aggregate_id id, aggregate_state<A> at) { return work::save(states, id, std::move(at)); }});
}

} // namespace noetl
