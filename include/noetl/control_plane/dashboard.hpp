// control_plane/dashboard.hpp: the figures of a start page (http-platform.md 14; real ones, defect D-96).
// Knows pools and the list of executions; knows nothing of HTTP.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/execution_list.hpp>
#include <noetl/control_plane/gather.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct dashboard_stats {
   std::int64_t total_executions = 0;
   std::int64_t successful_executions = 0;
   std::int64_t failed_executions = 0;
   std::int64_t cancelled_executions = 0;
   std::int64_t running_executions = 0;
   std::int64_t total_playbooks = 0; ///< paths, not versions
   std::int64_t total_workers = 0;   ///< registered worker pools that are active or ready
};

struct day_count {
   std::string date; ///< YYYY-MM-DD, UTC
   std::int64_t count = 0;
};

struct recent_execution {
   noetl::execution_id execution_id;
   std::optional<std::string> path;
   std::string status;
};

namespace detail {

/// The last value of something that is dear to compute. One caller at a time computes; the others get the value before,
/// or hear to come again while there is none. Thread-safe.
template <class T>
class kept_value {
public:
   explicit kept_value(std::chrono::milliseconds age) : kept_(std::make_shared<state>(age)) {}

   /// \param compute  gives awaitable<result<T>>
   template <class Compute>
   awaitable<result<T>> get(Compute compute) {
      auto const kept = kept_;
      {
         std::lock_guard const lock(kept->mutex);
         if (kept->value && (kept->busy || std::chrono::steady_clock::now() - kept->since < kept->age))
            co_return *kept->value;
         if (kept->busy) co_return fail(error_code::unavailable, "the figures are being counted; try again");
         kept->busy = true;
      }
      release const free(kept);
      auto made = co_await compute();
      if (made) {
         std::lock_guard const lock(kept->mutex);
         kept->value = *made;
         kept->since = std::chrono::steady_clock::now();
      }
      co_return made;
   }

private:
   /// Shared with coroutines, which at the program's end may be destroyed after the value's owner.
   struct state {
      explicit state(std::chrono::milliseconds of) : age(of) {}
      std::chrono::milliseconds const age;
      std::mutex mutex;
      std::optional<T> value;
      std::chrono::steady_clock::time_point since{};
      bool busy = false;
   };

   struct release {
      explicit release(std::shared_ptr<state> of) : home(std::move(of)) {}
      ~release() {
         std::lock_guard const lock(home->mutex);
         home->busy = false;
      }
      release(release const&) = delete;
      release& operator=(release const&) = delete;
      std::shared_ptr<state> home;
   };

   std::shared_ptr<state> kept_;
};

} // namespace detail

/// Counts over all shards. Thread-safe. Counting reads every start of an execution, seconds for a million of them, so
/// it is done by one caller at a time and its outcome is shown for a while.
class dashboard {
public:
   /// \param age  of figures that are shown again
   dashboard(pg::shard_map& shards, execution_list& list, std::chrono::milliseconds age = std::chrono::seconds{10})
       : shards_(shards), list_(list), stats_(age), trend_(age) {}

   /// Errors: unavailable when a database is away, or the first count is under way.
   awaitable<result<dashboard_stats>> stats() {
      auto count = [this] { return count_stats(); };
      return stats_.get(std::move(count));
   }

   /// Executions started on each of the last seven days, today included, oldest first. Errors: as stats().
   awaitable<result<std::vector<day_count>>> trend() {
      auto count = [this] { return count_days(); };
      return trend_.get(std::move(count));
   }

   /// The ten newest executions. Errors: unavailable.
   awaitable<result<std::vector<recent_execution>>> recent() {
      execution_filter newest;
      newest.limit = 10;
      auto page = co_await list_.page(std::move(newest));
      if (!page) co_return std::move(page).error();
      std::vector<recent_execution> out;
      for (auto& entry : page->entries)
         out.push_back({entry.execution_id, std::move(entry.path), std::move(entry.status)});
      co_return out;
   }

private:
   awaitable<result<dashboard_stats>> count_stats() {
      auto registered = co_await shards_.cluster().run(&registered_figures);
      if (!registered) co_return std::move(registered).error();
      auto ask = [this](std::size_t shard) { return shards_.shard(shard).run(&executions_by_status); };
      auto const counted = co_await gather(shards_.count(), shards_.count(), ask);
      auto all = *registered;
      for (auto const& one : counted) {
         if (!one) co_return one.error();
         for (auto const& [status, count] : *one) {
            all.total_executions += count;
            if (status == "COMPLETED") all.successful_executions += count;
            if (status == "FAILED") all.failed_executions += count;
            if (status == "CANCELLED") all.cancelled_executions += count;
            if (status == "RUNNING") all.running_executions += count;
         }
      }
      co_return all;
   }

   awaitable<result<std::vector<day_count>>> count_days() {
      // Every shard is asked for the same days, also across midnight.
      auto const today = to_rfc3339(now()).substr(0, 10);
      auto ask = [this, &today](std::size_t shard) {
         auto work = [today](pg::connection& db) { return starts_by_day(db, today); };
         return shards_.shard(shard).run(std::move(work));
      };
      auto const counted = co_await gather(shards_.count(), shards_.count(), ask);
      std::map<std::string, std::int64_t> days;
      for (auto const& one : counted) {
         if (!one) co_return one.error();
         for (auto const& [day, count] : *one) days[day] += count;
      }
      std::vector<day_count> out;
      for (auto const& [day, count] : days) out.push_back({day, count});
      co_return out;
   }

   using counts = std::vector<std::pair<std::string, std::int64_t>>;

   static counts counts_of(pg::rows const& rows) {
      counts out;
      for (auto const row : rows) out.emplace_back(row.get<std::string>(0), row.get<std::int64_t>(1));
      return out;
   }

   /// As the list of executions tells their state: by the head, and by the log of executions that have none.
   static result<counts> executions_by_status(pg::connection& db) {
      static auto const text = "SELECT coalesce(h.status, o.status, 'RUNNING'), count(*) FROM"
                               " (SELECT DISTINCT execution_id FROM noetl.event WHERE event_type IN " +
                               std::string(detail::start_types) +
                               ") e LEFT JOIN noetl.stream_head h ON h.execution_id = e.execution_id"
                               " AND h.status IN ('RUNNING','COMPLETED','FAILED','CANCELLED') " +
                               std::string(detail::outcome_unless_head) + " GROUP BY 1";
      return counts_of(db.exec(text));
   }

   static result<counts> starts_by_day(pg::connection& db, std::string const& today) {
      static auto const text = "SELECT to_char(d, 'YYYY-MM-DD'), (SELECT count(*) FROM noetl.event e WHERE"
                               " e.event_type IN " +
                               std::string(detail::start_types) +
                               // Of several start events the first one counts.
                               " AND NOT EXISTS (SELECT 1 FROM noetl.event s WHERE s.execution_id = e.execution_id"
                               " AND s.event_id < e.event_id AND s.event_type IN " +
                               std::string(detail::start_types) +
                               " OFFSET 0) AND e.created_at >= d AND e.created_at < d + interval '1 day')"
                               " FROM generate_series($1::timestamp - interval '6 days', $1::timestamp,"
                               " interval '1 day') d";
      return counts_of(db.exec(text, today));
   }

   static result<dashboard_stats> registered_figures(pg::connection& db) {
      auto const rows =
          db.exec("SELECT (SELECT count(DISTINCT path) FROM noetl.catalog WHERE lower(kind) = 'playbook'),"
                  " (SELECT count(*) FROM noetl.runtime WHERE kind = 'worker_pool'"
                  " AND status IN ('active', 'ready'))");
      dashboard_stats out;
      out.total_playbooks = rows[0].get<std::int64_t>(0);
      out.total_workers = rows[0].get<std::int64_t>(1);
      return out;
   }

   pg::shard_map& shards_;
   execution_list& list_;
   detail::kept_value<dashboard_stats> stats_;
   detail::kept_value<std::vector<day_count>> trend_;
};

} // namespace noetl::control_plane
