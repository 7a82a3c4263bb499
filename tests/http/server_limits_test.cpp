// The server over real sockets: limits of size and time, forms that must be refused.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/server_fixture.hpp"

namespace {

using namespace http_test;

TEST(server_limits, body_limits_are_exact_for_both_framings) {
   running_server server(router(api), quick());
   auto const chunked = [](std::size_t size) {
      return "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n" +
             [&] {
                char hex[20];
                std::snprintf(hex, sizeof hex, "%zx", size - 1);
                return std::string(hex);
             }() +
             "\r\n" + std::string(size - 1, 'x') + "\r\n0\r\n\r\n";
   };
   raw_connection fits(server.port());
   fits.send(post_text("/echo", std::string(1000, 'x')) + chunked(1000) + post_text("/big", std::string(200'000, 'y')));
   EXPECT_EQ(body_of(fits.response()).size(), 1000U);
   EXPECT_EQ(body_of(fits.response()).size(), 1000U);
   EXPECT_EQ(body_of(fits.response()).size(), 200'000U);
   for (auto const& text : {post_text("/echo", std::string(1001, 'x')), chunked(1001),
                            post_text("/big", std::string(200'001, 'y')), post_text("/nope", std::string(1001, 'y'))}) {
      raw_connection c(server.port());
      c.send(text);
      EXPECT_EQ(status_of(c.response()), 413);
      EXPECT_TRUE(c.closed_within(2s));
   }
}

TEST(server_limits, too_large_body_is_refused_before_it_is_sent) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n");
   EXPECT_EQ(status_of(c.response()), 413);
}

TEST(server_limits, a_guard_is_asked_before_the_body_is_read) {
   running_server server(router(api), {});
   for (auto const* framing : {"Content-Length: 150000", "Content-Length: 99999999999", "Transfer-Encoding: chunked"}) {
      raw_connection c(server.port());
      c.send(std::string("POST /guarded HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n") + framing + "\r\n\r\n");
      EXPECT_EQ(status_of(c.response()), 403) << framing;
   }
   raw_connection small(server.port());
   small.send(post_text("/guarded", "x") + post_text("/guarded", "x", "Authorization: bearer good\r\n"));
   EXPECT_EQ(status_of(small.response()), 403);
   EXPECT_EQ(status_of(small.response()), 200) << "a small refused body costs no connection";
}

TEST(server_limits, large_headers_are_431) {
   running_server server(router(api), {});
   raw_connection fits(server.port());
   fits.send(get_text("/health", "X: " + std::string(15'000, 'x') + "\r\n"));
   EXPECT_EQ(status_of(fits.response()), 200);
   raw_connection c(server.port());
   c.send(get_text("/health", "X: " + std::string(17'000, 'x') + "\r\n"));
   EXPECT_EQ(status_of(c.response()), 431);
   raw_connection endless(server.port());
   endless.send(std::string(70'000, 'G'));
   EXPECT_EQ(status_of(endless.response()), 431);
}

TEST(server_limits, goal_13_smuggling_forms_end_the_connection) {
   running_server server(router(api), quick());
   std::string const hidden = get_text("/health");
   for (auto const& text : {
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: t\r\nX: a\r\n Content-Length: 3\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nHost: t\nContent-Length: 3\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nHost: t\r\nX: a\rContent-Length: 3\r\n\r\nabc",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
            "GET /health\r\n\r\n",
            "GET  /health HTTP/1.1\r\nHost: t\r\n\r\n",
        }) {
      raw_connection c(server.port());
      c.send(text + hidden);
      EXPECT_EQ(status_of(c.response()), 400) << text;
      EXPECT_TRUE(c.closed_within(2s)) << text;
      EXPECT_EQ(c.got(), "") << "the hidden request was answered";
   }
}

TEST(server_limits, goal_13_slow_header_is_cut) {
   running_server server(router(api), quick());
   raw_connection c(server.port());
   auto const start = std::chrono::steady_clock::now();
   std::jthread drip([&] {
      for (int i = 0; i < 20; ++i) {
         c.send("G");
         std::this_thread::sleep_for(30ms);
      }
   });
   drip.join();
   EXPECT_EQ(status_of(c.response()), 408);
   EXPECT_TRUE(c.closed_within(2s));
   EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(server_limits, goal_13_slow_body_is_cut) {
   running_server server(router(api), quick());
   raw_connection c(server.port());
   c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\n");
   for (int i = 0; i < 12; ++i) {
      c.send("x");
      std::this_thread::sleep_for(30ms);
   }
   EXPECT_EQ(status_of(c.response()), 408);
   EXPECT_TRUE(c.closed_within(2s));
}

TEST(server_limits, goal_13_slow_reader_is_cut) {
   running_server server(router(api), quick());
   raw_connection c(server.port());
   c.send(get_text("/large/50000000"));
   while (server.server().stats().requests == 0) std::this_thread::sleep_for(1ms);
   EXPECT_EQ(server.server().stats().connections, 1U);
   for (int i = 0; i < 200 && server.server().stats().connections > 0; ++i) std::this_thread::sleep_for(10ms);
   EXPECT_EQ(server.server().stats().connections, 0U);
}

TEST(server_limits, idle_connections_are_closed_without_a_word) {
   running_server server(router(api), quick());
   raw_connection c(server.port());
   c.send(get_text("/health"));
   EXPECT_EQ(status_of(c.response()), 200);
   EXPECT_TRUE(c.closed_within(2s));
   EXPECT_EQ(c.got(), "");
}

TEST(server_limits, handlers_may_take_longer_than_any_time_limit_of_the_wire) {
   running_server server(router(api), quick());
   raw_connection c(server.port());
   c.send(get_text("/slow/600"));
   EXPECT_EQ(body_of(c.response()), R"("done")");
}

TEST(server_limits, connections_beyond_the_limit_are_told_503) {
   auto settings = quick();
   settings.max_connections = 2;
   settings.idle_timeout = 5s;
   running_server server(router(api), settings);
   raw_connection a(server.port()), b(server.port());
   for (auto* c : {&a, &b}) {
      c->send(get_text("/health"));
      EXPECT_EQ(status_of(c->response()), 200);
   }
   raw_connection third(server.port());
   third.send(get_text("/health"));
   auto const r = third.response();
   EXPECT_EQ(status_of(r), 503);
   EXPECT_NE(r.find("\r\nretry-after: 1\r\n"), r.npos);
   EXPECT_TRUE(third.closed_within(2s));
   EXPECT_EQ(server.server().stats().refused, 1U);
   a.send(get_text("/health"));
   EXPECT_EQ(status_of(a.response()), 200);
}

// What an observer was told of each answer.
struct witness final : request_observer {
   struct account {
      request received;
      unsigned status;
      std::chrono::steady_clock::duration took;
   };
   void answered(route_match const&, request const& r, response const& a,
                 std::chrono::steady_clock::duration took) noexcept override {
      std::scoped_lock const lock(guard);
      accounts.push_back({r, a.status, took});
   }
   [[nodiscard]] account last() {
      std::scoped_lock const lock(guard);
      return accounts.back();
   }
   std::mutex guard;
   std::vector<account> accounts;
};

TEST(server_limits, what_is_refused_took_the_time_since_it_began) {
   witness seen;
   auto settings = quick();
   settings.max_connections = 1;
   settings.idle_timeout = 5s;
   running_server server(router(api), settings);
   server.server().observe(seen);
   {
      raw_connection first(server.port());
      first.send("GET /he"); // the first request of its connection
      raw_connection second(server.port());
      EXPECT_EQ(status_of(second.response()), 503);
      EXPECT_LT(seen.last().took, 3s);
      EXPECT_EQ(status_of(first.response()), 408);
      EXPECT_GE(seen.last().took, 190ms);
      EXPECT_LT(seen.last().took, 3s);
   }
   while (server.server().stats().connections > 0) std::this_thread::sleep_for(1ms);
   raw_connection again(server.port());
   again.send(get_text("/health"));
   EXPECT_EQ(status_of(again.response()), 200);
   std::this_thread::sleep_for(1500ms);
   again.send("GET /he");
   EXPECT_EQ(status_of(again.response()), 408);
   EXPECT_LT(seen.last().took, 1300ms) << "not since the request before it";
}

TEST(server_limits, a_refusal_knows_nothing_of_the_request_before_it) {
   for (auto const& broken : {std::string("GET / HTTP/1.1\nHost: t\n\n"), std::string(70'000, 'G'),
                              std::string("GET / HTTP/1.1\r\nHost : t\r\n\r\n"), std::string("GET /he")}) {
      witness seen;
      auto settings = quick();
      settings.allowed_origins = *origins::parse("http://ui.test");
      running_server server(router(api), settings);
      server.server().observe(seen);
      raw_connection c(server.port());
      c.send(post_text("/echo?secret=1", "body", "Origin: http://ui.test\r\n"));
      EXPECT_NE(c.response().find("http://ui.test"), std::string::npos);
      c.send(broken);
      auto const refusal = c.response();
      EXPECT_GE(status_of(refusal), 400) << refusal;
      EXPECT_EQ(refusal.find("http://ui.test"), refusal.npos) << refusal;
      auto const told = seen.last().received;
      EXPECT_EQ(told.method, verb::other);
      EXPECT_EQ(told.path + told.query + told.body + told.request_id, "");
      EXPECT_EQ(told.headers.size(), 0U);
   }
}

} // namespace
