// Whole executions: the order of events (orchestration.md section 4.14), notifications (http-execution.md section 8),
// and a worker's traffic from the notification to the end (worker-protocol.md sections 4 to 8).
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct sequence : contract {
   using log = std::vector<std::string>;

   // Waits for the end and compares the log, without what the worker reports.
   static log decisions(std::string const& execution) {
      log out;
      for (auto const& line : log_of(site::shared(), execution))
         if (!line.starts_with("command.claimed") && !line.starts_with("command.started") &&
             !line.starts_with("call.done"))
            out.push_back(line);
      return out;
   }
   static std::string start_branching() {
      auto const path = fresh("sequence/branch");
      enroll(
          site::shared(),
          playbook(path,
                   "  - step: start\n    tool: {kind: noop}\n"
                   "    next:\n      arcs:\n        - {step: hi, when: \"{{ start.v > 5 }}\"}\n        - {step: lo}\n"
                   "  - step: hi\n    tool: {kind: noop}\n"
                   "  - step: lo\n    tool: {kind: noop}\n"));
      return execute(site::shared(), path);
   }
   // `type(node) parent=type(node)` of the events that the server wrote because of another.
   static log causes(std::string const& execution) {
      log out;
      for (auto const& cells : site::shared().query(
               "select e.event_type || '(' || e.node_name || ') <- ' || p.event_type || '(' || p.node_name || ')'"
               " from noetl.event e join noetl.event p on p.execution_id = e.execution_id"
               " and p.event_id = e.parent_event_id where e.execution_id = " +
               execution + " and p.event_type <> 'playbook_started' order by e.stream_version"))
         out.push_back(*cells[0]);
      return out;
   }
};

} // namespace

TEST_F(sequence, A_linear_playbook_writes_exactly_the_documented_events) {
   auto const execution = start_linear(server());
   work(server(), execution, "start", R"({"x":1})");
   work(server(), execution, "end");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(log_of(server(), execution),
             (log{"playbook_started", "command.issued(start)", "command.claimed(start)", "command.started(start)",
                  "call.done(start)", "command.completed(start)", "step.enter(end)", "command.issued(end)",
                  "command.claimed(end)", "command.started(end)", "call.done(end)", "command.completed(end)",
                  "playbook.completed"}));
   EXPECT_EQ(causes(execution),
             (log{"step.enter(end) <- command.completed(start)", "command.issued(end) <- command.completed(start)",
                  "playbook.completed(playbook) <- command.completed(end)"}));
   auto const column = [&](std::string const& type, std::string const& what) {
      return server().cell("select " + what + " from noetl.event where event_type = '" + type +
                           "' and execution_id = " + execution);
   };
   EXPECT_EQ(column("step.enter", "concat_ws(',', node_id, node_name, status, result->>'status', meta->>'emitted_by')"),
             "end,end,ENTERED,ENTERED,orchestrator");
   EXPECT_EQ(
       column("playbook.completed", "concat_ws(',', node_id, node_name, status, result->>'status', meta->>'status')"),
       "playbook,playbook,COMPLETED,COMPLETED,COMPLETED");
}

TEST_F(sequence, B_an_exclusive_branch_skips_the_other_step_and_enters_one) {
   auto execution = start_branching();
   work(server(), execution, "start", R"({"v":9})");
   work(server(), execution, "hi");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(decisions(execution),
             (log{"playbook_started", "command.issued(start)", "command.completed(start)", "step.skipped(lo)",
                  "step.enter(hi)", "command.issued(hi)", "command.completed(hi)", "playbook.completed"}));
   execution = start_branching();
   work(server(), execution, "start", R"({"v":1})");
   work(server(), execution, "lo");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(decisions(execution),
             (log{"playbook_started", "command.issued(start)", "command.completed(start)", "step.skipped(hi)",
                  "step.enter(lo)", "command.issued(lo)", "command.completed(lo)", "playbook.completed"}));
   EXPECT_EQ(
       server().cell(
           "select status || ',' || node_id from noetl.event where event_type = 'step.skipped' and execution_id = " +
           execution),
       "SKIPPED,hi");
}

TEST_F(sequence, H_a_step_that_raises_ends_the_execution_as_failed) {
   auto const execution = start_linear(server());
   auto const id = issued(server(), execution, "start");
   auto const name = about(command_id(execution, "start", id));
   ASSERT_EQ(claim(server(), id).status, 200U);
   ASSERT_EQ(send(server(), {execution, "command.started", "start", "STARTED", name + "}"}).status, 200U);
   ASSERT_EQ(
       send(server(), {execution, "call.error", "start", "FAILED", name + R"(,"call_index":0,"error":"boom"})"}).status,
       200U);
   ASSERT_EQ(send(server(), {execution, "command.failed", "start", "FAILED", name + R"(,"error":"boom"})"}).status,
             200U);
   ASSERT_EQ(ending(server(), execution), "FAILED");
   EXPECT_EQ(log_of(server(), execution),
             (log{"playbook_started", "command.issued(start)", "command.claimed(start)", "command.started(start)",
                  "call.error(start)", "command.failed(start)", "playbook.failed"}));
   auto const meta = parse(server().cell(
       "select meta from noetl.event where event_type = 'playbook.failed' and execution_id = " + execution));
   EXPECT_EQ(text(meta.at("failed_steps")), R"(["start"])");
   EXPECT_EQ(meta.at("error").get_string(), "Failed steps: start");
}

TEST_F(sequence, the_result_of_a_step_reaches_the_conditions_and_the_variables_of_the_next) {
   auto const path = fresh("sequence/data");
   enroll(server(), playbook(path, "  - step: start\n    tool: {kind: noop}\n    next: [{step: next}]\n"
                                   "  - step: next\n    tool: {kind: python, args: {got: \"{{ start.rows[1].id }}\", "
                                   "all: \"{{ start }}\"}, code: \"x\"}\n"));
   auto const execution = execute(server(), path);
   work(server(), execution, "start", R"({"rows":[{"id":1},{"id":9223372036854775807}]})");
   auto const got = server().get("/api/commands/" + issued(server(), execution, "next"));
   EXPECT_EQ(number(got.at("context.tool_config.args.got")), "9223372036854775807");
   EXPECT_EQ(text(got.at("context.tool_config.args.all")),
             R"({"data":{"rows":[{"id":1},{"id":9223372036854775807}]},"rows":[{"id":1},{"id":9223372036854775807}]})");
}

TEST_F(sequence, W16_the_stream_exists_and_captures_the_bare_and_the_nested_subjects) {
   std::vector<std::string> subjects;
   ASSERT_TRUE(soon([&] { return !(subjects = server().stream_subjects()).empty(); }));
   EXPECT_TRUE(std::ranges::find(subjects, "noetl.commands.>") != subjects.end());
   EXPECT_TRUE(std::ranges::find(subjects, "noetl.commands") != subjects.end());
}

TEST_F(sequence, W1_a_command_is_announced_once_with_subject_payload_and_message_id) {
   auto const path = fresh("sequence/announced");
   enroll(server(), linear(path));
   std::string const trace = R"({"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})";
   auto const execution = execute(server(), path, R"(,"trace":)" + trace);
   auto const id = issued(server(), execution, "start");
   auto const got = server().notifications(execution, 2, std::chrono::milliseconds{1500});
   ASSERT_EQ(got.size(), 1U);
   EXPECT_EQ(got[0].subject, "noetl.commands.shared." + execution);
   EXPECT_EQ(got[0].message_id, id);
   auto const body = parse(got[0].data);
   EXPECT_EQ(shape(body), "{command_id:string,event_id:integer,execution_id:integer,execution_pool:string,server_url:"
                          "string,step:string,trace:object}");
   EXPECT_EQ(number(body.at("execution_id")), execution);
   EXPECT_EQ(number(body.at("event_id")), id);
   EXPECT_EQ(body.at("command_id").get_string(), command_id(execution, "start", id));
   EXPECT_EQ(body.at("step").get_string(), "start");
   EXPECT_EQ(body.at("server_url").get_string(), server().url());
   EXPECT_EQ(body.at("execution_pool").get_string(), "shared");
   EXPECT_EQ(text(body.at("trace")), trace);
   EXPECT_TRUE(soon([&] {
      return server().cell("select status || ',' || subject from noetl.outbox where event_id = " + id) ==
             "PUBLISHED,noetl.commands.shared." + execution;
   }));
}

TEST_F(sequence, a_worker_lives_on_the_notification_the_claim_and_its_reports_alone) {
   auto const path = fresh("sequence/worker");
   enroll(server(), linear(path));
   ASSERT_EQ(
       server()
           .post("/api/worker/pool/register", R"({"name":"w-hand","component_type":"worker_pool","status":"ready"})")
           .status,
       200U);
   auto const execution = execute(server(), path);
   std::size_t heard = 0;
   for (auto const* step : {"start", "end"}) {
      auto const notes = server().notifications(execution, heard + 1);
      ASSERT_EQ(notes.size(), heard + 1) << step;
      auto const note = parse(notes[heard++].data);
      EXPECT_EQ(note.at("step").get_string(), step);
      auto const url = note.at("server_url").get_string();
      EXPECT_EQ(url.substr(url.rfind(':') + 1), std::to_string(server().port())) << "claims go to the named server";
      auto const taken = claim(server(), number(note.at("event_id")), "w-hand");
      ASSERT_EQ(taken.status, 200U) << taken.body;
      auto const name = about(taken.at("meta.command_id").get_string());
      auto const id = number(taken.at("execution_id"));
      auto const node = taken.at("node_name").get_string();
      report const reports[]{
          {id, "command.started", node, "STARTED", name + "}", minted_id(), "w-hand"},
          {id, "call.done", node, "COMPLETED",
           name +
               R"(,"call_index":0,"result":{"status":"success","context":{"status":"success","data":{"x":1},"duration_ms":1}}})",
           minted_id(), "w-hand"},
          {id, "command.completed", node, "success", name + R"(,"status":"success"})", minted_id(), "w-hand"}};
      for (auto const& what : reports) {
         EXPECT_EQ(send(server(), what).status, 200U);
         EXPECT_EQ(send(server(), what).status, 200U) << "an answer that got lost: the same report again";
      }
   }
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(log_of(server(), execution).size(), 13U);
   EXPECT_EQ(server().notifications(execution, 3, std::chrono::milliseconds{800}).size(), 2U);
   EXPECT_EQ(
       server().cell(
           "select string_agg(status || worker_id, ',' order by event_id) from noetl.command where execution_id = " +
           execution),
       "COMPLETEDw-hand,COMPLETEDw-hand");
}

/// Status of the answer to a registration.
unsigned registered(site& at, std::string const& name, std::string const& runtime,
                    std::string const& kind = "worker_pool") {
   return at
       .post("/api/worker/pool/register",
             R"({"name":")" + name + R"(","kind":")" + kind + R"(","runtime":)" + runtime + "}")
       .status;
}

TEST_F(sequence, W8_a_name_that_registers_with_another_key_is_another_process_and_owns_no_earlier_claim) {
   auto const enrolled = [this](std::string const& runtime, std::string const& kind = "worker_pool") {
      return registered(server(), "w-name", runtime, kind);
   };
   auto const execution = start_linear(server());
   auto const id = issued(server(), execution, "start");
   auto const other = issued(server(), start_linear(server()), "start");
   ASSERT_EQ(enrolled(R"({"kind":"rust","worker_public_key":"one"})"), 200U);
   ASSERT_EQ(claim(server(), id, "w-name").status, 200U);
   ASSERT_EQ(claim(server(), other, "w-other").status, 200U);
   for (auto const* same : {R"({"worker_public_key":"one"})", "[]", "null", R"({"worker_public_key":7})"}) {
      ASSERT_EQ(enrolled(same), 200U);
      EXPECT_EQ(claim(server(), id, "w-name").status, 200U) << same << ": nothing says that it is another process";
   }
   ASSERT_EQ(enrolled(R"({"worker_public_key":"two"})", "broker"), 200U);
   EXPECT_EQ(claim(server(), id, "w-name").status, 200U) << "another kind of process";

   ASSERT_EQ(enrolled(R"({"worker_public_key":"two"})"), 200U);
   auto const refused = claim(server(), id, "w-name");
   EXPECT_EQ(refused.status, 409U);
   EXPECT_NE(refused.body.find("Command already claimed by w-name (replaced)"), std::string::npos) << refused.body;
   EXPECT_EQ(claim(server(), other, "w-other").status, 200U) << "a claim of somebody else";
   auto const name = about(command_id(execution, "start", id));
   EXPECT_EQ(
       send(server(), {execution, "command.completed", "start", "success", name + "}", minted_id(), "w-name"}).status,
       409U)
       << "a report of the process that is gone";
}

TEST_F(sequence, W8_a_process_keeps_its_claims_when_it_registers_again_and_loses_them_to_the_next_one) {
   auto const enrolled = [this](std::string const& key) {
      return registered(server(), "w-twice", R"({"worker_public_key":")" + key + R"("})");
   };
   auto const id = issued(server(), start_linear(server()), "start");
   ASSERT_EQ(enrolled("one"), 200U);
   ASSERT_EQ(claim(server(), id, "w-twice").status, 200U);
   ASSERT_EQ(enrolled("one"), 200U);
   EXPECT_EQ(claim(server(), id, "w-twice").status, 200U);
   // The row is gone and a heartbeat makes it anew (W28); who comes with a key then is taken for the next process.
   ASSERT_EQ(server().post("/api/worker/pool/deregister", R"({"name":"w-twice"})").status, 200U);
   ASSERT_EQ(server().post("/api/worker/pool/heartbeat", R"({"name":"w-twice"})").status, 200U);
   EXPECT_EQ(claim(server(), id, "w-twice").status, 200U);
   ASSERT_EQ(enrolled("two"), 200U);
   EXPECT_EQ(claim(server(), id, "w-twice").status, 409U);
}

TEST_F(sequence, W25_a_worker_whose_clock_is_behind_changes_nothing) {
   auto const execution = start_linear(server());
   std::int64_t low = 1'000'000; // ids far below those of the server, as from a clock years behind
   for (auto const* step : {"start", "end"}) {
      auto const id = issued(server(), execution, step);
      auto const name = about(command_id(execution, step, id));
      ASSERT_EQ(claim(server(), id).status, 200U);
      for (auto const* type : {"command.started", "call.done", "command.completed"})
         ASSERT_EQ(send(server(), {execution, type, step, "s", name + "}", std::to_string(low--)}).status, 200U);
   }
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(log_of(server(), execution).back(), "playbook.completed") << "the order of the log is that of arrival";
   EXPECT_EQ(log_of(server(), execution).front(), "playbook_started");
}

TEST_F(sequence, a_completion_that_comes_twice_under_other_ids_leads_to_one_next_command) {
   auto const execution = start_linear(server());
   work(server(), execution, "start");
   auto const id = issued(server(), execution, "end");
   auto const start = server().cell("select event_id from noetl.event where event_type = 'command.issued' and "
                                    "node_name = 'start' and execution_id = " +
                                    execution);
   auto const name = about(command_id(execution, "start", start));
   ASSERT_EQ(
       send(server(), {execution, "command.completed", "start", "success", name + R"(,"status":"success"})"}).status,
       200U);
   work(server(), execution, "end");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_EQ(server().cell("select count(*) from noetl.event where event_type = 'command.issued' and node_name = 'end' "
                           "and execution_id = " +
                           execution),
             "1");
   EXPECT_EQ(
       server().cell("select count(*) from noetl.event where event_type = 'playbook.completed' and execution_id = " +
                     execution),
       "1");
   EXPECT_NE(id, "");
}
