// control_plane/execution_views.hpp: read models of executions: list, detail, status (http-execution.md section 13).
// Knows pools and the event vocabulary; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct execution_filter {
   std::optional<noetl::catalog_id> catalog_id;
   std::optional<std::string> path;   ///< case-insensitive part of the catalog path
   std::optional<std::string> status; ///< exact
   std::optional<std::int32_t> limit; ///< absent: 50; at most 100
   std::optional<std::int32_t> offset;
};

struct execution_summary {
   noetl::execution_id execution_id;
   noetl::catalog_id catalog_id;
   std::optional<std::string> path;
   std::string status;
   timestamp started_at{};
   std::optional<timestamp> completed_at;
   std::int64_t event_count = 0;
};

struct event_view {
   noetl::event_id event_id;
   std::string event_type;
   std::optional<std::string> node_name;
   std::string status;
   timestamp created_at{};
   raw_json result;
   std::optional<std::string> error;
};

struct execution_detail {
   noetl::execution_id execution_id;
   noetl::catalog_id catalog_id;
   std::optional<std::string> path;
   std::string status;
   timestamp started_at{};
   std::optional<timestamp> completed_at;
   std::optional<noetl::execution_id> parent_execution_id;
   raw_json workload;
   std::vector<event_view> events;
};

struct execution_progress {
   std::int64_t total_steps = 0, completed_steps = 0, running_steps = 0, failed_steps = 0;
};

/// The reference's members first; then what the command line asks for and never got (section 21.2).
struct execution_status {
   noetl::execution_id execution_id;
   std::string status;
   std::optional<std::string> current_step;
   execution_progress progress;
   bool is_cancelled = false;
   bool completed = false; ///< the run has ended, however
   bool failed = false;
   std::vector<std::string> completed_steps;
   std::optional<std::string> error;
   std::optional<timestamp> start_time, end_time;
   std::optional<double> duration_seconds;
   std::optional<std::string> duration_human; ///< 1.250s, 2m 5s, 3h 0m 7s
};

namespace detail {

// The partial index ix_event_start is used only when the literals are the same as in its predicate.
inline constexpr std::string_view start_types = "('playbook_started','playbook.started','playbook.initialized')";

/// status and end of one execution `e`, by its terminal events; the first terminal one wins, because it is sticky.
inline constexpr std::string_view outcome_of_e = R"(LEFT JOIN LATERAL (
   SELECT CASE WHEN t.event_type IN ('playbook.completed','playbook_completed') THEN 'COMPLETED'
               WHEN t.event_type IN ('playbook.failed','playbook_failed') THEN 'FAILED' ELSE 'CANCELLED' END AS status,
          t.created_at
   FROM noetl.event t WHERE t.execution_id = e.execution_id AND t.event_type IN
      ('playbook.completed','playbook_completed','playbook.failed','playbook_failed',
       'playbook.cancelled','playbook_cancelled','execution.cancelled')
   ORDER BY t.stream_version NULLS FIRST, t.event_id LIMIT 1) o ON true)";

struct start_row {
   noetl::catalog_id catalog_id;
   std::string status;
   timestamp started_at{};
   std::optional<timestamp> completed_at;
   std::optional<noetl::execution_id> parent;
   raw_json workload;
};

struct status_row {
   std::int64_t events = 0;
   std::optional<std::string> outcome, current_step;
   std::int64_t total = 0, completed = 0, running = 0, failed = 0;
   raw_json completed_names;
   std::optional<std::string> error;
   std::optional<timestamp> start_time, end_time;
};

/// A time span for people: milliseconds below a minute, whole seconds from there on. Negative spans count as none.
inline std::string human_duration(std::chrono::nanoseconds span) {
   using namespace std::chrono;
   auto const ms = std::max<std::int64_t>(duration_cast<milliseconds>(span).count(), 0);
   auto const seconds = ms / 1000;
   if (seconds < 60) {
      auto const fraction = std::to_string(ms % 1000);
      return std::to_string(seconds) + "." + std::string(3 - fraction.size(), '0') + fraction + "s";
   }
   auto const minutes = seconds / 60;
   auto const rest = std::to_string(seconds % 60) + "s";
   if (minutes < 60) return std::to_string(minutes) + "m " + rest;
   return std::to_string(minutes / 60) + "h " + std::to_string(minutes % 60) + "m " + rest;
}

} // namespace detail

/// Read models. Thread-safe. What an answer tells of one shard is one snapshot of it; paths are looked up beside it, in
/// the catalog, where they never change.
class execution_views {
public:
   explicit execution_views(pg::shard_map& shards) : shards_(shards) {}

   /// Newest first. Filters apply before the window is cut (W27). Errors: bad_request for a negative limit or offset.
   awaitable<result<std::vector<execution_summary>>> list(execution_filter filter) {
      auto const limit = std::min(filter.limit.value_or(50), 100);
      auto const offset = filter.offset.value_or(0);
      if (limit < 0) co_return fail(error_code::bad_request, "limit: expected 0 or more");
      if (offset < 0) co_return fail(error_code::bad_request, "offset: expected 0 or more");
      auto paths = co_await catalog_ids(filter);
      if (!paths) co_return std::move(paths).error();
      std::vector<execution_summary> merged;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [filter, ids = *paths, window = std::int64_t{limit} + offset](pg::connection& db) {
            return select_page(db, filter, ids, window);
         };
         auto page = co_await shards_.shard(shard).run(std::move(work));
         if (!page) co_return std::move(page).error();
         merged.insert(merged.end(), page->begin(), page->end());
      }
      std::ranges::sort(merged, [](auto const& a, auto const& b) {
         return std::pair(a.started_at, a.execution_id) > std::pair(b.started_at, b.execution_id);
      });
      auto const first = std::min(merged.size(), static_cast<std::size_t>(offset));
      auto const last = std::min(merged.size(), first + static_cast<std::size_t>(limit));
      std::vector<execution_summary> window(merged.begin() + static_cast<std::ptrdiff_t>(first),
                                            merged.begin() + static_cast<std::ptrdiff_t>(last));
      if (auto named = co_await add_paths(window); !named) co_return std::move(named).error();
      co_return window;
   }

   /// The execution with its 2000 most recent events, oldest first. Errors: not_found.
   awaitable<result<execution_detail>> find(noetl::execution_id id) {
      auto work = [id](pg::connection& db) {
         return db.transaction([&] {
            db.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"); // one snapshot for all statements
            return select_detail(db, id);
         });
      };
      auto found = co_await shards_.of(id).run(std::move(work));
      if (!found) co_return std::move(found).error();
      auto path = co_await path_of(found->catalog_id);
      if (!path) co_return std::move(path).error();
      found->path = *std::move(path);
      co_return found;
   }

   /// Where an execution stands. Errors: not_found when it has no events.
   awaitable<result<execution_status>> status(noetl::execution_id id) {
      auto work = [id](pg::connection& db) { return select_status(db, id); };
      co_return co_await shards_.of(id).run(std::move(work));
   }

private:
   using path_filter = std::optional<std::vector<std::int64_t>>; // none: every catalog entry

   awaitable<result<path_filter>> catalog_ids(execution_filter const& filter) {
      if (!filter.path) co_return path_filter{};
      auto work = [part = *filter.path](pg::connection& db) -> result<path_filter> {
         auto const rows =
             db.exec("SELECT catalog_id FROM noetl.catalog WHERE strpos(lower(path), lower($1)) > 0", part);
         std::vector<std::int64_t> ids;
         for (std::size_t i = 0; i < rows.size(); ++i) ids.push_back(std::stoll(std::string(*rows[i][0])));
         return path_filter{std::move(ids)};
      };
      co_return co_await shards_.cluster().run(std::move(work));
   }

   static result<std::vector<execution_summary>> select_page(pg::connection& db, execution_filter const& filter,
                                                             path_filter const& ids, std::int64_t window) {
      std::string const page =
          "SELECT e.execution_id, e.catalog_id, NULL::text AS path, coalesce(o.status, 'RUNNING') AS status,"
          " e.created_at AS started_at, o.created_at AS completed_at, 0::bigint AS event_count"
          " FROM noetl.event e " +
          std::string(detail::outcome_of_e) + " WHERE e.event_type IN " + std::string(detail::start_types) +
          // Some producers write several kinds of start events; the first one counts.
          " AND NOT EXISTS (SELECT 1 FROM noetl.event s WHERE s.execution_id = e.execution_id"
          " AND s.event_id < e.event_id AND s.event_type IN " +
          std::string(detail::start_types) +
          ") AND ($1::bigint IS NULL OR e.catalog_id = $1::bigint)"
          " AND ($2::bigint[] IS NULL OR e.catalog_id = ANY($2::bigint[]))"
          " AND ($3::text IS NULL OR coalesce(o.status, 'RUNNING') = $3::text)"
          " ORDER BY e.created_at DESC, e.execution_id DESC LIMIT $4";
      // Counting is left to the page itself, so that it is not paid for rows the window cuts off.
      auto const rows =
          db.exec("WITH page AS MATERIALIZED (" + page +
                      ") SELECT p.execution_id, p.catalog_id, p.path, p.status, p.started_at, p.completed_at,"
                      " (SELECT count(*) FROM noetl.event c WHERE c.execution_id = p.execution_id)"
                      " FROM page p",
                  filter.catalog_id, ids, filter.status, window);
      std::vector<execution_summary> found;
      for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(decode_row<execution_summary>(rows[i]));
      return found;
   }

   static error unknown(noetl::execution_id id) {
      return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
   }

   static result<execution_detail> select_detail(pg::connection& db, noetl::execution_id id) {
      auto const start =
          db.exec("SELECT e.catalog_id, coalesce(o.status, 'RUNNING'), e.created_at, o.created_at,"
                  " e.parent_execution_id, (e.context->'workload')::text FROM noetl.event e " +
                      std::string(detail::outcome_of_e) + " WHERE e.execution_id = $1 AND e.event_type IN " +
                      std::string(detail::start_types) + " ORDER BY e.event_id LIMIT 1",
                  id);
      if (start.size() == 0) return unknown(id);
      auto const found = decode_row<detail::start_row>(start[0]);
      execution_detail view{.execution_id = id,
                            .catalog_id = found.catalog_id,
                            .path = {},
                            .status = found.status,
                            .started_at = found.started_at,
                            .completed_at = found.completed_at,
                            .parent_execution_id = found.parent,
                            .workload = found.workload,
                            .events = {}};
      auto const rows = db.exec("SELECT event_id, coalesce(event_type, ''), node_name, coalesce(status, 'UNKNOWN'),"
                                " created_at, result::text, error FROM noetl.event WHERE execution_id = $1"
                                " ORDER BY stream_version DESC NULLS LAST, event_id DESC LIMIT 2000",
                                id);
      for (std::size_t i = rows.size(); i-- > 0;) view.events.push_back(decode_row<event_view>(rows[i]));
      return view;
   }

   static result<execution_status> select_status(pg::connection& db, noetl::execution_id id) {
      auto const rows = db.exec(status_statement(), id);
      auto const row = decode_row<detail::status_row>(rows[0]);
      if (row.events == 0) return unknown(id);
      execution_status view;
      view.execution_id = id;
      view.status = row.outcome.value_or("RUNNING");
      view.current_step = row.current_step;
      view.progress = {row.total, row.completed, row.running, row.failed};
      view.is_cancelled = view.status == "CANCELLED";
      view.completed = row.outcome.has_value();
      view.failed = view.status == "FAILED";
      if (auto names = from_json<std::vector<std::string>>(row.completed_names.text)) view.completed_steps = *names;
      view.error = row.error;
      view.start_time = row.start_time;
      view.end_time = row.end_time;
      if (row.start_time && row.end_time) {
         view.duration_seconds = std::chrono::duration<double>(*row.end_time - *row.start_time).count();
         view.duration_human = detail::human_duration(*row.end_time - *row.start_time);
      }
      return view;
   }

   static std::string status_statement() {
      // A step counts as running while its newest command event says so, so the figure comes down again.
      // Reported times come from the clocks of workers, so the start is the start event's own.
      return R"(WITH ev AS MATERIALIZED (
   SELECT event_type, node_name, status, created_at, error, result, meta, stream_version, event_id
   FROM noetl.event WHERE execution_id = $1),
 newest AS (SELECT DISTINCT ON (node_name) node_name, event_type, status FROM ev
   WHERE event_type LIKE 'command.%' OR event_type IN ('step.exit','step.skipped')
   ORDER BY node_name, stream_version DESC NULLS LAST, event_id DESC),
 terminal AS (SELECT e.execution_id, o.status, o.created_at FROM (SELECT $1::bigint AS execution_id) e )" +
             std::string(detail::outcome_of_e) + R"()
SELECT (SELECT count(*) FROM ev), (SELECT status FROM terminal),
 (SELECT node_name FROM ev WHERE event_type IN ('step.enter','command.started','command.issued')
   ORDER BY stream_version DESC NULLS LAST, event_id DESC LIMIT 1),
 (SELECT count(DISTINCT node_name) FROM ev WHERE event_type IN ('step.enter','command.issued')),
 (SELECT count(*) FROM newest WHERE event_type IN ('command.completed','step.exit')),
 (SELECT count(*) FROM newest WHERE event_type IN ('command.issued','command.claimed','command.started')),
 (SELECT count(*) FROM newest WHERE event_type = 'command.failed'),
 (SELECT coalesce(jsonb_agg(node_name ORDER BY node_name), '[]')::text FROM newest
   WHERE event_type IN ('command.completed','step.exit')),
 (SELECT coalesce(error, meta->>'error', result->'context'->>'error') FROM ev
   WHERE event_type IN ('playbook.failed','playbook_failed')
   ORDER BY stream_version NULLS FIRST, event_id LIMIT 1),
 coalesce((SELECT created_at FROM ev WHERE event_type IN )" +
             std::string(detail::start_types) + R"(
   ORDER BY stream_version NULLS FIRST, event_id LIMIT 1), (SELECT min(created_at) FROM ev)),
 (SELECT created_at FROM terminal))";
   }

   awaitable<result<std::optional<std::string>>> path_of(noetl::catalog_id id) {
      auto work = [id](pg::connection& db) -> result<std::optional<std::string>> {
         auto const rows = db.exec("SELECT path FROM noetl.catalog WHERE catalog_id = $1", id);
         if (rows.size() == 0) return std::optional<std::string>{};
         return std::optional<std::string>{std::string(*rows[0][0])};
      };
      co_return co_await shards_.cluster().run(std::move(work));
   }

   awaitable<result<void>> add_paths(std::vector<execution_summary>& page) {
      std::vector<std::int64_t> ids;
      for (auto const& entry : page) ids.push_back(entry.catalog_id.value);
      auto work = [ids = std::move(ids)](pg::connection& db) -> result<pg::rows> {
         return db.exec("SELECT catalog_id, path FROM noetl.catalog WHERE catalog_id = ANY($1)", ids);
      };
      auto rows = co_await shards_.cluster().run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      for (std::size_t i = 0; i < rows->size(); ++i) {
         auto const id = std::stoll(std::string(*(*rows)[i][0]));
         for (auto& entry : page)
            if (entry.catalog_id.value == id) entry.path = std::string(*(*rows)[i][1]);
      }
      co_return result<void>{};
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
