// tests/support/free_port.hpp: a port for a server that a test starts.
#pragma once

#include <stdexcept>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace noetl::test {

/// A TCP port of the loopback interface that was free a moment ago.
inline int free_port() {
   int const fd = socket(AF_INET, SOCK_STREAM, 0);
   sockaddr_in where{};
   where.sin_family = AF_INET;
   where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   socklen_t size = sizeof where;
   if (bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 ||
       getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
      throw std::runtime_error("no free port");
   close(fd);
   return ntohs(where.sin_port);
}

} // namespace noetl::test
