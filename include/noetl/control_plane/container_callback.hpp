// control_plane/container_callback.hpp: the end of a container job, told by whoever watched it (http-platform.md
// section 9), becomes the result that a parked command waits for. Knows the event store.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/control_plane/projector_service.hpp>
#include <noetl/core/backoff.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct container_report {
   std::string state; ///< succeeded, failed, failed_image_pull, failed_oom, failed_node_lost, failed_timeout
   std::string job_name;
   std::optional<std::string> job_uid, reason, stdout_uri, stderr_uri;
   std::optional<timestamp> completed_at; ///< absent: now
   std::optional<std::int32_t> exit_code;
};

struct container_reply {
   std::string status; ///< accepted_in_flight, or accepted_stale: nobody waits for it
   std::optional<id_text<noetl::event_id>> event_id;
   using json_rules = rules<omit_empty<"event_id">>;
};

namespace detail {

/// `result.context` of the event; absent members are null.
struct container_outcome {
   std::string terminal_state;
   std::string job_name;
   std::optional<std::string> job_uid;
   timestamp completed_at{};
   std::optional<std::int32_t> exit_code;
   std::optional<std::string> reason, stdout_uri, stderr_uri;
};

} // namespace detail

/// Takes the ends of jobs. Each is one `call.done` for one command: of the step's container commands without a result
/// the one that spoke of this job (by uid, then by name), else the oldest parked one, else the oldest. That lets the
/// step go on (L-42). A `container.callback` beside it says which callback that was. The ids of the two follow from
/// command and callback, so of two jobs that mean the same command one gets it and the other the next, and of two
/// copies of a callback one is written. A retry (same job, by its uid or else by name and time of its end, in the same
/// state) writes nothing (D-80). Thread-safe.
class container_callbacks {
public:
   explicit container_callbacks(event_store& store) : store_(store) {}

   static bool is_state(std::string_view state) {
      for (std::string_view known :
           {"succeeded", "failed", "failed_image_pull", "failed_oom", "failed_node_lost", "failed_timeout"})
         if (state == known) return true;
      return false;
   }

   /// A job that failed reports FAILED and still ends its step, as a tool does that reports an error: the playbook
   /// looks at `terminal_state`. Errors: unavailable (also: nothing may have been written; repeat).
   awaitable<result<container_reply>> take(noetl::execution_id id, std::string step, container_report report) {
      auto const key = key_of(report);
      auto const executor = co_await boost::asio::this_coro::executor;
      // Those who met once do not meet again.
      backoff pause(std::chrono::milliseconds(10), std::chrono::milliseconds(320));
      for (int tries = 0; tries < most_tries; ++tries) {
         if (tries > 0) co_await detail::rest(executor, pause.next());
         auto found = co_await waiting(id, step, report, key);
         if (!found) co_return std::move(found).error();
         container_reply reply;
         reply.status = found->told || !found->command_id.empty() ? "accepted_in_flight" : "accepted_stale";
         if (found->told) reply.event_id.emplace(*found->told);
         if (found->told || found->command_id.empty()) co_return reply;
         auto const event_id = id_of(id, step, "call.done", found->command_id);
         reply.event_id.emplace(event_id);
         append_request append;
         append.execution_id = id;
         append.ids_from_client = true;
         append.events.push_back(to_event(id, event_id, step, report, found->command_id, key));
         append.events.push_back(mark_of(id, step, found->command_id, key));
         auto stored = co_await store_.append(std::move(append));
         if (stored) co_return reply;
         // This callback's own retry was first, or another job's took the command.
         if (stored.error().code != error_code::conflict) co_return std::move(stored).error();
      }
      co_return fail(error_code::unavailable, "the execution changes too fast; repeat the callback");
   }

private:
   static constexpr int most_tries = 10;

   struct target {
      std::optional<noetl::event_id> told; ///< the event by which this callback is in the log already
      std::string command_id;              ///< empty: nobody waits
   };

   /// What retries of a callback have in common, as JSON text.
   static std::string key_of(container_report const& report) {
      std::vector<std::string> parts{report.state};
      if (report.job_uid) {
         parts.push_back(*report.job_uid);
      } else {
         parts.push_back(report.job_name);
         parts.push_back(report.completed_at ? to_rfc3339(*report.completed_at) : std::string{});
      }
      return to_json(parts);
   }

   static noetl::event_id id_of(noetl::execution_id id, std::string const& step, std::string type,
                                std::string const& what) {
      event_request key;
      key.execution_id.value = id;
      key.step = step;
      key.event_type = std::move(type);
      key.payload = raw_json{to_json(what)};
      return detail::derived_id(key, 0);
   }

   static event mark_of(noetl::execution_id id, std::string const& step, std::string const& command_id,
                        std::string const& key) {
      event mark;
      mark.execution_id = id;
      mark.event_id = id_of(id, step, "container.callback", key);
      mark.event_type = "container.callback";
      mark.node_id = mark.node_name = step;
      mark.status = "RECEIVED";
      std::string meta = R"({"callback":)";
      append_json(meta, key);
      meta += R"(,"command_id":)";
      append_json(meta, command_id);
      mark.meta = raw_json{meta + "}"};
      mark.created_at = now();
      return mark;
   }

   awaitable<result<target>> waiting(noetl::execution_id id, std::string step, container_report const& report,
                                     std::string key) {
      auto work = [id, step = std::move(step), key = std::move(key), job = report.job_name,
                   uid = report.job_uid](pg::connection& db) -> result<target> {
         target out;
         // Read before the look for this callback itself, which may come in between: then it is seen.
         auto const rows = db.exec(candidates, id, step, job, uid);
         auto const before = db.exec("SELECT event_id FROM noetl.event WHERE execution_id = $1 AND node_name = $2"
                                     " AND event_type = 'call.done' AND meta->>'callback' = $3 LIMIT 1",
                                     id, step, key);
         if (!before.empty()) {
            out.told = before[0].get<noetl::event_id>(0);
            return out;
         }
         if (uid) { // a job ends once
            auto const ended = db.exec("SELECT 1 FROM noetl.event WHERE execution_id = $1 AND node_name = $2"
                                       " AND event_type = 'call.done' AND result->'context'->>'job_uid' = $3 LIMIT 1",
                                       id, step, *uid);
            if (!ended.empty()) return out;
         }
         if (!rows.empty()) out.command_id = rows[0].get<std::string>(0);
         return out;
      };
      co_return co_await store_.shards().of(id).run(std::move(work));
   }

   static constexpr std::string_view candidates = R"(
WITH facts AS (
   SELECT coalesce(meta->>'command_id', result->'context'->>'command_id', result->'data'->>'command_id') AS id,
      bool_or(event_type IN ('call.done','action_done')
         AND coalesce(result->'context'->'result'->'context'->'pending_callback', 'null') IN ('null', 'false')) AS called,
      bool_or(event_type IN ('call.done','action_done')
         AND coalesce(result->'context'->'result'->'context'->'pending_callback', 'null') NOT IN ('null', 'false'))
         AS outside,
      bool_or(event_type IN ('command.failed','action_failed','command.cancelled')) AS failed,
      bool_or(event_type IN ('command.completed','action_completed')
         AND (coalesce(result->'context'->'pending_callback', 'null') NOT IN ('null', 'false')
           OR coalesce(result->'context'->'parked', 'null') NOT IN ('null', 'false'))) AS parked,
      bool_or(strpos(result::text, to_jsonb($4::text)::text) > 0) AS known,
      bool_or(strpos(result::text, to_jsonb($3::text)::text) > 0) AS named
   FROM noetl.event WHERE execution_id = $1 AND node_name = $2 AND event_type IN ('call.done','action_done',
      'command.started','command.completed','action_completed','command.failed','action_failed',
      'command.cancelled')
   GROUP BY 1),
 issued AS (
   SELECT event_id, coalesce(meta->>'command_id', execution_id || ':' || node_name || ':' || event_id) AS id, node_type
   FROM noetl.event WHERE execution_id = $1 AND node_name = $2 AND event_type = 'command.issued')
SELECT i.id FROM issued i LEFT JOIN facts f ON f.id = i.id
WHERE NOT coalesce(f.called, false) AND NOT coalesce(f.failed, false)
   AND (coalesce(f.parked, false) OR coalesce(f.outside, false) OR i.node_type = 'container')
ORDER BY coalesce(f.known, false) DESC, coalesce(f.named, false) DESC, coalesce(f.parked, false) DESC, i.event_id LIMIT 1)";

   static event to_event(noetl::execution_id id, noetl::event_id event_id, std::string step,
                         container_report const& report, std::string const& command_id, std::string const& key) {
      auto const at = now();
      event fact;
      fact.execution_id = id;
      fact.event_id = event_id;
      fact.event_type = "call.done";
      fact.node_id = step;
      fact.node_name = std::move(step);
      fact.status = report.state == "succeeded" ? "COMPLETED" : "FAILED";
      detail::container_outcome const outcome{
          report.state,     report.job_name, report.job_uid,    report.completed_at.value_or(at),
          report.exit_code, report.reason,   report.stdout_uri, report.stderr_uri};
      fact.result = raw_json{R"({"status":")" + fact.status + R"(","context":)" + to_json(outcome) + "}"};
      std::string meta = R"({"node_type":"container","command_id":)";
      append_json(meta, command_id);
      meta += R"(,"callback":)";
      append_json(meta, key);
      fact.meta = raw_json{meta + "}"};
      fact.created_at = at;
      return fact;
   }

   event_store& store_;
};

} // namespace noetl::control_plane
