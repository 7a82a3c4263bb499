// pg/writer.hpp: one thread and one connection that merge whatever waits into one transaction (group commit).
// Knows pg/connection.hpp; what a request is and how a batch is written comes from a policy.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/backoff.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/batch_policy.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/batch_step.hpp>
#include <noetl/pg/detail/session.hpp>
#include <noetl/pg/writer_settings.hpp>

namespace noetl::pg {

/// Merges waiting requests into one transaction, without a timer: the commit in flight is the timer. When the merged
/// transaction fails, its halves are tried, down to single requests, so only the culprit fails. A commit whose
/// outcome is unknown is looked up before anything is answered. A batch whose connection is lost twice in a row before
/// COMMIT is written one by one; who loses it alone is refused. While the database is down requests are refused at
/// once; the writer reconnects with back-off for as long as it lives. Requests are taken first come, first served; only
/// a connection lost while a batch is split may change their order. A lock that somebody holds for long costs the
/// others its time-out once, not once per request. submit() and stop() are thread-safe. The destructor stops as stop()
/// does, with ten seconds.
template <batch_policy Policy>
class group_commit_writer {
public:
   using request = typename Policy::request;

   group_commit_writer(writer_settings how, Policy policy) : how_(std::move(how)), policy_(std::move(policy)) {
      thread_ = std::thread([this] { serve(); });
   }
   ~group_commit_writer() { stop(std::chrono::seconds(10)); }
   group_commit_writer(group_commit_writer const&) = delete;
   group_commit_writer& operator=(group_commit_writer const&) = delete;

   /// Refuses later requests, writes what waits (or refuses it when the database is down), and joins. What is not
   /// written after `patience` is refused, and the statement under way is cut off: its outcome may then be unknown. An
   /// attempt to connect ends with its own time-out. Idempotent.
   void stop(std::chrono::milliseconds patience) {
      std::lock_guard one_at_a_time(joining_);
      if (!thread_.joinable()) return;
      {
         std::unique_lock lock(guard_);
         stopping_ = true;
         wake_.notify_all();
         if (!ended_.wait_for(lock, patience, [this] { return done_; })) {
            hurry_ = true;
            wake_.notify_all();
            if (db_) db_->interrupt();
         }
      }
      thread_.join();
   }

   /// Queues a request. Refused (on the calling thread) when the database is down, the queue is full, or at the end.
   void submit(request one) {
      std::size_t const bytes = std::as_const(policy_).bytes(one);
      std::optional<error> refused;
      {
         std::lock_guard lock(guard_);
         if (stopping_)
            refused = fail(error_code::unavailable, "the server is stopping");
         else if (down_)
            refused = fail(error_code::unavailable, "the database is not reachable", last_failure_);
         else if (queue_.size() >= how_.max_waiting ||
                  (!queue_.empty() && waiting_bytes_ + bytes > how_.max_waiting_bytes))
            refused = fail(error_code::unavailable, "too many writes wait for the database");
         else {
            queue_.push_back(std::move(one));
            waiting_bytes_ += bytes;
         }
      }
      if (refused)
         policy_.refuse(one, std::move(*refused));
      else
         wake_.notify_one();
   }

   [[nodiscard]] writer_stats stats() const {
      std::lock_guard lock(guard_);
      return {queue_.size(), waiting_bytes_, connected_, transactions_, requests_};
   }

private:
   using clock = std::chrono::steady_clock;

   void serve() {
      for (;;) {
         if (hurry()) break;
         if (!db_ && !open()) {
            if (stopped()) break;
            continue;
         }
         if (!doubt_.empty()) {
            resolve();
            continue;
         }
         auto batch = take();
         if (batch.empty()) {
            if (stopped() && idle()) break;
            if (db_->stale()) lose();
            continue;
         }
         if (db_->stale()) {
            requeue(std::move(batch));
            lose();
            continue;
         }
         stalls_ = 0;
         write(std::move(batch));
      }
      for (auto& one : doubt_)
         policy_.refuse(one, fail(error_code::unavailable, "the outcome of this write is not known"));
      refuse_waiting(fail(error_code::unavailable, "the server is stopping"));
      std::lock_guard lock(guard_);
      done_ = true;
      ended_.notify_all();
   }

   bool stopped() const {
      std::lock_guard lock(guard_);
      return stopping_;
   }
   bool hurry() const {
      std::lock_guard lock(guard_);
      return hurry_;
   }
   bool idle() const {
      std::lock_guard lock(guard_);
      return queue_.empty();
   }

   bool open() {
      try {
         auto fresh = std::make_unique<connection>(how_.database);
         pause_.reset();
         std::lock_guard lock(guard_);
         if (hurry_) return false;
         db_ = std::move(fresh);
         connected_ = true;
         down_ = false;
         return true;
      } catch (std::exception const& e) {
         {
            std::lock_guard lock(guard_);
            down_ = true;
            last_failure_ = e.what();
         }
         refuse_waiting(fail(error_code::unavailable, "the database is not reachable", e.what()));
         for (auto& one : doubt_)
            policy_.refuse(one, fail(error_code::unavailable,
                                     "the database was lost during the commit; the outcome is not known yet"));
         std::unique_lock lock(guard_);
         wake_.wait_for(lock, pause_.next(), [this] { return stopping_; });
         return false;
      }
   }
   void lose() {
      begun_ = false;
      std::unique_ptr<connection> lost;
      std::lock_guard lock(guard_);
      lost = std::move(db_);
      connected_ = false;
   }

   void refuse_waiting(error why) {
      std::deque<request> refused;
      {
         std::lock_guard lock(guard_);
         refused.swap(queue_);
         waiting_bytes_ = 0;
      }
      for (auto& one : refused) policy_.refuse(one, why);
   }

   /// Everything that waits and fits into one transaction; empty after a second without work.
   std::vector<request> take() {
      std::vector<request> batch;
      std::unique_lock lock(guard_);
      wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || !queue_.empty(); });
      auto const most = alone_ > 0 ? 1 : how_.max_requests;
      std::size_t weight = 0;
      std::size_t bytes = 0;
      while (!queue_.empty() && batch.size() < most) {
         auto& next = queue_.front();
         std::size_t const more = std::as_const(policy_).bytes(next);
         weight += policy_.weight(next);
         bytes += more;
         if (!batch.empty() && (weight > how_.max_weight || bytes > how_.max_bytes || !policy_.fits(batch, next)))
            break;
         batch.push_back(std::move(next));
         queue_.pop_front();
         waiting_bytes_ -= more;
      }
      if (alone_ > 0 && !batch.empty()) --alone_;
      return batch;
   }
   void requeue(std::vector<request> batch) {
      std::lock_guard lock(guard_);
      for (auto at = batch.rbegin(); at != batch.rend(); ++at) {
         waiting_bytes_ += std::as_const(policy_).bytes(*at);
         queue_.push_front(std::move(*at));
      }
   }

   void write(std::vector<request> batch) {
      for (detail::batch_attempt attempt{.size = batch.size()};; ++attempt.number) {
         auto next = attempt.size > 1 ? detail::batch_step::halves : detail::batch_step::refuse;
         error why;
         bool committed = false;
         try {
            committed = transact(batch);
            if (!committed) return; // the connection was lost
         } catch (sql_error const& e) {
            db_->rollback();
            next = judge(batch, attempt, e);
            why = detail::to_error(e);
            if (next == detail::batch_step::refuse && e.is("25006")) lose(); // a standby: the primary may be elsewhere
         } catch (std::exception const& e) {
            db_->rollback();
            why = fail(error_code::internal, "internal error", e.what());
         }
         // The news are told outside the try: the batch is committed and must not be written again, so what they throw
         // against the rules ends the program.
         if (committed) return policy_.committed(batch);
         switch (next) {
         case detail::batch_step::repeat: break;
         case detail::batch_step::pause:
            std::this_thread::sleep_for(std::chrono::milliseconds(attempt.number * 5));
            break;
         case detail::batch_step::halves: return split(std::move(batch), 2);
         case detail::batch_step::one_by_one: return split(std::move(batch), attempt.size);
         case detail::batch_step::refuse: return refuse_all(batch, why);
         }
      }
   }

   /// Writes and commits.
   /// \return false when the connection was lost; the batch is in doubt then, waits again, or is refused
   bool transact(std::vector<request>& batch) {
      bool committing = false;
      try {
         if (!std::exchange(begun_, false)) db_->begin();
         policy_.write(*db_, batch);
         committing = true;
         if (idle())
            db_->commit();
         else
            begun_ = db_->commit_and_begin(); // for those who wait
      } catch (connection_lost const& e) {
         lose();
         if (committing)
            doubt_ = std::move(batch);
         else
            lost(std::move(batch), e.what());
         return false;
      }
      losses_ = 0;
      std::lock_guard lock(guard_);
      ++transactions_;
      requests_ += batch.size();
      return true;
   }

   /// What to do after a refusal; tells the policy of locks, and counts them.
   detail::batch_step judge(std::vector<request> const& batch, detail::batch_attempt& attempt, sql_error const& e) {
      bool const once_more = batch.size() == 1 && policy_.repeat(batch.front(), e);
      auto const next = detail::after_refusal(attempt, e, once_more);
      if (e.is("55P03")) {
         policy_.blocked(batch);
         attempt.waited = true;
         if (next != detail::batch_step::repeat) ++stalls_;
      }
      return next;
   }

   /// Of a batch whose connection went away before COMMIT.
   void lost(std::vector<request> batch, std::string why) {
      auto const next = detail::after_loss(batch.size(), ++losses_);
      if (next == detail::batch_step::refuse)
         refuse_all(batch, fail(error_code::unavailable, "the database connection was lost", std::move(why)));
      else {
         if (next == detail::batch_step::one_by_one || batch.size() == 1) alone_ += batch.size();
         requeue(std::move(batch));
      }
      if (losses_ >= detail::most_losses) alone_ = 0; // the others need not find out one by one
   }

   /// Writes a failed batch in `parts` transactions.
   void split(std::vector<request> batch, std::size_t parts) {
      auto const size = (batch.size() + parts - 1) / parts;
      for (std::size_t from = 0; from < batch.size(); from += size) {
         auto const begin = std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(from));
         auto const last = db_ && doubt_.empty() ? std::min(from + size, batch.size()) : batch.size();
         std::vector<request> part(begin, std::make_move_iterator(batch.begin() + static_cast<std::ptrdiff_t>(last)));
         if (!db_ || !doubt_.empty()) return requeue(std::move(part)); // the connection went away: the rest waits
         if (stalls_ >= most_stalls) {
            refuse_all(part, detail::to_error(sql_error("55P03", "too many lock time-outs in a row")));
            continue;
         }
         write(std::move(part));
      }
   }

   void refuse_all(std::vector<request>& batch, error const& why) {
      for (auto& one : batch) policy_.refuse(one, why);
   }

   /// Settles a batch whose COMMIT got no answer.
   void resolve() {
      auto found = commit_outcome::unknown;
      std::string why = "its session is still at it";
      try {
         found = policy_.outcome(*db_, doubt_);
      } catch (connection_lost const& e) {
         why = e.what();
         lose();
      } catch (sql_error const& e) {
         why = detail::loggable(e);
      } catch (std::exception const& e) {
         why = e.what();
      }
      if (found == commit_outcome::unknown) return stay_in_doubt(why);
      auto batch = settled();
      if (found == commit_outcome::committed) return policy_.committed(batch);
      // Who was told that the outcome is unknown may repeat; writing it behind his back would be a surprise.
      std::erase_if(batch, [this](request const& one) { return policy_.answered(one); });
      requeue(std::move(batch));
   }
   std::vector<request> settled() {
      asked_since_.reset();
      return std::exchange(doubt_, {});
   }
   /// Asks again later, or gives up.
   void stay_in_doubt(std::string const& why) {
      bool const first = !asked_since_;
      if (first) asked_since_ = clock::now();
      auto const limit = stopped() ? std::min(how_.max_doubt, std::chrono::milliseconds(2'000)) : how_.max_doubt;
      bool const over = clock::now() - *asked_since_ > limit;
      if (first || over)
         log::warn("pg.commit_in_doubt", {{"requests", doubt_.size()}, {"given_up", over}, {"reason", why}});
      if (!over) return std::this_thread::sleep_for(std::chrono::milliseconds(20));
      auto batch = settled();
      refuse_all(batch, fail(error_code::unavailable, "the outcome of this write is not known"));
   }

   static constexpr int most_stalls = 3; // a table that somebody locks holds up each request anew

   writer_settings const how_;
   Policy policy_;
   mutable std::mutex guard_;
   std::condition_variable wake_;
   std::deque<request> queue_;
   std::size_t waiting_bytes_ = 0;
   std::size_t alone_ = 0; ///< so many of the next requests have a transaction each
   std::vector<request> doubt_;
   std::optional<clock::time_point> asked_since_; ///< what became of doubt_
   std::unique_ptr<connection> db_;
   backoff pause_ = detail::reconnecting();
   std::string last_failure_;
   std::uint64_t transactions_ = 0;
   std::uint64_t requests_ = 0;
   int losses_ = 0; ///< of connections before COMMIT, in a row
   bool connected_ = false;
   bool down_ = false;
   int stalls_ = 0; ///< lock time-outs of the batch at hand, the first one aside
   bool stopping_ = false;
   bool hurry_ = false; ///< stop() lost its patience
   bool done_ = false;  ///< the thread is at its end
   bool begun_ = false; ///< the next transaction, with the commit of the one before
   std::mutex joining_; ///< one stop() at a time
   std::condition_variable ended_;
   std::thread thread_;
};

} // namespace noetl::pg
