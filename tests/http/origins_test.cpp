// Which web pages may call: http/origins.hpp alone and in the server.
#include <gtest/gtest.h>

#include <string>

#include <noetl/http/origins.hpp>

#include "http/server_fixture.hpp"

namespace {

using namespace http_test;

std::string asked(origins const& rule, std::string const& host, std::string const& origin, bool near = true) {
   request r;
   r.peer_is_loopback = near;
   r.headers.add("Host", host);
   if (!origin.empty()) r.headers.add("Origin", origin);
   return std::string(rule.refusal_of(r)).substr(0, 6);
}

TEST(origins, of_any_kind_pass_unless_told_otherwise) {
   EXPECT_EQ(asked(origins(), "evil.example", "https://evil.example"), "");
   EXPECT_EQ(asked(origins::parse("*").value(), "x", "null"), "");
}

TEST(origins, local_means_pages_of_this_machine_under_its_own_name) {
   auto const rule = origins::parse("local").value();
   EXPECT_EQ(asked(rule, "localhost:8082", ""), "") << "no page at all";
   EXPECT_EQ(asked(rule, "127.0.0.1:8082", "http://localhost:3000"), "");
   EXPECT_EQ(asked(rule, "[::1]:8082", "http://[::1]:3000"), "");
   for (auto const* page :
        {"https://evil.example", "null", "http://localhost.evil.example", "localhost", "http://127.x"})
      EXPECT_EQ(asked(rule, "localhost:8082", page), "Origin") << page;
   EXPECT_EQ(asked(rule, "evil.example:8082", ""), "Host: ") << "a name that was pointed at this machine";
   EXPECT_EQ(asked(rule, "noetl.internal", "", false), "") << "from elsewhere every name will do";
   EXPECT_EQ(asked(rule, "noetl.internal", "https://evil.example", false), "Origin");
}

TEST(origins, listed_ones_pass_and_no_others) {
   auto const rule = origins::parse("https://ui.example:8443,http://b").value();
   EXPECT_EQ(asked(rule, "x", "https://UI.example:8443"), "");
   EXPECT_EQ(asked(rule, "x", "http://b"), "");
   EXPECT_EQ(asked(rule, "x", "https://ui.example"), "Origin");
   EXPECT_EQ(asked(rule, "x", "http://localhost"), "Origin");
   EXPECT_EQ(asked(rule, "x", ""), "");
}

TEST(origins, a_text_that_names_none_is_refused_with_the_part_that_is_wrong) {
   for (auto const* text :
        {"", "ui.example", "https://", "https://*.example", "https://a/b", "http://a,,http://b", "http://a, http://b"})
      EXPECT_FALSE(origins::parse(text)) << text;
   EXPECT_EQ(origins::parse("http://a,b").error().message,
             R"(expected *, local or origins such as https://ui.example:8443, got "b")");
}

TEST(server, refuses_pages_of_other_sites_before_anything_happens) {
   auto how = quick();
   how.allowed_origins = origins::parse("local").value();
   running_server server(router(api), how);
   auto const ask = [&](std::string const& text) {
      raw_connection c(server.port());
      c.send(text);
      return c.response();
   };
   auto const near = std::string("Host: localhost\r\nOrigin: http://localhost:3000\r\n\r\n");
   auto const far = std::string("Host: localhost\r\nOrigin: https://evil.example\r\n");
   auto const ours = ask("GET /health HTTP/1.1\r\n" + near);
   EXPECT_EQ(status_of(ours), 200);
   EXPECT_NE(ours.find("\r\naccess-control-allow-origin: http://localhost:3000\r\n"), ours.npos) << ours;
   for (auto const& text : {"POST /echo HTTP/1.1\r\n" + far + "Content-Length: 2\r\n\r\n{}",
                            "OPTIONS /echo HTTP/1.1\r\n" + far + "\r\n", "GET /nope HTTP/1.1\r\n" + far + "\r\n"}) {
      auto const got = ask(text);
      EXPECT_EQ(status_of(got), 403) << text;
      EXPECT_NE(body_of(got).find("Origin: pages of this site"), std::string::npos) << got;
      EXPECT_EQ(got.find("access-control-allow-origin"), got.npos) << got;
   }
   EXPECT_EQ(status_of(ask("GET /health HTTP/1.1\r\nHost: rebound.example\r\n\r\n")), 403);
}

} // namespace
