// The rules that hold for every route: http-execution.md sections 1 and 2, http-platform.md section 1.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct transport : contract {};

struct endpoint {
   std::string method, path;
};
std::vector<endpoint> const body_routes{{"POST", "/api/catalog/register"},
                                        {"POST", "/api/catalog/list"},
                                        {"POST", "/api/catalog/resource"},
                                        {"POST", "/api/execute"},
                                        {"POST", "/api/events"},
                                        {"POST", "/api/events/batch"},
                                        {"POST", "/api/commands/1/claim"},
                                        {"POST", "/api/worker/pool/register"},
                                        {"POST", "/api/worker/pool/heartbeat"},
                                        {"POST", "/api/worker/pool/deregister"},
                                        {"DELETE", "/api/worker/pool/deregister"}};
std::vector<std::string> const get_routes{"/health",
                                          "/livez",
                                          "/readyz",
                                          "/api/health",
                                          "/api/pool/status",
                                          "/api/executions",
                                          "/api/worker/pools",
                                          "/api/openapi.json",
                                          "/metrics",
                                          "/api/executions/1",
                                          "/api/executions/1/status",
                                          "/api/commands/1"};

std::string padded(std::size_t size) {
   return R"({"pad":")" + std::string(size - 10, 'a') + "\"}";
}

} // namespace

TEST_F(transport, a_body_route_without_a_JSON_content_type_answers_415) {
   for (auto const& [method, path] : body_routes) {
      EXPECT_TRUE(is_error(server().send({method, path, "{}", "text/plain"}), 415, "")) << method << path;
      auto const raw = server().exchange(method + " " + path +
                                         " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
      EXPECT_TRUE(raw.starts_with("HTTP/1.1 415 ")) << method << path << "\n" << raw;
   }
}

TEST_F(transport, JSON_content_types_with_parameters_and_suffixes_are_taken) {
   for (auto const* type :
        {"application/json", "application/json; charset=utf-8", "application/vnd.noetl+json", "Application/JSON"})
      EXPECT_EQ(server().send({"POST", "/api/catalog/list", "{}", type}).status, 200U) << type;
}

TEST_F(transport, malformed_JSON_and_an_empty_body_answer_400) {
   for (auto const& [method, path] : body_routes)
      for (auto const* body : {"", "{", "{} {}", "{'a':1}", R"({"a":1,})", "\xff"})
         EXPECT_TRUE(is_error(server().send({method, path, body, "application/json"}), 400, ""))
             << method << path << ": " << body;
}

TEST_F(transport, a_wrong_shape_answers_422_and_names_the_field) {
   struct sample {
      std::string path, body, place;
   };
   for (auto const& [path, body, place] : std::vector<sample>{
            {"/api/catalog/register", "{}", "content"},
            {"/api/catalog/register", R"({"content":"a: 1","resource_type":null})", "resource_type"},
            {"/api/catalog/list", R"({"resource_type":5})", "resource_type"},
            {"/api/catalog/resource", R"({"path":"a","version":3})", "version"},
            {"/api/catalog/resource", R"({"catalog_id":3})", "catalog_id"},
            {"/api/execute", R"({"path":"a","payload":null})", "payload"},
            {"/api/execute", R"({"path":"a","payload":[1]})", "payload"},
            {"/api/execute", R"({"path":"a","workload":"x"})", "payload"},
            {"/api/execute", R"({"path":7})", "path"},
            {"/api/events", R"({"execution_id":1,"event_type":"x"})", "step"},
            {"/api/events", R"({"execution_id":1,"step":"x"})", "event_type"},
            {"/api/events", R"({"step":"s","event_type":"x"})", "execution_id"},
            {"/api/events", R"({"execution_id":1,"step":"s","event_type":"x","actionable":1})", "actionable"},
            {"/api/events/batch", R"({"execution_id":1})", "events"},
            {"/api/events/batch", R"({"execution_id":1,"events":[{"step":"a","name":"b"},{"step":"a"}]})",
             "events[1].event_type"},
            {"/api/commands/1/claim", "{}", "worker_id"},
            {"/api/commands/1/claim", R"({"worker_id":null})", "worker_id"},
            {"/api/worker/pool/register", R"({"kind":"worker_pool"})", "name"},
            {"/api/worker/pool/heartbeat", R"({"name":5})", "name"},
            {"/api/worker/pool/deregister", R"({"kind":"broker"})", "name"}})
      EXPECT_TRUE(is_error(server().post(path, body), 422, place)) << path << " " << body;
   for (auto const& [method, path] : body_routes)
      for (auto const* body : {"[]", "5", "null", "\"x\""})
         EXPECT_TRUE(is_error(server().send({method, path, body, "application/json"}), 422, "expected object"))
             << path << body;
}

TEST_F(transport, integers_are_JSON_integers_of_64_bits_and_nothing_else) {
   struct sample {
      std::string path, before, place;
   };
   for (auto const& [path, before, place] :
        std::vector<sample>{{"/api/execute", R"({"path":"a","catalog_id":)", "catalog_id"},
                            {"/api/execute", R"({"path":"a","parent_execution_id":)", "parent_execution_id"},
                            {"/api/worker/pool/register", R"({"name":"a","capacity":)", "capacity"}})
      for (auto const* value : {"1.0", "1e3", "\"1\"", "true", "9223372036854775808", "-9223372036854775809"})
         EXPECT_TRUE(is_error(server().post(path, before + value + "}"), 422, place)) << path << value;
   for (auto const* value : {R"(["1"])", "[1.0]", "[null]", "1"})
      EXPECT_TRUE(
          is_error(server().post("/api/events", R"({"execution_id":1,"step":"s","event_type":"x","event_ids":)" +
                                                    std::string(value) + "}"),
                   422, "event_ids"))
          << value;
}

TEST_F(transport, ids_of_events_are_strings_or_integers) {
   auto const body = [](std::string const& id) {
      return R"({"execution_id":)" + id + R"(,"step":"s","event_type":"x"})";
   };
   for (auto const* id : {"9223372036854775807", "\"9223372036854775807\""})
      EXPECT_TRUE(is_error(server().post("/api/events", body(id)), 404, "Execution not found: 9223372036854775807"))
          << id;
   for (auto const* id :
        {"1.0", "\"1.0\"", "\"x\"", "\"\"", "null", "[1]", "{}", "9223372036854775808", "\"9223372036854775808\""})
      EXPECT_TRUE(is_error(server().post("/api/events", body(id)), 422, "execution_id")) << id;
}

TEST_F(transport, the_largest_id_is_exact_everywhere) {
   std::string const largest = "9223372036854775807";
   EXPECT_TRUE(is_error(server().get("/api/executions/" + largest), 404, "Execution not found: " + largest));
   EXPECT_TRUE(is_error(server().get("/api/executions/" + largest + "/status"), 404, largest));
   EXPECT_TRUE(is_error(server().get("/api/commands/" + largest), 404, "command.issued event not found: " + largest));
   EXPECT_TRUE(is_error(claim(server(), largest), 404, "command.issued event not found: " + largest));
   EXPECT_TRUE(is_error(server().post("/api/execute", R"({"catalog_id":)" + largest + "}"), 404,
                        "Catalog entry not found: " + largest));
   EXPECT_TRUE(is_error(server().post("/api/catalog/resource", R"({"catalog_id":")" + largest + "\"}"), 404, largest));
}

TEST_F(transport, a_field_given_twice_or_under_both_its_names_answers_422) {
   struct sample {
      std::string path, body;
   };
   for (auto const& [path, body] : std::vector<sample>{
            {"/api/execute", R"({"path":"a","payload":{},"workload":{}})"},
            {"/api/execute", R"({"path":"a","path":"b"})"},
            {"/api/events", R"({"execution_id":1,"step":"s","event_type":"x","payload":{},"context":{}})"},
            {"/api/events", R"({"execution_id":1,"step":"s","event_type":"x","name":"x"})"},
            {"/api/events/batch", R"({"execution_id":1,"events":[{"step":"s","event_type":"x","name":"x"}]})"},
            {"/api/worker/pool/register", R"({"name":"a","kind":"broker","component_type":"broker"})"}})
      EXPECT_TRUE(is_error(server().post(path, body), 422, "given twice")) << path << body;
}

TEST_F(transport, unknown_fields_and_unknown_query_keys_are_ignored) {
   EXPECT_EQ(server().post("/api/catalog/list", R"({"resource_type":"none","nonsense":{"a":[1,2]}})").status, 200U);
   EXPECT_EQ(server().post("/api/worker/pool/heartbeat", R"({"name":"ignores","version":3})").status, 200U);
   EXPECT_EQ(server().get("/api/executions?nonsense=1&page=2").status, 200U);
}

TEST_F(transport, a_body_of_two_mebibytes_is_taken_and_one_byte_more_answers_413) {
   std::size_t const limit = 2'097'152;
   EXPECT_EQ(server().post("/api/catalog/list", padded(limit)).status, 200U);
   EXPECT_TRUE(is_error(server().post("/api/catalog/list", padded(limit + 1)), 413, "2097152"));
   auto const chunked =
       server().exchange("POST /api/catalog/list HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n200001\r\n" +
                         padded(limit + 1) + "\r\n0\r\n\r\n");
   EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
   EXPECT_EQ(server().get("/health").status, 200U);
}

TEST_F(transport, an_unknown_path_and_a_trailing_slash_answer_404_without_body) {
   std::vector<std::string> paths{
       "/", "/api", "/api/nothing", "/api/catalog", "/healthz", "/api/executions/1/nothing", "/API/health"};
   for (auto const& path : get_routes) paths.push_back(path + "/");
   for (auto const& path : paths) {
      auto const got = server().get(path);
      EXPECT_EQ(got.status, 404U) << path;
      EXPECT_EQ(got.body, "") << path;
   }
   EXPECT_EQ(server().post("/api/execute/", "{}").status, 404U);
}

TEST_F(transport, a_known_path_with_another_method_answers_405_with_Allow) {
   auto const expect = [&](std::string const& method, std::string const& path, std::string const& allow) {
      auto const got = server().send({method, path, "{}", "application/json"});
      EXPECT_EQ(got.status, 405U) << method << path;
      EXPECT_EQ(got.header("allow"), allow) << method << path;
      EXPECT_EQ(got.body, "") << method << path;
   };
   for (auto const& path : get_routes)
      for (auto const* method : {"POST", "PUT", "DELETE", "PATCH"}) expect(method, path, "GET,HEAD");
   for (auto const& [method, path] : body_routes) {
      auto const allow = path.ends_with("/deregister") ? "POST,DELETE" : "POST";
      for (auto const* other : {"GET", "PUT", "PATCH"}) expect(other, path, allow);
   }
}

TEST_F(transport, HEAD_answers_like_GET_without_the_body) {
   for (auto const& path : get_routes) {
      auto const get = server().get(path);
      auto const head = server().send({"HEAD", path});
      EXPECT_EQ(head.status, get.status) << path;
      EXPECT_EQ(head.body, "") << path;
      EXPECT_EQ(head.header("content-type"), get.header("content-type")) << path;
      EXPECT_NE(head.header("content-length"), "") << path;
      EXPECT_NE(head.header("content-length"), "0") << path;
   }
}

TEST_F(transport, OPTIONS_answers_200_on_every_path_known_or_not) {
   for (auto const* path : {"/api/execute", "/api/executions/1", "/metrics", "/nothing/here", "/api/execute/"}) {
      auto const got = server().send(
          {"OPTIONS", path, "", "", {{"Origin", "http://gui"}, {"Access-Control-Request-Method", "POST"}}});
      EXPECT_EQ(got.status, 200U) << path;
      EXPECT_EQ(got.body, "") << path;
      EXPECT_EQ(got.header("access-control-allow-origin"), "*") << path;
      EXPECT_EQ(got.header("access-control-allow-methods"), "*") << path;
      EXPECT_EQ(got.header("access-control-allow-headers"), "*") << path;
      EXPECT_EQ(got.header("access-control-allow-credentials"), "") << path;
   }
}

TEST_F(transport, every_answer_carries_the_CORS_fields) {
   std::vector<reply> const answers{server().get("/health"),
                                    server().get("/nothing"),
                                    server().get("/api/execute"),
                                    server().post("/api/execute", "{}"),
                                    server().post("/api/execute", "{"),
                                    server().post("/api/execute", padded(2'097'153)),
                                    server().get("/api/executions/x")};
   for (auto const& got : answers) {
      EXPECT_EQ(got.header("access-control-allow-origin"), "*") << got.status;
      EXPECT_EQ(got.header("vary"), "origin, access-control-request-method, access-control-request-headers")
          << got.status;
   }
}

TEST_F(transport, a_path_parameter_that_is_no_integer_answers_400) {
   for (auto const* id : {"abc", "1.5", "1x", "%20", "9223372036854775808", "0x1"}) {
      EXPECT_TRUE(is_error(server().get(std::string("/api/executions/") + id), 400, "execution_id")) << id;
      EXPECT_TRUE(is_error(server().get(std::string("/api/executions/") + id + "/status"), 400, "execution_id")) << id;
      EXPECT_TRUE(is_error(server().get(std::string("/api/commands/") + id), 400, "event_id")) << id;
      EXPECT_TRUE(is_error(claim(server(), id), 400, "event_id")) << id;
   }
   EXPECT_TRUE(is_error(server().get("/api/executions/-1"), 404, "Execution not found: -1"));
   EXPECT_TRUE(is_error(server().get("/api/executions/%31"), 404, "Execution not found: 1"));
}

TEST_F(transport, a_query_that_does_not_fit_answers_400) {
   for (auto const* query : {"limit=abc", "limit=1.5", "limit=99999999999", "offset=x", "catalog_id=x",
                             "limit=1&limit=2", "path=%ff", "limit=-1", "offset=-1"})
      EXPECT_TRUE(is_error(server().get(std::string("/api/executions?") + query), 400, "")) << query;
   EXPECT_TRUE(is_error(server().get("/api/worker/pools?name=a&name=b"), 400, "name"));
}

TEST_F(transport, every_answer_names_its_request_and_keeps_the_callers_name) {
   EXPECT_NE(server().get("/health").header("x-request-id"), "");
   EXPECT_EQ(server().send({"GET", "/health", "", "", {{"X-Request-Id", "mine-1"}}}).header("x-request-id"), "mine-1");
}
