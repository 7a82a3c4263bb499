// notice.cpp: lines of standard input.
#include "notice.hpp"

#include <array>

#include <poll.h>
#include <unistd.h>

namespace stub {

std::optional<std::string> lines::next(std::chrono::milliseconds limit) {
   if (!ended_ && buffer_.find('\n') == std::string::npos) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (::poll(&input, 1, static_cast<int>(limit.count())) > 0) {
         std::array<char, 4096> bytes;
         auto const size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
         if (size > 0)
            buffer_.append(bytes.data(), static_cast<std::size_t>(size));
         else
            ended_ = true;
      }
   }
   auto const end = buffer_.find('\n');
   if (end == std::string::npos && !(ended_ && !buffer_.empty())) return std::nullopt;
   auto line = buffer_.substr(0, end);
   buffer_.erase(0, end == std::string::npos ? end : end + 1);
   return line;
}

} // namespace stub
