// pg/writer.hpp: one thread and one connection that merge whatever waits into one transaction (group commit).
// Knows pg/connection.hpp; what a request is and how a batch is written comes from a policy.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/session.hpp>

namespace noetl::pg {

enum class commit_outcome { committed, rolled_back, unknown };

/// What a group_commit_writer needs to know about its requests. refuse() is also called from the threads that submit;
/// all other calls come from the writer's thread.
template <class P>
concept batch_policy = requires(P policy, typename P::request request, connection& db,
                                std::span<typename P::request> batch, std::span<typename P::request const> formed,
                                error why, sql_error const& refusal) {
   requires std::movable<typename P::request>;
   // Rows that the request writes: limits the size of a batch.
   { policy.weight(std::as_const(request)) } -> std::convertible_to<std::size_t>;
   // False: the request must not share a transaction with these.
   { policy.fits(formed, std::as_const(request)) } -> std::same_as<bool>;
   // Writes inside an open transaction. A request that fails its own check is marked and the others go on.
   policy.write(db, batch);
   // After the commit: answers every request that has no answer yet, and tells the news.
   policy.committed(batch);
   // Answers one request that was not written. A second answer is ignored.
   policy.refuse(request, why);
   { policy.answered(std::as_const(request)) } -> std::same_as<bool>;
   // True when a request that the database refused alone should be tried once more.
   { policy.repeat(std::as_const(request), refusal) } -> std::same_as<bool>;
   // A lock that this batch needs was not free within the lock time-out. The next write() must not wait for it again:
   // it marks the requests that still cannot get theirs.
   policy.blocked(formed);
   // After a connection was lost during COMMIT: what became of the batch?
   { policy.outcome(db, batch) } -> std::same_as<commit_outcome>;
};

struct writer_settings {
   settings database{};
   std::size_t max_requests = 512;  ///< in one transaction
   std::size_t max_weight = 4'000;  ///< rows in one transaction
   std::size_t max_waiting = 4'000; ///< one more is refused at once
};

struct writer_stats {
   std::size_t waiting = 0;
   bool connected = false;
   std::uint64_t transactions = 0;
   std::uint64_t requests = 0;
};

/// Merges waiting requests into one transaction, without a timer: the commit in flight is the timer. When the merged
/// transaction fails, its halves are tried, down to single requests, so only the culprit fails. A commit whose
/// outcome is unknown is looked up before anything is answered. While the database is down requests are refused at
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
      std::optional<error> refused;
      {
         std::lock_guard lock(guard_);
         if (stopping_)
            refused = fail(error_code::unavailable, "the server is stopping");
         else if (down_)
            refused = fail(error_code::unavailable, "the database is not reachable", last_failure_);
         else if (queue_.size() >= how_.max_waiting)
            refused = fail(error_code::unavailable, "too many writes wait for the database");
         else
            queue_.push_back(std::move(one));
      }
      if (refused)
         policy_.refuse(one, std::move(*refused));
      else
         wake_.notify_one();
   }

   [[nodiscard]] writer_stats stats() const {
      std::lock_guard lock(guard_);
      return {queue_.size(), connected_, transactions_, requests_};
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
      }
      for (auto& one : refused) policy_.refuse(one, why);
   }

   /// Everything that waits and fits into one transaction; empty after a second without work.
   std::vector<request> take() {
      std::vector<request> batch;
      std::unique_lock lock(guard_);
      wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || !queue_.empty(); });
      std::size_t weight = 0;
      while (!queue_.empty() && batch.size() < how_.max_requests) {
         auto& next = queue_.front();
         weight += policy_.weight(next);
         if (!batch.empty() && (weight > how_.max_weight || !policy_.fits(batch, next))) break;
         batch.push_back(std::move(next));
         queue_.pop_front();
      }
      return batch;
   }
   void requeue(std::vector<request> batch) {
      std::lock_guard lock(guard_);
      for (auto at = batch.rbegin(); at != batch.rend(); ++at) queue_.push_front(std::move(*at));
   }

   void write(std::vector<request> batch) {
      bool committing = false;
      std::size_t parts = 2;
      bool waited = false; // a lock time-out was suffered
      for (int attempt = 1;; ++attempt) {
         try {
            db_->begin();
            policy_.write(*db_, batch);
            committing = true;
            db_->commit();
            {
               std::lock_guard lock(guard_);
               ++transactions_;
               requests_ += batch.size();
            }
            losses_ = 0;
         } catch (connection_lost const& e) {
            lose();
            if (committing)
               doubt_ = std::move(batch);
            else if (++losses_ <= 2)
               requeue(std::move(batch)); // nothing was committed: the next session may do it
            else
               refuse_all(batch, fail(error_code::unavailable, "the database connection was lost", e.what()));
            return;
         } catch (sql_error const& e) {
            db_->rollback();
            committing = false;
            if (e.transient() && !e.is("55P03") && attempt < 5) {
               std::this_thread::sleep_for(std::chrono::milliseconds(attempt * 5));
               continue;
            }
            // A lock that somebody holds for long hits a few requests; the others must not wait with them.
            if (e.is("55P03")) {
               policy_.blocked(std::as_const(batch));
               if (batch.size() > 1 && !std::exchange(waited, true)) continue;
               parts = batch.size();
               ++stalls_;
            }
            if (batch.size() == 1 && attempt < 3 && policy_.repeat(batch.front(), e)) continue;
            if (batch.size() == 1) {
               policy_.refuse(batch.front(), detail::to_error(e));
               if (e.is("25006")) lose(); // a standby: the primary may be elsewhere by now
               return;
            }
         } catch (std::exception const& e) {
            db_->rollback();
            committing = false;
            if (batch.size() == 1) {
               policy_.refuse(batch.front(), fail(error_code::internal, "internal error", e.what()));
               return;
            }
         }
         // The news are told outside the try: whatever they throw, the batch is committed and must not be written
         // again.
         if (committing) return policy_.committed(batch);
         return split(std::move(batch), parts);
      }
   }

   /// Writes a failed batch in `parts` transactions. Halves, and halves of halves, find one culprit among n in about
   /// 2 log n transactions; single requests are better when every failure costs a lock time-out.
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
      try {
         switch (policy_.outcome(*db_, doubt_)) {
         case commit_outcome::committed: {
            auto batch = std::exchange(doubt_, {});
            policy_.committed(batch);
            return;
         }
         case commit_outcome::rolled_back: {
            // Who was told that the outcome is unknown may repeat; writing it behind his back would be a surprise.
            auto batch = std::exchange(doubt_, {});
            std::erase_if(batch, [this](request const& one) { return policy_.answered(one); });
            requeue(std::move(batch));
            return;
         }
         case commit_outcome::unknown: break; // the old session still runs
         }
      } catch (connection_lost const&) {
         lose();
         return;
      } catch (std::exception const&) {
         // Cannot be told from here now; asked again below.
      }
      if (stopped() && ++unsettled_ > 100) {
         auto batch = std::exchange(doubt_, {});
         refuse_all(batch, fail(error_code::unavailable, "the outcome of this write is not known"));
         return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
   }

   static constexpr int most_stalls = 3; // a table that somebody locks holds up each request anew

   writer_settings const how_;
   Policy policy_;
   mutable std::mutex guard_;
   std::condition_variable wake_;
   std::deque<request> queue_;
   std::vector<request> doubt_;
   std::unique_ptr<connection> db_;
   detail::backoff pause_;
   std::string last_failure_;
   std::uint64_t transactions_ = 0;
   std::uint64_t requests_ = 0;
   int losses_ = 0;
   int unsettled_ = 0;
   bool connected_ = false;
   bool down_ = false;
   int stalls_ = 0; ///< lock time-outs of the batch at hand, the first one aside
   bool stopping_ = false;
   bool hurry_ = false; ///< stop() lost its patience
   bool done_ = false;  ///< the thread is at its end
   std::mutex joining_; ///< one stop() at a time
   std::condition_variable ended_;
   std::thread thread_;
};

} // namespace noetl::pg
