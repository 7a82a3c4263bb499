// control_plane/secret_gate.hpp: who may call the routes that hand out or change secrets (design: security default).
// Knows http/message.hpp, http/origins.hpp and the internal token; use it as
// `http::guarded_by<require_access<secret_gate>>(...)`.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>
#include <utility>

#include <noetl/control_plane/internal_gate.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/origins.hpp>

namespace noetl::control_plane {

/// With an internal token: its bearers only. Without one: callers on this machine only, none that a proxy here speaks
/// for and says so, and none that a web page of another site sends through a browser, which every answer's CORS fields
/// would otherwise allow. `open` lets everybody in, as noetl-server 3.15 does: existing workers send no token.
/// Thread-safe when the gate is.
class secret_gate {
public:
   explicit secret_gate(internal_gate const& token, bool open = false) : token_(token), open_(open) {}

   /// \return nothing when the caller may pass, else 403 as plain text
   [[nodiscard]] std::optional<http::response> refusal_of(http::request const& received) const {
      if (open_) return std::nullopt;
      auto const given =
          received.headers.contains("authorization") ? std::optional(received.header("authorization")) : std::nullopt;
      auto refusal = token_.refusal_of(given);
      if (!refusal || refusal->status != 503) return refusal;
      if (!received.peer_is_loopback)
         return http::text_response("Without NOETL_INTERNAL_API_TOKEN this route serves callers on this machine only",
                                    403);
      // A proxy of this machine speaks for callers elsewhere.
      for (auto const* name : {"forwarded", "x-forwarded-for", "x-real-ip", "via"})
         if (received.headers.contains(name))
            return http::text_response("Without NOETL_INTERNAL_API_TOKEN this route serves no callers behind a proxy",
                                       403);
      if (!http::is_loopback_host(http::host_of(received.header("host"))))
         return http::text_response("Host: expected a name of this machine, such as localhost", 403);
      auto origin = received.header("origin");
      if (!origin.empty() && !http::is_loopback_origin(origin))
         return http::text_response("Origin: pages of other sites may not call this route", 403);
      return std::nullopt;
   }

private:
   internal_gate const& token_;
   bool open_;
};

/// The guard of routes about secrets, and of those whose gate has the same rules.
template <std::derived_from<secret_gate> Gate>
std::optional<http::response> require_access(Gate& gate, http::request const& received) {
   return gate.refusal_of(received);
}

} // namespace noetl::control_plane
