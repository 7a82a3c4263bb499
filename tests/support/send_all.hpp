// tests/support/send_all.hpp: writes a whole text to a socket.
#pragma once

#include <cstddef>
#include <string_view>
#include <sys/socket.h>

namespace noetl::test {

/// \return false when the other side is gone
inline bool send_all(int fd, std::string_view text) {
   while (!text.empty()) {
      auto const sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
   }
   return true;
}

} // namespace noetl::test
