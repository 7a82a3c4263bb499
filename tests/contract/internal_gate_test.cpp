// The token gate of /api/internal: http-platform.md section 3.
#include "contract/internal.hpp"

using namespace noetl::test;

namespace {

struct internal_gate : internal_contract {};

struct gated_route {
   std::string method, path;
};
std::vector<gated_route> const routes{
    {"POST", "/api/internal/outbox/claim"},       {"POST", "/api/internal/outbox/mark-published"},
    {"POST", "/api/internal/outbox/mark-failed"}, {"GET", "/api/internal/outbox/pending-count"},
    {"GET", "/api/internal/outbox/parked"},       {"POST", "/api/internal/outbox/parked/replay"},
    {"POST", "/api/internal/outbox/parked/skip"}, {"POST", "/api/internal/events/project"},
    {"POST", "/api/internal/events/materialize"}, {"POST", "/api/internal/cleanup/purge"}};

testing::AssertionResult is_text(reply const& got, unsigned status) {
   if (got.status == status && got.header("content-type") == "text/plain; charset=utf-8" && !got.body.empty() &&
       got.header("www-authenticate").empty())
      return testing::AssertionSuccess();
   return testing::AssertionFailure() << got.status << " " << got.header("content-type") << " " << got.body;
}

} // namespace

TEST_F(internal_gate, without_a_configured_token_every_route_answers_503_in_plain_text) {
   for (auto const& [method, path] : routes)
      for (auto const* header : {"Bearer x", "Basic x"})
         EXPECT_TRUE(is_text(server().send({method, path, "{", "text/plain", {{"Authorization", header}}}), 503))
             << method << path;
}

TEST_F(internal_gate, a_missing_or_wrong_token_is_403_in_plain_text_and_wins_over_whatever_the_body_is) {
   for (auto const& [method, path] : routes) {
      EXPECT_TRUE(is_text(at().send({method, path, "{", "application/json"}), 403)) << path;
      EXPECT_TRUE(is_text(at().send({method, path, "{", "application/json", {{"Authorization", "Bearer wrong"}}}), 403))
          << path;
      EXPECT_TRUE(is_text(at().send({method, path, "{", "text/plain", {{"Authorization", "Basic abc"}}}), 403)) << path;
   }
   auto const huge =
       at().exchange("POST /api/internal/outbox/claim HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
   EXPECT_TRUE(huge.starts_with("HTTP/1.1 403 ")) << "before the body is read: " << huge;
}

TEST_F(internal_gate, D08_the_configured_token_is_trimmed_and_the_scheme_has_no_case) {
   for (auto const* scheme : {"Bearer ", "bearer ", "BEARER  "})
      EXPECT_EQ(at().send({"GET",
                           "/api/internal/outbox/pending-count",
                           {},
                           {},
                           {{"authorization", scheme + std::string(internal_token)}}})
                    .status,
                200U);
}

TEST_F(internal_gate, OpenAPI_shows_the_internal_routes) {
   auto const document = at().get("/api/openapi.json");
   for (auto const& [method, path] : routes)
      EXPECT_NE(document.body.find("\"" + path + "\""), std::string::npos) << path;
}
