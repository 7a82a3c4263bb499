// POST /api/execute/batch and POST /api/executions/{id}/rerun: http-execution.md 6.2, 21.2.
#include <set>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct execute_batch : contract {
   static reply post(std::string const& items) {
      return server().post("/api/execute/batch", R"({"executions":[)" + items + "]}");
   }
   static std::string item(std::string const& path, std::string const& more = {}) {
      return R"({"path":")" + path + "\"" + more + "}";
   }
   static std::string repeated(std::string const& one, int times) {
      std::string all = one;
      for (int i = 1; i < times; ++i) all += "," + one;
      return all;
   }
   static double figure(std::string const& name) {
      auto const text = server().get("/metrics").body;
      auto const at = text.find("\n" + name + " ");
      return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
   }
};

} // namespace

TEST_F(execute_batch, each_item_is_answered_alone_and_a_bad_one_fails_alone) {
   auto const path = fresh("batch/run");
   enroll(server(), linear(path));
   auto const got = post(item(path) + "," + item("no/such") + ",{}," + item(path, R"(,"execution_pool":"a.b")") + "," +
                         item(path, R"(,"payload":{"a":9})"));
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{count:integer,duplicates:integer,failed:integer,results:array,started:integer}");
   EXPECT_EQ(got.at("count").as<int>(), 5);
   EXPECT_EQ(got.at("started").as<int>(), 2);
   EXPECT_EQ(got.at("duplicates").as<int>(), 0);
   EXPECT_EQ(got.at("failed").as<int>(), 3);
   EXPECT_EQ(shape(got.at("results.0")),
             "{commands_generated:integer,execution_id:string,index:integer,status:string}");
   EXPECT_EQ(shape(got.at("results.1")), "{commands_generated:integer,error:string,index:integer,status:string}");
   for (int i = 0; i < 5; ++i) EXPECT_EQ(got.at("results." + std::to_string(i) + ".index").as<int>(), i);
   EXPECT_EQ(got.at("results.0.status").get_string(), "started");
   EXPECT_EQ(got.at("results.0.commands_generated").as<int>(), 1);
   EXPECT_EQ(got.at("results.1.status").get_string(), "error");
   EXPECT_EQ(got.at("results.1.error").get_string(), "Resource not found: Playbook not found: no/such");
   EXPECT_EQ(got.at("results.2.error").get_string(),
             "Validation error: Either 'path' or 'catalog_id' must be provided");
   EXPECT_TRUE(got.at("results.3.error").get_string().starts_with("Validation error: "));
   auto const last = got.at("results.4.execution_id").get_string();
   EXPECT_EQ(text(server().get("/api/executions/" + last).at("workload")), R"({"a":9})");
   work(server(), last, "start");
   work(server(), last, "end");
   EXPECT_EQ(ending(server(), last), "COMPLETED");
}

TEST_F(execute_batch, an_item_of_the_wrong_type_or_a_body_of_another_shape_fails_the_request) {
   auto const path = fresh("batch/shape");
   auto const catalog = enroll(server(), linear(path));
   EXPECT_TRUE(is_error(post(item(path) + R"(,{"path":7})"), 422, "path"));
   EXPECT_TRUE(is_error(server().post("/api/execute/batch", "{}"), 422, "executions"));
   EXPECT_TRUE(is_error(server().post("/api/execute/batch", "{"), 400, ""));
   EXPECT_TRUE(is_error(server().send({"POST", "/api/execute/batch", "{}", "text/plain"}), 415, ""));
   EXPECT_EQ(server().cell("select count(*) from noetl.event where catalog_id = " + catalog), "0");
}

TEST_F(execute_batch, none_and_more_than_a_thousand_items_answer_422) {
   EXPECT_TRUE(is_error(post(""), 422, "execute batch requires a non-empty 'executions' array"));
   EXPECT_TRUE(is_error(post(repeated("{}", 1001)), 422, "execute batch size 1001 exceeds the 1000 cap"));
   auto const most = post(repeated("{}", 1000));
   EXPECT_EQ(most.status, 200U);
   EXPECT_EQ(most.at("failed").as<int>(), 1000);
}

TEST_F(execute_batch, of_items_with_one_dedup_key_the_first_starts_W3) {
   auto const path = fresh("batch/dedup");
   enroll(server(), linear(path));
   auto const keyed = item(path, R"(,"dedup":{"key":")" + path + "\"}");
   auto const bad = item("no/such", R"(,"dedup":{"key":")" + path + "-2\"}");
   auto const good = item(path, R"(,"dedup":{"key":")" + path + "-2\"}");
   auto const got = post(keyed + "," + keyed + "," + keyed + "," + bad + "," + good);
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("started").as<int>(), 2);
   EXPECT_EQ(got.at("duplicates").as<int>(), 2);
   EXPECT_EQ(got.at("failed").as<int>(), 1);
   EXPECT_EQ(got.at("results.0.status").get_string(), "started");
   for (std::string const index : {"1", "2"}) {
      EXPECT_EQ(got.at("results." + index + ".status").get_string(), "duplicate");
      EXPECT_EQ(got.at("results." + index + ".execution_id").get_string(),
                got.at("results.0.execution_id").get_string());
   }
   EXPECT_EQ(got.at("results.4.status").get_string(), "started") << "the key of a refused start is free";
}

TEST_F(execute_batch, five_hundred_start_with_few_transactions_and_are_counted) {
   auto const path = fresh("batch/many");
   auto const catalog = enroll(server(), linear(path));
   auto const before = figure("noetl_execute_outcomes_total{entry=\"batch\",outcome=\"new\"}");
   auto const got = post(repeated(item(path), 500));
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("started").as<int>(), 500);
   std::set<std::string> ids;
   for (auto const& one : got.at("results").get_array()) ids.insert(one.at("execution_id").get_string());
   EXPECT_EQ(ids.size(), 500U);
   EXPECT_EQ(server().cell("select count(*) from noetl.event where event_type = 'command.issued' and catalog_id = " +
                           catalog),
             "500");
   EXPECT_LT(
       std::stoi(server().cell("select count(distinct ingest_xid) from noetl.event where catalog_id = " + catalog)),
       250)
       << "appends that wait share a commit";
   EXPECT_EQ(figure("noetl_execute_outcomes_total{entry=\"batch\",outcome=\"new\"}") - before, 500);
   EXPECT_GT(figure("noetl_execute_batch_size_count"), 0);
}

TEST_F(execute_batch, W23_items_may_name_versions_and_inherit_the_trace_of_their_parent) {
   auto const path = fresh("batch/versions");
   auto const first = enroll(server(), linear(path));
   auto const second = enroll(server(), linear(path));
   auto const parent = execute(server(), path, R"(,"trace":{"traceparent":"00-1"})");
   auto const got = post(item(path, R"(,"version":1,"parent_execution_id":)" + parent) + "," + item(path));
   ASSERT_EQ(got.status, 200U) << got.body;
   auto const meta = [&](int i, std::string const& column) {
      return server().cell("select " + column +
                           " from noetl.event where event_type = 'playbook_started' and execution_id = " +
                           got.at("results." + std::to_string(i) + ".execution_id").get_string());
   };
   EXPECT_EQ(meta(0, "catalog_id"), first);
   EXPECT_EQ(meta(1, "catalog_id"), second);
   EXPECT_EQ(meta(0, "meta->'trace'->>'traceparent'"), "00-1");
   EXPECT_EQ(meta(1, "meta ? 'trace'"), "f");
}

TEST_F(execute_batch, a_rerun_starts_the_same_version_with_the_same_workload_again) {
   auto const path = fresh("rerun/run");
   auto const catalog = enroll(server(), linear(path));
   auto const first = execute(server(), path, R"(,"payload":{"a":5},"execution_pool":"gpu")");
   enroll(server(), linear(path)); // a newer version
   auto const got = server().send({"POST", "/api/executions/" + first + "/rerun"});
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{commands_generated:integer,execution_id:string,rerun_of:string,status:string}");
   EXPECT_EQ(got.at("rerun_of").get_string(), first);
   EXPECT_EQ(got.at("status").get_string(), "started");
   auto const again = got.at("execution_id").get_string();
   EXPECT_NE(again, first);
   EXPECT_EQ(server().cell("select concat_ws(',', catalog_id, context->'workload'->>'a', meta->>'execution_pool',"
                           " meta->>'rerun_of') from noetl.event where event_type = 'playbook_started'"
                           " and execution_id = " +
                           again),
             catalog + ",5,gpu," + first);
   EXPECT_EQ(server().post("/api/executions/" + first + "/rerun", "{}").status, 200U) << "a body is taken, too";
   EXPECT_TRUE(is_error(server().send({"POST", "/api/executions/321/rerun"}), 404, "Execution not found: 321"));
   EXPECT_TRUE(is_error(server().send({"POST", "/api/executions/x/rerun"}), 400, "execution_id"));
}
