// Read models of executions: http-execution.md section 13, and the members that the command line asks for
// (section 21.2).
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct executions : contract {};

std::vector<std::string> ids_of(std::string const& query) {
   auto const got = site::shared().get("/api/executions" + query);
   std::vector<std::string> out;
   for (auto const& entry : got.value.get_array()) out.push_back(number(entry.at("execution_id")));
   return out;
}
using list = std::vector<std::string>;

std::string run(std::string const& path) {
   auto const execution = execute(site::shared(), path);
   work(site::shared(), execution, "start");
   work(site::shared(), execution, "end");
   EXPECT_EQ(ending(site::shared(), execution), "COMPLETED");
   return execution;
}

} // namespace

TEST_F(executions, the_list_is_a_bare_array_newest_first_with_the_documented_members) {
   auto const path = fresh("executions/list");
   auto const catalog = enroll(server(), linear(path));
   auto const first = run(path);
   auto const second = execute(server(), path);
   auto const got = server().get("/api/executions?catalog_id=" + catalog);
   EXPECT_EQ(got.status, 200U);
   ASSERT_EQ(got.value.get_array().size(), 2U);
   auto const& newest = got.at("0");
   EXPECT_EQ(shape(newest),
             "{catalog_id:integer,completed_at:null,event_count:integer,execution_id:integer,path:string,"
             "started_at:string,status:string}");
   EXPECT_EQ(number(newest.at("execution_id")), second);
   EXPECT_EQ(number(newest.at("catalog_id")), catalog);
   EXPECT_EQ(newest.at("path").get_string(), path);
   EXPECT_EQ(newest.at("status").get_string(), "RUNNING");
   EXPECT_EQ(newest.at("event_count").as<int>(), 2);
   EXPECT_TRUE(is_time(newest.at("started_at").get_string()));
   EXPECT_EQ(number(got.at("1.execution_id")), first);
   EXPECT_EQ(got.at("1.status").get_string(), "COMPLETED");
   EXPECT_TRUE(is_time(got.at("1.completed_at").get_string()));
}

TEST_F(executions, W27_filters_apply_before_the_page_is_cut) {
   auto const path = fresh("executions/Filter");
   auto const catalog = enroll(server(), linear(path));
   auto const oldest = execute(server(), path);
   auto const ended = run(path);
   auto const newest = execute(server(), path);
   start_linear(server());
   std::string part = path.substr(path.find('/') + 1);
   std::ranges::transform(part, part.begin(),
                          [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
   EXPECT_EQ(ids_of("?path=" + part), (list{newest, ended, oldest})) << "a part of the path in any case";
   EXPECT_EQ(ids_of("?limit=1&path=" + part), (list{newest})) << "though others are newer";
   EXPECT_EQ(ids_of("?limit=2&offset=1&path=" + part), (list{ended, oldest}));
   EXPECT_EQ(ids_of("?limit=0&path=" + part), list{});
   EXPECT_EQ(ids_of("?offset=9&path=" + part), list{});
   EXPECT_EQ(ids_of("?status=COMPLETED&limit=1&catalog_id=" + catalog), (list{ended}));
   EXPECT_EQ(ids_of("?status=RUNNING&catalog_id=" + catalog), (list{newest, oldest}));
   EXPECT_EQ(ids_of("?status=FAILED&catalog_id=" + catalog), list{});
   EXPECT_EQ(ids_of("?status=running&catalog_id=" + catalog), list{}) << "the status is exact";
   EXPECT_EQ(ids_of("?path=no%2Fsuch"), list{});
   EXPECT_LE(ids_of("?limit=1000").size(), 100U);
}

TEST_F(executions, the_detail_shows_start_workload_and_events_oldest_first) {
   auto const path = fresh("executions/detail");
   auto const catalog = enroll(server(), linear(path));
   auto const execution = run(path);
   auto const got = server().get("/api/executions/" + execution);
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value),
             "{catalog_id:integer,completed_at:string,events:array,execution_id:integer,parent_execution_id:null,"
             "path:string,started_at:string,status:string,workload:object}");
   EXPECT_EQ(number(got.at("execution_id")), execution);
   EXPECT_EQ(number(got.at("catalog_id")), catalog);
   EXPECT_EQ(got.at("path").get_string(), path);
   EXPECT_EQ(got.at("status").get_string(), "COMPLETED");
   EXPECT_EQ(text(got.at("workload")), R"({"a":1})");
   EXPECT_TRUE(is_time(got.at("started_at").get_string()));
   EXPECT_TRUE(is_time(got.at("completed_at").get_string()));
   EXPECT_EQ(
       shape(got.at("events.0")),
       "{created_at:string,error:null,event_id:integer,event_type:string,node_name:string,result:null,status:string}");
   EXPECT_EQ(got.at("events.0.event_type").get_string(), "playbook_started");
   EXPECT_EQ(got.at("events.0.node_name").get_string(), path);
   auto const& done = got.at("events").get_array().back();
   EXPECT_EQ(shape(done), "{created_at:string,error:null,event_id:integer,event_type:string,node_name:string,result:"
                          "object,status:string}");
   EXPECT_EQ(done.at("event_type").get_string(), "playbook.completed");
   for (auto const& event : got.at("events").get_array()) EXPECT_TRUE(is_time(event.at("created_at").get_string()));
}

TEST_F(executions, the_parent_is_shown_as_a_number) {
   auto const parent = start_linear(server());
   auto const path = fresh("executions/child");
   enroll(server(), linear(path));
   auto const child = execute(server(), path, R"(,"parent_execution_id":)" + parent);
   EXPECT_EQ(number(server().get("/api/executions/" + child).at("parent_execution_id")), parent);
}

TEST_F(executions, unknown_executions_answer_404) {
   EXPECT_TRUE(is_error(server().get("/api/executions/321"), 404, "Execution not found: 321"));
   EXPECT_TRUE(is_error(server().get("/api/executions/321/status"), 404, "Execution not found: 321"));
}

TEST_F(executions, the_status_follows_the_execution_from_start_to_end) {
   auto const execution = start_linear(server());
   auto const path = "/api/executions/" + execution + "/status";
   auto got = server().get(path);
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(
       shape(got.value),
       "{completed:boolean,completed_steps:array,current_step:string,duration_human:null,duration_seconds:null,end_"
       "time:null,error:null,"
       "execution_id:integer,failed:boolean,is_cancelled:boolean,progress:object,start_time:string,status:string}");
   EXPECT_EQ(shape(got.at("progress")),
             "{completed_steps:integer,failed_steps:integer,running_steps:integer,total_steps:integer}");
   EXPECT_EQ(number(got.at("execution_id")), execution);
   EXPECT_EQ(got.at("status").get_string(), "RUNNING");
   EXPECT_EQ(text(got.at("completed")), "false");
   EXPECT_EQ(text(got.at("is_cancelled")), "false");

   work(server(), execution, "start");
   issued(server(), execution, "end");
   got = server().get(path);
   EXPECT_EQ(got.at("status").get_string(), "RUNNING");
   EXPECT_EQ(got.at("current_step").get_string(), "end");
   EXPECT_EQ(text(got.at("completed_steps")), R"(["start"])");
   EXPECT_EQ(got.at("progress.completed_steps").as<int>(), 1);
   EXPECT_EQ(got.at("progress.running_steps").as<int>(), 1);

   work(server(), execution, "end");
   ASSERT_EQ(ending(server(), execution), "COMPLETED");
   got = server().get(path);
   EXPECT_EQ(text(got.at("completed")), "true");
   EXPECT_EQ(text(got.at("failed")), "false");
   EXPECT_EQ(text(got.at("progress")), R"({"completed_steps":2,"failed_steps":0,"running_steps":0,"total_steps":2})");
   EXPECT_TRUE(is_time(got.at("start_time").get_string()));
   EXPECT_TRUE(is_time(got.at("end_time").get_string()));
   EXPECT_LT(got.at("duration_seconds").as<double>(), 60)
       << "reported times of a worker, here months ago, are not the start";
   EXPECT_TRUE(got.at("duration_seconds").is_number());
   EXPECT_TRUE(got.at("duration_human").get_string().ends_with("s")) << got.body;
}

TEST_F(executions, a_failed_execution_says_so_with_its_error) {
   auto const execution = start_linear(server());
   auto const id = issued(server(), execution, "start");
   ASSERT_EQ(claim(server(), id).status, 200U);
   auto const name = about(command_id(execution, "start", id));
   ASSERT_EQ(send(server(), {execution, "call.error", "start", "FAILED", name + R"(,"error":"boom"})"}).status, 200U);
   EXPECT_EQ(server().get("/api/executions/" + execution + "/status").at("status").get_string(), "RUNNING");
   ASSERT_EQ(send(server(), {execution, "command.failed", "start", "FAILED", name + R"(,"error":"boom"})"}).status,
             200U);
   ASSERT_EQ(ending(server(), execution), "FAILED");
   auto const got = server().get("/api/executions/" + execution + "/status");
   EXPECT_EQ(text(got.at("completed")), "true");
   EXPECT_EQ(text(got.at("failed")), "true");
   EXPECT_EQ(got.at("progress.failed_steps").as<int>(), 1);
   EXPECT_EQ(got.at("error").get_string(), "Failed steps: start");
   EXPECT_EQ(server().get("/api/executions/" + execution).at("status").get_string(), "FAILED");
}
