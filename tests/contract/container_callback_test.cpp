// POST /api/internal/container-callback: http-platform.md section 9 and D-80, orchestration.md L-42.
#include "contract/internal.hpp"

using namespace noetl::test;

namespace {

struct container_callback : internal_contract {
   std::string execution, path;

   void SetUp() override {
      internal_contract::SetUp();
      if (IsSkipped()) return;
      path = fresh("container/run");
      enroll(at(), playbook(path, "  - step: start\n    tool: {kind: container, image: x}\n    next: [{step: end}]\n"
                                  "  - step: end\n    tool: {kind: noop}\n"));
      execution = execute(at(), path);
   }
   static reply tell(std::string const& id, std::string const& step, std::string const& body) {
      return post("/container-callback/" + id + "/" + step, body);
   }
   reply tell(std::string const& state, std::string const& job = "job-1") const {
      return tell(execution, "start", R"({"state":")" + state + R"(","job_name":")" + job + "\"}");
   }
   // What a worker reports whose container has been started.
   void park(std::string const& step = "start") const {
      auto const id = issued(at(), execution, step);
      auto const name = about(command_id(execution, step, id));
      ASSERT_EQ(claim(at(), id).status, 200U);
      ASSERT_EQ(send(at(), {execution, "command.started", step, "STARTED", name + "}"}).status, 200U);
      ASSERT_EQ(send(at(), {execution, "command.completed", step, "success",
                            name + R"(,"status":"success","pending_callback":true})"})
                    .status,
                200U);
   }
   void start_loop(std::string const& list) {
      path = fresh("container/loop");
      enroll(at(), playbook(path, "  - step: start\n    loop: {in: \"{{ " + list +
                                      " }}\", iterator: n, spec: {mode: parallel}}\n"
                                      "    tool: {kind: container, image: x}\n    next: [{step: end}]\n"
                                      "  - step: end\n    tool: {kind: noop}\n"));
      execution = execute(at(), path);
   }
   [[nodiscard]] std::string told() const {
      return cell("select count(*) from noetl.event where event_type = 'call.done' and execution_id = " + execution);
   }
   [[nodiscard]] std::string issued_for(std::string const& step) const {
      return cell("select count(*) from noetl.event where event_type = 'command.issued' and node_name = '" + step +
                  "' and execution_id = " + execution);
   }
};

} // namespace

TEST_F(container_callback, L42_D80_brings_the_result_that_a_parked_step_waits_for) {
   park();
   EXPECT_EQ(issued_for("end"), "0");
   auto const got = tell(execution, "start",
                         R"({"state":"succeeded","job_name":"job-1","job_uid":"u-1","exit_code":0,)"
                         R"("completed_at":"2026-06-17T22:15:00+02:00","stdout_uri":"gs://x"})");
   ASSERT_EQ(got.status, 202U) << got.body;
   EXPECT_EQ(shape(got.value), "{event_id:string,status:string}");
   EXPECT_EQ(got.at("status").get_string(), "accepted_in_flight");
   auto const where =
       " from noetl.event where execution_id = " + execution + " and event_id = " + got.at("event_id").get_string();
   EXPECT_EQ(cell("select concat_ws(',', event_type, node_id, node_name, status, meta->>'node_type')" + where),
             "call.done,start,start,COMPLETED,container");
   EXPECT_EQ(text(parse(cell("select result->'context'" + where))),
             R"({"completed_at":"2026-06-17T20:15:00Z","exit_code":0,"job_name":"job-1","job_uid":"u-1","reason":null,)"
             R"("stderr_uri":null,"stdout_uri":"gs://x","terminal_state":"succeeded"})");
   auto const next = issued(at(), execution, "end");
   EXPECT_EQ(claim(at(), next).at("context.render_context.start.terminal_state").get_string(), "succeeded");
}

TEST_F(container_callback, D80_a_retry_is_answered_alike_and_writes_nothing) {
   park();
   auto const first = tell("failed_oom");
   ASSERT_EQ(first.status, 202U) << first.body;
   auto const again = tell("failed_oom");
   EXPECT_EQ(again.status, 202U);
   EXPECT_EQ(again.body, first.body);
   EXPECT_EQ(told(), "1");
   EXPECT_EQ(tell("succeeded").body, R"({"status":"accepted_stale"})") << "the job has ended already";
   EXPECT_EQ(told(), "1");
}

TEST_F(container_callback, a_failed_job_ends_its_step_with_the_state_for_the_playbook_to_look_at) {
   park();
   ASSERT_EQ(tell("failed_timeout").status, 202U);
   EXPECT_EQ(cell("select status from noetl.event where event_type = 'call.done' and execution_id = " + execution),
             "FAILED");
   auto const next = issued(at(), execution, "end");
   EXPECT_EQ(claim(at(), next).at("context.render_context.start.terminal_state").get_string(), "failed_timeout");
}

TEST_F(container_callback, a_callback_that_overtakes_the_workers_report_counts) {
   auto const id = issued(at(), execution, "start");
   auto const name = about(command_id(execution, "start", id));
   ASSERT_EQ(claim(at(), id).status, 200U);
   EXPECT_EQ(tell("succeeded").at("status").get_string(), "accepted_in_flight");
   EXPECT_EQ(issued_for("end"), "0");
   ASSERT_EQ(send(at(), {execution, "command.completed", "start", "success",
                         name + R"(,"status":"success","pending_callback":true})"})
                 .status,
             200U);
   issued(at(), execution, "end");
}

TEST_F(container_callback, D80_nobody_waits_for_an_unknown_execution_or_step) {
   park();
   EXPECT_EQ(tell("321", "start", R"({"state":"failed","job_name":"j"})").body, R"({"status":"accepted_stale"})");
   auto const got = tell(execution, "other", R"({"state":"failed","job_name":"j"})");
   EXPECT_EQ(got.status, 202U);
   EXPECT_EQ(got.body, R"({"status":"accepted_stale"})");
   EXPECT_EQ(told(), "0");
   auto const metrics = at().get("/metrics").body;
   EXPECT_NE(metrics.find("noetl_container_callback_stale_total{state=\"failed\"}"), std::string::npos);
}

TEST_F(container_callback, wrong_bodies_and_paths_are_refused_body_first) {
   auto const body = std::string(R"({"state":"failed","job_name":"j"})");
   EXPECT_TRUE(is_error(tell("x", "start", R"({"state":"odd","job_name":"j"})"), 422, "state"));
   EXPECT_TRUE(is_error(tell("x", "start", R"({"state":"failed"})"), 422, "job_name"));
   EXPECT_TRUE(is_error(tell("x", "start", R"({"state":"failed","job_name":"j","completed_at":"2026-06-17T22:15:00"})"),
                        422, "completed_at"));
   EXPECT_TRUE(is_error(tell("x", "start", "{"), 400, ""));
   EXPECT_TRUE(is_error(tell("x", "start", body), 422, "execution_id"));
   EXPECT_TRUE(is_error(tell("1", "%20", body), 422, "step"));
   EXPECT_TRUE(is_error(post("/container-callback/1/start", body, "text/plain"), 415, ""));
   auto const open = at().send({"POST", "/api/internal/container-callback/1/start", "{", "application/json"});
   EXPECT_EQ(open.status, 403U) << "the gate comes before the body";
}

TEST_F(container_callback, callbacks_at_the_same_time_end_different_commands) {
   start_loop("[1, 2, 3, 4, 5, 6]");
   std::vector<std::string> bodies;
   for (int i = 0; i < 6; ++i) // nobody has said yet which job is whose
      for (int copy = 0; copy < 2; ++copy)
         bodies.push_back(R"({"state":"succeeded","job_name":"job-)" + std::to_string(i) + "\"}");
   auto const got = at().post_together("/api/internal/container-callback/" + execution + "/start", bodies, bearer());
   for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].status, 202U) << got[i].body;
      EXPECT_EQ(got[i].at("status").get_string(), "accepted_in_flight") << bodies[i];
      EXPECT_EQ(got[i].body, got[i ^ 1U].body) << "a retry is answered alike";
   }
   EXPECT_EQ(told(), "6");
   EXPECT_EQ(cell("select count(distinct meta->>'command_id') from noetl.event where event_type = 'call.done'"
                  " and execution_id = " +
                  execution),
             "6");
}

TEST_F(container_callback, D80_a_job_ends_once) {
   start_loop("[1, 2]");
   auto const as = [&](std::string const& state) {
      return tell(execution, "start", R"({"state":")" + state + R"(","job_name":"job","job_uid":"u-1"})");
   };
   EXPECT_EQ(as("failed_node_lost").at("status").get_string(), "accepted_in_flight");
   EXPECT_EQ(as("succeeded").body, R"({"status":"accepted_stale"})");
   EXPECT_EQ(told(), "1");
}

TEST_F(container_callback, a_command_that_its_worker_cancelled_waits_for_nothing) {
   auto const id = issued(at(), execution, "start");
   ASSERT_EQ(claim(at(), id).status, 200U);
   ASSERT_EQ(send(at(), {execution, "command.cancelled", "start", "CANCELLED",
                         about(command_id(execution, "start", id)) + "}"})
                 .status,
             200U);
   EXPECT_EQ(tell("succeeded").body, R"({"status":"accepted_stale"})");
}

TEST_F(container_callback, a_job_of_the_same_name_that_ended_later_is_another_one) {
   start_loop("[1, 2]");
   auto const at_second = [&](int second) {
      return tell(execution, "start",
                  R"({"state":"succeeded","job_name":"job","completed_at":"2026-06-17T22:15:0)" +
                      std::to_string(second) + "Z\"}");
   };
   auto const first = at_second(1);
   EXPECT_EQ(at_second(1).body, first.body);
   EXPECT_NE(at_second(2).body, first.body);
   EXPECT_EQ(told(), "2");
}

TEST_F(container_callback, of_several_jobs_of_a_step_each_ends_its_own_command) {
   start_loop("[1, 2]");
   auto const rows = at().query("select event_id, meta->>'command_id' from noetl.event where event_type = "
                                "'command.issued' and execution_id = " +
                                execution + " order by event_id");
   ASSERT_EQ(rows.size(), 2U);
   for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(claim(at(), *rows[i][0]).status, 200U);
      auto const marker = R"(,"status":"success","pending_callback":{"job_name":"job-)" + std::to_string(i) + "\"}}";
      ASSERT_EQ(send(at(), {execution, "command.completed", "start", "success", about(*rows[i][1]) + marker}).status,
                200U);
   }
   ASSERT_EQ(tell("succeeded", "job-1").status, 202U);
   EXPECT_EQ(cell("select meta->>'command_id' from noetl.event where event_type = 'call.done' and execution_id = " +
                  execution),
             *rows[1][1]);
   ASSERT_EQ(tell("succeeded", "job-0").status, 202U);
   issued(at(), execution, "end");
}
