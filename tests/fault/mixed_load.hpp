// tests/fault/mixed_load.hpp: executions of six shapes at once, whose steps leave rows in a table, and what must be
// true of all of them in the end. Knows the deployment and its database; who is killed meanwhile is the tests'
// business.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "support/deployment.hpp"

namespace noetl::test {

/// One shape of playbook and what one execution of it must come to.
struct mixed_shape {
   char const* path;
   char const* workflow; ///< `@EFFECT name@` stands for the tool that leaves a row
   char const* status;
   char const* left; ///< by step `end`, as PostgreSQL prints jsonb; empty: it is not reached
   int effects;      ///< distinct commands that leave rows
   int commands;     ///< issued in all
};

inline constexpr std::array mixed_shapes{
    mixed_shape{"mixed/linear", R"(
  - {step: start, @EFFECT start@, next: second}
  - {step: second, @EFFECT second@, next: end}
  - {step: end, tool: {kind: noop, result: {rows: "{{ start.row_count + second.row_count }}"}}}
)",
                "COMPLETED", R"({"rows": 2})", 2, 3},
    mixed_shape{"mixed/fan", R"(
  - {step: start, tool: {kind: noop}, next: {spec: {mode: inclusive}, arcs: [{step: a}, {step: b}, {step: c}]}}
  - {step: a, @EFFECT a@, next: end}
  - {step: b, @EFFECT b@, next: b2}
  - {step: b2, @EFFECT b2@, next: end}
  - {step: c, @EFFECT c@, next: end}
  - {step: end, tool: {kind: noop, result: {rows: "{{ a.row_count + b.row_count + b2.row_count + c.row_count }}"}}}
)",
                "COMPLETED", R"({"rows": 4})", 4, 6},
    mixed_shape{"mixed/parallel", R"(
  - {step: start, tool: {kind: noop}, next: each}
  - step: each
    loop: {in: "[10, 20, 30, 40, 50]", iterator: n, spec: {mode: parallel, max_in_flight: 3}}
    @EFFECT each@
    next: end
  - {step: end, tool: {kind: noop, result: {n: "{{ each | map(attribute='effect.rows.0.item') | list }}"}}}
)",
                "COMPLETED", R"({"n": ["10", "20", "30", "40", "50"]})", 5, 7},
    mixed_shape{"mixed/sequential", R"(
  - {step: start, tool: {kind: noop}, next: each}
  - {step: each, loop: {in: "[1, 2, 3]", iterator: n, spec: {mode: sequential}}, @EFFECT each@, next: end}
  - {step: end, tool: {kind: noop, result: {n: "{{ each | map(attribute='effect.rows.0.item') | list }}"}}}
)",
                "COMPLETED", R"({"n": ["1", "2", "3"]})", 3, 5},
    // The claim marks nothing: an attempt of it that is lost takes no rows along.
    mixed_shape{"mixed/cursor", R"(
  - step: start
    tool:
      kind: postgres
      query: "insert into queue select {{ execution_id }}, n, false from generate_series(1, 4) n on conflict do nothing"
    next: work
  - step: work
    loop:
      iterator: n
      cursor:
        claim: |
          select id from queue where run = {{ execution_id }} and not done order by id limit {{ __frame_max_rows }}
      spec: {mode: cursor, frame: {max_rows: 3, row_concurrency: 2}}
    tool:
      - name: effect
        kind: postgres
        input: {c: "{{ __command_id }}", a: "{{ __attempt }}"}
        command: |
          insert into effect values ({{ execution_id }}, 'work', '{{ iter.n.id }}', '{{ c }}', {{ a }});
          update queue set done = true where run = {{ execution_id }} and id = {{ iter.n.id }};
    next: count
  - step: count
    tool:
      kind: postgres
      query: "select count(*) filter (where done) as done from queue where run = {{ execution_id }}"
    next: end
  - {step: end, tool: {kind: noop, result: {done: "{{ count.rows[0].done }}"}}}
)",
                "COMPLETED", R"({"done": 4})", 4, 10},
    mixed_shape{"mixed/failing", R"(
  - {step: start, @EFFECT start@, next: boom}
  - {step: boom, tool: {kind: http, url: "http://127.0.0.1:1/"}, next: end}
  - {step: end, tool: {kind: noop}}
)",
                "FAILED", "", 1, 2},
};

/// The playbook with its effects written out.
inline std::string mixed_yaml(mixed_shape const& shape) {
   std::string workflow = shape.workflow;
   for (auto at = workflow.find("@EFFECT "); at != workflow.npos; at = workflow.find("@EFFECT ", at)) {
      auto const end = workflow.find('@', at + 1);
      auto const step = workflow.substr(at + 8, end - at - 8);
      workflow.replace(
          at, end + 1 - at,
          R"(tool: [{name: effect, kind: postgres, input: {c: "{{ __command_id }}", a: "{{ __attempt }}"}, )"
          R"(command: "insert into effect values ({{ execution_id }}, ')" +
              step + R"(', '{{ iter.n }}', '{{ c }}', {{ a }}) returning item"}])");
   }
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: mixed, path: " + std::string(shape.path) +
          "}\nworkflow:" + workflow;
}

/// Starts executions of all shapes in turn, over and over, from one thread; asks again when there is no answer.
class mixed_load {
public:
   /// \param ports  servers asked in turn
   mixed_load(deployment& system, std::vector<int> ports, std::size_t count)
       : system_(system), ports_(std::move(ports)), count_(count) {}
   ~mixed_load() { join(); }
   mixed_load(mixed_load const&) = delete;
   mixed_load& operator=(mixed_load const&) = delete;

   /// Tables and catalog entries. Before start().
   void prepare() {
      pg::connection db(system_.db.settings());
      db.script("create table effect (execution bigint, step text, item text, command text, attempt int, "
                "primary key (command, attempt)); "
                "create table queue (run bigint, id int, done boolean, primary key (run, id))");
      for (auto const& shape : mixed_shapes) system_.register_playbook(mixed_yaml(shape));
   }
   void start() {
      thread_ = std::thread([this] { run(); });
   }
   /// Waits until all have been started.
   void join() {
      if (thread_.joinable()) thread_.join();
   }
   [[nodiscard]] std::size_t started() const noexcept { return started_; }

   /// PGHOST and so on for the workers.
   [[nodiscard]] process::variables worker_environment() const {
      auto const how = system_.db.settings();
      return {{"PGHOST", how.host},         {"PGPORT", std::to_string(how.port)}, {"PGUSER", how.user},
              {"PGPASSWORD", how.password}, {"PGDATABASE", how.database},         {"WORKER_HEARTBEAT_INTERVAL", "1"}};
   }

private:
   void run() {
      http::client_settings patient;
      patient.request_timeout = std::chrono::seconds{20};
      for (std::size_t i = 0; i < count_;) {
         http::base_url where;
         where.port = static_cast<std::uint16_t>(ports_[turn_++ % ports_.size()]);
         http::blocking_client client(where, patient);
         auto const got = client.post("/api/execute",
                                      R"({"path":")" + std::string(mixed_shapes[i % mixed_shapes.size()].path) + "\"}");
         if (got && got->status == 200) {
            ++started_;
            ++i;
         } else {
            std::this_thread::sleep_for(std::chrono::milliseconds{50}); // may have been started: then there is one more
         }
      }
   }

   deployment& system_;
   std::vector<int> ports_;
   std::size_t count_;
   std::size_t turn_ = 0;
   std::atomic<std::size_t> started_{0};
   std::thread thread_;
};

/// Every execution came to what its shape says, once, and every effect belongs to one accepted attempt.
/// \pre nothing is under way
inline void expect_mixed_results(evidence& found, std::size_t at_least) {
   EXPECT_GE(found.executions(), static_cast<std::int64_t>(at_least));
   for (auto const& shape : mixed_shapes) {
      SCOPED_TRACE(shape.path);
      // Of this shape: execution, status, ends, what `end` left last, commands, distinct commands with effects.
      auto const wrong = found.lines(
          "with runs as (select s.execution_id, h.status from noetl.event s join noetl.stream_head h using "
          "(execution_id) "
          "where s.event_type = 'playbook_started' and s.context->>'path' = $1), told as (select r.*, "
          "(select count(*) from noetl.event e where e.execution_id = r.execution_id and e.event_type in "
          "('playbook.completed', 'playbook.failed', 'playbook_completed', 'playbook_failed')) as ends, "
          "coalesce((select e.result->'context'->'result'->'context'->'data' from noetl.event e where e.execution_id = "
          "r.execution_id and e.event_type = 'call.done' and e.node_name = 'end' order by e.stream_version desc limit "
          "1)::text, '') as left_by_end, "
          "(select count(*) from noetl.event e where e.execution_id = r.execution_id and e.event_type = "
          "'command.issued') as commands, "
          "(select count(distinct command) from effect f where f.execution = r.execution_id) as effects from runs r) "
          "select * from told where status <> $2 or ends <> 1 or left_by_end <> $3 or commands <> $4 or effects <> $5 "
          "limit 5",
          std::string(shape.path), std::string(shape.status), std::string(shape.left), std::int64_t{shape.commands},
          std::int64_t{shape.effects});
      EXPECT_EQ(joined(wrong), "") << "execution, status, ends, left by end, commands, effects";
   }
   // An effect without an accepted claim of its own, or more effects than claims.
   EXPECT_EQ(
       joined(found.lines(
           "select f.command, count(*), (select count(*) from noetl.event e where e.execution_id = f.execution and "
           "e.event_type = 'command.claimed' and e.meta->>'command_id' = f.command) as claims from effect f group by "
           "f.command, f.execution having count(*) > (select count(*) from noetl.event e where e.execution_id = "
           "f.execution and e.event_type = 'command.claimed' and e.meta->>'command_id' = f.command) limit 5")),
       "")
       << "effects that no accepted attempt made";
   EXPECT_EQ(joined(found.wrong_versions()), "") << "stream versions have holes or repeat";
   EXPECT_EQ(found.unannounced(), 0);
   EXPECT_EQ(found.open_commands(), 0);
}

} // namespace noetl::test
