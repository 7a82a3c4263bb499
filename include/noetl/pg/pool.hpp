// pg/pool.hpp: database threads with a connection each, awaited from coroutines.
// Knows core and Asio's awaitable; the driver stays behind pg/connection.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/backoff.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/session.hpp>
#include <noetl/pg/suspended.hpp>

namespace noetl::pg {

using boost::asio::awaitable;

/// A look at a pool, for health and metrics.
struct pool_stats {
   std::size_t size = 0;      ///< database threads
   std::size_t connected = 0; ///< of them with a live session
   std::size_t idle = 0;      ///< live and without work
   std::size_t waiting = 0;   ///< calls in the queue
};

namespace detail {
/// One call on its way to a database thread.
struct pool_job {
   virtual ~pool_job() = default;
   virtual void run(connection& db) = 0; ///< answers the caller; throws connection_lost only after answering
   virtual void refuse(error why) = 0;
   std::chrono::steady_clock::time_point deadline{};
};

template <class R>
struct as_result {
   using type = result<R>;
};
template <class R>
struct as_result<result<R>> {
   using type = result<R>;
};
/// result<R> for a function that gives R or result<R>.
template <class F>
using call_result = typename as_result<std::invoke_result_t<F&, connection&>>::type;

/// Calls f and turns what it throws into errors. `lost` tells whether the session died.
template <class F>
call_result<F> call(F& f, connection& db, bool& lost) {
   try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&, connection&>>) {
         f(db);
         return {};
      } else {
         return f(db);
      }
   } catch (connection_lost const& e) {
      lost = true;
      return fail(error_code::unavailable, "the database connection was lost", e.what());
   } catch (sql_error const& e) {
      return to_error(e);
   } catch (std::exception const& e) {
      return fail(error_code::internal, "internal error", e.what());
   }
}

template <class F, class Done>
struct typed_job final : pool_job {
   typed_job(F f, Done done) : work(std::move(f)), answer(std::move(done)) {}
   void run(connection& db) override {
      bool lost = false;
      auto value = call(work, db, lost);
      answer(std::move(value));
      if (lost) throw connection_lost("session ended");
   }
   void refuse(error why) override { answer(call_result<F>(std::move(why))); }
   F work;
   Done answer;
};
} // namespace detail

/// A fixed number of database threads, each owning one connection, behind one bounded queue.
///
/// run() answers on the caller's executor. When the database is down, callers get `unavailable` at once instead of
/// queueing; the threads reconnect with back-off (100 ms to 2 s) for as long as the pool lives. When all connections
/// are busy a call waits at most `acquire_timeout`, and is refused at once when `max_waiting` calls wait already.
/// Thread-safe. The destructor stops as stop() does, without patience.
class pool {
public:
   explicit pool(settings how);
   ~pool();
   pool(pool const&) = delete;
   pool& operator=(pool const&) = delete;

   /// Refuses what waits and every later call, gives running ones `patience` to end, then ends their sessions (their
   /// callers get `unavailable`) and joins. An attempt to connect ends with its own time-out. Idempotent.
   void stop(std::chrono::milliseconds patience = {});

   /// Runs `f(connection&)` on a database thread. f returns R or result<R>; what it throws becomes an error: sql_error
   /// → `database` (or `unavailable` for shutdown states), lost session → `unavailable`. f must not keep the
   /// connection. A call that was started is not repeated: after `unavailable` its outcome may be unknown. The answer
   /// is given on the coroutine's executor, so its io_context must outlive the pool: declare it first.
   template <class F>
   awaitable<detail::call_result<F>> run(F f) {
      using R = detail::call_result<F>;
      auto initiate = [this](auto handler, F work) {
         suspended done(std::move(handler));
         submit(std::make_unique<detail::typed_job<F, decltype(done)>>(std::move(work), std::move(done)));
      };
      return boost::asio::async_initiate<boost::asio::use_awaitable_t<> const, void(R)>(
          std::move(initiate), boost::asio::use_awaitable, std::move(f));
   }

   /// As run, waiting in the calling thread. Never call it from a database thread or an I/O thread.
   template <class F>
   detail::call_result<F> run_blocking(F f) {
      using R = detail::call_result<F>;
      struct box {
         std::mutex guard;
         std::condition_variable ready;
         std::optional<R> value;
      };
      auto shared = std::make_shared<box>();
      auto done = [shared](R value) {
         std::lock_guard lock(shared->guard);
         shared->value.emplace(std::move(value));
         shared->ready.notify_one();
      };
      submit(std::make_unique<detail::typed_job<F, decltype(done)>>(std::move(f), std::move(done)));
      std::unique_lock lock(shared->guard);
      shared->ready.wait(lock, [&] { return shared->value.has_value(); });
      return std::move(*shared->value);
   }

   [[nodiscard]] pool_stats stats() const;
   /// At least one live session.
   [[nodiscard]] bool connected() const { return stats().connected > 0; }
   /// Waits until a session is live, at most `limit`.
   bool wait_connected(std::chrono::milliseconds limit);
   [[nodiscard]] settings const& config() const noexcept { return how_; }

private:
   void submit(std::unique_ptr<detail::pool_job> job);
   void serve();
   void watch();
   /// Opens a session, or notes the failure and sleeps with back-off. \return null after a failure or at the end
   std::unique_ptr<connection> open(backoff& pause);
   void close(std::unique_ptr<connection>& db);
   /// For a thread that took a job and has no session for it: another one does it, before all others.
   void give_back(std::unique_ptr<detail::pool_job> job);
   void refuse_all(error why);
   error down() const;

   settings const how_;
   mutable std::mutex guard_;
   std::condition_variable work_;
   std::condition_variable changed_;
   std::deque<std::unique_ptr<detail::pool_job>> queue_;
   std::vector<connection*> live_; ///< sessions that a thread uses or waits with
   std::size_t connected_ = 0;
   std::size_t busy_ = 0;
   std::size_t failed_since_ = 0; ///< failed attempts since a session was live; 0 while starting
   std::string last_failure_;
   bool stopping_ = false;
   std::mutex joining_; ///< one stop() at a time
   std::vector<std::thread> threads_;
   std::size_t size_ = 0;
   std::thread watch_;
};

inline pool::pool(settings how) : how_(std::move(how)) {
   size_ = std::max<std::size_t>(how_.max_connections, 1);
   threads_.reserve(size_);
   for (std::size_t i = 0; i < size_; ++i) threads_.emplace_back([this] { serve(); });
   watch_ = std::thread([this] { watch(); });
}

inline pool::~pool() {
   stop();
}

inline void pool::stop(std::chrono::milliseconds patience) {
   std::lock_guard one_at_a_time(joining_);
   {
      std::lock_guard lock(guard_);
      stopping_ = true;
   }
   work_.notify_all();
   changed_.notify_all();
   refuse_all(fail(error_code::unavailable, "the server is stopping"));
   {
      std::unique_lock lock(guard_);
      changed_.wait_for(lock, patience, [this] { return busy_ == 0; });
      for (auto* db : live_) db->interrupt();
   }
   for (auto& thread : threads_) thread.join();
   threads_.clear();
   if (watch_.joinable()) watch_.join();
}

inline void pool::submit(std::unique_ptr<detail::pool_job> job) {
   std::optional<error> refused;
   {
      std::lock_guard lock(guard_);
      if (stopping_) {
         refused = fail(error_code::unavailable, "the server is stopping");
      } else if (connected_ == 0 && failed_since_ > 0) {
         refused = down();
      } else if (queue_.size() >= how_.max_waiting) {
         refused = fail(error_code::unavailable, "too many calls wait for the database");
      } else {
         job->deadline = std::chrono::steady_clock::now() + how_.acquire_timeout;
         queue_.push_back(std::move(job));
      }
   }
   if (refused)
      job->refuse(std::move(*refused)); // NOLINT(bugprone-use-after-move): refused, hence not queued
   else
      work_.notify_one();
}

inline error pool::down() const {
   return fail(error_code::unavailable, "the database is not reachable", last_failure_);
}

inline void pool::refuse_all(error why) {
   std::deque<std::unique_ptr<detail::pool_job>> refused;
   {
      std::lock_guard lock(guard_);
      refused.swap(queue_);
   }
   for (auto& job : refused) job->refuse(why);
}

inline std::unique_ptr<connection> pool::open(backoff& pause) {
   try {
      auto db = std::make_unique<connection>(how_);
      {
         std::lock_guard lock(guard_);
         if (stopping_) return nullptr;
         live_.push_back(db.get());
         ++connected_;
         failed_since_ = 0;
      }
      changed_.notify_all();
      pause.reset();
      return db;
   } catch (std::exception const& e) {
      bool nobody = false;
      error why;
      {
         std::lock_guard lock(guard_);
         ++failed_since_;
         last_failure_ = e.what();
         nobody = connected_ == 0;
         why = down();
      }
      if (nobody) refuse_all(std::move(why));
      std::unique_lock lock(guard_);
      changed_.wait_for(lock, pause.next(), [this] { return stopping_; });
      return nullptr;
   }
}

inline void pool::close(std::unique_ptr<connection>& db) {
   {
      std::lock_guard lock(guard_);
      std::erase(live_, db.get());
      --connected_;
   }
   db.reset();
}

inline void pool::give_back(std::unique_ptr<detail::pool_job> job) {
   std::unique_ptr<detail::pool_job> refused;
   {
      std::lock_guard lock(guard_);
      --busy_;
      if (stopping_) {
         refused = std::move(job);
         changed_.notify_all();
      } else {
         queue_.push_front(std::move(job));
      }
   }
   if (refused)
      refused->refuse(fail(error_code::unavailable, "the server is stopping"));
   else
      work_.notify_one(); // a thread that is idle: this one is busy with its session
}

inline void pool::serve() {
   auto pause = detail::reconnecting();
   std::unique_ptr<connection> db;
   auto const drop = [&] { close(db); };
   for (;;) {
      {
         std::lock_guard lock(guard_);
         if (stopping_) break;
      }
      if (!db && !(db = open(pause))) continue;
      std::unique_ptr<detail::pool_job> job;
      {
         std::unique_lock lock(guard_);
         // Idle threads look at their socket now and then, so that connected() tells the truth without traffic.
         work_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || !queue_.empty(); });
         if (stopping_) break;
         if (!queue_.empty()) {
            job = std::move(queue_.front());
            queue_.pop_front();
            ++busy_;
         }
      }
      if (db->stale()) {
         if (job) give_back(std::move(job));
         drop();
         continue;
      }
      if (!job) continue;
      bool lost = false;
      try {
         job->run(*db);
      } catch (connection_lost const&) {
         lost = true;
      }
      job.reset();
      {
         std::lock_guard lock(guard_);
         --busy_;
         if (stopping_) changed_.notify_all();
      }
      if (lost || !db->is_open()) drop();
   }
   if (db) drop();
}

inline void pool::watch() {
   std::unique_lock lock(guard_);
   while (!stopping_) {
      changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopping_; });
      auto const now = std::chrono::steady_clock::now();
      while (!queue_.empty() && queue_.front()->deadline <= now) {
         auto job = std::move(queue_.front());
         queue_.pop_front();
         lock.unlock();
         job->refuse(fail(error_code::unavailable, "no database connection became free in time"));
         lock.lock();
      }
   }
}

inline pool_stats pool::stats() const {
   std::lock_guard lock(guard_);
   return {size_, connected_, connected_ - std::min(busy_, connected_), queue_.size()};
}

inline bool pool::wait_connected(std::chrono::milliseconds limit) {
   std::unique_lock lock(guard_);
   return changed_.wait_for(lock, limit, [this] { return stopping_ || connected_ > 0; }) && connected_ > 0;
}

} // namespace noetl::pg
