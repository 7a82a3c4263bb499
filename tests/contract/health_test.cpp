// Health, readiness, the pool, metrics and the OpenAPI document: http-execution.md section 18.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct health : contract {};

// Value of a sample in Prometheus text, empty when there is none.
std::string sample(std::string const& all, std::string const& name) {
   auto const at = all.find("\n" + name + " ");
   if (at == all.npos) return {};
   auto const start = at + name.size() + 2;
   return all.substr(start, all.find('\n', start) - start);
}

} // namespace

TEST_F(health, health_and_livez_answer_ok) {
   for (auto const* path : {"/health", "/livez"}) {
      auto const got = server().get(path);
      EXPECT_EQ(got.status, 200U);
      EXPECT_EQ(got.header("content-type"), "application/json");
      EXPECT_EQ(got.body, R"({"status":"ok"})");
   }
}

TEST_F(health, api_health_reports_database_bus_uptime_and_version) {
   ASSERT_TRUE(soon([] { return server().get("/api/health").at("nats").get_string() == "connected"; }));
   auto const got = server().get("/api/health");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{database:string,nats:string,status:string,uptime_seconds:integer,version:string}");
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_EQ(got.at("database").get_string(), "connected");
   EXPECT_EQ(got.at("version").get_string(), "3.15.4");
   EXPECT_GE(got.at("uptime_seconds").as<int>(), 0);
}

TEST_F(health, readyz_says_ready) {
   ASSERT_TRUE(soon([] { return server().get("/readyz").at("status").get_string() == "ready"; }));
   auto const got = server().get("/readyz");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{database:string,nats:string,status:string}");
}

TEST_F(health, pool_status_has_the_documented_members) {
   auto const got = server().get("/api/pool/status");
   EXPECT_EQ(got.status, 200U);
   for (auto const* name :
        {"pool_min", "pool_max", "pool_size", "pool_available", "requests_waiting", "slots_available"})
      EXPECT_TRUE(got.at(name).is_integer()) << name;
   EXPECT_EQ(got.value.get_object().size(), 8U);
   EXPECT_TRUE(got.at("utilization").is_number());
   EXPECT_GE(got.at("utilization").as<double>(), 0);
   EXPECT_LE(got.at("utilization").as<double>(), 1);
   EXPECT_EQ(got.at("status").get_string(), "ok");
   EXPECT_GT(got.at("pool_max").as<int>(), 0);
   EXPECT_LE(got.at("pool_size").as<int>(), got.at("pool_max").as<int>());
}

TEST_F(health, metrics_are_Prometheus_text_with_the_families_of_ingest) {
   auto const execution = start_linear(server());
   ASSERT_EQ(send(server(), {execution, "call.done", "start", "COMPLETED", "{}"}).status, 200U);
   auto const got = server().get("/metrics");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(got.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
   EXPECT_NE(got.body.find("# TYPE noetl_events_ingested_total counter\n"), std::string::npos);
   EXPECT_NE(got.body.find("# TYPE noetl_event_ingest_duration_seconds histogram\n"), std::string::npos);
   EXPECT_NE(sample(got.body, R"(noetl_events_ingested_total{event_type="call.done",status="ok"})"), "");
   for (auto const* bucket :
        {"0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"})
      EXPECT_NE(sample(got.body, R"(noetl_event_ingest_duration_seconds_bucket{event_type="call.done",le=")" +
                                     std::string(bucket) + "\"}"),
                "")
          << bucket;
}

TEST_F(health, metrics_count_writes_by_endpoint_and_starts_by_outcome) {
   auto const count = [](std::string const& name) {
      auto const text = sample(server().get("/metrics").body, name);
      return text.empty() ? 0.0 : std::stod(text);
   };
   auto const requests = [&](std::string const& endpoint, std::string const& status) {
      return count("noetl_write_requests_total{endpoint=\"" + endpoint + "\",status=\"" + status + "\"}");
   };
   auto const outcomes = [&](std::string const& outcome) {
      return count("noetl_execute_outcomes_total{entry=\"single\",outcome=\"" + outcome + "\"}");
   };
   auto const path = fresh("metrics/writes");
   struct write {
      std::string endpoint, target, good, bad;
   };
   for (auto const& [endpoint, target, good, bad] : std::vector<write>{
            {"catalog_register", "/api/catalog/register", content_of(linear(path)), content_of("- no mapping")},
            {"runtime_register", "/api/worker/pool/register", R"({"name":"m-1"})",
             R"({"name":"m-1","kind":"no kind"})"},
            {"runtime_heartbeat", "/api/worker/pool/heartbeat", R"({"name":"m-1"})",
             R"({"name":"m-1","kind":"no kind"})"}}) {
      auto const ok = requests(endpoint, "ok");
      auto const errors = requests(endpoint, "error");
      ASSERT_EQ(server().post(target, good).status, 200U) << endpoint;
      ASSERT_EQ(server().post(target, bad).status, 422U) << endpoint;
      EXPECT_EQ(requests(endpoint, "ok"), ok + 1) << endpoint;
      EXPECT_EQ(requests(endpoint, "error"), errors + 1) << endpoint;
      EXPECT_EQ(count("noetl_write_request_duration_seconds_count{endpoint=\"" + endpoint + "\"}"), ok + errors + 2);
      for (auto const* bound : {"0.001", "10", "+Inf"})
         EXPECT_NE(sample(server().get("/metrics").body, "noetl_write_request_duration_seconds_bucket{endpoint=\"" +
                                                             endpoint + "\",le=\"" + bound + "\"}"),
                   "");
   }
   auto const before = std::pair(outcomes("new"), outcomes("duplicate"));
   std::string const once = R"(,"dedup":{"key":")" + path + "\"}";
   EXPECT_EQ(execute(server(), path, once), execute(server(), path, once));
   EXPECT_EQ(server().post("/api/execute", R"({"path":"no/such"})").status, 404U);
   EXPECT_EQ(outcomes("new"), before.first + 1);
   EXPECT_EQ(outcomes("duplicate"), before.second + 1);
   EXPECT_EQ(outcomes("error"), 0) << "for batches only";
}

TEST_F(health, W31_unknown_event_types_share_one_metric_label) {
   auto const execution = start_linear(server());
   auto const before =
       sample(server().get("/metrics").body, R"(noetl_events_ingested_total{event_type="other",status="ok"})");
   for (auto const* type : {"made.up.one", "made.up.two"})
      ASSERT_EQ(send(server(), {execution, type, "start", "RUNNING", "{}"}).status, 200U);
   auto const metrics = server().get("/metrics").body;
   EXPECT_EQ(metrics.find("made.up"), std::string::npos);
   auto const after = sample(metrics, R"(noetl_events_ingested_total{event_type="other",status="ok"})");
   EXPECT_EQ(std::stod(after), (before.empty() ? 0 : std::stod(before)) + 2);
}

TEST_F(health, refused_events_are_counted_as_errors) {
   ASSERT_EQ(send(server(), {"5", "call.error", "start", "FAILED", "{}"}).status, 404U);
   EXPECT_NE(
       sample(server().get("/metrics").body, R"(noetl_events_ingested_total{event_type="call.error",status="error"})"),
       "");
}

TEST_F(health, the_OpenAPI_document_names_every_route_with_its_body_and_answer) {
   auto const got = server().get("/api/openapi.json");
   ASSERT_EQ(got.status, 200U);
   EXPECT_EQ(got.header("content-type"), "application/json");
   EXPECT_TRUE(got.at("openapi").get_string().starts_with("3.1"));
   EXPECT_TRUE(got.at("info").at("title").is_string_type());
   struct operation {
      std::string path, method;
      bool body;
   };
   for (auto const& [path, method, body] :
        std::vector<operation>{{"/api/catalog/register", "post", true},
                               {"/api/catalog/list", "post", true},
                               {"/api/catalog/resource", "post", true},
                               {"/api/execute", "post", true},
                               {"/api/events", "post", true},
                               {"/api/events/batch", "post", true},
                               {"/api/commands/{event_id}", "get", false},
                               {"/api/commands/{event_id}/claim", "post", true},
                               {"/api/worker/pool/register", "post", true},
                               {"/api/worker/pool/heartbeat", "post", true},
                               {"/api/worker/pool/deregister", "post", true},
                               {"/api/worker/pool/deregister", "delete", true},
                               {"/api/worker/pools", "get", false},
                               {"/api/executions", "get", false},
                               {"/api/executions/{execution_id}", "get", false},
                               {"/api/executions/{execution_id}/status", "get", false},
                               {"/health", "get", false},
                               {"/livez", "get", false},
                               {"/readyz", "get", false},
                               {"/api/health", "get", false},
                               {"/api/pool/status", "get", false},
                               {"/api/openapi.json", "get", false},
                               {"/metrics", "get", false}}) {
      auto const* item = got.at("paths").find(path);
      ASSERT_NE(item, nullptr) << path;
      auto const* what = item->find(method);
      ASSERT_NE(what, nullptr) << method << path;
      EXPECT_EQ(what->find("requestBody") != nullptr, body) << method << path;
      EXPECT_NE(what->at("responses").find("200"), nullptr) << method << path;
   }
   auto const& execute = got.at("paths").at("/api/execute").at("post");
   auto const& reply_schema = execute.at("responses").at("200").at("content").at("application/json").at("schema");
   EXPECT_EQ(reply_schema.at("properties").at("execution_id").at("type").get_string(), "string");
   auto const& parameter =
       got.at("paths").at("/api/executions/{execution_id}").at("get").at("parameters").get_array().at(0);
   EXPECT_EQ(parameter.at("in").get_string(), "path");
   EXPECT_EQ(parameter.at("schema").at("type").get_string(), "integer");
}
