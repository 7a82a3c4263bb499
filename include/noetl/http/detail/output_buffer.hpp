// http/detail/output_buffer.hpp: bytes that are still to be written.
// Knows the standard library and Asio's buffers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>

namespace noetl::http::detail {

// A text that grows at its end, and after it one large piece that is not copied.
struct output_buffer {
   std::string text;
   std::string_view tail; // after text; whoever sets it keeps it alive until all is written

   [[nodiscard]] std::size_t unwritten() const noexcept { return text.size() - written_ + tail.size(); }
   [[nodiscard]] std::array<boost::asio::const_buffer, 2> pieces() const noexcept {
      return {boost::asio::const_buffer(text.data() + written_, text.size() - written_),
              boost::asio::const_buffer(tail.data(), tail.size())};
   }
   // \pre bytes <= unwritten()
   void took(std::size_t bytes) {
      auto const of_text = std::min(bytes, text.size() - written_);
      written_ += of_text;
      tail.remove_prefix(bytes - of_text);
      if (written_ < text.size()) return;
      text.clear();
      written_ = 0;
   }

private:
   std::size_t written_ = 0;
};

} // namespace noetl::http::detail
