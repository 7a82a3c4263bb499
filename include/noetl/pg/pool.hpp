// pg/pool.hpp: database threads with a connection each, awaited from coroutines.
// Knows core and Asio's awaitable; the driver stays behind pg/connection.hpp.
#pragma once

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

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/session.hpp>

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
/// run() answers on the caller's executor. When the database is down, callers get `unavailable` at once instead of queueing;
/// the threads reconnect with back-off (100 ms to 5 s) for as long as the pool lives. When all connections are busy a call
/// waits at most `acquire_timeout`, and is refused at once when `max_waiting` calls wait already.
/// Thread-safe. The destructor refuses what waits and joins after the running statements.
class pool {
public:
   explicit pool(settings how);
   ~pool();
   pool(pool const&) = delete;
   pool& operator=(pool const&) = delete;

   /// Runs `f(connection&)` on a database thread. f returns R or result<R>; what it throws becomes an error: sql_error →
   /// `database` (or `unavailable` for shutdown states), lost session → `unavailable`. f must not keep the connection.
   /// A call that was started is not repeated: after `unavailable` its outcome may be unknown.
   template <class F>
   awaitable<detail::call_result<F>> run(F f) {
      using R = detail::call_result<F>;
      auto initiate = [this](auto handler, F work) {
         auto executor = boost::asio::get_associated_executor(handler);
         auto guard = boost::asio::make_work_guard(executor);
         auto done = [handler = std::move(handler), guard = std::move(guard)](R value) mutable {
            auto where = guard.get_executor();
            boost::asio::post(where, [handler = std::move(handler), value = std::move(value)]() mutable {
               std::move(handler)(std::move(value));
            });
            guard.reset();
         };
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
   std::unique_ptr<connection> open(detail::backoff& pause);
   void refuse_all(error why);
   error down() const;

   settings const how_;
   mutable std::mutex guard_;
   std::condition_variable work_;
   std::condition_variable changed_;
   std::deque<std::unique_ptr<detail::pool_job>> queue_;
   std::size_t connected_ = 0;
   std::size_t busy_ = 0;
   std::size_t failed_since_ = 0; ///< failed attempts since a session was live; 0 while starting
   std::string last_failure_;
   bool stopping_ = false;
   std::vector<std::thread> threads_;
   std::thread watch_;
};

} // namespace noetl::pg
