// events/outbox.hpp: the relay that brings committed outbox rows to the message bus, whatever stops in between.
// Knows pg/ and events/append.hpp; the bus is a concept.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/detail/outbox_sql.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl {

/// A bus that takes messages without waiting. nats/publisher.hpp meets it.
template <class P>
concept message_publisher = requires(P& bus, std::string subject, std::string_view payload, std::string message_id,
                                     std::function<void(result<void>)> done) {
   // Never blocks; thread-safe; calls `done` exactly once, on any thread, possibly inside publish().
   bus.publish(std::move(subject), payload, std::move(message_id), std::move(done));
};

struct outbox_settings {
   std::chrono::milliseconds poll{1'000};  ///< between looks for rows that nobody published
   std::chrono::milliseconds grace{5'000}; ///< age from which a pending row is taken from the database
   /// Age from which an IN_FLIGHT row counts as left by a relay that died. Well above the bus's ack time-out (a live
   /// relay settles its rows by then), well below the stream's dedup window (a copy of what did arrive is dropped).
   std::chrono::milliseconds abandoned{15'000};
   std::chrono::milliseconds keep_published{86'400'000};
   std::chrono::milliseconds announce_again{60'000}; ///< an unclaimed command is announced again this often; 0: never
   std::size_t batch = 256;                          ///< rows taken from the database at a time
   std::size_t purge_batch = 5'000;
};

struct outbox_stats {
   std::uint64_t published = 0; ///< acknowledged by the bus
   std::uint64_t refused = 0;   ///< attempts that the bus did not take
   std::uint64_t announced_again = 0;
   std::uint64_t database_errors = 0;
   std::size_t unmarked = 0; ///< published, not yet marked in the database
};

/// Publishes outbox rows: at once when offer() hands them over after the commit, and from the table when that failed
/// (crash, bus or database away, foreign producers). Every row is published at least once; the message id (the event
/// id) lets the bus drop repeats. A message that the bus can never take (too large, no subject) is parked as FAILED.
/// The order per subject is not kept. Also announces commands again that no worker claims (W1), returns rows whose
/// publisher died, and purges old ones. Retries for ever with back-off. Thread-safe. The bus must outlive the relay.
template <message_publisher Bus>
class outbox_relay {
public:
   outbox_relay(pg::shard_map& shards, Bus& bus, outbox_settings how = {}) : shards_(shards), bus_(bus), how_(how) {
      thread_ = std::thread([this] { serve(); });
   }
   ~outbox_relay() {
      {
         std::lock_guard lock(state_->guard);
         state_->stopping = true;
      }
      state_->wake.notify_all();
      thread_.join();
   }
   outbox_relay(outbox_relay const&) = delete;
   outbox_relay& operator=(outbox_relay const&) = delete;

   /// Rows that were just committed; give it to event_store::on_outbox. Never blocks.
   void offer(std::size_t shard, std::span<outbox_row const> rows) {
      for (auto const& row : rows) publish(std::make_shared<fresh_row>(fresh_row{shard, row, clock::now()}));
   }

   /// Looks at the table now instead of at the next poll (after the bus came back).
   void wake() {
      {
         std::lock_guard lock(state_->guard);
         state_->look_now = true;
      }
      state_->wake.notify_all();
   }

   [[nodiscard]] outbox_stats stats() const {
      std::lock_guard lock(state_->guard);
      auto out = state_->stats;
      out.unmarked = state_->marks.size();
      return out;
   }

private:
   using clock = std::chrono::steady_clock;
   struct fresh_row {
      std::size_t shard;
      outbox_row row;
      clock::time_point since;
   };
   enum class fate { published, failed, hopeless };
   struct mark {
      std::size_t shard;
      std::int64_t outbox_id; ///< 0: by event
      std::int64_t execution_id;
      std::int64_t event_id;
      fate what;
      std::string error;
   };
   /// What completions need; outlives the relay when the bus answers late.
   struct state {
      std::mutex guard;
      std::condition_variable wake;
      std::deque<mark> marks;
      std::deque<std::shared_ptr<fresh_row>> again;
      outbox_stats stats;
      bool stopping = false;
      bool look_now = false;
   };

   /// No repeat can succeed: the message itself is at fault.
   static bool hopeless(error const& e) { return e.code == error_code::too_large || e.code == error_code::validation; }

   static constexpr std::size_t most_in_memory = 50'000; // beyond it the table is the memory
   static constexpr auto mark_pause = std::chrono::milliseconds(50);
   static constexpr auto retry_pause = std::chrono::milliseconds(5);

   void publish(std::shared_ptr<fresh_row> one) {
      auto done = [state = state_, one](result<void> outcome) {
         std::lock_guard lock(state->guard);
         if (outcome) {
            ++state->stats.published;
            if (state->marks.size() < most_in_memory)
               state->marks.push_back(
                   {one->shard, 0, one->row.execution_id.value, one->row.event_id.value, fate::published, {}});
         } else {
            ++state->stats.refused;
            if (!hopeless(outcome.error()) && state->again.size() < most_in_memory) state->again.push_back(one);
         }
         if (state->marks.size() + state->again.size() == 1) state->wake.notify_one();
      };
      bus_.publish(one->row.subject, one->row.payload.text, std::to_string(one->row.event_id.value), std::move(done));
   }

   void serve() {
      auto next_poll = clock::now();
      auto next_care = clock::now();
      for (;;) {
         bool look = false;
         {
            std::unique_lock lock(state_->guard);
            auto& s = *state_;
            auto const urgent = [&] { return s.stopping || s.look_now; };
            s.wake.wait_until(lock, next_poll, [&] { return urgent() || !s.marks.empty() || !s.again.empty(); });
            // A short rest gathers marks for one statement, and gives a full window of the bus time to empty.
            if (!s.marks.empty() || !s.again.empty())
               s.wake.wait_for(lock, s.again.empty() ? mark_pause : retry_pause, urgent);
            look = std::exchange(s.look_now, false);
            if (s.stopping) break;
         }
         retry_fresh();
         write_marks();
         if (look || clock::now() >= next_poll) {
            for (std::size_t i = 0; i < shards_.count(); ++i)
               drain(i, look ? std::chrono::milliseconds(0) : how_.grace);
            next_poll = clock::now() + how_.poll;
         }
         if (clock::now() >= next_care) {
            for (std::size_t i = 0; i < shards_.count(); ++i) care(i);
            next_care = clock::now() +
                        std::max(how_.poll, std::min(how_.announce_again / 4, std::chrono::milliseconds(15'000)));
         }
      }
      write_marks();
   }

   /// Rows that the bus refused just now. After the grace period the table takes over.
   void retry_fresh() {
      std::deque<std::shared_ptr<fresh_row>> again;
      {
         std::lock_guard lock(state_->guard);
         again.swap(state_->again);
      }
      auto const oldest = clock::now() - how_.grace;
      for (auto& one : again)
         if (one->since > oldest) publish(std::move(one));
   }

   template <class... Params>
   result<pg::rows> ask(std::size_t shard, std::string_view text, Params const&... params) {
      auto answer = shards_.shard(shard).run_blocking([&](pg::connection& db) {
         // Losing one of these changes costs a repeat that the bus drops, so they need not wait for the disk.
         return db.transaction([&] {
            // The planner settings keep a plan of the empty table from reading the whole table later.
            db.script("set local synchronous_commit = off; set local enable_seqscan = off; "
                      "set local enable_hashjoin = off; set local enable_mergejoin = off");
            return db.exec(text, params...);
         });
      });
      if (!answer) {
         std::lock_guard lock(state_->guard);
         ++state_->stats.database_errors;
      }
      return answer;
   }
   static double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000.0; }

   void write_marks() {
      std::deque<mark> marks;
      {
         std::lock_guard lock(state_->guard);
         marks.swap(state_->marks);
      }
      if (marks.empty()) return;
      std::deque<mark> kept;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         std::vector<std::int64_t> executions, events, published, failed;
         std::vector<std::string> errors;
         for (auto const& one : marks) {
            if (one.shard != shard) continue;
            if (one.outbox_id == 0)
               executions.push_back(one.execution_id), events.push_back(one.event_id);
            else if (one.what == fate::published)
               published.push_back(one.outbox_id);
            else if (one.what == fate::failed)
               failed.push_back(one.outbox_id), errors.push_back(one.error);
         }
         bool ok = true;
         for (auto const& one : marks)
            if (one.shard == shard && one.what == fate::hopeless)
               ok = ask(shard, detail::outbox_sql::park, one.outbox_id, one.error).has_value() && ok;
         if (!events.empty())
            ok = ask(shard, detail::outbox_sql::published_by_event, executions, events).has_value() && ok;
         if (!published.empty()) ok = ask(shard, detail::outbox_sql::published_by_id, published).has_value() && ok;
         if (!failed.empty())
            ok = ask(shard, detail::outbox_sql::failed, failed, errors, seconds(how_.grace)).has_value() && ok;
         if (!ok)
            for (auto const& one : marks)
               if (one.shard == shard) kept.push_back(one);
      }
      std::lock_guard lock(state_->guard);
      for (auto& one : kept)
         if (state_->marks.size() < most_in_memory) state_->marks.push_back(std::move(one));
   }

   /// Takes due rows from the table until none is left or the bus refuses.
   void drain(std::size_t shard, std::chrono::milliseconds grace) {
      for (;;) {
         auto rows = ask(shard, detail::outbox_sql::claim, seconds(grace), how_.batch);
         if (!rows || rows->empty()) return;
         auto const refused_before = refused();
         for (auto const row : *rows) publish_stored(shard, row);
         if (rows->size() < how_.batch || refused() != refused_before || stopping()) return;
      }
   }
   std::uint64_t refused() const {
      std::lock_guard lock(state_->guard);
      return state_->stats.refused;
   }
   bool stopping() const {
      std::lock_guard lock(state_->guard);
      return state_->stopping;
   }

   void publish_stored(std::size_t shard, pg::rows::row const& row) {
      auto const id = row.get<std::int64_t>(0);
      if (!row[3] || row[3]->empty()) {
         std::lock_guard lock(state_->guard);
         state_->marks.push_back({shard, id, 0, 0, fate::hopeless, "the row has no subject"});
         return;
      }
      auto done = [state = state_, shard, id](result<void> outcome) {
         std::lock_guard lock(state->guard);
         outcome ? ++state->stats.published : ++state->stats.refused;
         auto const what = outcome ? fate::published : hopeless(outcome.error()) ? fate::hopeless : fate::failed;
         mark one{shard, id, 0, 0, what, outcome ? std::string() : outcome.error().message};
         if (state->marks.size() < most_in_memory) state->marks.push_back(std::move(one));
      };
      bus_.publish(std::string(*row[3]), *row[4], std::string(*row[2]), std::move(done));
   }

   void care(std::size_t shard) {
      // Each of these is repeated at the next turn; ask() counts what fails.
      (void)ask(shard, detail::outbox_sql::release_abandoned, seconds(how_.abandoned));
      (void)ask(shard, detail::outbox_sql::purge, seconds(how_.keep_published), how_.purge_batch);
      if (how_.announce_again.count() == 0) return;
      auto rows = ask(shard, detail::outbox_sql::announce_again, seconds(how_.announce_again), how_.batch);
      if (!rows) return;
      for (auto const row : *rows) {
         auto done = [state = state_](result<void> outcome) {
            std::lock_guard lock(state->guard);
            outcome ? ++state->stats.announced_again : ++state->stats.refused;
         };
         bus_.publish(std::string(row[3].value_or("")), *row[4], std::string(*row[2]) + "-" + std::string(*row[5]),
                      std::move(done));
      }
   }

   pg::shard_map& shards_;
   Bus& bus_;
   outbox_settings const how_;
   std::shared_ptr<state> state_ = std::make_shared<state>();
   std::thread thread_;
};

} // namespace noetl
