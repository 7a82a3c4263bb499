// nats/state.hpp: the states of a connection, with their names in health answers and logs.
// Knows the standard library only.
#pragma once

#include <cstdint>
#include <string_view>

namespace noetl::nats {

enum class connection_state : std::uint8_t {
   never_connected, ///< no server has answered yet; attempts go on
   connected,
   reconnecting, ///< was connected once; attempts go on
   closed,       ///< by us; final
};

constexpr std::string_view to_text(connection_state state) noexcept {
   switch (state) {
   case connection_state::never_connected: return "never_connected";
   case connection_state::connected: return "connected";
   case connection_state::reconnecting: return "reconnecting";
   case connection_state::closed: return "closed";
   }
   return "closed";
}

} // namespace noetl::nats
