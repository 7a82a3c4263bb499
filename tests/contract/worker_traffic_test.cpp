// Every request that existing clients send, in their own words, is answered with the status and the members that they
// need: the real worker (worker-protocol.md sections 3 to 10 and 13), the CLI (15), the Python worker (16).
#include <map>
#include <set>
#include <string>
#include <vector>

#include "contract/hand.hpp"
#include "contract/secrets.hpp"

namespace noetl::test {
namespace {

/// What a client reads of an answer: members by path, each with its JSON type; `string|null` leaves a choice.
using needs = std::vector<std::pair<std::string, std::string>>;

std::string kind_of(json_value const& v) {
   if (v.is_null()) return "null";
   if (v.is_boolean()) return "boolean";
   if (v.is_integer()) return "integer";
   if (v.is_number()) return "number";
   if (v.is_string_type()) return "string";
   return v.is_array() ? "array" : "object";
}
testing::AssertionResult answers(reply const& got, unsigned status, needs const& members = {}) {
   if (got.status != status)
      return testing::AssertionFailure() << "status " << got.status << " instead of " << status << ": " << got.body;
   for (auto const& [path, kinds] : members) {
      try {
         auto const kind = kind_of(got.at(path));
         if (("|" + kinds + "|").find("|" + kind + "|") == std::string::npos)
            return testing::AssertionFailure() << path << " is " << kind << ", not " << kinds << ": " << got.body;
      } catch (std::exception const&) {
         return testing::AssertionFailure() << path << " is missing: " << got.body;
      }
   }
   return testing::AssertionSuccess();
}

class traffic : public contract {
protected:
   static reply put(std::string target, std::string body) {
      return server().send(
          {.method = "PUT", .target = std::move(target), .body = std::move(body), .content_type = "application/json"});
   }
   static std::string register_body(std::string const& name, std::string const& key) {
      return R"({"name":")" + name + R"(","component_type":"worker_pool","status":"ready","hostname":"host-a",)" +
             R"("labels":{"pool_name":"shared"},"runtime":{"kind":"rust","worker_public_key":")" + key + R"("}})";
   }
};

TEST_F(traffic, worker_3_registers_twice_beats_before_and_after_and_deregisters_by_POST_and_by_DELETE) {
   auto const name = fresh("traffic-w");
   auto const heartbeat = R"({"name":")" + name + R"("})";
   auto const leave = R"({"name":")" + name + R"(","component_type":"worker_pool"})";
   EXPECT_TRUE(answers(server().post("/api/worker/pool/heartbeat", heartbeat), 200));
   EXPECT_TRUE(answers(server().post("/api/worker/pool/register", register_body(name, "a2V5LTE=")), 200));
   EXPECT_TRUE(answers(server().post("/api/worker/pool/register", register_body(name, "a2V5LTI=")), 200));
   // The key pair is new in each process: the last one counts.
   EXPECT_EQ(server().cell("select runtime->>'worker_public_key' from noetl.runtime where name = '" + name + "'"),
             "a2V5LTI=");
   EXPECT_TRUE(answers(server().post("/api/worker/pool/heartbeat", heartbeat), 200));
   EXPECT_TRUE(answers(server().post("/api/worker/pool/deregister", leave), 200));
   EXPECT_TRUE(answers(server().post("/api/worker/pool/register", register_body(name, "a2V5LTM=")), 200));
   EXPECT_TRUE(answers(server().send({.method = "DELETE",
                                      .target = "/api/worker/pool/deregister",
                                      .body = leave,
                                      .content_type = "application/json"}),
                       200));
}

TEST_F(traffic, worker_4_2_the_notification_decodes_for_the_worker) {
   auto const execution = start_linear(server());
   auto const found = server().notifications(execution, 1);
   ASSERT_EQ(found.size(), 1U);
   EXPECT_EQ(found[0].subject, "noetl.commands.shared." + execution);
   reply const body{200, found[0].data, parse(found[0].data), {}};
   EXPECT_TRUE(answers(body, 200,
                       {{"execution_id", "integer"},
                        {"event_id", "integer"},
                        {"command_id", "string|integer"},
                        {"step", "string"},
                        {"server_url", "string"}}));
   EXPECT_TRUE(body.at("server_url").get_string().starts_with("http://")) << "an absolute URL";
}

TEST_F(traffic, worker_5_a_claim_gives_the_command_the_same_again_to_its_owner_and_409_to_others) {
   auto const execution = start_linear(server());
   auto const event = issued(server(), execution, "start");
   auto const first = claim(server(), event, "traffic-1");
   EXPECT_TRUE(answers(first, 200,
                       {{"status", "string"},
                        {"event_id", "integer"},
                        {"execution_id", "integer"},
                        {"node_id", "string"},
                        {"node_name", "string"},
                        {"action", "string"},
                        {"context.tool_config", "object|array"},
                        {"context.args", "object"},
                        {"context.render_context", "object"},
                        {"meta.command_id", "string|integer"},
                        {"meta.step", "string"},
                        {"meta.tool_kind", "string"},
                        {"meta.attempt", "integer"},
                        {"meta.max_attempts", "integer"}}));
   EXPECT_EQ(first.value.at("meta").find("attempts"), nullptr)
       << "at 3 of these the worker makes passing credential failures final";
   EXPECT_EQ(claim(server(), event, "traffic-1").body, first.body);
   EXPECT_EQ(claim(server(), event, "traffic-2").status, 409U);
}

TEST_F(traffic, worker_8_each_event_is_taken_with_integer_ids_and_nanoseconds_and_once_more_when_repeated) {
   auto const execution = start_linear(server());
   auto const event = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), event, "w-1").status, 200U);
   auto const name = about(command_id(execution, "start", event));
   std::vector<report> const all{
       {execution, "command.started", "start", "STARTED", name + "}"},
       {execution, "call.done", "start", "COMPLETED",
        name + R"(,"call_index":0,"result":{"status":"success","context":{"status":"success","data":{"x":1},)" +
            R"("stdout":"","stderr":"","exit_code":0,"duration_ms":12}}})"},
       {execution, "command.completed", "start", "success", name + R"(,"status":"success"})"}};
   std::vector<std::string> first;
   for (auto const& one : all) {
      auto const got = send(server(), one);
      EXPECT_TRUE(answers(got, 200, {{"status", "string"}, {"event_id", "integer"}}));
      EXPECT_EQ(number(got.at("event_id")), one.event_id);
      first.push_back(got.body);
   }
   for (std::size_t i = 0; i < all.size(); ++i) { // the answers were lost: the same bytes again
      auto const got = send(server(), all[i]);
      EXPECT_EQ(got.status, 200U);
      EXPECT_EQ(got.body, first[i]);
      EXPECT_EQ(server().cell("select count(*) from noetl.event where execution_id = " + execution +
                              " and event_id = " + all[i].event_id),
                "1");
   }
   EXPECT_EQ(claim(server(), event, "w-1").status, 409U) << "over for its owner, too";
   EXPECT_EQ(claim(server(), event, "w-2").status, 409U);
   EXPECT_EQ(server().cell("select count(*) from noetl.event where event_type = 'command.issued' and node_name = 'end' "
                           "and execution_id = " +
                           execution),
             "1");
}

TEST_F(traffic, worker_8_1_a_raised_error_and_an_error_of_a_tool_are_taken) {
   for (auto const raised : {true, false}) {
      auto const execution = start_linear(server());
      auto const event = issued(server(), execution, "start");
      ASSERT_EQ(claim(server(), event, "w-1").status, 200U);
      auto const name = about(command_id(execution, "start", event));
      EXPECT_EQ(send(server(), {execution, "command.started", "start", "STARTED", name + "}"}).status, 200U);
      if (raised) {
         EXPECT_EQ(send(server(), {execution, "call.error", "start", "FAILED",
                                   name + R"(,"call_index":0,"error":"tool not found: x"})"})
                       .status,
                   200U);
         EXPECT_EQ(
             send(server(), {execution, "command.failed", "start", "FAILED", name + R"(,"error":"tool not found: x"})"})
                 .status,
             200U);
         EXPECT_EQ(ending(server(), execution), "FAILED");
      } else {
         EXPECT_EQ(send(server(), {execution, "call.done", "start", "COMPLETED",
                                   name + R"(,"call_index":0,"result":{"status":"error","context":{"status":"error",)" +
                                       R"("error":"exit code 3","exit_code":3}}})"})
                       .status,
                   200U);
         EXPECT_EQ(
             send(server(), {execution, "command.completed", "start", "error", name + R"(,"status":"error"})"}).status,
             200U);
         work(server(), execution, "end");
         EXPECT_EQ(ending(server(), execution), "COMPLETED") << "a reported error completes its step (8.2)";
      }
   }
}

TEST_F(traffic, worker_8_3_cases_set_variables_in_both_forms) {
   auto const execution = start_linear(server());
   EXPECT_TRUE(answers(server().post("/api/vars/" + execution, R"({"greeting":{"text":"hello"}})"), 200));
   EXPECT_TRUE(
       answers(server().post("/api/vars/" + execution, R"({"variables":[{"var_name":"n","var_value":7}]})"), 200));
   EXPECT_TRUE(answers(server().get("/api/vars/" + execution + "/greeting"), 200, {{"var_value.text", "string"}}));
   EXPECT_TRUE(answers(server().get("/api/vars/" + execution + "/n"), 200, {{"var_value", "integer"}}));
   EXPECT_EQ(server().get("/api/vars/" + execution + "/absent").status, 404U);
}

TEST_F(traffic, worker_9_a_large_result_is_put_told_by_reference_and_read_back_by_the_next_step) {
   auto const execution = start_linear(server());
   auto const event = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), event, "w-1").status, 200U);
   auto const name = about(command_id(execution, "start", event));
   auto const document =
       R"({"status":"success","data":{"items":["first"],"text":")" + std::string(150'000, 'x') + R"("}})";
   auto const stored = put("/api/result/" + execution,
                           R"({"name":"start","data":)" + document + R"(,"scope":"execution","source_step":"start"})");
   ASSERT_TRUE(answers(stored, 200, {{"ref", "string"}, {"store", "string"}, {"scope", "string"}}));
   auto const ref = stored.at("ref").get_string();
   std::string encoded;
   for (char const c : ref) encoded += c == ':' ? "%3A" : c == '/' ? "%2F" : std::string(1, c);
   EXPECT_TRUE(answers(server().get("/api/result/resolve?ref=" + encoded), 200,
                       {{"status", "string"}, {"data.items", "array"}, {"data.text", "string"}}));
   EXPECT_EQ(server().get("/api/result/resolve?ref=noetl%3A%2F%2Fexecution%2F1%2Fresult%2Fstart%2F1").status, 404U);

   EXPECT_EQ(send(server(), {execution, "command.started", "start", "STARTED", name + "}"}).status, 200U);
   auto const reference =
       R"({"status":"success","context":{"data":{"_ref":")" + ref + R"("}},"reference":{"kind":"result_ref","ref":")" +
       ref + R"(","store":"db","scope":"execution","meta":{"bytes":150100,"sha256":"00","media_type":)" +
       R"("application/json","content_type":"application/json"},"extracted":{"data":{"items":["first"],)" +
       R"("text":150000}},"uri":"noetl://default/default/results/)" + execution + R"(/start/0/0/1"}})";
   EXPECT_EQ(send(server(), {execution, "call.done", "start", "COMPLETED",
                             name + R"(,"call_index":0,"result":)" + reference + "}"})
                 .status,
             200U);
   EXPECT_EQ(
       send(server(), {execution, "command.completed", "start", "success", name + R"(,"status":"success"})"}).status,
       200U);
   auto const next = issued(server(), execution, "end");
   auto const given = claim(server(), next, "w-1");
   ASSERT_EQ(given.status, 200U);
   EXPECT_EQ(given.at("context.render_context.start.items.0").get_string(), "first");
}

class secret_traffic : public secret_contract {};

TEST_F(secret_traffic, worker_7_credentials_are_told_in_the_form_that_decodes_and_an_unknown_alias_is_404) {
   auto const name = fresh("traffic-credential");
   // As the CLI sends it: without tags and description, which must then be absent or null, and tags never null.
   ASSERT_EQ(
       at().post("/api/credentials", R"({"name":")" + name + R"(","type":"bearer","data":{"token":"t-1"}})").status,
       200U);
   auto const got = at().get("/api/credentials/" + name + "?include_data=true&execution_id=7001");
   ASSERT_TRUE(answers(got, 200, {{"id", "string"}, {"name", "string"}, {"type", "string"}, {"data.token", "string"}}));
   auto const* tags = got.value.find("tags");
   EXPECT_TRUE(tags == nullptr || tags->is_array()) << "an explicit null does not decode";
   EXPECT_EQ(at().get("/api/credentials/" + name + "-not?include_data=true&execution_id=7001").status, 404U);
}

TEST_F(traffic, worker_10_a_sub_playbook_is_started_with_an_integer_parent_and_its_id_is_text) {
   auto const path = fresh("traffic/child");
   enroll(server(), linear(path));
   auto const parent = start_linear(server());
   auto const got = server().post("/api/execute", R"({"payload":{"a":2},"path":")" + path +
                                                      R"(","parent_execution_id":)" + parent + "}");
   ASSERT_TRUE(answers(got, 200, {{"execution_id", "string"}}));
   auto const child = got.at("execution_id").get_string();
   EXPECT_TRUE(answers(server().get("/api/executions/" + child + "/status"), 200,
                       {{"status", "string"}, {"is_cancelled", "boolean"}}));
   work(server(), child, "start");
   work(server(), child, "end");
   EXPECT_EQ(ending(server(), child), "COMPLETED");
}

TEST_F(traffic, worker_13_the_subscription_runtime_reads_registers_activates_polls_drains_and_audits) {
   auto const path = fresh("traffic/subscription");
   auto const target = fresh("traffic/target");
   enroll(server(), linear(target));
   enroll(server(), "apiVersion: noetl.io/v2\nkind: Subscription\nmetadata: {name: t, path: " + path +
                        "}\nspec:\n  source: nats\n  mode: pull\n  dispatch: {playbook: " + target + "}\n");
   EXPECT_TRUE(answers(server().post("/api/catalog/resource", R"({"path":")" + path + R"(","version":"latest"})"), 200,
                       {{"content", "string"}}));
   needs const state{{"subscription_id", "string"},
                     {"path", "string"},
                     {"catalog_id", "string|integer"},
                     {"state", "string"},
                     {"last_event_type", "string"}};
   auto const made = server().post("/api/subscriptions/register", R"({"path":")" + path + R"("})");
   ASSERT_TRUE(answers(made, 200, state));
   auto const id = made.at("subscription_id").get_string();
   EXPECT_TRUE(answers(server().post("/api/subscriptions/" + id + "/activate", ""), 200, state));
   EXPECT_TRUE(answers(server().get("/api/subscriptions/" + id), 200, state));
   // One message: an execution whose parent is the subscription, once for its key.
   auto const message = R"({"path":")" + target + R"(","payload":{"message":{"id":"m-1","data":{}},"subscription":")" +
                        path + R"(","source":"nats"},"parent_execution_id":)" + id +
                        R"(,"dedup":{"key":"m-1","window_secs":300}})";
   auto const first = server().post("/api/execute", message);
   auto const second = server().post("/api/execute", message);
   EXPECT_TRUE(answers(first, 200, {{"execution_id", "string|integer"}, {"status", "string"}}));
   EXPECT_EQ(second.at("status").get_string(), "duplicate");
   EXPECT_EQ(second.at("execution_id").get_string(), first.at("execution_id").get_string());
   auto const audit = server().post(
       "/api/events", R"({"execution_id":)" + id + R"(,"event_type":"subscription.rate_limited","step":"ingress",)" +
                          R"("status":"RUNNING","context":{"waited_ms":5}})");
   EXPECT_TRUE(answers(audit, 200)) << "an execution that has subscription events only";
   EXPECT_TRUE(answers(server().post("/api/subscriptions/" + id + "/drain", ""), 200, state));
   EXPECT_TRUE(answers(server().post("/api/subscriptions/" + id + "/deactivate", ""), 200, state));
   EXPECT_EQ(server().post("/api/subscriptions/" + id + "/drain", "").status, 422U) << "which is only logged";
}

TEST_F(traffic, cli_15_registers_plain_and_base64_executes_with_both_names_of_the_input_lists_and_reads) {
   auto const path = fresh("traffic/cli");
   needs const registered{{"status", "string"},   {"message", "string"},    {"path", "string"},
                          {"version", "integer"}, {"catalog_id", "string"}, {"kind", "string"}};
   auto const plain = server().post("/api/catalog/register", content_of(linear(path)));
   EXPECT_TRUE(answers(plain, 200, registered));
   EXPECT_EQ(plain.at("status").get_string(), "success");
   EXPECT_EQ(plain.at("kind").get_string(), "playbook");
   // base64 of: apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: b, path: traffic/base64}\nworkflow:\n  -
   // {step: start, tool: {kind: noop}}\n
   auto const encoded = server().post(
       "/api/catalog/register",
       R"({"content":"YXBpVmVyc2lvbjogbm9ldGwuaW8vdjIKa2luZDogUGxheWJvb2sKbWV0YWRhdGE6IHtuYW1lOiBiLCBwYXRoOiB0cmFmZmljL2Jhc2U2NH0Kd29ya2Zsb3c6CiAgLSB7c3RlcDogc3RhcnQsIHRvb2w6IHtraW5kOiBub29wfX0K","resource_type":"Playbook"})");
   EXPECT_TRUE(answers(encoded, 200, registered));
   EXPECT_EQ(encoded.at("path").get_string(), "traffic/base64");

   needs const started{{"execution_id", "string"}, {"status", "string"}, {"commands_generated", "integer"}};
   std::string execution;
   for (auto const* name : {"workload", "payload"}) {
      auto const got = server().post("/api/execute", R"({"path":")" + path + R"(",")" + name +
                                                         R"(":{"a":5},"resource_kind":"playbook"})");
      ASSERT_TRUE(answers(got, 200, started));
      EXPECT_EQ(got.at("status").get_string(), "started");
      execution = got.at("execution_id").get_string();
      EXPECT_EQ(number(server().get("/api/executions/" + execution).at("workload.a")), "5");
   }
   EXPECT_TRUE(answers(server().get("/api/executions/" + execution + "/status"), 200,
                       {{"status", "string"},
                        {"completed", "boolean"},
                        {"failed", "boolean"},
                        {"current_step", "string|null"},
                        {"completed_steps", "array"},
                        {"error", "string|null"},
                        {"start_time", "string"},
                        {"end_time", "string|null"},
                        {"duration_seconds", "number|integer|null"},
                        {"duration_human", "string|null"}}));
   EXPECT_TRUE(
       answers(server().get("/api/executions/" + execution + "?page=1&page_size=10"), 200,
               {{"status", "string"}, {"events.0.event_type", "string"}, {"events.0.node_name", "string|null"}}));
   EXPECT_TRUE(answers(server().post("/api/catalog/list", R"({"resource_type":"Playbook"})"), 200,
                       {{"entries.0.path", "string"}, {"entries.0.version", "integer"}}));
   EXPECT_TRUE(answers(server().post("/api/catalog/resource", R"({"path":")" + path + R"("})"), 200,
                       {{"content", "string"}, {"version", "integer"}}));
}

TEST_F(traffic, cli_15_cancels_with_cascade_and_reason_and_is_told_what_was_cancelled) {
   auto const execution = start_linear(server());
   auto const got = server().post("/api/executions/" + execution + "/cancel", R"({"cascade":true,"reason":"traffic"})");
   ASSERT_TRUE(answers(got, 200, {{"status", "string"}, {"message", "string"}}));
   auto const* all = got.value.find("cancelled_executions");
   EXPECT_TRUE(all == nullptr || all->is_array());
   EXPECT_EQ(ending(server(), execution), "CANCELLED");
   EXPECT_EQ(claim(server(), issued(server(), execution, "start")).status, 409U);
}

TEST_F(secret_traffic, cli_15_credentials) {
   auto const name = fresh("traffic-cli-credential");
   EXPECT_EQ(
       at().post("/api/credentials", R"({"name":")" + name + R"(","type":"basic","data":{"user":"u"},"tags":["a"]})")
           .status,
       200U);
   EXPECT_TRUE(answers(at().get("/api/credentials/" + name + "?include_data=false"), 200, {{"name", "string"}}));
}

TEST_F(traffic, python_worker_16_claims_reports_in_batches_with_an_idempotency_key_and_asks_whether_to_stop) {
   auto const execution = start_linear(server());
   auto const event = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), event, "py-1").status, 200U);
   auto const id = command_id(execution, "start", event);
   auto const item = [&](std::string const& type, std::string const& payload) {
      return R"({"step":"start","name":")" + type + R"(","payload":)" + payload +
             R"(,"actionable":false,"informative":true})";
   };
   auto const batch = [&](std::string const& items, std::string const& key) {
      return server().send(
          {.method = "POST",
           .target = "/api/events/batch",
           .body = R"({"execution_id":")" + execution + R"(","worker_id":"py-1","events":[)" + items + "]}",
           .content_type = "application/json",
           .headers = {{"Idempotency-Key", key}}});
   };
   needs const members{{"status", "string"}, {"event_ids", "array"}};
   EXPECT_TRUE(answers(batch(item("command.started", about(id) + "}") + "," + item("step.enter", "{}"), "k1-" + event),
                       200, members));
   EXPECT_TRUE(answers(
       batch(item("call.done", about(id) + R"(,"call_index":0,"result":{"status":"success","context":{"data":{}}}})") +
                 "," + item("command.completed", about(id) + R"(,"status":"success"})"),
             "k2-" + event),
       200, members));
   work(server(), execution, "end");
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
   EXPECT_TRUE(answers(server().get("/api/executions/" + execution + "/cancellation-check"), 200,
                       {{"is_cancelled", "boolean"}}));
}

} // namespace
} // namespace noetl::test
