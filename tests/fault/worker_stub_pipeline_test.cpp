// What the worker stub does with pipelines and policies, credentials, large results and sub-playbooks, and what it says
// about them: against a control plane of ours that keeps every request (orchestration.md 1.13; worker-protocol.md 6 to
// 10).
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "../examples/worker_stub/sql_text.hpp"
#include "fault/balancer.hpp"
#include "fault/fake_control_plane.hpp"

namespace noetl::test {
namespace {

using json = tao::json::value;
using list = std::vector<std::string>;

class worker_stub_pipeline : public testing::Test {
protected:
   using said = fake_control_plane::said;

   /// Runs a pipeline (JSON of the claim's tool_config). \return the events
   std::vector<json> run(std::string const& items, std::string const& variables = "{}") {
      json context = {{"args", tao::json::empty_object}};
      context["tool_config"] = tao::json::from_string(items);
      context["render_context"] = tao::json::from_string(variables);
      plane.command("task_sequence", std::move(context));
      return plane.run();
   }
   std::vector<json> run_single(std::string const& kind, std::string const& config, std::string const& variables = "{}",
                                list const& flags = {}) {
      json context = {{"args", tao::json::empty_object}};
      context["tool_config"] = tao::json::from_string(config);
      context["render_context"] = tao::json::from_string(variables);
      plane.command(kind, std::move(context));
      return plane.run(flags);
   }
   static list types(std::vector<json> const& events) {
      list out;
      for (auto const& e : events) out.push_back(e.at("event_type").get_string() + "/" + e.at("status").get_string());
      return out;
   }
   /// `context.result` of call.done.
   static json result_of(std::vector<json> const& events) {
      for (auto const& e : events)
         if (e.at("event_type").get_string() == "call.done") return e.at("context").at("result");
      return tao::json::null;
   }
   static std::string data_of(std::vector<json> const& events) {
      auto const result = result_of(events);
      return result.is_object() ? tao::json::to_string(result.at("context").at("data")) : "none";
   }

   fake_control_plane plane;
};

list const task_returned{"command.started/STARTED", "call.done/COMPLETED", "command.completed/success"};
list const task_reported{"command.started/STARTED", "call.done/COMPLETED", "command.completed/error"};
list const task_raised{"command.started/STARTED", "call.error/FAILED", "command.failed/FAILED"};

TEST_F(worker_stub_pipeline, tasks_see_earlier_labels_inputs_become_variables_and_the_rest_is_rendered_late_L22) {
   auto const events = run(R"([{"a":{"kind":"noop","result":{"x":20}}},
      {"b":{"kind":"python","input":{"n":"{{ a.x + 1 }}"},"code":"result = {'twice': 2 * n}"}},
      {"c":{"kind":"noop","result":{"text":"{{ b.twice }} {{ b.data.twice }} {{ n }} {{ _prev.twice }} {{ who }}"}}}])",
                           R"({"who":"ada"})");
   EXPECT_EQ(types(events), task_returned);
   EXPECT_EQ(data_of(events), R"({"a":{"x":20},"b":{"twice":42},"c":{"text":"42 42 21 42 ada"}})");
}

// What the server has rendered is data by now: a text of a user that looks like a template stays a text.
TEST_F(worker_stub_pipeline, strings_that_need_no_name_of_the_pipeline_are_left_as_they_came) {
   auto const events = run(R"([{"a":{"kind":"noop","result":"{{ who }}"}}])", R"({"who":"ada"})");
   EXPECT_EQ(data_of(events), R"({"a":"{{ who }}"})");
}

TEST_F(worker_stub_pipeline, retry_counts_all_tries_and_the_last_error_fails_the_pipeline) {
   auto const policy =
       R"("spec":{"policy":{"rules":[{"when":"{{ output.status == 'error' and not output.error.retryable }}",
      "then":{"do":"retry","attempts":3,"delay":0.01,"backoff":"linear","set":{"ctx.tries":"{{ _attempt }}"}}}]}})";
   auto const tries = R"("command":"echo {{ _attempt }}; test {{ _attempt }} -ge 3")";
   auto events = run(std::string(R"([{"t":{"kind":"shell",)") + tries + "," + policy + "}}]");
   EXPECT_EQ(types(events), task_returned);
   EXPECT_EQ(data_of(events), R"({"_context_updates":{"tries":2},"t":{"exit_code":0,"stdout":"3\n"}})");

   events = run(std::string(R"([{"ok":{"kind":"noop","result":1}},{"t":{"kind":"shell","command":"exit 4",)") + policy +
                R"(}},{"never":{"kind":"noop"}}])");
   EXPECT_EQ(types(events), task_reported);
   auto const result = result_of(events);
   EXPECT_EQ(result.at("status").get_string(), "error");
   EXPECT_EQ(result.at("context").at("error").get_string(), "exit code 4");
   EXPECT_EQ(data_of(events), R"({"failed_task":"t","labeled_results":{"ok":1,"t":{"exit_code":4,"stdout":""}}})");
}

TEST_F(worker_stub_pipeline, jump_to_a_label_or_to_the_previous_task_break_and_fail) {
   auto const count = R"({"count":{"kind":"python","input":{"n":"{{ ctx.n | default(0) }}"},"code":"result = n + 1",
      "set":{"ctx.n":"{{ output.data }}"}}})";
   auto const rules = [](std::string const& rule) {
      return R"({"check":{"kind":"noop","result":"{{ ctx.n }}","spec":{"policy":{"rules":[)" + rule + "]}}}}";
   };
   for (auto const* to : {"count", "previous", "prev"}) {
      auto const events =
          run("[" + std::string(count) + "," +
              rules(R"({"when":"{{ ctx.n < 4 }}","then":{"do":"jump","to":")" + std::string(to) + R"("}})") + "]");
      EXPECT_EQ(data_of(events), R"({"_context_updates":{"n":4},"check":4,"count":4})") << to;
   }
   auto events = run("[" + std::string(count) + "," + rules(R"({"else":{"then":{"do":"break"}}})") +
                     R"(,{"never":{"kind":"noop"}}])");
   EXPECT_EQ(types(events), task_returned);
   EXPECT_EQ(data_of(events), R"({"_context_updates":{"n":1},"check":1,"count":1})");
   events = run("[" + rules(R"({"else":{"then":{"do":"fail"}}})") + "]");
   EXPECT_EQ(types(events), task_reported);
   EXPECT_NE(data_of(events).find(R"("failed_task":"check")"), std::string::npos) << data_of(events);
   events = run("[" + rules(R"({"else":{"then":{"do":"jump","to":"nowhere"}}})") + "]");
   EXPECT_EQ(types(events), task_reported);
}

TEST_F(worker_stub_pipeline, continue_passes_over_an_error_and_unknown_words_count_as_continue) {
   for (auto const* word : {"continue", "whatever"}) {
      auto const events =
          run(R"([{"t":{"kind":"shell","command":"exit 1","spec":{"policy":{"rules":[
         {"when":"{{ output.status == 'success' }}","then":{"do":"fail"}},{"else":{"then":{"do":")" +
              std::string(word) + R"("}}}]}}}},{"next":{"kind":"noop","result":"{{ t.exit_code }}"}}])");
      EXPECT_EQ(types(events), task_returned);
      EXPECT_EQ(data_of(events), R"({"next":1,"t":{"exit_code":1,"stdout":""}})");
   }
}

TEST_F(worker_stub_pipeline, dotted_names_make_nested_objects_and_scopes_are_dropped) {
   auto const events = run(R"([{"t":{"kind":"noop","set":{"ctx.a.b":1,"iter.c":2,"ctx.a.d":"{{ a.b + 1 }}"}}},
      {"u":{"kind":"noop","result":"{{ ctx.a.d }} {{ a.old }} {{ c }}"}}])",
                           R"({"a":{"old":"kept"}})");
   EXPECT_EQ(tao::json::to_string(tao::json::from_string(data_of(events)).at("u")), R"("2 kept 2")");
   EXPECT_EQ(tao::json::to_string(tao::json::from_string(data_of(events)).at("_context_updates")),
             R"({"a":{"b":1,"d":2,"old":"kept"},"c":2})");
}

TEST_F(worker_stub_pipeline, each_scope_that_tasks_write_to_can_be_read_afterwards) {
   for (std::string const scope : {"ctx", "iter", "step"}) {
      auto const events = run(R"([{"t":{"kind":"noop","set":{")" + scope + R"(.x":1}}},{"u":{"kind":"noop",)" +
                              R"("result":"{{ )" + scope + ".x }}|{{ " + scope + R"(.y }}|{{ x }}"}}])");
      EXPECT_EQ(tao::json::to_string(tao::json::from_string(data_of(events)).at("u")), R"("1||1")") << scope;
   }
}

TEST_F(worker_stub_pipeline, a_template_that_cannot_be_rendered_fails_its_task_and_not_the_worker) {
   auto const events = run(R"([{"t":{"kind":"noop","input":{"x":"{{ 1 / 0 }}{{ 'a' | int }}"}}}])");
   EXPECT_EQ(types(events), task_reported);
   EXPECT_NE(result_of(events).at("context").at("error").get_string().find("Template render error"), std::string::npos);
   EXPECT_EQ(plane.exit_code, 0);
}

TEST_F(worker_stub_pipeline, a_single_tool_keeps_its_result_under_a_policy_L23) {
   auto const events = run_single("shell", R"({"command":"echo x","set":{"ctx.out":"{{ output.data.stdout }}"},
      "spec":{"policy":{"rules":[{"when":"{{ _attempt < 2 }}","then":{"do":"retry","delay":0}},
      {"else":{"then":{"do":"continue","set":{"tries":"{{ _attempt }}"}}}}]}}})");
   EXPECT_EQ(types(events), task_returned);
   auto const context = result_of(events).at("context");
   EXPECT_EQ(context.at("stdout").get_string(), "x\n");
   EXPECT_EQ(tao::json::to_string(context.at("data").at("_context_updates")), R"({"out":"x\n","tries":2})");
   // What raises goes on raising, unless a rule says otherwise.
   auto const url = R"("url":"http://127.0.0.1:1/")";
   EXPECT_EQ(types(run_single("http", "{" + std::string(url) + R"(,"set":{"a":1}})")), task_raised);
   EXPECT_EQ(types(run_single("http", "{" + std::string(url) +
                                          R"(,"spec":{"policy":{"rules":[{"else":{"then":{"do":"continue"}}}]}}})")),
             task_returned);
}

TEST_F(worker_stub_pipeline, every_event_has_the_members_and_types_of_the_real_worker) {
   auto const events = run_single("noop", R"({"result":{"x":1}})");
   ASSERT_EQ(types(events), task_returned);
   for (auto const& e : events) {
      list members;
      for (auto const& [name, value] : e.get_object()) members.push_back(name);
      EXPECT_EQ(members, (list{"context", "created_at", "event_id", "event_type", "execution_id", "meta", "status",
                               "step", "worker_id"}));
      EXPECT_EQ(e.at("execution_id").as<std::int64_t>(), 7001);
      EXPECT_TRUE(e.at("event_id").is_integer());
      EXPECT_EQ(e.at("step").get_string(), "fetch");
      EXPECT_EQ(e.at("worker_id").get_string(), "w-1");
      EXPECT_EQ(e.at("created_at").get_string().size(), std::string("2026-06-17T22:15:00.123456789Z").size());
      EXPECT_EQ(tao::json::to_string(e.at("meta")), R"({"attempts":0})");
      EXPECT_EQ(e.at("context").at("command_id").get_string(), "7001:fetch:9001");
   }
   EXPECT_EQ(events[1].at("context").at("call_index").as<int>(), 0);
   EXPECT_EQ(events[2].at("context").at("status").get_string(), "success");
   auto const registered = plane.seen("/api/worker/pool/register");
   ASSERT_EQ(registered.size(), 1U);
   for (auto const* member : {"name", "component_type", "status", "hostname", "labels", "runtime"})
      EXPECT_NE(registered[0].value.find(member), nullptr) << member;
   EXPECT_EQ(plane.seen("/api/worker/pool/deregister").size(), 1U);
}

TEST_F(worker_stub_pipeline, a_result_of_99_KiB_goes_inline_and_one_of_101_KiB_by_reference) {
   std::string stored;
   plane.answers["PUT /api/result/7001"] = [&](auto const& r) {
      stored = r.body;
      return said{200, R"({"ref":"noetl://execution/7001/result/fetch/9102","store":"db","scope":"execution",)"
                       R"("bytes":103500,"sha256":"ab","expires_at":null})"};
   };
   auto events = run_single("bulk", R"({"args":{"bytes":101376}})");
   EXPECT_TRUE(stored.empty());
   EXPECT_EQ(result_of(events).find("reference"), nullptr);
   events = run_single("bulk", R"({"args":{"bytes":103424}})");
   auto const put = tao::json::from_string(stored);
   EXPECT_EQ(put.at("name").get_string(), "fetch");
   EXPECT_EQ(put.at("source_step").get_string(), "fetch");
   EXPECT_EQ(put.at("scope").get_string(), "execution");
   EXPECT_EQ(put.at("data").at("data").at("bulk").get_string().size(), 103424U);
   auto const reference = result_of(events).at("reference");
   for (auto const* member : {"kind", "ref", "store", "scope", "meta", "extracted", "uri"})
      EXPECT_NE(reference.find(member), nullptr) << member;
   EXPECT_EQ(reference.at("kind").get_string(), "result_ref");
   EXPECT_EQ(reference.at("extracted").at("data").at("bulk").as<std::int64_t>(), 103424);
   EXPECT_EQ(data_of(events), R"({"_ref":"noetl://execution/7001/result/fetch/9102"})");
   plane.answers["PUT /api/result/7001"] = [](auto const&) { return said{500, "{}"}; };
   events = run_single("bulk", R"({"args":{"bytes":103424}})");
   EXPECT_EQ(tao::json::to_string(result_of(events)), R"({"status":"success"})") << "one try, then the bare status";
   EXPECT_EQ(plane.seen("/api/result/").size(), 1U);
}

TEST_F(worker_stub_pipeline, a_reference_in_the_variables_is_fetched_before_templates_see_it) {
   plane.answers["GET /api/result/resolve"] = [](auto const& r) {
      return r.target.find("ref=noetl%3A%2F%2Fexecution%2F7001%2Fresult%2Fbig%2F1") != std::string::npos
                 ? said{200, R"({"status":"success","data":{"x":5}})"}
                 : said{404, "{}"};
   };
   auto const events = run(R"([{"t":{"kind":"noop","result":"{{ input.x }}","input":{"x":"{{ big.x }}"}}}])",
                           R"({"big":{"_ref":"r"},"steps":{
      "big":{"context":{"result":{"reference":{"ref":"noetl://execution/7001/result/big/1"}}}},
      "lost":{"reference":{"ref":"noetl://execution/7001/result/lost/2"}}}})");
   EXPECT_EQ(data_of(events), R"({"t":5})");
   EXPECT_EQ(plane.seen("/api/result/resolve").size(), 2U);
}

TEST_F(worker_stub_pipeline, credentials_are_fetched_by_alias_a_missing_one_is_final_and_an_outage_is_tried_again) {
   plane.answers["GET /api/credentials/token"] = [](auto const&) {
      return said{200, R"({"id":"1","name":"token","type":"bearer","data":{"access_token":"s3cret"},"tags":[]})"};
   };
   auto const config = R"({"url":")" + plane.url() + R"(/target","auth":")";
   auto events = run_single("http", config + "token\"}");
   EXPECT_EQ(types(events), task_returned);
   ASSERT_EQ(plane.seen("/api/credentials/token?include_data=true&execution_id=7001").size(), 1U);
   EXPECT_EQ(tao::json::to_string(result_of(events)).find("s3cret"), std::string::npos);

   plane.answers["GET /api/credentials/gone"] = [](auto const&) { return said{404, "{}"}; };
   events = run_single("http", config + "gone\"}");
   EXPECT_EQ(types(events), task_raised);
   EXPECT_NE(events[1].at("context").at("error").get_string().find("'gone'"), std::string::npos);
   EXPECT_TRUE(plane.seen("/target").empty());

   int outages = 2;
   plane.answers["GET /api/credentials/shy"] = [&](auto const&) {
      return outages-- > 0 ? said{503, "{}"}
                           : said{200, R"({"id":"2","name":"shy","type":"basic","data":{"user":"u"}})"};
   };
   EXPECT_EQ(types(run_single("http", config + "shy\"}")), task_returned);
   EXPECT_EQ(plane.seen("/api/credentials/shy").size(), 3U);
   plane.answers["GET /api/credentials/odd"] = [](auto const&) {
      return said{200, R"({"id":3,"name":"odd","type":"bearer","data":{}})"}; // the id must be a string
   };
   EXPECT_EQ(types(run_single("http", config + "odd\"}")), task_raised);
}

TEST_F(worker_stub_pipeline, keychain_names_that_the_server_leaves_are_filled_in_by_the_worker_L31) {
   plane.answers["GET /api/credentials/shop"] = [](auto const&) {
      return said{200, R"({"id":"1","name":"shop","type":"api_key","data":{"key":"k-1"}})"};
   };
   auto const events =
       run_single("http", R"({"url":")" + plane.url() + R"(/target","params":{"key":"{{ keychain.shop.key }}"}})");
   EXPECT_EQ(types(events), task_returned);
   EXPECT_EQ(plane.seen("/target?key=k-1").size(), 1U);
}

TEST_F(worker_stub_pipeline, http_sends_documents_forms_headers_and_follows_redirects) {
   auto const url = R"({"url":")" + plane.url();
   (void)run_single("http",
                    url + R"(/x-a","method":"post","json":{"x":[1]},"headers":{"X-A":"b"},"params":{"q":"a b&c"}})");
   auto got = plane.seen("/x-a");
   ASSERT_EQ(got.size(), 1U);
   EXPECT_EQ(got[0].method + got[0].target + got[0].body, R"(POST/x-a?q=a%20b%26c{"x":[1]})");
   (void)run_single("http", url + R"(/x-b","method":"PUT","form":{"x":"1 2","y":3}})");
   EXPECT_EQ(plane.seen("/x-b").at(0).body, "x=1%202&y=3");
   plane.answers["GET /x-old"] = [](auto const&) { return said{302, "{}", {{"Location", "/x-new"}}}; };
   EXPECT_EQ(types(run_single("http", url + R"(/x-old"})")), task_returned);
   EXPECT_EQ(plane.seen("/x-new").size(), 1U);
   EXPECT_EQ(types(run_single("http", url + R"(/x-old","follow_redirects":false})")), task_reported);
   EXPECT_TRUE(plane.seen("/x-new").empty());
   EXPECT_EQ(types(run_single("http", R"({"url":"http://example.org/"})")), task_raised) << "loopback only";
}

TEST_F(worker_stub_pipeline, a_sub_playbook_is_started_for_its_parent_and_polled_when_asked) {
   plane.answers["POST /api/execute"] = [](auto const&) {
      return said{200, R"({"execution_id":"8001","status":"started","commands_generated":1})"};
   };
   int polls = 0;
   plane.answers["GET /api/executions/8001/status"] = [&](auto const&) {
      return said{200, ++polls < 3 ? R"({"status":"RUNNING"})" : R"({"status":"FAILED","execution_id":8001})"};
   };
   auto events = run_single("playbook", R"({"path":"a/b","args":{"x":1},"payload":{"no":1}})");
   EXPECT_EQ(data_of(events), R"({"async":true,"execution_id":"8001","path":"a/b","status":"started"})");
   EXPECT_EQ(
       tao::json::to_string(plane.seen("/api/execute").at(0).value),
       R"({"dedup":{"key":"9001/1","window_secs":86400},"parent_execution_id":7001,"path":"a/b","payload":{"x":1}})");
   events = run_single("playbook", R"({"path":"a/b","return_step":"end","poll_interval":0.01})");
   EXPECT_EQ(types(events), task_returned) << "also for a child that failed";
   EXPECT_EQ(data_of(events), R"({"execution_id":8001,"status":"FAILED"})");
   polls = -1'000'000;
   events = run_single("playbook", R"({"path":"a/b","return_step":"end","poll_interval":0.01,"timeout":1})");
   EXPECT_EQ(data_of(events), R"({"execution_id":"8001","status":"timeout","timeout_seconds":1})");
   plane.answers["POST /api/execute"] = [](auto const&) { return said{404, R"({"error":"no such playbook"})"}; };
   EXPECT_EQ(types(run_single("playbook", R"({"path":"a/b"})")), task_raised);
}

TEST_F(worker_stub_pipeline, a_sub_playbook_whose_start_is_not_answered_is_asked_for_again_under_one_key) {
   balancer between({plane.port()}, "POST /api/execute ");
   json context = {{"tool_config", {{"path", "a/b"}}}};
   plane.command("playbook", std::move(context));
   auto const events = plane.run({}, {{"NOETL_SERVER_URL", "http://127.0.0.1:" + std::to_string(between.port())}});
   EXPECT_EQ(types(events), task_raised);
   auto const starts = plane.seen("/api/execute");
   ASSERT_GE(starts.size(), 4U) << "one more when the first went over a kept connection";
   auto const key = starts[0].value.at("dedup").at("key").get_string();
   EXPECT_TRUE(key.ends_with("/1")) << key;
   for (auto const& one : starts) EXPECT_EQ(one.value.at("dedup").at("key").get_string(), key);
}

TEST_F(worker_stub_pipeline, programs_of_steps_do_not_inherit_the_secrets_of_the_worker) {
   process::variables secrets{{"OUR_KEY", "s3cret"}};
   for (auto const* name : {"NATS_URL", "NATS_PASSWORD", "NOETL_NATS_URL", "NOETL_INTERNAL_API_TOKEN", "PGPASSWORD",
                            "POSTGRES_PASSWORD", "NOETL_ENCRYPTION_KEY_PREVIOUS", "NOETL_SHARDS", "VAULT_TOKEN"})
      secrets[name] = "s3cret";
   secrets["PGHOST"] = "not-secret";
   for (std::string const kind : {"shell", "python"}) {
      json context = {{"tool_config", {{"command", "env"}, {"code", "import os; print(dict(os.environ))"}}}};
      plane.command(kind, std::move(context));
      auto const events = plane.run({"--keychain-env", "OUR_KEY"}, secrets);
      EXPECT_EQ(types(events), task_returned);
      auto const printed = result_of(events).at("context").at("stdout").get_string();
      EXPECT_NE(printed.find("not-secret"), printed.npos) << printed;
      EXPECT_EQ(printed.find("s3cret"), printed.npos) << printed;
   }
   // What the step names itself, it gets.
   json context = {{"tool_config", {{"command", "echo $PGPASSWORD"}, {"env", {{"PGPASSWORD", "mine"}}}}}};
   plane.command("shell", std::move(context));
   EXPECT_EQ(result_of(plane.run({}, secrets)).at("context").at("stdout").get_string(), "mine\n");
}

TEST_F(worker_stub_pipeline, switches_slow_down_repeat_reports_and_crash) {
   auto events = run_single("noop", "{}", "{}", {"--duplicate-reports"});
   EXPECT_EQ(types(events), (list{task_returned[0], task_returned[0], task_returned[1], task_returned[1],
                                  task_returned[2], task_returned[2]}));
   EXPECT_EQ(tao::json::to_string(events[0]), tao::json::to_string(events[1]));
   auto const begin = std::chrono::steady_clock::now();
   EXPECT_EQ(types(run_single("noop", "{}", "{}", {"--slow", "300"})), task_returned);
   EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds{300});
   events = run_single("noop", "{}", "{}", {"--crash-after", "0"});
   EXPECT_EQ(types(events), (list{"command.started/STARTED"}));
   EXPECT_EQ(plane.exit_code, 137);
}

TEST(worker_stub_sql, statements_end_outside_of_quotes_comments_and_dollar_quotes) {
   EXPECT_EQ(stub::statements_of("select 1; select 2;;\n-- only; words\n"), (list{"select 1", " select 2"}));
   EXPECT_EQ(stub::statements_of("select ';''', \";\"; do $x$ begin; end $x$; /* ; /* ; */ ; */ select E'\\';'").size(),
             3U);
   EXPECT_EQ(stub::first_word("-- a\n /* b */ BEGIN;"), "begin");
}

TEST(worker_stub_sql, named_parameters_become_numbers_and_casts_stay) {
   auto const bound = stub::with_numbers("select :a::int, ':b', %(c)s, :a, x::text, a[1:2]");
   EXPECT_EQ(bound.sql, "select $1::int, ':b', $2, $1, x::text, a[1:2]");
   EXPECT_EQ(bound.names, (list{"a", "c"}));
}

TEST_F(worker_stub_pipeline, postgres_gives_typed_rows_takes_parameters_and_runs_several_statements_as_one) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   database db("noetl_stub");
   auto const how = db.settings();
   json auth = {{"host", how.host}, {"db_user", how.user}, {"password", how.password}, {"database", how.database}};
   auth["port"] = std::int64_t{how.port};
   auto const with = [&](json config) {
      config["auth"] = auth;
      return run_single("postgres", tao::json::to_string(config));
   };
   auto events =
       with({{"query", "select 1 as i, 2.5::numeric as n, true as b, null as z, 'x' as t, '{\"a\":[1]}'::jsonb as j, "
                       "array[1,null,3] as l, array['a,b','\"'] as s, :p::int * 2 as p"},
             {"params", {{"p", 21}}}});
   EXPECT_EQ(types(events), task_returned);
   auto const data = result_of(events).at("context").at("data");
   EXPECT_EQ(tao::json::to_string(data.at("rows")), R"([{"b":true,"i":1,"j":{"a":[1]},"l":[1,null,3],"n":2.5,"p":42,)"
                                                    R"("s":["a,b","\""],"t":"x","z":null}])");
   EXPECT_EQ(data.at("row_count").as<int>(), 1);
   events = with({{"query", "create table t (x int); insert into t values (1), (2); select count(*) as n from t"}});
   EXPECT_EQ(tao::json::to_string(result_of(events).at("context").at("data").at("rows")), R"([{"n":2}])");
   EXPECT_EQ(result_of(events).at("context").at("data").at("statements").get_array().size(), 3U);
   // One of several fails: nothing of them stays, and the error says what, not the statement.
   events = with({{"query", "insert into t values (3); insert into secret_table values (4)"}});
   EXPECT_EQ(types(events), task_raised);
   auto const error = events[1].at("context").at("error").get_string();
   EXPECT_NE(error.find("does not exist"), std::string::npos) << error;
   EXPECT_EQ(error.find("insert"), std::string::npos) << error;
   events = with({{"query", "select count(*) as n from t"}});
   EXPECT_EQ(tao::json::to_string(result_of(events).at("context").at("data").at("rows")), R"([{"n":2}])");
   auth["port"] = 1;
   EXPECT_EQ(types(with({{"query", "select 1"}})), task_raised);
}

} // namespace
} // namespace noetl::test
