// tests/fault/balancer.hpp: a load balancer in front of servers: consecutive requests go to different ones, as long as
// those live.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "support/send_all.hpp"

namespace noetl::test {

/// Forwards bytes. Clients that wait for an answer before they send the next request (no pipelining) make a request
/// recognisable without parsing: it begins with the first bytes after those of an answer. A server that does not answer
/// any more cuts its client off, who asks again and reaches another one.
class balancer {
public:
   /// \param withheld  how requests begin whose answers are lost: the server has answered, the client is cut off
   explicit balancer(std::vector<int> ports, std::string withheld = {})
       : ports_(std::move(ports)), withheld_(std::move(withheld)) {
      listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      auto at = loopback(0);
      socklen_t size = sizeof at;
      if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener_, 64) != 0 ||
          ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
         throw std::runtime_error("balancer: cannot listen");
      port_ = ntohs(at.sin_port);
      acceptor_ = std::thread([this] { accept_loop(); });
   }
   balancer(balancer const&) = delete;
   balancer& operator=(balancer const&) = delete;
   ~balancer() {
      ::shutdown(listener_, SHUT_RDWR);
      acceptor_.join();
      ::close(listener_);
      std::list<std::thread> threads;
      {
         std::lock_guard const lock(guard_);
         for (int fd : live_) ::shutdown(fd, SHUT_RDWR);
         threads.swap(pumps_);
      }
      for (auto& one : threads) one.join();
   }
   [[nodiscard]] int port() const noexcept { return port_; }
   /// Requests passed on to each server.
   [[nodiscard]] std::size_t passed(std::size_t server) const { return passed_.at(server); }

private:
   static sockaddr_in loopback(int port) {
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_port = htons(static_cast<std::uint16_t>(port));
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      return at;
   }
   void accept_loop() {
      for (;;) {
         int const client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
         if (client < 0) return;
         std::lock_guard const lock(guard_);
         live_.push_back(client);
         pumps_.emplace_back([this, client] {
            pump(client);
            std::lock_guard const done(guard_);
            live_.remove(client);
            ::close(client);
         });
      }
   }
   static int connect_to(int port) {
      int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      auto const at = loopback(port);
      int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (::connect(fd, reinterpret_cast<sockaddr const*>(&at), sizeof at) == 0) return fd;
      ::close(fd);
      return -1;
   }
   /// The next server that can be reached. \return its index, or -1
   int choose(std::vector<int>& upstream) {
      for (std::size_t tried = 0; tried < ports_.size(); ++tried) {
         auto const index = next_++ % ports_.size();
         if (upstream[index] < 0) upstream[index] = connect_to(ports_[index]);
         if (upstream[index] >= 0) return static_cast<int>(index);
      }
      return -1;
   }
   void pump(int client) {
      int on = 1;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      std::vector<int> upstream(ports_.size(), -1);
      int current = -1;
      bool answered = true; // the next bytes of the client begin a request
      bool withhold = false;
      std::array<char, 65536> buffer{};
      for (bool alive = true; alive;) {
         std::vector<pollfd> waits{{client, POLLIN, 0}};
         for (int fd : upstream) waits.push_back({fd, POLLIN, 0}); // poll ignores negative ones
         if (::poll(waits.data(), waits.size(), -1) < 0) break;
         for (std::size_t i = 0; i < upstream.size(); ++i) {
            if (waits[i + 1].revents == 0) continue;
            auto const got = ::recv(upstream[i], buffer.data(), buffer.size(), 0);
            if (got > 0) {
               alive = alive && !withhold && send_all(client, {buffer.data(), static_cast<std::size_t>(got)});
               answered = true;
               continue;
            }
            ::close(upstream[i]);
            upstream[i] = -1;
            if (static_cast<int>(i) == current && !answered) alive = false; // its request died with it
         }
         if (!alive || waits[0].revents == 0) continue;
         auto const got = ::recv(client, buffer.data(), buffer.size(), 0);
         if (got <= 0) break;
         if (std::exchange(answered, false)) {
            withhold = !withheld_.empty() &&
                       std::string_view(buffer.data(), static_cast<std::size_t>(got)).starts_with(withheld_);
            current = choose(upstream);
            if (current >= 0) ++passed_[static_cast<std::size_t>(current)];
         }
         alive = current >= 0 && upstream[static_cast<std::size_t>(current)] >= 0 &&
                 send_all(upstream[static_cast<std::size_t>(current)], {buffer.data(), static_cast<std::size_t>(got)});
      }
      for (int fd : upstream)
         if (fd >= 0) ::close(fd);
   }

   std::vector<int> const ports_;
   std::string const withheld_;
   int listener_ = -1;
   int port_ = 0;
   std::atomic<std::size_t> next_{0};
   std::array<std::atomic<std::size_t>, 8> passed_{};
   std::mutex guard_;
   std::list<int> live_;
   std::list<std::thread> pumps_;
   std::thread acceptor_;
};

} // namespace noetl::test
