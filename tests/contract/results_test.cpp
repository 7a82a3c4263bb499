// The result store and results by reference: http-execution.md section 16, orchestration.md section 3.9,
// worker-protocol.md section 9.2.
#include "contract/hand.hpp"

#include <noetl/core/sha256.hpp>

using namespace noetl::test;

namespace {

struct results : contract {};

reply put(site& at, std::string const& execution, std::string body) {
   return at.send({"PUT", "/api/result/" + execution, std::move(body), "application/json"});
}
reply put(std::string const& execution, std::string const& name, std::string const& data,
          std::string const& more = {}) {
   return put(site::shared(), execution, R"({"name":")" + name + R"(","data":)" + data + more + "}");
}
reply resolve(site& at, std::string const& ref) {
   return at.get("/api/result/resolve?ref=" + ref);
}
reply resolve(std::string const& ref) {
   return resolve(site::shared(), ref);
}
std::string count_of(std::string const& execution) {
   return site::shared().cell("select count(*) from noetl.result_store where execution_id = " + execution);
}

/// A command whose result went to the store, in the words of the worker.
void work_by_reference(site& at, std::string const& execution, std::string const& step, std::string const& data,
                       std::string const& extracted = {}) {
   auto const id = issued(at, execution, step);
   auto const name = about(command_id(execution, step, id));
   auto const must = [](reply const& got) {
      if (got.status != 200) throw std::runtime_error(std::to_string(got.status) + " " + got.body);
   };
   auto const stored = put(at, execution,
                           R"({"name":")" + step + R"(","scope":"execution","source_step":")" + step +
                               R"(","data":{"status":"success","data":)" + data + R"(,"exit_code":0}})");
   must(stored);
   auto const ref = stored.at("ref").get_string();
   must(claim(at, id));
   must(send(at, {execution, "command.started", step, "STARTED", name + "}"}));
   must(
       send(at, {execution, "call.done", step, "COMPLETED",
                 name + R"(,"call_index":0,"result":{"status":"success","context":{"data":{"_ref":")" + ref +
                     R"("}},"reference":{"kind":"result_ref","ref":")" + ref + R"(","store":"db","scope":"execution")" +
                     (extracted.empty() ? std::string() : R"(,"extracted":)" + extracted) + "}}}"}));
   must(send(at, {execution, "command.completed", step, "success", name + R"(,"status":"success"})"}));
}

std::string context_of(site& at, std::string const& execution, std::string const& step) {
   auto const got = at.get("/api/commands/" + issued(at, execution, step));
   return text(got.at("context"));
}

std::string two_steps(std::string const& path) {
   return playbook(
       path,
       "  - step: start\n    tool: {kind: python, code: x}\n    next: [{step: use}]\n"
       "  - step: use\n    tool: {kind: python, args: {x: \"{{ start.n }}\", ref: \"{{ start._ref }}\"}, code: x}\n");
}

} // namespace

TEST_F(results, are_stored_and_found_by_their_reference) {
   auto const got =
       put("321", "fetch", R"({ "b" : [1, 2.50], "a" : "\u00e9" })", R"(,"source_step":"s","store":"kv","ttl":5)");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{bytes:integer,expires_at:null,ref:string,scope:string,sha256:string,store:string}");
   std::string const canonical = "{\"a\":\"é\",\"b\":[1,2.5]}";
   EXPECT_EQ(number(got.at("bytes")), std::to_string(canonical.size()));
   EXPECT_EQ(got.at("sha256").get_string(), noetl::sha256_hex(canonical));
   EXPECT_EQ(got.at("store").get_string() + " " + got.at("scope").get_string(), "db execution");
   auto const ref = got.at("ref").get_string();
   EXPECT_TRUE(ref.starts_with("noetl://execution/321/result/fetch/")) << ref;
   auto const back = resolve(ref);
   EXPECT_EQ(back.status, 200U);
   EXPECT_EQ(back.body, canonical);
   EXPECT_EQ(back.header("content-type"), "application/json");
   EXPECT_EQ(resolve("noetl%3A%2F%2F" + ref.substr(8)).body, canonical) << "encoded";
   EXPECT_EQ(site::shared().query("select scope, source_step, media_type, expires_at from noetl.result_store where "
                                  "execution_id = 321 and name = 'fetch'")[0],
             (row{"execution", "s", "application/json", std::nullopt}));
}

TEST_F(results, any_JSON_and_any_name_can_be_stored) {
   for (auto const* data : {"null", "5", "\"text\"", "[]", "{}", "true", "18446744073709551615", "\"\\\\u0000\""})
      EXPECT_EQ(resolve(put("322", "any", data).at("ref").get_string()).body, data);
   auto const nested = put("322", "loop/7/part", "1");
   EXPECT_EQ(resolve(nested.at("ref").get_string()).body, "1");
   EXPECT_TRUE(is_error(put("322", "any", "\"a\\u0000b\""), 422, "U+0000"));
}

TEST_F(results, a_repeated_put_is_the_same_result_and_other_content_is_another) {
   auto const first = put("323", "r", R"({"a":1,"b":2})").at("ref").get_string();
   EXPECT_EQ(put("323", "r", R"({ "b":2, "a":1 })").at("ref").get_string(), first);
   EXPECT_EQ(count_of("323"), "1");
   EXPECT_NE(put("323", "r", R"({"a":1,"b":3})").at("ref").get_string(), first);
   EXPECT_NE(put("323", "other", R"({"a":1,"b":2})").at("ref").get_string(), first);
   EXPECT_NE(put("323", "r", R"({"a":1,"b":2})", R"(,"scope":"global")").at("ref").get_string(), first);
   EXPECT_EQ(count_of("323"), "4");
}

TEST_F(results, requests_that_do_not_fit_say_why) {
   EXPECT_TRUE(is_error(put(server(), "1", R"({"data":1})"), 422, "name"));
   EXPECT_TRUE(is_error(put(server(), "1", R"({"name":"n"})"), 422, "data"));
   EXPECT_TRUE(is_error(put(server(), "1", R"({"name":"","data":1})"), 422, "name: must not be empty"));
   EXPECT_TRUE(is_error(put(server(), "1", R"({"name":"n","data":)"), 400, "malformed JSON"));
   EXPECT_EQ(put(server(), "x", R"({"name":"n","data":1})").status, 400U);
   EXPECT_EQ(server().send({"PUT", "/api/result/1", "{}", "text/plain"}).status, 415U);
   EXPECT_EQ(server().get("/api/result/resolve").status, 400U);
}

TEST_F(results, a_reference_that_is_none_or_names_nothing_is_told_without_a_status) {
   EXPECT_EQ(resolve("x").status, 400U);
   EXPECT_EQ(resolve("x").body, R"({"error":"URI must start with 'noetl://', got: \"x\""})");
   EXPECT_EQ(resolve("noetl://execution/abc/result/n/1").status, 400U);
   auto const ref = put("324", "here", "1").at("ref").get_string();
   auto const id = ref.substr(ref.rfind('/'));
   for (auto const& other : {"noetl://execution/325/result/here" + id, "noetl://execution/324/result/there" + id,
                             std::string("noetl://execution/324/result/here/1")}) {
      EXPECT_EQ(resolve(other).status, 404U) << "all three parts must fit: " << other;
      EXPECT_EQ(resolve(other).body, R"({"error":"result not found"})");
   }
}

TEST_F(results, bodies_of_64_MiB_are_taken_here_and_nowhere_else) {
   constexpr std::size_t limit = std::size_t{64} << 20U;
   std::string const head = R"({"name":"large","data":")", tail = "\"}";
   auto const body = head + std::string(limit - head.size() - tail.size(), 'x') + tail;
   auto const got = put(server(), "326", body);
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(number(got.at("bytes")), std::to_string(limit - head.size() - tail.size() + 2));
   auto const back = resolve(got.at("ref").get_string());
   EXPECT_EQ(back.status, 200U);
   EXPECT_EQ(noetl::sha256_hex(back.body), got.at("sha256").get_string());
   auto const refused =
       server().exchange("PUT /api/result/326 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         "Content-Length: " +
                         std::to_string(limit + 1) + "\r\n\r\n");
   EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
   std::string const above(std::size_t{3} << 20U, ' ');
   EXPECT_EQ(server().post("/api/execute", above).status, 413U);
   EXPECT_EQ(server().post("/api/events", above).status, 413U);
}

TEST_F(results, are_counted_and_timed) {
   put("327", "n", "1");
   put(server(), "327", "{}");
   resolve("x");
   resolve("noetl://execution/327/result/n/1");
   resolve(put("327", "n", "1").at("ref").get_string());
   auto const metrics = server().get("/metrics").body;
   for (auto const* line :
        {"noetl_result_store_put_total{status=\"ok\"}", "noetl_result_store_resolve_total{status=\"ok\"}",
         "noetl_result_store_resolve_total{status=\"not_found\"}",
         "noetl_result_store_resolve_total{status=\"bad_request\"}",
         "noetl_result_store_put_duration_seconds_count{status=\"ok\"}",
         "noetl_result_store_resolve_duration_seconds_bucket{status=\"not_found\",le=\"0.001\"}"})
      EXPECT_NE(metrics.find(line), std::string::npos) << line;
}

TEST_F(results, the_next_step_sees_a_result_that_was_too_large_for_its_event) {
   auto const path = fresh("results/two");
   enroll(server(), two_steps(path));
   auto const execution = execute(server(), path);
   work_by_reference(server(), execution, "start", R"({"n":41,"filler":")" + std::string(200'000, 'f') + "\"}",
                     R"({"n":0})");
   auto const context = context_of(server(), execution, "use");
   EXPECT_NE(context.find(R"("x":41)"), std::string::npos) << context.substr(0, 2'000);
   EXPECT_EQ(context.find("noetl://"), context.npos) << "_ref is not there by default";
   work(server(), execution, "use");
   EXPECT_EQ(ending(server(), execution), "COMPLETED");
   // The log keeps the reference, not the result.
   EXPECT_EQ(server().cell("select count(*) from noetl.event where execution_id = " + execution +
                           " and event_type = 'call.done' and result::text like '%fffff%'"),
             "0");
}

TEST_F(results, a_restarted_server_resolves_again_what_it_folds_again) {
   site own;
   auto const path = fresh("results/restart");
   enroll(own, two_steps(path));
   auto const execution = execute(own, path);
   issued(own, execution, "start");
   own.stop_server(SIGKILL);
   own.start_server();
   work_by_reference(own, execution, "start", R"({"n":42})");
   EXPECT_NE(context_of(own, execution, "use").find(R"("x":42)"), std::string::npos);
   own.stop_server(SIGKILL);
   own.start_server();
   work(own, execution, "use");
   EXPECT_EQ(ending(own, execution), "COMPLETED");
}

TEST_F(results, one_that_is_not_there_leaves_the_event_as_it_is) {
   auto const path = fresh("results/lost");
   enroll(server(), two_steps(path));
   auto const execution = execute(server(), path);
   auto const id = issued(server(), execution, "start");
   auto const name = about(command_id(execution, "start", id));
   claim(server(), id);
   send(server(),
        {execution, "call.done", "start", "COMPLETED",
         name + R"(,"call_index":0,"result":{"status":"success","context":{"data":{"_ref":"noetl://execution/)" +
             execution + R"(/result/start/1"}},"reference":{"ref":"noetl://execution/)" + execution +
             R"(/result/start/1"}}})"});
   send(server(), {execution, "command.completed", "start", "success", name + R"(,"status":"success"})"});
   EXPECT_NE(context_of(server(), execution, "use").find("/result/start/1"), std::string::npos)
       << "its _ref is data like any other";
}

TEST_F(results, with_refs_in_state_a_summary_stands_for_the_data_but_not_for_rows) {
   site own(variables{{"NOETL_REFS_IN_STATE", "true"}});
   auto const path = fresh("results/refs");
   enroll(own, two_steps(path));
   auto const execution = execute(own, path);
   work_by_reference(own, execution, "start", R"({"n":41,"filler":"abc"})", R"({"n":7})");
   auto const context = context_of(own, execution, "use");
   EXPECT_NE(context.find(R"("x":7)"), std::string::npos) << context;
   EXPECT_NE(context.find(R"("ref":"noetl://execution/)" + execution + "/result/start/"), std::string::npos) << context;

   auto const cursor = fresh("results/cursor");
   enroll(own, playbook(cursor, "  - step: start\n    tool: {kind: noop}\n    next: [{step: each}]\n"
                                "  - step: each\n    tool: {kind: python, args: {id: \"{{ iter.job.id }}\"}, code: x}\n"
                                "    loop: {iterator: job, cursor: {kind: postgres, claim: \"select\"}, spec: {mode: "
                                "cursor, frame: {max_rows: 3}}}\n"));
   auto const run = execute(own, cursor);
   work(own, run, "start");
   work_by_reference(own, run, "each", R"({"rows":[{"id":11},{"id":12},{"id":13}]})", R"({"rows":[{"id":11}]})");
   std::string commands;
   EXPECT_TRUE(soon([&] {
      commands = own.cell("select count(*) from noetl.event where event_type = 'command.issued' and node_name = 'each' "
                          "and execution_id = " +
                          run);
      return commands == "2";
   })) << commands
       << " commands";
   EXPECT_NE(context_of(own, run, "each").find("\"id\":1"), std::string::npos);
}
