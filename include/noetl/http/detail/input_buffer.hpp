// http/detail/input_buffer.hpp: bytes that have arrived and are not yet used.
// Knows the standard library only.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace noetl::http::detail {

// Grows by doubling when a reader wants room and all is full; whoever reads sees to it that this has an end.
class input_buffer {
public:
   [[nodiscard]] std::string_view unread() const noexcept { return {bytes_.data() + begin_, end_ - begin_}; }

   void consume(std::size_t size) noexcept {
      begin_ += size;
      if (begin_ == end_) begin_ = end_ = 0;
   }
   void clear() noexcept { begin_ = end_ = 0; }

   // Where further bytes may go; not empty. Views of unread() are void afterwards.
   std::span<char> room() {
      if (begin_ > 0 && end_ == bytes_.size()) {
         std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
         end_ -= std::exchange(begin_, 0);
      }
      if (end_ == bytes_.size()) bytes_.resize(bytes_.size() * 2);
      return std::span(bytes_).subspan(end_);
   }
   // \pre size bytes were put at the front of room()
   void arrived(std::size_t size) noexcept { end_ += size; }

private:
   std::vector<char> bytes_ = std::vector<char>(4096);
   std::size_t begin_ = 0, end_ = 0;
};

} // namespace noetl::http::detail
