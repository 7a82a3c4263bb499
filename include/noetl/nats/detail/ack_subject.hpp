// nats/detail/ack_subject.hpp: what the reply subject of a delivered message says.
// Private to nats/. Source: nats-architecture-and-design ADR-15.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace noetl::nats::detail {

struct ack_subject {
   std::uint64_t delivered = 0; ///< how often the message was delivered, this time included
   std::uint64_t pending = 0;   ///< messages behind it
};

/// Reads one of
///
///     $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<sequence of consumer>.<time>.<pending>
///     $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<…>.<…>.<time>.<pending>[.<random>[.…]]
///
/// \return nothing for every other subject
inline std::optional<ack_subject> read_ack_subject(std::string_view text) {
   if (!text.starts_with("$JS.ACK.")) return std::nullopt;
   std::array<std::string_view, 12> tokens; // more may follow: they are left alone
   std::size_t count = 0;
   for (auto rest = text; count < tokens.size();) {
      auto const dot = rest.find('.');
      tokens[count++] = rest.substr(0, dot);
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
   }
   if (count != 9 && count < 11) return std::nullopt;
   std::size_t const first = count == 9 ? 4 : 6;
   auto const number = [&](std::size_t at, std::uint64_t& out) {
      auto const* const end = tokens[at].data() + tokens[at].size();
      auto const [stop, failed] = std::from_chars(tokens[at].data(), end, out);
      return failed == std::errc{} && stop == end;
   };
   ack_subject out;
   if (!number(first, out.delivered) || !number(first + 4, out.pending)) return std::nullopt;
   return out;
}

} // namespace noetl::nats::detail
