// tests/http/support.hpp: a server on a thread of its own, beside the raw connection to it and the router alone.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <noetl/http/server.hpp>

#include "http/asking.hpp"
#include "http/raw_connection.hpp"

namespace http_test {

using namespace std::chrono_literals;

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

} // namespace http_test
