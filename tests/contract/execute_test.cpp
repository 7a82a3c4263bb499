// POST /api/execute: http-execution.md section 6.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct starting : contract {};

reply ask(std::string const& body) {
   return site::shared().post("/api/execute", body);
}
reply ask_path(std::string const& path, std::string const& more = {}) {
   return ask(R"({"path":")" + path + "\"" + more + "}");
}

// One column of the start event of an execution.
std::string start_of(std::string const& execution, std::string const& column) {
   return site::shared().cell(
       "select " + column + " from noetl.event where event_type = 'playbook_started' and execution_id = " + execution);
}

// Everything that a started playbook leaves behind, by its catalog entry.
std::string rows_of(std::string const& catalog) {
   return site::shared().cell("select (select count(*) from noetl.event where catalog_id = " + catalog +
                              ") || ' ' ||"
                              " (select count(*) from noetl.command where catalog_id = " +
                              catalog +
                              ") || ' ' ||"
                              " (select count(*) from noetl.stream_head where catalog_id = " +
                              catalog +
                              ") || ' ' ||"
                              " (select count(*) from noetl.outbox o where not exists"
                              " (select 1 from noetl.stream_head h where h.execution_id = o.execution_id))");
}

std::string one_step(std::string const& path, std::string const& tool) {
   return playbook(path, "  - step: start\n    tool: " + tool + "\n", "{a: 1}");
}

} // namespace

TEST_F(starting, a_start_answers_with_the_id_as_text) {
   auto const path = fresh("execute/plain");
   enroll(server(), linear(path));
   auto const got = ask_path(path);
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{commands_generated:integer,execution_id:string,status:string}");
   EXPECT_EQ(got.at("status").get_string(), "started");
   EXPECT_EQ(got.at("commands_generated").as<int>(), 1);
   EXPECT_GT(std::stoll(got.at("execution_id").get_string()), std::int64_t{1} << 53);
}

TEST_F(starting, the_catalog_id_wins_over_the_path) {
   auto const path = fresh("execute/by-id");
   auto const id = enroll(server(), linear(path));
   enroll(server(), linear(path));
   auto const got = ask(R"({"path":"no/such","catalog_id":)" + id + "}");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(start_of(got.at("execution_id").get_string(), "catalog_id"), id);
}

TEST_F(starting, W23_the_wanted_version_is_run_and_the_highest_without_one) {
   auto const path = fresh("execute/version");
   auto const first = enroll(server(), linear(path));
   auto const second = enroll(server(), linear(path));
   auto const run = [&](std::string const& more) { return start_of(execute(server(), path, more), "catalog_id"); };
   EXPECT_EQ(run(""), second);
   EXPECT_EQ(run(R"(,"version":1)"), first);
   EXPECT_EQ(run(R"(,"version":"1")"), first);
   EXPECT_EQ(run(R"(,"version":2)"), second);
   EXPECT_EQ(run(R"(,"version":"latest")"), second);
   EXPECT_EQ(run(R"(,"version":null)"), second);
   EXPECT_TRUE(is_error(ask_path(path, R"(,"version":3)"), 404, "Playbook not found: " + path));
   for (auto const* version : {"\"x\"", "-1", "1.5", "true"})
      EXPECT_TRUE(is_error(ask_path(path, R"(,"version":)" + std::string(version)), 422, "ersion")) << version;
   EXPECT_EQ(ask_path(path, R"(,"resource_kind":"playbook")").status, 200U);
}

TEST_F(starting, what_cannot_be_found_or_is_not_named_is_refused) {
   EXPECT_TRUE(is_error(ask("{}"), 422, "Either 'path' or 'catalog_id' must be provided"));
   EXPECT_TRUE(
       is_error(ask(R"({"path":null,"catalog_id":null})"), 422, "Either 'path' or 'catalog_id' must be provided"));
   EXPECT_TRUE(is_error(ask_path("demo/missing"), 404, "Playbook not found: demo/missing"));
   EXPECT_TRUE(is_error(ask(R"({"catalog_id":42})"), 404, "Catalog entry not found: 42"));
   auto const path = fresh("execute/empty");
   auto const id = enroll(server(), linear(path));
   server().query("update noetl.catalog set content = null, payload = null where catalog_id = " + id);
   EXPECT_TRUE(is_error(ask_path(path), 404, "No playbook content found for catalog_id: " + id));
}

TEST_F(starting, a_playbook_of_another_shape_answers_400_and_one_that_breaks_a_rule_422) {
   auto const run = [&](std::string const& yaml_of_path) {
      auto const path = fresh("execute/bad");
      auto yaml = yaml_of_path;
      yaml.replace(yaml.find("PATH"), 4, path);
      enroll(server(), yaml);
      return ask_path(path);
   };
   std::string const head = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: t, path: PATH}\n";
   std::string const noop = "tool: {kind: noop}";
   EXPECT_TRUE(is_error(run(head + "workflow: 5\n"), 400, "workflow"));
   EXPECT_TRUE(is_error(run(head), 400, "workflow"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: start}]\n"), 400, "tool"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: start, tool: {kind: nonsense}}]\n"), 400, "nonsense"));
   EXPECT_TRUE(is_error(
       run("apiVersion: noetl.io/v1\nkind: Playbook\nmetadata: {name: t, path: PATH}\nworkflow: [{step: start, " +
           noop + "}]\n"),
       422, "Unsupported API version: noetl.io/v1. Expected noetl.io/v2"));
   EXPECT_TRUE(
       is_error(run("apiVersion: noetl.io/v2\nkind: Agent\nmetadata: {name: t, path: PATH}\nworkflow: [{step: start, " +
                    noop + "}]\n"),
                422, "Agent"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: first, " + noop + "}]\n"), 422, "start"));
   EXPECT_TRUE(
       is_error(run(head + "workflow: [{step: start, " + noop + "}, {step: start, " + noop + "}]\n"), 422, "start"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: start, " + noop + ", next: gone}]\n"), 422, "gone"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: start, " + noop + ", case: []}]\n"), 422, "case"));
   EXPECT_TRUE(is_error(run(head + "workflow: [{step: start, " + noop + ", when: \"{x}\"}]\n"), 422, "when"));
}

TEST_F(starting, W2_a_start_that_fails_leaves_no_rows) {
   struct sample {
      std::string step, more;
      unsigned status;
      std::string part;
   };
   for (auto const& [step, more, status, part] :
        std::vector<sample>{{"    tool: {kind: python, code: \"{{ a | no_such_filter }}\"}\n", "", 500, ""},
                            {"    tool: {kind: python, code: \"{{ a.get('x') }}\"}\n", "", 500, ""},
                            {"    tool: {kind: noop}\n    loop: {in: \"{{ a }}x\", iterator: i}\n", "", 422,
                             "start step loop.in must resolve to a JSON array, got: string"},
                            {"    tool: {kind: noop}\n", R"(,"execution_pool":"a.b")", 422, "execution_pool"},
                            {"    tool: {kind: noop}\n", R"(,"payload":[])", 422, "payload"}}) {
      auto const path = fresh("execute/atomic");
      auto const id = enroll(server(), playbook(path, "  - step: start\n" + step, "{a: 1}"));
      EXPECT_TRUE(is_error(ask_path(path, more), status, part)) << step << more;
      EXPECT_EQ(rows_of(id), "0 0 0 0") << step << more;
   }
   auto const path = fresh("execute/atomic");
   auto const id = enroll(server(), linear(path));
   ASSERT_EQ(ask_path(path).status, 200U);
   EXPECT_EQ(rows_of(id), "2 1 1 0");
}

TEST_F(starting, the_start_event_holds_ids_path_and_the_merged_workload) {
   auto const path = fresh("execute/started");
   auto const id =
       enroll(server(), playbook(path, "  - step: start\n    tool: {kind: noop}\n", "{a: 1, deep: {x: 1}, kept: 3}"));
   auto const parent = start_linear(server());
   auto const execution =
       execute(server(), path,
               R"(,"payload":{"a":2,"deep":{"y":2},"big":9223372036854775807},"execution_pool":"gpu",)"
               R"("parent_execution_id":)" +
                   parent);
   auto const context = parse(start_of(execution, "context"));
   EXPECT_EQ(shape(context), "{catalog_id:string,execution_id:string,path:string,workload:object}");
   EXPECT_EQ(context.at("catalog_id").get_string(), id);
   EXPECT_EQ(context.at("execution_id").get_string(), execution);
   EXPECT_EQ(context.at("path").get_string(), path);
   EXPECT_EQ(text(context.at("workload")), R"({"a":2,"big":9223372036854775807,"deep":{"y":2},"kept":3})");
   auto const meta = parse(start_of(execution, "meta"));
   EXPECT_EQ(shape(meta), "{emitted_at:string,emitter:string,execution_pool:string}");
   EXPECT_EQ(meta.at("emitter").get_string(), "control_plane");
   EXPECT_EQ(meta.at("execution_pool").get_string(), "gpu");
   EXPECT_TRUE(is_time(meta.at("emitted_at").get_string()));
   EXPECT_EQ(start_of(execution, "concat_ws(',', node_id, node_name, node_type, status, catalog_id)"),
             "playbook," + path + ",execution,STARTED," + id);
   EXPECT_EQ(start_of(execution, "parent_execution_id"), parent);
   for (auto const* column : {"result", "worker_id", "parent_event_id", "error"})
      EXPECT_EQ(start_of(execution, column), "NULL") << column;
}

TEST_F(starting, the_first_command_is_issued_without_a_step_enter_and_carries_its_context_and_meta) {
   auto const path = fresh("execute/command");
   auto const catalog = enroll(server(), linear(path));
   auto const execution = execute(server(), path, R"(,"workload":{"a":"x"})");
   EXPECT_EQ(log_of(server(), execution), (std::vector<std::string>{"playbook_started", "command.issued(start)"}));
   auto const where = " from noetl.event where event_type = 'command.issued' and execution_id = " + execution;
   auto const id = server().cell("select event_id" + where);
   EXPECT_EQ(server().cell("select concat_ws(',', node_id, node_name, node_type, status)" + where),
             "start,start,python,PENDING");
   EXPECT_EQ(server().cell("select parent_event_id" + where), start_of(execution, "event_id"));

   auto const context = parse(server().cell("select context" + where));
   EXPECT_EQ(shape(context), "{args:object,render_context:object,tool_config:object}");
   EXPECT_EQ(text(context.at("tool_config")), R"({"args":{"x":"x"},"code":"result = x"})");
   auto const& variables = context.at("render_context");
   EXPECT_EQ(variables.at("a").get_string(), "x");
   EXPECT_EQ(variables.at("workload").at("a").get_string(), "x");
   EXPECT_EQ(variables.at("execution_id").get_string(), execution);
   EXPECT_EQ(variables.at("catalog_id").get_string(), catalog);
   EXPECT_EQ(variables.at("path").get_string(), path);
   EXPECT_EQ(variables.find("ctx"), nullptr);

   auto const meta = parse(server().cell("select meta" + where));
   EXPECT_EQ(shape(meta), "{actionable:boolean,attempt:integer,catalog_id:string,command_id:string,execution_id:string,"
                          "max_attempts:integer,step:string,tool_kind:string}");
   EXPECT_EQ(meta.at("command_id").get_string(), command_id(execution, "start", id));
   EXPECT_EQ(meta.at("max_attempts").as<int>(), 3);
   EXPECT_EQ(meta.at("attempt").as<int>(), 1);
   EXPECT_EQ(meta.at("tool_kind").get_string(), "python");
}

TEST_F(starting, the_trace_is_kept_and_inherited_by_children) {
   auto const path = fresh("execute/trace");
   enroll(server(), linear(path));
   std::string const trace = R"({"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})";
   auto const parent = execute(server(), path, R"(,"trace":)" + trace);
   auto const child = execute(server(), path, R"(,"parent_execution_id":)" + parent);
   for (auto const& execution : {parent, child}) {
      EXPECT_EQ(text(parse(start_of(execution, "meta")).at("trace")), trace);
      EXPECT_EQ(server().cell(
                    "select meta->>'trace' from noetl.event where event_type = 'command.issued' and execution_id = " +
                    execution),
                start_of(execution, "meta->>'trace'"));
   }
   EXPECT_EQ(start_of(execute(server(), path, R"(,"trace":null)"), "meta ? 'trace'"), "f");
   EXPECT_EQ(ask_path(path, R"(,"parent_execution_id":42)").status, 200U)
       << "a parent that is not here does not matter";
}

TEST_F(starting, W30_the_execution_pool_is_one_subject_token_or_absent) {
   auto const path = fresh("execute/pool");
   auto const catalog = enroll(server(), linear(path));
   for (auto const* pool : {"a.b", "a b", "*", ">", "a\\n", "\\u00e9", "a/b"})
      EXPECT_TRUE(is_error(ask_path(path, R"(,"execution_pool":")" + std::string(pool) + "\""), 422, "execution_pool"))
          << pool;
   EXPECT_EQ(rows_of(catalog), "0 0 0 0");
   auto const subject = [&](std::string const& execution) {
      return server().cell("select subject from noetl.outbox where execution_id = " + execution);
   };
   auto execution = execute(server(), path, R"(,"execution_pool":"gpu_1-a")");
   EXPECT_EQ(subject(execution), "noetl.commands.gpu_1-a." + execution);
   execution = execute(server(), path, R"(,"execution_pool":"")");
   EXPECT_EQ(subject(execution), "noetl.commands.shared." + execution);
   EXPECT_EQ(start_of(execution, "meta ? 'execution_pool'"), "f");
}

TEST_F(starting, the_prefix_of_the_playbooks_path_chooses_the_pool) {
   for (auto const* pool : {"system", "subscription"}) {
      auto const path = fresh(std::string(pool) + "/job");
      enroll(server(), one_step(path, "{kind: noop}"));
      auto const execution = execute(server(), path);
      EXPECT_EQ(server().cell("select subject from noetl.outbox where execution_id = " + execution),
                "noetl.commands." + std::string(pool) + "." + execution);
   }
}

TEST_F(starting, a_pipeline_is_one_command_of_kind_task_sequence) {
   auto const path = fresh("execute/pipeline");
   enroll(server(), playbook(path, "  - step: start\n    tool:\n      - {name: one, kind: noop}\n      - two: {kind: "
                                   "python, code: \"result = 1\"}\n"));
   auto const execution = execute(server(), path);
   auto const got = server().get("/api/commands/" + issued(server(), execution, "start"));
   EXPECT_EQ(got.at("action").get_string(), "task_sequence");
   ASSERT_TRUE(got.at("context.tool_config").is_array()) << got.body;
   EXPECT_TRUE(got.at("context.tool_config.0.one").is_object());
   EXPECT_TRUE(got.at("context.tool_config.1.two").is_object());
}

TEST_F(starting, a_looped_start_counts_all_items_and_enters_the_step) {
   auto const loop = [&](std::string const& spec) {
      auto const path = fresh("execute/loop");
      enroll(server(), playbook(path,
                                "  - step: start\n    tool: {kind: noop}\n    loop: {in: \"{{ items }}\", iterator: x" +
                                    spec + "}\n",
                                "{items: [7, 8, 9]}"));
      auto const got = ask_path(path);
      EXPECT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(got.at("commands_generated").as<int>(), 3);
      return got.at("execution_id").get_string();
   };
   using log = std::vector<std::string>;
   auto execution = loop("");
   EXPECT_EQ(log_of(server(), execution), (log{"playbook_started", "step.enter(start)", "command.issued(start)"}))
       << "one after the other";
   auto const id = issued(server(), execution, "start");
   auto const got = server().get("/api/commands/" + id);
   EXPECT_EQ(got.at("meta.command_id").get_string(), command_id(execution, "start", id) + ":i0");
   EXPECT_EQ(number(got.at("meta.iteration_index")), "0");
   EXPECT_EQ(number(got.at("meta.iteration_total")), "3");
   EXPECT_EQ(number(got.at("context.render_context.x")), "7");
   execution = loop(", spec: {mode: parallel}");
   EXPECT_EQ(log_of(server(), execution), (log{"playbook_started", "step.enter(start)", "command.issued(start)",
                                               "command.issued(start)", "command.issued(start)"}));
   EXPECT_EQ(
       text(parse(server().cell("select result from noetl.event where event_type = 'step.enter' and execution_id = " +
                                execution))
                .at("context")
                .at("iterations_expected")),
       "3");
}
