// The server over real sockets: protocol, drain, threads.
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http/server_fixture.hpp"
#include "support/eventually.hpp"

namespace {

using namespace http_test;

TEST(server, answers_with_length_date_cors_and_request_id) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send(get_text("/health", "X-Request-Id: abc-1\r\n"));
   auto const r = c.response();
   EXPECT_EQ(status_of(r), 200);
   EXPECT_EQ(body_of(r), R"({"status":"ok"})");
   for (auto const* field : {"content-type: application/json", "content-length: 15", "access-control-allow-origin: *",
                             "vary: origin, access-control-request-method, access-control-request-headers",
                             "x-request-id: abc-1", "date: "})
      EXPECT_NE(r.find(std::string("\r\n") + field), r.npos) << field;
   EXPECT_EQ(r.find("connection:"), r.npos);
}

TEST(server, every_answer_carries_the_cors_fields) {
   running_server server(router(api), quick());
   for (auto const& text :
        {get_text("/nope"), get_text("/slow/x"), std::string("nonsense\r\n\r\n"),
         post_text("/echo", std::string(1001, 'x')), std::string("PUT /health HTTP/1.1\r\nHost: t\r\n\r\n")}) {
      raw_connection c(server.port());
      c.send(text);
      EXPECT_NE(c.response().find("\r\naccess-control-allow-origin: *\r\n"), std::string::npos) << text;
   }
   raw_connection c(server.port());
   c.send("OPTIONS /anything HTTP/1.1\r\nHost: t\r\n\r\n");
   auto const r = c.response();
   EXPECT_EQ(status_of(r), 200);
   EXPECT_NE(r.find("\r\naccess-control-allow-methods: *\r\naccess-control-allow-headers: *\r\n"), r.npos);
   EXPECT_NE(r.find("\r\ncontent-length: 0\r\n"), r.npos);
}

TEST(server, head_has_the_fields_of_get_and_no_body) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send("HEAD /health HTTP/1.1\r\nHost: t\r\n\r\n" + get_text("/about"));
   auto const r = c.response(true);
   EXPECT_EQ(status_of(r), 200);
   EXPECT_NE(r.find("\r\ncontent-length: 15\r\n"), r.npos);
   EXPECT_EQ(status_of(c.response()), 200); // the next one begins where the head ended
}

TEST(server, request_ids_are_made_up_when_absent_or_not_sane) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   std::vector<std::string> ids;
   for (auto const& field :
        {std::string(), std::string("X-Request-Id: a b\r\n"), "X-Request-Id: " + std::string(200, 'a') + "\r\n"}) {
      c.send(get_text("/about", field));
      ids.push_back(body_of(c.response()).substr(0, 17));
      EXPECT_EQ(ids.back().find(' '), 16U) << ids.back();
   }
   EXPECT_NE(ids[0], ids[1]);
}

TEST(server, trace_context_and_peer_reach_the_handler) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send(get_text("/about", "X-Request-Id: i\r\nTraceparent: 00-1-2-01\r\n"));
   EXPECT_EQ(body_of(c.response()), "i 00-1-2-01 near");
}

TEST(server, pipelined_requests_are_answered_in_order) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   std::string all;
   for (int i = 0; i < 200; ++i) {
      all += post_text("/echo", std::to_string(i));
      if (i % 50 == 0) all += get_text("/slow/5");
   }
   c.send(all);
   for (int i = 0; i < 200; ++i) {
      ASSERT_EQ(body_of(c.response()), std::to_string(i));
      if (i % 50 == 0) {
         ASSERT_EQ(body_of(c.response()), R"("done")");
      }
   }
}

TEST(server, requests_cut_at_any_byte_are_understood) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   auto const text = "\r\n" + post_text("/echo", "hello") +
                     "POST /echo HTTP/1.1\r\nhost:t\r\ntransfer-encoding:chunked\r\n\r\n"
                     "3\r\nabc\r\n0\r\n\r\n";
   for (char byte : text) {
      c.send({&byte, 1});
      std::this_thread::sleep_for(100us);
   }
   EXPECT_EQ(body_of(c.response()), "hello");
   EXPECT_EQ(body_of(c.response()), "abc");
}

TEST(server, connection_close_and_http_1_0_are_honoured) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send(get_text("/health", "Connection: close\r\n"));
   EXPECT_NE(c.response().find("\r\nconnection: close\r\n"), std::string::npos);
   EXPECT_TRUE(c.closed_within(2s));
   raw_connection old(server.port());
   old.send("GET /health HTTP/1.0\r\n\r\n");
   EXPECT_EQ(status_of(old.response()), 200);
   EXPECT_TRUE(old.closed_within(2s));
   raw_connection kept(server.port());
   kept.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
   EXPECT_NE(kept.response().find("\r\nconnection: keep-alive\r\n"), std::string::npos);
   kept.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
   EXPECT_EQ(status_of(kept.response()), 200);
}

TEST(server, expect_continue_is_answered_before_the_body) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
   EXPECT_EQ(c.response(true), "HTTP/1.1 100 Continue\r\n\r\n");
   c.send("hello");
   EXPECT_EQ(body_of(c.response()), "hello");
}

// Goal 13: forms that two readers could understand differently are refused, and the connection ends.
TEST(server, large_answers_arrive_complete) {
   running_server server(router(api), {});
   raw_connection c(server.port());
   c.send(get_text("/large/5000000") + get_text("/health"));
   EXPECT_EQ(body_of(c.response()).size(), 5'000'000U);
   EXPECT_EQ(status_of(c.response()), 200);
}

result<response> room(request const& r) {
   return text_response(std::to_string(r.body.capacity()));
}
inline constexpr auto rooms = routes<services<>>(post<"/room", room>.body_limit(4'000'000), get<"/room", room>);

TEST(server, a_kept_connection_does_not_keep_the_memory_of_its_largest_body) {
   running_server server(router(rooms), {});
   raw_connection c(server.port());
   c.send(post_text("/room", std::string(3'000'000, 'x')));
   EXPECT_GE(std::stoul(body_of(c.response())), 3'000'000U);
   c.send(get_text("/room"));
   EXPECT_LE(std::stoul(body_of(c.response())), 65'536U);
   EXPECT_EQ(server.server().stats().accepted, 1U);
}

TEST(server, port_in_use_is_one_clear_error) {
   running_server first(router(api), {});
   boost::asio::io_context io;
   http_server second(io, router(api), {.port = first.port()});
   auto const started = second.start();
   ASSERT_FALSE(started);
   EXPECT_EQ(started.error().message,
             "cannot listen on 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use");
   http_server nowhere(io, router(api), {.host = "no such host"});
   EXPECT_FALSE(nowhere.start());
}

TEST(server, drain_lets_the_request_under_way_end_and_closes_idle_connections) {
   auto settings = quick();
   settings.idle_timeout = 30s;
   running_server server(router(api), settings);
   raw_connection idle(server.port()), busy(server.port());
   idle.send(get_text("/health"));
   EXPECT_EQ(status_of(idle.response()), 200);
   busy.send(get_text("/slow/300"));
   std::this_thread::sleep_for(50ms);
   auto const start = std::chrono::steady_clock::now();
   EXPECT_TRUE(server.stop(5s));
   EXPECT_GT(std::chrono::steady_clock::now() - start, 200ms);
   auto const r = busy.response();
   EXPECT_EQ(body_of(r), R"("done")");
   EXPECT_NE(r.find("\r\nconnection: close\r\n"), r.npos);
   EXPECT_TRUE(idle.closed_within(1s));
   boost::asio::io_context io;
   boost::asio::ip::tcp::socket late(io);
   boost::system::error_code ec;
   late.connect({boost::asio::ip::address_v4::loopback(), server.port()}, ec);
   EXPECT_TRUE(ec);
}

TEST(server, drain_has_an_end) {
   running_server server(router(api), {});
   raw_connection busy(server.port());
   busy.send(get_text("/slow/700"));
   std::this_thread::sleep_for(50ms);
   EXPECT_FALSE(server.stop(100ms));
   EXPECT_TRUE(busy.closed_within(1s));
   EXPECT_EQ(busy.got(), "");
}

TEST(server, drain_under_load_breaks_no_answer_that_had_begun) {
   running_server server(router(api), {}, 2);
   std::atomic<int> answered = 0, broken = 0;
   std::vector<std::jthread> clients;
   for (int i = 0; i < 8; ++i)
      clients.emplace_back([&] {
         raw_connection c(server.port());
         while (true) {
            c.send(post_text("/echo", "hello"));
            auto const r = c.response();
            if (r.empty()) {
               if (!c.got().empty()) ++broken; // half an answer
               return;
            }
            if (body_of(r) != "hello") ++broken;
            ++answered;
            if (r.find("connection: close") != r.npos) return;
         }
      });
   std::this_thread::sleep_for(150ms);
   EXPECT_TRUE(server.stop(5s));
   clients.clear();
   EXPECT_GT(answered, 100);
   EXPECT_EQ(broken, 0);
}

TEST(server, many_threads_serve_many_connections) {
   running_server server(router(api), {}, 4);
   std::atomic<int> good = 0;
   std::vector<std::jthread> clients;
   for (int i = 0; i < 16; ++i)
      clients.emplace_back([&, i] {
         raw_connection c(server.port());
         for (int k = 0; k < 50; ++k) {
            auto const text = std::to_string(i * 1000 + k);
            c.send(k % 2 == 0 ? post_text("/echo", text) : get_text("/slow/1"));
            if (body_of(c.response()) == (k % 2 == 0 ? text : R"("done")")) ++good;
         }
      });
   clients.clear();
   EXPECT_EQ(good, 16 * 50);
   EXPECT_EQ(server.server().stats().requests, 16U * 50U);
}

TEST(server, a_connection_that_fails_gives_its_place_back) {
   struct failing_log { // the access log cannot be written
      failing_log() {
         log::set_level(log::level::info);
         log::set_sink([this](log::record const& line) {
            if (line.event == "http.request") throw std::runtime_error("disk full");
            if (line.event == "http.connection_failed") ++reported;
         });
      }
      ~failing_log() {
         log::set_sink(log::stderr_sink(log::format::text));
         log::set_level(log::level::off);
      }
      std::atomic<int> reported = 0;
   } failing;
   auto settings = quick();
   settings.access_log = log::level::info;
   running_server server(router(api), settings);
   for (int i = 0; i < 3; ++i) {
      raw_connection c(server.port());
      c.send(get_text("/health"));
      EXPECT_TRUE(c.closed_within(5s));
   }
   EXPECT_TRUE(noetl::test::eventually([&] { return server.server().stats().connections == 0; }, 5s))
       << server.server().stats().connections;
   EXPECT_EQ(failing.reported, 3);
}

} // namespace
