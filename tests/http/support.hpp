// tests/http/support.hpp: asking a router without sockets; a server on a thread; a raw connection to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <noetl/core/log.hpp>
#include <noetl/http/server.hpp>

namespace http_test {

using namespace std::chrono_literals;

struct quiet_log : testing::Environment {
   void SetUp() override { noetl::log::set_level(noetl::log::level::off); }
};
inline auto* const quiet = testing::AddGlobalTestEnvironment(new quiet_log);

// A server that runs on threads of its own and stops with the test.
class running_server {
public:
   running_server(noetl::http::router router, noetl::http::http_settings settings, int threads = 1)
       : server_(io_, std::move(router), with_free_port(std::move(settings))) {
      auto const started = server_.start();
      EXPECT_TRUE(started.has_value());
      for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { io_.run(); });
   }
   ~running_server() { io_.stop(); }

   [[nodiscard]] std::uint16_t port() const { return server_.port(); }
   noetl::http::http_server& server() { return server_; }

   // Stops it and waits for that. \return what stop() says
   bool stop(std::chrono::milliseconds grace) {
      boost::asio::io_context mine;
      bool drained = false;
      boost::asio::co_spawn(mine, server_.stop(grace), [&](std::exception_ptr, bool all) { drained = all; });
      mine.run();
      return drained;
   }

private:
   static noetl::http::http_settings with_free_port(noetl::http::http_settings settings) {
      settings.port = 0;
      return settings;
   }
   boost::asio::io_context io_;
   boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
   noetl::http::http_server server_;
   std::vector<std::jthread> threads_;
};

// A connection that sends what it is told and reads what comes.
class raw_connection {
public:
   explicit raw_connection(std::uint16_t port) : socket_(io_) {
      socket_.connect({boost::asio::ip::address_v4::loopback(), port});
   }
   void send(std::string_view text) {
      boost::system::error_code ec;
      boost::asio::write(socket_, boost::asio::buffer(text), ec);
   }
   // One response: head, and body by its content-length. Empty when the connection ended before.
   std::string response(bool head_only = false) {
      auto end = got_.find("\r\n\r\n");
      while (end == got_.npos && more()) end = got_.find("\r\n\r\n");
      if (end == got_.npos) return {};
      end += 4;
      std::size_t size = 0;
      if (auto const at = got_.find("content-length: "); at < end && !head_only)
         size = std::stoul(got_.substr(at + 16));
      while (got_.size() < end + size && more()) {
      }
      auto text = got_.substr(0, end + size);
      got_.erase(0, text.size());
      return text;
   }
   // Everything until the server closes; gives up after `time`.
   bool closed_within(std::chrono::milliseconds time) {
      auto const until = std::chrono::steady_clock::now() + time;
      while (std::chrono::steady_clock::now() < until)
         if (!more(until - std::chrono::steady_clock::now())) return ended_;
      return false;
   }
   [[nodiscard]] std::string const& got() const { return got_; }
   void shut() { socket_.shutdown(boost::asio::socket_base::shutdown_send); }
   boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
   bool more(std::chrono::steady_clock::duration time = 5s) {
      std::size_t size = 0;
      bool done = false;
      char bytes[65536];
      socket_.async_read_some(boost::asio::buffer(bytes), [&](boost::system::error_code ec, std::size_t n) {
         done = true;
         if (ec == boost::asio::error::operation_aborted) return;
         if (ec)
            ended_ = true;
         else
            size = n;
      });
      io_.restart();
      io_.run_for(time);
      if (!done) {
         socket_.cancel();
         io_.restart();
         io_.run();
      }
      got_.append(bytes, size);
      return size > 0;
   }
   boost::asio::io_context io_;
   boost::asio::ip::tcp::socket socket_;
   std::string got_;
   bool ended_ = false;
};

inline int status_of(std::string_view response) {
   return response.size() < 12 ? 0 : std::stoi(std::string(response.substr(9, 3)));
}
inline std::string body_of(std::string const& response) {
   auto const end = response.find("\r\n\r\n");
   return end == response.npos ? "" : response.substr(end + 4);
}

// Asks a router without sockets.
inline noetl::http::response ask(noetl::http::router const& router, noetl::http::request const& wish) {
   boost::asio::io_context io;
   noetl::http::response got;
   boost::asio::co_spawn(io, router.handle(wish), [&](std::exception_ptr thrown, noetl::http::response answer) {
      EXPECT_FALSE(thrown);
      got = std::move(answer);
   });
   io.run();
   return got;
}
inline noetl::http::request make_request(noetl::http::verb method, std::string path, std::string body = {},
                                         std::string_view content_type = {}) {
   noetl::http::request wish;
   wish.method = method;
   auto const mark = path.find('?');
   wish.path = path.substr(0, mark);
   if (mark != path.npos) wish.query = path.substr(mark + 1);
   wish.body = std::move(body);
   if (!content_type.empty()) wish.headers.add("content-type", content_type);
   return wish;
}

} // namespace http_test
