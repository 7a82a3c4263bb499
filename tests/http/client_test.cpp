#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include <dlfcn.h>
#include <netdb.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/http/client.hpp>

#include "http/support.hpp"

namespace {

// A name server that answers when the test wants it to, half a minute later at most.
class name_server {
public:
   static name_server& instance() {
      static name_server only;
      return only;
   }
   void answer() {
      std::lock_guard const lock(mutex_);
      silent_ = false;
      changed_.notify_all();
   }
   int wait() {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::seconds(30), [this] { return !silent_; });
      answered = true;
      return EAI_AGAIN;
   }
   std::atomic<bool> answered = false;

private:
   std::mutex mutex_;
   std::condition_variable changed_;
   bool silent_ = true;
};

} // namespace

// Stands in front of the system's for the whole program.
extern "C" int getaddrinfo(char const* name, char const* service, addrinfo const* hints, addrinfo** out) {
   if (name != nullptr && std::strcmp(name, "silent.test") == 0) return name_server::instance().wait();
   static auto* const real = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
   if (name == nullptr || std::strcmp(name, "both.test") != 0) return real(name, service, hints, out);
   // As localhost on most machines: ::1, then 127.0.0.1.
   if (int const failed = real("::1", service, hints, out); failed != 0) return failed;
   auto* last = *out;
   while (last->ai_next != nullptr) last = last->ai_next;
   return real("127.0.0.1", service, hints, &last->ai_next);
}

namespace {

using namespace noetl;
using namespace noetl::http;
using namespace std::chrono_literals;
using http_test::running_server;

result<response> echo(request const& r) {
   return text_response(std::string(to_text(r.method)) + " " + r.path + "?" + r.query + " " +
                        std::string(r.header("content-type")) + " " + std::string(r.header("x-more")) + " " + r.body);
}
result<response> show(path_text<"rest">, request const& r) {
   return echo(r);
}
boost::asio::awaitable<result<std::string>> never() {
   boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 2s);
   co_await timer.async_wait(boost::asio::use_awaitable);
   co_return std::string();
}

boost::asio::awaitable<result<std::string>> still() {
   boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 60s);
   co_await timer.async_wait(boost::asio::use_awaitable);
   co_return std::string();
}

inline constexpr auto api = routes<services<>>(under<"/a">(get<"/{rest...}", show>, put<"/{rest...}", show>),
                                               post<"/p", echo>, get<"/never", never>, get<"/still", still>);

TEST(base_url, takes_host_port_and_prefix) {
   auto const url = parse_base_url("http://example:8082/x/");
   ASSERT_TRUE(url);
   EXPECT_EQ(url->host, "example");
   EXPECT_EQ(url->port, 8082);
   EXPECT_EQ(url->prefix, "/x");
   EXPECT_EQ(parse_base_url("http://[::1]:1")->host, "::1");
   EXPECT_EQ(parse_base_url("http://h")->port, 80);
   for (auto const* bad : {"", "h:1", "https://h", "http://", "http://h:", "http://h:x", "http://h:70000", "http://:1"})
      EXPECT_FALSE(parse_base_url(bad)) << bad;
}

TEST(client, keeps_its_connection) {
   running_server server(router(api), {});
   blocking_client client({.port = server.port()});
   for (int i = 0; i < 5; ++i) EXPECT_EQ(client.get("/a/b?c=d")->body, "GET /a/b?c=d   ");
   EXPECT_EQ(client.send({.method = verb::put, .target = "/a/x", .body = "y", .headers = {{"x-more", "z"}}})->body,
             "PUT /a/x? application/json z y");
   EXPECT_EQ(client.post("/p", "{}")->body, "POST /p? application/json  {}");
   auto const head = client.send({.method = verb::head, .target = "/a/b"});
   EXPECT_EQ(head->status, 200U);
   EXPECT_EQ(head->body, "");
   EXPECT_EQ(head->header("content-length"), "13");
   EXPECT_EQ(client.get("/nope")->status, 404U);
   EXPECT_EQ(server.server().stats().accepted, 1U);
   EXPECT_EQ(client.idle_connections(), 1U);
}

TEST(client, connects_again_when_the_kept_connection_was_closed) {
   http_settings settings;
   settings.idle_timeout = 50ms;
   running_server server(router(api), settings);
   blocking_client client({.port = server.port()});
   EXPECT_TRUE(client.post("/p", "1"));
   std::this_thread::sleep_for(400ms);
   auto const second = client.post("/p", "2"); // not repeatable, and not repeated: the death was seen before sending
   ASSERT_TRUE(second) << second.error().message;
   EXPECT_EQ(second->status, 200U);
   EXPECT_EQ(server.server().stats().requests, 2U);
   EXPECT_EQ(server.server().stats().accepted, 2U);
}

TEST(client, absence_and_slowness_are_unavailable) {
   running_server server(router(api), {});
   blocking_client nobody({.port = 1});
   auto const refused = nobody.get("/");
   ASSERT_FALSE(refused);
   EXPECT_EQ(refused.error().code, error_code::unavailable);
   EXPECT_EQ(refused.error().message, "cannot connect to 127.0.0.1:1: Connection refused");
   blocking_client hasty({.port = server.port()}, {.request_timeout = 100ms});
   auto const late = hasty.get("/never");
   ASSERT_FALSE(late);
   EXPECT_EQ(late.error().code, error_code::unavailable);
   EXPECT_EQ(hasty.idle_connections(), 0U);
   blocking_client small({.port = server.port()}, {.max_response_bytes = 5});
   EXPECT_FALSE(small.get("/a/b"));
}

TEST(client, a_time_out_on_a_kept_connection_is_not_a_dead_connection) {
   running_server server(router(api), {});
   blocking_client client({.port = server.port()}, {.request_timeout = 8s});
   ASSERT_TRUE(client.get("/a/b"));
   ASSERT_EQ(client.idle_connections(), 1U);
   auto const late = client.send({.target = "/still", .repeatable = true});
   ASSERT_FALSE(late);
   EXPECT_EQ(late.error().code, error_code::unavailable);
   EXPECT_EQ(client.idle_connections(), 0U);
   EXPECT_EQ(server.server().stats().accepted, 1U) << "the request was sent again";
}

TEST(client, what_would_break_the_framing_is_refused_and_not_sent) {
   running_server server(router(api), {});
   blocking_client client({.port = server.port()});
   auto const refusal = [&](client_request wish) {
      auto const got = client.send(std::move(wish));
      EXPECT_FALSE(got);
      if (got) return std::string();
      EXPECT_EQ(got.error().code, error_code::bad_request);
      return got.error().message;
   };
   for (auto const* target : {"/a/b HTTP/1.1\r\nX: y\r\n\r\n", "/a b", "/a\tb", "/a\nb", "/a\x7f", ""})
      EXPECT_EQ(refusal({.target = target}), "a request target has no blanks or control characters") << target;
   EXPECT_EQ(refusal({.target = std::string("/a\0b", 4)}), "a request target has no blanks or control characters");
   for (auto const* name : {"", "x more", "x:y", "x\r\ny"})
      EXPECT_EQ(refusal({.headers = {{"x-good", "1"}, {name, "hidden"}}}),
                "'" + std::string(name) + "' is no header name");
   for (auto const* value : {"hidden\r\nX: y", "hidden\n", "\x01hidden"})
      EXPECT_EQ(refusal({.headers = {{"x-more", value}}}), "header x-more: control character in its value");
   EXPECT_EQ(refusal({.method = verb::post, .target = "/p", .body = "{}", .content_type = "a/b\r\nX: y"}),
             "header content-type: control character in its value");
   blocking_client elsewhere({.port = server.port(), .prefix = "/a\r\n"});
   EXPECT_FALSE(elsewhere.get("/b"));
   EXPECT_EQ(server.server().stats().accepted, 0U);
   EXPECT_EQ(client.send({.method = verb::post, .target = "/p", .headers = {{"x-more", "a\tb \xC3\xA9"}}})->body,
             "POST /p?  a\tb \xC3\xA9 ");
}

TEST(server, of_a_name_with_addresses_of_both_kinds_the_one_of_ipv4_is_listened_on) {
   running_server server(router(api), {.host = "both.test"});
   blocking_client client({.host = "127.0.0.1", .port = server.port()});
   auto const got = client.get("/a/b");
   ASSERT_TRUE(got) << got.error().message;
   EXPECT_EQ(got->status, 200U);
}

TEST(client, a_name_server_that_does_not_answer_is_left_at_the_deadline) {
   {
      blocking_client client({.host = "silent.test", .port = 1}, {.connect_timeout = 50ms});
      auto const got = client.get("/");
      EXPECT_FALSE(name_server::instance().answered) << "the client waited for the name server";
      name_server::instance().answer(); // the resolver's thread can end now
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, error_code::unavailable);
   }
   EXPECT_TRUE(name_server::instance().answered);
   blocking_client client({.host = "silent.test", .port = 1});
   EXPECT_FALSE(client.get("/")) << "an answer in time is taken, here a refusal";
}

// A server that takes a request and hangs up; `answers` of them are answered first.
class hanging_up {
public:
   explicit hanging_up(int answers) : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {
      thread_ = std::jthread([this, answers]() mutable {
         for (boost::system::error_code ec;;) {
            boost::asio::ip::tcp::socket socket(io_);
            acceptor_.accept(socket, ec);
            if (ec) return;
            ++connections;
            std::string got;
            while (true) {
               char bytes[4096];
               auto const n = socket.read_some(boost::asio::buffer(bytes), ec);
               if (ec) break;
               got.append(bytes, n);
               if (got.find("\r\n\r\n") == got.npos) continue;
               got.clear();
               ++requests;
               if (answers-- <= 0 && requests != 3) break;
               boost::asio::write(socket, boost::asio::buffer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38), ec);
            }
         }
      });
   }
   ~hanging_up() {
      ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
      thread_.join();
   }
   [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
   std::atomic<int> connections = 0, requests = 0;

private:
   boost::asio::io_context io_;
   boost::asio::ip::tcp::acceptor acceptor_;
   std::jthread thread_;
};

TEST(client, repeats_only_what_may_be_repeated) {
   {
      hanging_up server(1);
      blocking_client client({.port = server.port()});
      EXPECT_TRUE(client.get("/"));
      EXPECT_TRUE(client.get("/")); // the kept connection dies under it; sent again on a new one
      EXPECT_EQ(server.requests, 3);
   }
   {
      hanging_up server(1);
      blocking_client client({.port = server.port()});
      EXPECT_TRUE(client.post("/", ""));
      EXPECT_FALSE(client.post("/", ""));
      EXPECT_EQ(server.requests, 2);
   }
   {
      hanging_up server(1);
      blocking_client client({.port = server.port()});
      EXPECT_TRUE(client.post("/", ""));
      EXPECT_TRUE(client.send({.method = verb::post, .repeatable = true}));
      EXPECT_EQ(server.requests, 3);
   }
}

} // namespace
