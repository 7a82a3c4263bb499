// nats/detail/ack_subject.hpp: what the reply subject of a delivered message says.
// Private to nats/. Source: nats-architecture-and-design ADR-15.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <noetl/core/number_text.hpp>

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
   auto const delivered = parse_number<std::uint64_t>(tokens[first]);
   auto const pending = parse_number<std::uint64_t>(tokens[first + 4]);
   if (!delivered || !pending) return std::nullopt;
   return ack_subject{*delivered, *pending};
}

} // namespace noetl::nats::detail
