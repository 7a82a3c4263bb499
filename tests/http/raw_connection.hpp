// tests/http/raw_connection.hpp: bytes to and from a server, right or wrong. Knows sockets only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace http_test {

using namespace std::chrono_literals;

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

} // namespace http_test
