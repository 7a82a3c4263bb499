// benchmarks/http_load.hpp: a light HTTP load: one thread, kept-alive connections, one request at a time on each.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace noetl::bench {

struct client {
   int fd = -1;
   std::string got;
   std::chrono::steady_clock::time_point asked;
};

// Size of the response at the front of `text`, or 0 when it is not complete.
inline std::size_t response_size(std::string_view text) {
   auto const end = text.find("\r\n\r\n");
   if (end == text.npos) return 0;
   for (auto const* name : {"content-length: ", "Content-Length: "})
      if (auto const at = text.substr(0, end).find(name); at != text.npos) {
         auto const size = end + 4 + std::strtoul(text.data() + at + 16, nullptr, 10);
         return text.size() >= size ? size : 0;
      }
   return end + 4;
}

[[noreturn]] inline void broken(char const* what) {
   std::fprintf(stderr, "load: %s\n", what);
   std::exit(1);
}

/// Keeps connections busy for `time`; every answer must be 200. \param next  writes the next request of a connection
/// \param seconds  where given, the time of each answer is added
inline double requests_per_second(std::uint16_t port, std::size_t connections,
                                  std::function<void(std::size_t, std::string&)> const& next,
                                  std::chrono::milliseconds time, std::vector<double>* seconds = nullptr) {
   std::vector<client> clients(connections);
   int const poll = epoll_create1(0);
   sockaddr_in where{};
   where.sin_family = AF_INET;
   where.sin_port = htons(port);
   where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   std::string wish;
   auto const say = [&](client& c) {
      next(static_cast<std::size_t>(&c - clients.data()), wish);
      c.asked = std::chrono::steady_clock::now();
      if (write(c.fd, wish.data(), wish.size()) != static_cast<ssize_t>(wish.size())) broken("cannot send");
   };
   for (std::size_t i = 0; i < connections; ++i) {
      auto& c = clients[i];
      c.fd = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(c.fd, reinterpret_cast<sockaddr const*>(&where), sizeof where) != 0) broken("cannot connect");
      int const on = 1;
      setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &event);
      say(c);
   }
   std::size_t answers = 0;
   auto const start = std::chrono::steady_clock::now();
   auto now = start;
   std::vector<epoll_event> events(connections);
   std::array<char, 4096> bytes;
   while ((now = std::chrono::steady_clock::now()) - start < time) {
      int const ready = epoll_wait(poll, events.data(), static_cast<int>(connections), 100);
      for (int i = 0; i < ready; ++i) {
         auto& c = clients[events[static_cast<std::size_t>(i)].data.u64];
         auto const size = read(c.fd, bytes.data(), bytes.size());
         if (size <= 0) broken("connection ended");
         c.got.append(bytes.data(), static_cast<std::size_t>(size));
         auto const complete = response_size(c.got);
         if (complete == 0) continue;
         if (c.got.compare(9, 3, "200") != 0) broken(c.got.c_str());
         c.got.erase(0, complete);
         ++answers;
         if (seconds != nullptr)
            seconds->push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - c.asked).count());
         say(c);
      }
   }
   for (auto& c : clients) close(c.fd);
   close(poll);
   return static_cast<double>(answers) / std::chrono::duration<double>(now - start).count();
}

/// As above with 64 connections, whose requests are all alike.
inline double requests_per_second(std::uint16_t port, std::function<void(std::string&)> const& next,
                                  std::chrono::milliseconds time) {
   return requests_per_second(
       port, 64, [&](std::size_t, std::string& out) { next(out); }, time);
}

} // namespace noetl::bench
