// http/framing.hpp: where a request head ends, and whether it leaves any doubt about where its body ends.
// Runs before any other parser sees the bytes, because two readers that differ here can be played against each other
// (request smuggling; RFC 9112 sections 2.2, 5 and 6). Knows core and http/message.hpp; does no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <noetl/core/number_text.hpp>
#include <noetl/core/trimmed.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

/// Looks for the empty line that ends a head while bytes arrive. Looks at each byte once.
class head_scanner {
public:
   enum class state { incomplete, complete, broken };

   /// \param received all bytes of the head so far; grows between calls
   state feed(std::string_view received) noexcept {
      while (scanned_ < received.size()) {
         auto const* const at =
             static_cast<char const*>(std::memchr(received.data() + scanned_, '\n', received.size() - scanned_));
         if (at == nullptr) {
            scanned_ = received.size();
            return state::incomplete;
         }
         auto const here = static_cast<std::size_t>(at - received.data());
         scanned_ = here + 1;
         if (here == line_ || received[here - 1] != '\r') return state::broken; // a bare LF
         bool const empty = here == line_ + 1;
         line_ = here + 1;
         if (empty) return state::complete;
      }
      return state::incomplete;
   }
   /// Length of the head with its empty line, once complete.
   [[nodiscard]] std::size_t size() const noexcept { return line_; }

private:
   std::size_t scanned_ = 0;
   std::size_t line_ = 0;
};

/// How long the body is.
struct framing {
   bool chunked = false;
   std::uint64_t content_length = 0;
   char const* fault = nullptr; ///< what is wrong, nullptr when all is well; a fault means 400 and close
};

namespace detail {

constexpr bool is_token(std::string_view text) noexcept {
   if (text.empty()) return false;
   constexpr std::string_view others = "!#$%&'*+-.^_`|~";
   for (char c : text)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            others.find(c) != others.npos))
         return false;
   return true;
}

constexpr bool is_field_text(std::string_view text) noexcept {
   for (char c : text) {
      auto const byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7F) return false;
   }
   return true;
}

} // namespace detail

/// Checks the lines of a complete head. \param head ends with its empty line
inline framing check_framing(std::string_view head) noexcept {
   framing found;
   bool length_given = false, host_given = false;
   auto const end_of_first = head.find("\r\n");
   auto const first = head.substr(0, end_of_first);
   bool const http11 = first.ends_with(" HTTP/1.1");
   auto const broken = [&found](char const* fault) {
      found.fault = fault;
      return found;
   };
   if (!http11 && !first.ends_with(" HTTP/1.0")) return broken("HTTP version is not supported");
   if (!detail::is_field_text(first) || first.find('\t') != first.npos) return broken("malformed request line");
   for (auto left = head.substr(end_of_first + 2); left.size() > 2;) {
      auto const end = left.find("\r\n");
      auto const line = left.substr(0, end);
      left.remove_prefix(end + 2);
      if (line.front() == ' ' || line.front() == '\t') return broken("folded header line");
      auto const colon = line.find(':');
      if (colon == line.npos || !detail::is_token(line.substr(0, colon))) return broken("malformed header name");
      auto const name = line.substr(0, colon);
      auto const value = trimmed(line.substr(colon + 1), " \t");
      if (!detail::is_field_text(value)) return broken("control character in a header");
      if (equal_ignoring_case(name, "content-length")) {
         if (length_given) return broken("more than one Content-Length");
         length_given = true;
         auto const octets = parse_number<decltype(found.content_length)>(value);
         if (!octets) return broken("malformed Content-Length");
         found.content_length = *octets;
      } else if (equal_ignoring_case(name, "transfer-encoding")) {
         if (found.chunked || !equal_ignoring_case(value, "chunked") || !http11)
            return broken("Transfer-Encoding is not exactly 'chunked'");
         found.chunked = true;
      } else if (equal_ignoring_case(name, "host")) {
         if (host_given) return broken("more than one Host");
         host_given = true;
      }
   }
   if (found.chunked && length_given) return broken("both Transfer-Encoding and Content-Length");
   if (http11 && !host_given) return broken("no Host");
   return found;
}

} // namespace noetl::http
