// events/outbox.hpp: the relay that brings committed outbox rows to the message bus, whatever stops in between.
// Knows pg/ and events/append.hpp; the bus is a concept.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/detail/outbox_sql.hpp>
#include <noetl/events/detail/outbox_state.hpp>
#include <noetl/events/outbox_settings.hpp>
#include <noetl/events/publisher.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl {

/// Publishes outbox rows: at once when offer() hands them over after the commit, and from the table when that failed
/// (crash, bus or database away, foreign producers). Every row is published at least once; the message id (the event
/// id) lets the bus drop repeats, and rows that are due again get a new one. A message that the bus can never take (too
/// large, no subject) is parked as FAILED. The order per subject is not kept. Also makes commands due again that no
/// worker claims (W1), returns rows whose publisher died, and purges old ones whose command has ended. Retries for ever
/// with back-off. Thread-safe. The bus and the pools must outlive the relay.
template <class Bus>
class outbox_relay {
   static_assert(message_publisher<Bus>, "noetl: a bus needs `publish(std::string subject, std::string_view payload, "
                                         "std::string message_id, std::function<void(result<void>)> done)`");

public:
   outbox_relay(pg::shard_map& shards, Bus& bus, outbox_settings how = {}) : shards_(shards), bus_(bus), how_(how) {
      speaker_ = std::thread([this] { speak(); });
      keeper_ = std::thread([this] { keep(); });
   }
   ~outbox_relay() {
      {
         std::lock_guard lock(state_->guard);
         state_->stopping = true;
      }
      state_->speak.notify_all();
      state_->wake.notify_all();
      speaker_.join();
      keeper_.join();
   }
   outbox_relay(outbox_relay const&) = delete;
   outbox_relay& operator=(outbox_relay const&) = delete;

   /// Rows that were just committed; give it to event_store::on_outbox. Only queues.
   void offer(std::size_t shard, std::span<outbox_row const> rows) {
      if (rows.empty()) return;
      bool first = false;
      {
         std::lock_guard lock(state_->guard);
         first = state_->fresh.empty();
         for (auto const& row : rows)
            if (state_->fresh.size() < most_in_memory)
               state_->fresh.push_back(std::make_shared<fresh_row>(fresh_row{shard, row, clock::now()}));
      }
      if (first) state_->speak.notify_one();
   }

   /// Publishes now what waits, in memory and in the table: the bus came back.
   void wake() {
      {
         std::lock_guard lock(state_->guard);
         state_->look_now = true;
         state_->retry_now = true;
      }
      state_->wake.notify_all();
      state_->speak.notify_all();
   }

   [[nodiscard]] outbox_stats stats() const {
      std::lock_guard lock(state_->guard);
      auto out = state_->stats;
      out.unmarked = state_->marks.size();
      return out;
   }

private:
   using clock = std::chrono::steady_clock;
   using fresh_row = detail::fresh_outbox_row;
   using fresh_ptr = std::shared_ptr<fresh_row>;
   using fate = detail::outbox_fate;
   using mark = detail::outbox_mark;
   using state = detail::outbox_state;

   /// No repeat can succeed: the message itself is at fault.
   static bool hopeless(error const& e) { return e.code == error_code::too_large || e.code == error_code::validation; }

   static constexpr std::size_t most_in_memory = 50'000; // beyond it the table is the memory
   static constexpr std::size_t most_marks = 4'000;      // more than these: write them before publishing more
   static constexpr auto mark_pause = std::chrono::milliseconds(50);
   static constexpr auto first_retry = std::chrono::milliseconds(5);
   static constexpr auto last_retry = std::chrono::milliseconds(500);
   static constexpr auto settle_limit = std::chrono::seconds(6); // above the bus's ack time-out

   // ---- the speaker: fresh rows, straight from the commit ----------------------------------------------------------

   /// Refused rows are repeated after a pause, which doubles while the bus takes nothing at all.
   void speak() {
      auto& s = *state_;
      auto pause = first_retry;
      std::uint64_t taken = 0; // acknowledged when the pause began
      auto retry_at = clock::time_point::max();
      std::unique_lock lock(s.guard);
      for (;;) {
         if (retry_at == clock::time_point::max() && !s.again.empty()) {
            taken = s.stats.published;
            retry_at = clock::now() + pause;
         }
         auto const busy = [&] { return s.stopping || s.retry_now || !s.fresh.empty(); };
         if (!busy()) {
            if (retry_at == clock::time_point::max())
               s.speak.wait(lock, [&] { return busy() || !s.again.empty(); });
            else
               s.speak.wait_until(lock, retry_at, busy);
         }
         auto rows = std::exchange(s.fresh, {});
         if (std::exchange(s.retry_now, false)) pause = first_retry, retry_at = clock::now();
         if (clock::now() >= retry_at) {
            auto const moved = s.stats.published != taken;
            pause = moved ? first_retry : std::min<std::chrono::milliseconds>(pause * 2, last_retry);
            retry_at = clock::time_point::max();
            auto const oldest = clock::now() - how_.grace; // older ones: the table takes over
            for (auto& one : s.again)
               if (one->since > oldest) rows.push_back(std::move(one));
            s.again.clear();
         }
         bool const last = s.stopping;
         lock.unlock();
         for (auto& one : rows) publish(std::move(one));
         lock.lock();
         if (last) return;
      }
   }

   void publish(fresh_ptr one) {
      auto done = [state = state_, one](result<void> outcome) {
         std::lock_guard lock(state->guard);
         if (outcome) {
            ++state->stats.published;
            state->add({one->shard, 0, 0, one->row.execution_id.value, one->row.event_id.value, fate::published, {}});
         } else {
            ++state->stats.refused;
            if (hopeless(outcome.error()) || state->again.size() >= most_in_memory) return;
            state->again.push_back(one);
            if (state->again.size() == 1) state->speak.notify_all();
         }
      };
      bus_.publish(one->row.subject, one->row.payload.text, std::to_string(one->row.event_id.value), std::move(done));
   }

   // ---- the keeper: the table --------------------------------------------------------------------------------------

   void keep() {
      auto next_poll = clock::now();
      auto next_care = clock::now();
      auto const care_pause = std::max(
          how_.poll, how_.announce_again.count() > 0 ? std::min(how_.announce_again / 4, how_.care) : how_.care);
      for (;;) {
         bool look = false;
         {
            std::unique_lock lock(state_->guard);
            auto& s = *state_;
            auto const urgent = [&] { return s.stopping || s.look_now; };
            s.wake.wait_until(lock, std::min(next_poll, next_care), [&] { return urgent() || !s.marks.empty(); });
            // A short rest gathers marks for one statement.
            if (!s.marks.empty()) s.wake.wait_for(lock, mark_pause, urgent);
            look = std::exchange(s.look_now, false);
            if (s.stopping) break;
         }
         if (!write_marks()) rest();
         bool due = clock::now() >= next_poll;
         if (clock::now() >= next_care) {
            auto const more = care();
            due = due || more.due;
            next_care = more.work ? clock::now() : clock::now() + care_pause;
         }
         if (look || due) {
            for (std::size_t i = 0; i < shards_.count(); ++i)
               drain(i, look ? std::chrono::milliseconds(0) : how_.grace);
            next_poll = clock::now() + how_.poll;
         }
      }
      write_marks();
   }

   /// The database is away: marks wait, without a busy loop.
   void rest() {
      std::unique_lock lock(state_->guard);
      state_->wake.wait_for(lock, last_retry, [this] { return state_->stopping; });
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
      bool const first = !answer && put_off_.emplace(shard, text).second; // of a series
      if (answer) put_off_.erase(std::pair(shard, text));
      if (first)
         log::warn("outbox.put_off",
                   {{"shard", shard}, {"reason", answer.error().message}, {"detail", answer.error().detail}});
      return answer;
   }
   static double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000.0; }

   /// \return false when some could not be written; they are kept
   bool write_marks() {
      std::deque<mark> marks;
      {
         std::lock_guard lock(state_->guard);
         marks.swap(state_->marks);
      }
      if (marks.empty()) return true;
      std::deque<mark> kept;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         std::vector<std::int64_t> executions, events, published, failed;
         std::vector<std::int32_t> published_attempts, failed_attempts;
         std::vector<std::string> errors;
         bool ok = true;
         for (auto const& one : marks) {
            if (one.shard != shard) continue;
            if (one.outbox_id == 0) {
               executions.push_back(one.execution_id), events.push_back(one.event_id);
            } else if (one.what == fate::published) {
               published.push_back(one.outbox_id), published_attempts.push_back(one.attempts);
            } else if (one.what == fate::failed) {
               failed.push_back(one.outbox_id), failed_attempts.push_back(one.attempts);
               errors.push_back(one.error);
            } else {
               ok = ask(shard, detail::outbox_sql::park, one.outbox_id, one.error).has_value() && ok;
            }
         }
         if (!events.empty())
            ok = ask(shard, detail::outbox_sql::published_by_event, executions, events).has_value() && ok;
         if (!published.empty())
            ok = ask(shard, detail::outbox_sql::published_by_id, published, published_attempts).has_value() && ok;
         if (!failed.empty())
            ok = ask(shard, detail::outbox_sql::failed, failed, failed_attempts, errors, seconds(how_.grace))
                     .has_value() &&
                 ok;
         if (ok) continue;
         for (auto& one : marks)
            if (one.shard == shard) kept.push_back(std::move(one));
      }
      if (kept.empty()) return true;
      std::lock_guard lock(state_->guard);
      for (auto& one : kept) state_->marks.push_back(std::move(one));
      return false;
   }

   /// Takes due rows from the table, a batch at a time, until none is left or the bus refuses.
   void drain(std::size_t shard, std::chrono::milliseconds grace) {
      while (settled()) {
         auto rows = ask(shard, detail::outbox_sql::claim, seconds(grace), how_.batch);
         if (!rows || rows->empty()) return;
         auto const refused_before = refused();
         for (auto const row : *rows) publish_stored(shard, row);
         bool const all_out = settled();
         if (rows->size() < how_.batch || !all_out || refused() != refused_before) return;
      }
   }

   /// Waits for the outcomes of what was taken from the table, and writes them down.
   /// \return false when nothing more may be taken: the end, outcomes missing, or a database that takes no marks
   bool settled() {
      {
         std::unique_lock lock(state_->guard);
         auto& s = *state_;
         s.wake.wait_for(lock, settle_limit, [&] { return s.stopping || s.stored_in_flight == 0; });
         if (s.stopping || s.stored_in_flight > 0) return false;
      }
      if (!write_marks()) return false;
      std::lock_guard lock(state_->guard);
      return state_->marks.size() < most_marks;
   }
   std::uint64_t refused() const {
      std::lock_guard lock(state_->guard);
      return state_->stats.refused;
   }

   void publish_stored(std::size_t shard, pg::rows::row const& row) {
      auto const id = row.get<std::int64_t>(0);
      auto const attempts = row.get<std::int32_t>(5);
      bool const again = row.get<bool>(6);
      {
         std::lock_guard lock(state_->guard);
         if (!row[3] || row[3]->empty())
            return state_->add({shard, id, attempts, 0, 0, fate::hopeless, "the row has no subject"});
         ++state_->stored_in_flight;
      }
      auto done = [state = state_, shard, id, attempts, again](result<void> outcome) {
         std::lock_guard lock(state->guard);
         if (outcome)
            ++(again ? state->stats.announced_again : state->stats.published);
         else
            ++state->stats.refused;
         auto const what = outcome ? fate::published : hopeless(outcome.error()) ? fate::hopeless : fate::failed;
         if (--state->stored_in_flight == 0) state->wake.notify_all();
         state->add({shard, id, attempts, 0, 0, what, outcome ? std::string() : outcome.error().message});
      };
      auto message_id = std::string(*row[2]);
      if (again) message_id += "-" + std::to_string(attempts);
      bus_.publish(std::string(*row[3]), *row[4], std::move(message_id), std::move(done));
   }

   struct leftover {
      bool due = false;  ///< rows became due
      bool work = false; ///< a statement found as many rows as it may touch: there may be more
   };

   /// One statement of each kind per shard; what fails is counted by ask() and repeated at the next turn.
   leftover care() {
      leftover more;
      auto const take = [&](result<pg::rows> const& touched) {
         auto const count = touched ? touched->affected() : 0;
         more.work = more.work || count >= how_.care_batch;
         return count;
      };
      for (std::size_t i = 0; i < shards_.count(); ++i) {
         using namespace detail::outbox_sql;
         auto const released = take(ask(i, release_abandoned, seconds(how_.abandoned), how_.care_batch));
         more.due = more.due || released > 0;
         if (how_.announce_again.count() > 0 &&
             take(ask(i, announce_again, seconds(how_.announce_again), how_.care_batch)) > 0)
            more.due = true;
         auto const purged = take(ask(i, purge, seconds(how_.keep_published), how_.care_batch));
         std::lock_guard lock(state_->guard);
         state_->stats.purged += purged;
         state_->stats.leases_expired += released;
      }
      return more;
   }

   pg::shard_map& shards_;
   Bus& bus_;
   outbox_settings const how_;
   std::shared_ptr<state> state_ = std::make_shared<state>();
   std::set<std::pair<std::size_t, std::string_view>> put_off_; ///< statements refused the last time; the keeper's own
   std::thread speaker_;
   std::thread keeper_;
};

} // namespace noetl
