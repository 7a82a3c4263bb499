// A TCP gate in front of a server, with verbs for faults: stop accepting, cut, lose the answer to a COMMIT.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/send_all.hpp"

namespace noetl::test {

class gate {
public:
   gate(std::string host, std::uint16_t port) : host_(std::move(host)), target_(port) { open(); }
   ~gate() {
      close_listener();
      cut();
      std::list<std::thread> threads;
      {
         std::lock_guard lock(guard_);
         threads.swap(pumps_);
      }
      for (auto& t : threads) t.join();
   }
   [[nodiscard]] std::uint16_t port() const { return port_; }

   /// New connections are refused, live ones are cut: the server is down.
   void stop_accepting() {
      close_listener();
      cut();
   }
   /// New connections are refused, live ones go on.
   void refuse_new() { close_listener(); }
   void start_accepting() { open(); }
   /// Ends all live connections.
   void cut() {
      std::lock_guard lock(guard_);
      for (int fd : live_) ::shutdown(fd, SHUT_RDWR);
   }
   /// The next COMMIT reaches the server, its answer does not reach the client.
   void lose_next_commit_answer() { lose_commit_ = true; }
   [[nodiscard]] int commits_lost() const { return lost_; }
   /// Bytes to the server, as they came, from now on. For sessions without prepared statements, whose texts all pass.
   void listen_in() { listening_ = true; }
   [[nodiscard]] std::string heard() {
      std::lock_guard lock(guard_);
      return heard_;
   }

private:
   void open() {
      listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      int on = 1;
      ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_port = htons(port_);
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener_, 64) != 0)
         throw std::runtime_error("gate: cannot listen");
      socklen_t size = sizeof at;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
      port_ = ntohs(at.sin_port);
      accepting_ = true;
      acceptor_ = std::thread([this, fd = listener_] { accept_loop(fd); });
   }
   void close_listener() {
      if (!accepting_.exchange(false)) return;
      ::shutdown(listener_, SHUT_RDWR);
      acceptor_.join();
      ::close(listener_);
   }
   void accept_loop(int fd) {
      for (;;) {
         int const client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
         if (client < 0) return;
         std::lock_guard lock(guard_);
         live_.push_back(client);
         pumps_.emplace_back([this, client] { serve(client); });
      }
   }
   void serve(int client) {
      int const server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_port = htons(target_);
      ::inet_pton(AF_INET, host_.c_str(), &at.sin_addr);
      int on = 1;
      ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (::connect(server, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) pump(client, server);
      std::lock_guard lock(guard_);
      live_.remove(client);
      ::close(client);
      ::close(server);
   }
   void pump(int client, int server) {
      bool deaf = false;
      char buffer[65536];
      for (;;) {
         pollfd fds[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
         if (::poll(fds, 2, -1) < 0) return;
         if (fds[0].revents != 0) {
            auto const got = ::recv(client, buffer, sizeof buffer, 0);
            if (got <= 0) return;
            std::string_view const text(buffer, static_cast<std::size_t>(got));
            if (text.find("COMMIT") != std::string_view::npos && lose_commit_.exchange(false)) deaf = true;
            if (listening_) {
               std::lock_guard lock(guard_);
               heard_ += text;
            }
            if (!send_all(server, text)) return;
         }
         if (fds[1].revents != 0) {
            auto const got = ::recv(server, buffer, sizeof buffer, 0);
            if (got <= 0) return;
            if (deaf) {
               ++lost_;
               return; // the answer is here, so the server is done; the client never sees it
            }
            if (!send_all(client, {buffer, static_cast<std::size_t>(got)})) return;
         }
      }
   }

   std::string host_;
   std::uint16_t target_;
   std::uint16_t port_ = 0;
   int listener_ = -1;
   std::atomic<bool> accepting_{false};
   std::atomic<bool> lose_commit_{false};
   std::atomic<int> lost_{0};
   std::atomic<bool> listening_{false};
   std::string heard_;
   std::mutex guard_;
   std::list<int> live_;
   std::list<std::thread> pumps_;
   std::thread acceptor_;
};

} // namespace noetl::test
