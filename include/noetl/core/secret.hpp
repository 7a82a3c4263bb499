// core/secret.hpp: a text that must not be shown.
// Knows the standard library only.
#pragma once

#include <string>
#include <string_view>

namespace noetl {

/// A password, token or key. It has no stream operator, and logs, printed configuration and error texts show `masked`
/// in its place; whoever needs the text says `.value`.
struct secret {
   std::string value;

   static constexpr std::string_view masked = "***";

   [[nodiscard]] bool empty() const noexcept { return value.empty(); }
   friend bool operator==(secret const&, secret const&) = default;
};

} // namespace noetl
