// control_plane/execution_views.hpp: read models of one execution: detail, events, status (http-execution.md section
// 13). Knows pools and the event vocabulary; knows nothing of HTTP.
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

#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/event_pages.hpp>
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
   std::optional<event_pagination> pagination; ///< only when pages were asked for
   using json_rules = rules<omit_empty<"pagination">>;
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
   bool failed = false;    ///< it has ended without completing: the command line calls every other end COMPLETED
   std::vector<std::string> completed_steps;
   std::optional<std::string> error;
   std::optional<timestamp> start_time, end_time;
   std::optional<double> duration_seconds;
   std::optional<std::string> duration_human; ///< 1.250s, 2m 5s, 3h 0m 7s
};

namespace detail {

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

   /// The execution with the events that were asked for: by default its 2000 most recent ones, oldest first. Errors:
   /// not_found, and those of event_window.
   awaitable<result<execution_detail>> find(noetl::execution_id id, event_window which = {}) {
      auto work = [id, which](pg::connection& db) {
         return db.transaction([&] {
            db.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"); // one snapshot for all statements
            return select_detail(db, id, which);
         });
      };
      auto found = co_await shards_.of(id).run(std::move(work));
      if (!found) co_return std::move(found).error();
      auto path = co_await path_of(found->catalog_id);
      if (!path) co_return std::move(path).error();
      found->path = *std::move(path);
      co_return found;
   }

   /// Events of an execution, or of whatever else has a log: by default the oldest first, with where to go on. Errors:
   /// not_found when it has no events, and those of event_window.
   awaitable<result<event_list>> events(noetl::execution_id id, event_window which) {
      if (!which.page && !which.page_size && !which.after_event) which.after_event = noetl::event_id{0};
      auto work = [id, which](pg::connection& db) {
         return db.transaction([&]() -> result<event_list> {
            db.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
            auto found = select_events(db, id, which);
            if (!found) return std::move(found).error();
            bool const known = !found->events.empty() ||
                               !db.exec("SELECT 1 FROM noetl.event WHERE execution_id = $1 LIMIT 1", id).empty();
            if (!known) return unknown(id);
            return event_list{id, std::move(found->events), found->next, std::move(found->pagination)};
         });
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

   /// Where an execution stands. Errors: not_found when it has no events.
   awaitable<result<execution_status>> status(noetl::execution_id id) {
      auto work = [id](pg::connection& db) { return select_status(db, id); };
      co_return co_await shards_.of(id).run(std::move(work));
   }

private:
   static error unknown(noetl::execution_id id) {
      return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
   }

   static result<execution_detail> select_detail(pg::connection& db, noetl::execution_id id,
                                                 event_window const& which) {
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
                            .events = {},
                            .pagination = {}};
      auto found_events = select_events(db, id, which);
      if (!found_events) return std::move(found_events).error();
      view.events = std::move(found_events->events);
      view.pagination = std::move(found_events->pagination);
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
      view.failed = view.status == "FAILED" || view.is_cancelled;
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
      // A step counts as running while its newest command event says so or a command of it is open, as of a loop that
      // goes on; so the figure comes down again.
      // Reported times come from the clocks of workers, so the start is the start event's own.
      return R"(WITH ev AS MATERIALIZED (
   SELECT event_type, node_name, status, created_at, stream_version, event_id
   FROM noetl.event WHERE execution_id = $1),
 newest AS (SELECT DISTINCT ON (node_name) node_name, event_type, status FROM ev
   WHERE event_type LIKE 'command.%' OR event_type IN ('step.exit','step.skipped')
   ORDER BY node_name, stream_version DESC NULLS LAST, event_id DESC),
 terminal AS (SELECT e.execution_id, o.status, o.created_at FROM (SELECT $1::bigint AS execution_id) e )" +
             std::string(detail::outcome_of_e) + R"(),
 open AS (SELECT DISTINCT step_name FROM noetl.command JOIN noetl.stream_head h USING (execution_id)
   WHERE h.status = 'RUNNING' AND command.execution_id = $1 AND command.status IN ('PENDING','CLAIMED','RUNNING'))
SELECT (SELECT count(*) FROM ev), (SELECT status FROM terminal),
 (SELECT node_name FROM ev WHERE event_type IN ('step.enter','command.started','command.issued')
   ORDER BY stream_version DESC NULLS LAST, event_id DESC LIMIT 1),
 (SELECT count(DISTINCT node_name) FROM ev WHERE event_type IN ('step.enter','command.issued')),
 (SELECT count(*) FROM newest WHERE event_type IN ('command.completed','step.exit')
   AND NOT EXISTS (SELECT FROM open WHERE step_name = node_name)),
 (SELECT count(*) FROM newest WHERE event_type IN ('command.issued','command.claimed','command.started')
   OR EXISTS (SELECT FROM open WHERE step_name = node_name)),
 (SELECT count(*) FROM newest WHERE event_type IN ('command.failed','command.cancelled')
   AND NOT EXISTS (SELECT FROM open WHERE step_name = node_name)),
 (SELECT coalesce(jsonb_agg(node_name ORDER BY node_name), '[]')::text FROM newest
   WHERE event_type IN ('command.completed','step.exit')
   AND NOT EXISTS (SELECT FROM open WHERE step_name = node_name)),
 (SELECT CASE WHEN event_type IN )" +
             std::string(detail::terminal_list<"COMPLETED">) + R"( THEN NULL
      WHEN event_type IN )" +
             std::string(detail::terminal_list<"FAILED">) + R"(
         THEN coalesce(error, meta->>'error', result->'context'->>'error')
      ELSE 'Execution cancelled' || coalesce(': ' || (meta->>'reason'), '') END FROM noetl.event
   WHERE execution_id = $1 AND event_type IN )" +
             std::string(detail::terminal_list<>) + R"(
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

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
