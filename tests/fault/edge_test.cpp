// Hostile and slow clients of the real server (goal 13). The rules one by one are tested in tests/http.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "fault/evidence.hpp"
#include "fault/load.hpp"
#include "http/raw_connection.hpp"
#include "support/deployment.hpp"

using namespace std::chrono_literals;
using namespace noetl::test;
using http_test::raw_connection;
using http_test::status_of;

namespace {

class edge : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      system = std::make_unique<deployment>();
      system->start_server();
      port = static_cast<std::uint16_t>(system->port);
   }
   std::unique_ptr<deployment> system;
   std::uint16_t port = 0;
};

/// Sends a byte now and then until the server closes. \return seconds until then
double trickle(std::uint16_t port, std::string const& head, std::chrono::milliseconds pause,
               std::chrono::seconds limit) {
   raw_connection slow(port);
   auto const begin = std::chrono::steady_clock::now();
   slow.send(head);
   while (std::chrono::steady_clock::now() < begin + limit) {
      if (slow.closed_within(pause))
         return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      slow.send("x");
   }
   return 1e9;
}

} // namespace

TEST_F(edge, slow_heads_and_bodies_are_cut_while_others_are_served_goal_13) {
   std::string const head = "POST /api/events HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n";
   std::vector<double> took(40);
   std::vector<std::thread> slow;
   for (std::size_t i = 0; i < took.size(); ++i) {
      auto const text = i % 2 == 0 ? head + "X-Slow: " : head + "Content-Length: 100000\r\n\r\n{";
      slow.emplace_back([&took, this, i, text] { took[i] = trickle(port, text, 400ms, 50s); });
   }
   std::chrono::steady_clock::duration slowest{};
   int asked = 0;
   for (auto const until = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < until; ++asked) {
      auto const begin = std::chrono::steady_clock::now();
      ASSERT_EQ(system->post("/api/catalog/list", "{}").status, 200U);
      slowest = std::max(slowest, std::chrono::steady_clock::now() - begin);
   }
   for (auto& one : slow) one.join();
   for (std::size_t i = 0; i < took.size(); ++i)
      EXPECT_LT(took[i], i % 2 == 0 ? 12.0 : 34.0) << (i % 2 == 0 ? "head" : "body");
   EXPECT_LT(slowest, 2s);
   say("heads cut after " + std::to_string(took[0]) + " s, bodies after " + std::to_string(took[1]) + " s; meanwhile " +
       std::to_string(asked) + " requests, the slowest in " +
       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(slowest).count()) + " ms");
   EXPECT_EQ(system->get("/livez").status, 200U);
}

TEST_F(edge, smuggling_forms_are_refused_and_nothing_behind_them_is_read_goal_13) {
   system->register_playbook(chain_playbook);
   std::string const hidden =
       "POST /api/execute HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
       R"({"path":"fault/chain"})";
   std::string const begin = "POST /api/events HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n";
   std::vector<std::string> const forms{
       begin + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
       begin + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
       begin + "Content-Length: 0, 5\r\n\r\n",
       begin + "Content-Length: +0\r\n\r\n",
       begin + "Content-Length: 0x0\r\n\r\n",
       begin + "Content-Length : 0\r\n\r\n",
       begin + " Content-Length: 0\r\n\r\n",
       begin + "Transfer-Encoding: gzip\r\n\r\n",
       begin + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
       begin + "Transfer-Encoding:\x0b"
               "chunked\r\n\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: chunked\r\n\r\n0x1\r\nA\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: chunked\r\n\r\n-1\r\nA\r\n0\r\n\r\n",
       begin + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nA\r\n0\r\n\r\n",
   };
   for (auto const& form : forms) {
      raw_connection c(port);
      c.send(form + hidden);
      auto const first = c.response();
      EXPECT_GE(status_of(first), 400) << form;
      EXPECT_TRUE(c.closed_within(5s)) << form;
      EXPECT_EQ(c.got().find("HTTP/1.1 200"), std::string::npos) << form;
   }
   evidence found(*system);
   EXPECT_EQ(found.executions(), 0) << "a hidden request was carried out";
   // The control: behind a well-formed request the same bytes are a request.
   raw_connection c(port);
   c.send("GET /livez HTTP/1.1\r\nHost: t\r\n\r\n" + hidden);
   EXPECT_EQ(status_of(c.response()), 200);
   EXPECT_EQ(status_of(c.response()), 200);
   EXPECT_EQ(found.executions(), 1);
}
