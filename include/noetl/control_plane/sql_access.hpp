// control_plane/sql_access.hpp: who may send SQL statements, as a setting (defect D-03). Knows the standard library
// only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace noetl::control_plane {

/// Who may send statements.
enum class sql_access : std::uint8_t {
   off,     ///< nobody
   guarded, ///< as for secrets: bearers of the internal token, or without one callers on this machine
   open,    ///< everybody, as noetl-server 3.15
};

constexpr std::string_view to_text(sql_access access) noexcept {
   switch (access) {
   case sql_access::off: return "off";
   case sql_access::guarded: return "guarded";
   case sql_access::open: return "open";
   }
   return "off";
}
constexpr auto all_values(sql_access) noexcept {
   return std::array{sql_access::off, sql_access::guarded, sql_access::open};
}

} // namespace noetl::control_plane
