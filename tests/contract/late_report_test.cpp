// Reports of a worker whose command was given to another one (W8): the report is refused, its worker gives up
// (worker-protocol.md section 8), the outcome is the new owner's.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct late_reports : contract {
   std::string execution, id, name;

   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      execution = start_linear(server());
      id = issued(server(), execution, "start");
      name = about(command_id(execution, "start", id));
   }
   // What the lease does when a worker has been silent for too long.
   void lease_ends() {
      server().query("update noetl.command set status = 'PENDING', worker_id = null, claimed_at = null,"
                     " started_at = null, attempt = attempt + 1 where event_id = " +
                     id);
   }
   report from(std::string const& worker, std::string const& type, std::string const& more = {}) const {
      report what{execution, type, "start", "success", name + more + "}"};
      what.worker = worker;
      return what;
   }
   static std::string data(std::string const& value) {
      return R"(,"call_index":0,"result":{"status":"success","context":{"status":"success","data":{"v":")" + value +
             "\"}}}";
   }
   std::string row() {
      return server().cell("select concat_ws(',', status, worker_id, attempt) from noetl.command where event_id = " +
                           id);
   }
   std::string count(std::string const& type) {
      return server().cell("select count(*) from noetl.event where event_type = '" + type +
                           "' and execution_id = " + execution);
   }
};

constexpr char const* every_report[] = {"command.started",   "call.done",      "call.error",
                                        "command.completed", "command.failed", "action_completed"};

} // namespace

TEST_F(late_reports, W8_of_a_former_owner_are_refused_and_leave_no_trace) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   lease_ends();
   auto const again = claim(server(), id, "w-2");
   ASSERT_EQ(again.status, 200U);
   EXPECT_EQ(number(again.at("meta.attempt")), "2");
   for (auto const* type : every_report)
      EXPECT_TRUE(is_error(send(server(), from("w-1", type, data("late"))), 409, "Command already claimed by w-2"))
          << type;
   for (auto const* type : every_report) EXPECT_EQ(count(type), "0") << type;
   EXPECT_EQ(row(), "CLAIMED,w-2,2");

   ASSERT_EQ(send(server(), from("w-2", "call.done", data("new"))).status, 200U);
   ASSERT_EQ(send(server(), from("w-2", "command.completed")).status, 200U);
   auto const next = issued(server(), execution, "end");
   EXPECT_EQ(claim(server(), next).at("context.render_context.start.v").get_string(), "new");
   for (auto const* type : every_report)
      EXPECT_TRUE(is_error(send(server(), from("w-1", type, data("late"))), 409, "w-2")) << type << " after the end";
   EXPECT_EQ(row(), "COMPLETED,w-2,2");
   EXPECT_EQ(count("call.done"), "1");
}

TEST_F(late_reports, W8_a_slow_worker_may_finish_what_nobody_else_has_claimed) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   lease_ends();
   ASSERT_EQ(send(server(), from("w-1", "call.done", data("slow"))).status, 200U);
   ASSERT_EQ(send(server(), from("w-1", "command.completed")).status, 200U);
   EXPECT_EQ(row(), "COMPLETED,w-1,2");
   EXPECT_TRUE(is_error(claim(server(), id, "w-2"), 409, "Command already reached terminal state"));
   auto const next = issued(server(), execution, "end");
   EXPECT_EQ(claim(server(), next).at("context.render_context.start.v").get_string(), "slow");
}

TEST_F(late_reports, W8_W10_a_report_that_is_stored_stays_accepted_when_it_is_repeated) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   auto const stored = from("w-1", "call.done", data("a"));
   ASSERT_EQ(send(server(), stored).status, 200U);
   lease_ends();
   ASSERT_EQ(claim(server(), id, "w-2").status, 200U);
   EXPECT_EQ(send(server(), stored).status, 200U);
   EXPECT_EQ(count("call.done"), "1");
   EXPECT_TRUE(is_error(send(server(), from("w-1", "command.completed")), 409, "w-2"));
}

TEST_F(late_reports, W8_a_batch_of_a_former_owner_is_refused_whole) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   lease_ends();
   ASSERT_EQ(claim(server(), id, "w-2").status, 200U);
   auto const batch = [&](std::string const& worker) {
      return server().post("/api/events/batch",
                           R"({"execution_id":)" + execution + R"(,"worker_id":")" + worker +
                               R"(","events":[{"step":"start","name":"x"},{"step":"start","name":"command.completed",)"
                               R"("payload":)" +
                               name + "}}]}");
   };
   EXPECT_TRUE(is_error(batch("w-1"), 409, "Command already claimed by w-2"));
   EXPECT_EQ(count("x"), "0");
   EXPECT_EQ(batch("w-2").status, 200U);
   EXPECT_EQ(row(), "COMPLETED,w-2,2");
}

TEST_F(late_reports, who_names_no_worker_or_no_command_is_believed) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   EXPECT_EQ(server()
                 .post("/api/events", R"({"execution_id":)" + execution +
                                          R"(,"step":"start","event_type":"call.done","context":)" + name + "}}")
                 .status,
             200U);
   report other{execution, "call.done", "start", "success", "{}"};
   other.worker = "w-9";
   EXPECT_EQ(send(server(), other).status, 200U);
}

TEST_F(late_reports, a_command_that_its_worker_cancels_fails_its_step) {
   ASSERT_EQ(claim(server(), id, "w-1").status, 200U);
   report stranger{execution, "command.cancelled", "start", "CANCELLED", name + "}"};
   stranger.worker = "w-2";
   EXPECT_TRUE(is_error(send(server(), stranger), 409, "Command already claimed by w-1"));
   ASSERT_EQ(send(server(), {execution, "command.cancelled", "start", "CANCELLED", name + "}"}).status, 200U);
   EXPECT_EQ(ending(server(), execution), "FAILED");
   EXPECT_EQ(server().cell("select status from noetl.command where event_id = " + id), "CANCELLED");
   auto const got = server().get("/api/executions/" + execution + "/status");
   EXPECT_EQ(got.at("error").get_string(), "Failed steps: start") << got.body;
   EXPECT_EQ(got.at("progress.failed_steps").as<int>(), 1);
}

TEST_F(late_reports, a_meta_of_blanks_is_an_object_like_any_other) {
   auto const got = server().post("/api/events", R"({"execution_id":)" + execution +
                                                     R"(,"step":"start","event_type":"x","meta":{ },"context":{ }})");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(text(parse(
                 server().cell("select meta from noetl.event where event_type = 'x' and execution_id = " + execution))),
             R"({"actionable":true,"informative":true})");
}
