// events/aggregate_states.hpp: states of one kind of aggregate, rebuilt from snapshot and tail, and saved again.
// Knows snapshots and the log; what a state is comes from the aggregate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/catching_up.hpp>
#include <noetl/events/log_reader.hpp>
#include <noetl/events/snapshot.hpp>

namespace noetl {

struct state_settings {
   std::string build = "noetl"; ///< program and version, written into snapshots
   std::size_t page = 1'000;    ///< events in memory at a time during a rebuild, 1 or more
};

/// How a state was made.
struct rebuild_report {
   bool from_snapshot = false;
   std::uint64_t snapshot_events = 0; ///< events that the snapshot stood for
   std::uint64_t events = 0;          ///< events read and folded, those of restarts included
   std::uint64_t bytes = 0;           ///< text of the snapshot and of the events in the state
   std::uint64_t restarts = 0;        ///< times that a row of an older server appeared late
   std::chrono::nanoseconds took{};
};

/// Rebuilds and saves. Thread-safe; the memory of a rebuild is the state and one page of events.
template <snapshotted A>
class aggregate_states {
public:
   struct rebuilt {
      typename A::state state{};
      timestamp read_at{}; ///< not later than the read that it stands for
      rebuild_report report{};
   };

   explicit aggregate_states(pg::shard_map& shards, state_settings how = {})
       : how_(std::move(how)), log_(shards), snapshots_(shards, how_.build) {}

   /// Called after every load() that worked, from any thread; must be quick. Set before the first load.
   void on_rebuilt(std::function<void(rebuild_report const&)> callback) { observer_ = std::move(callback); }

   /// What is done to events before they are folded, wherever they are folded: fetch what they only name. An error
   /// keeps the events from being folded. Thread-safe; set before the first load.
   void before_fold(log_reader::preparation what) { log_.before_use(std::move(what)); }

   /// Does that to events that are about to be folded outside of here.
   awaitable<result<void>> prepare(std::vector<event>& events) const { return log_.prepare(events); }

   /// The state as of now. An execution without events gives an empty one. Errors: unavailable, database.
   awaitable<result<rebuilt>> load(execution_id id) {
      auto const begin = std::chrono::steady_clock::now();
      rebuilt out;
      out.read_at = now();
      auto kept = co_await snapshots_.load(id);
      if (!kept) co_return std::move(kept).error();
      if (*kept) {
         out.state = std::move((*kept)->state);
         out.report.from_snapshot = true;
         out.report.snapshot_events = A::position(out.state).applied;
         out.report.bytes = (*kept)->bytes;
      }
      auto done = co_await follow(id, out.state, out.report);
      if (!done) co_return std::move(done).error();
      out.report.took = std::chrono::steady_clock::now() - begin;
      if (observer_) observer_(out.report);
      co_return out;
   }

   /// Folds what the log has beyond `state`. After an error the state is a fold of some prefix of the log.
   awaitable<result<rebuild_report>> catch_up(execution_id id, typename A::state& state) {
      rebuild_report report;
      auto done = co_await follow(id, state, report);
      if (!done) co_return std::move(done).error();
      co_return report;
   }

   [[nodiscard]] snapshot_store<A>& snapshots() noexcept { return snapshots_; }
   [[nodiscard]] snapshot_store<A> const& snapshots() const noexcept { return snapshots_; }

private:
   awaitable<result<void>> follow(execution_id id, typename A::state& state, rebuild_report& report) {
      constexpr std::uint64_t most_restarts = 5;
      using step = typename catching_up<A>::step;
      for (;;) {
         catching_up<A> progress(state, how_.page);
         auto next = step::more;
         std::optional<log_request> ahead;
         result<log_page> page = log_page{};
         while (next == step::more) {
            if (auto const wanted = progress.next(); ahead != wanted) page = co_await log_.read(id, wanted);
            if (!page) co_return std::move(page).error();
            auto const present = std::move(*page);
            ahead = progress.read_ahead(present);
            if (ahead) {
               // PostgreSQL makes the next page while this one is folded.
               using namespace boost::asio::experimental::awaitable_operators;
               page = *co_await (read(id, *ahead) && take(progress, present, next));
            } else {
               next = progress.take(present);
            }
         }
         report.events += progress.folded();
         report.bytes += progress.bytes();
         if (next == step::done) co_return result<void>{};
         log::warn("log.changed_below", {{"execution_id", id}, {"version", A::position(state).version}});
         if (++report.restarts > most_restarts)
            co_return fail(error_code::unavailable,
                           "the log of execution " + std::to_string(id.value) + " changes faster than it can be read");
         report.from_snapshot = false;
         report.bytes = 0;
         state = typename A::state{};
      }
   }

   // Outcomes of operators on coroutines must have an empty value.
   awaitable<std::optional<result<log_page>>> read(execution_id id, log_request what) {
      co_return co_await log_.read(id, what);
   }
   static awaitable<void> take(catching_up<A>& progress, log_page const& page, typename catching_up<A>::step& next) {
      next = progress.take(page);
      co_return;
   }

   state_settings const how_;
   log_reader log_;
   snapshot_store<A> snapshots_;
   std::function<void(rebuild_report const&)> observer_{};
};

} // namespace noetl
