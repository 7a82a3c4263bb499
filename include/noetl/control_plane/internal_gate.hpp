// control_plane/internal_gate.hpp: the bearer token of /api/internal/* (http-platform.md section 3).
// Knows http/message.hpp; use it as `http::guarded_by<require_internal_token>(...)` with an internal_gate among the
// services.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/trimmed.hpp>
#include <noetl/http/message.hpp>

namespace noetl::control_plane {

namespace detail {

/// Time depends on the lengths alone.
inline bool same_secret(std::string_view a, std::string_view b) noexcept {
   if (a.size() != b.size()) return false;
   unsigned volatile difference = 0;
   for (std::size_t i = 0; i < a.size(); ++i)
      difference = difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
   return difference == 0;
}

constexpr bool is_printable(std::string_view text) noexcept {
   for (char c : text)
      if ((c < ' ' && c != '\t') || c > '~') return false;
   return true;
}

} // namespace detail

/// Decides who may call internal routes. The token is asked for at each request, so a source that changes needs no
/// restart. Without a token nobody gets in: a missing configuration is never permissive. Thread-safe when the source
/// is.
class internal_gate {
public:
   /// \param token  gives the configured token; blanks around it do not count (D-08)
   explicit internal_gate(std::function<std::string()> token) : token_(std::move(token)) {}
   explicit internal_gate(std::string token) : internal_gate([token = std::move(token)] { return token; }) {}

   /// \param authorization  the header's value, nothing when there is no such header
   /// \return nothing when the caller may pass, else 503 (no token is configured) or 403, both as plain text
   [[nodiscard]] std::optional<http::response> refusal_of(std::optional<std::string_view> authorization) const {
      auto const configured = token_();
      auto const wanted = trimmed(configured);
      if (wanted.empty()) return http::text_response("Internal API token is not configured", 503);
      if (!authorization) return http::text_response("Authorization header is required", 403);
      if (!detail::is_printable(*authorization)) return http::text_response("Authorization header is not text", 403);
      auto const space = authorization->find(' ');
      auto const scheme = authorization->substr(0, space);
      auto const given = space == authorization->npos ? std::string_view{} : trimmed(authorization->substr(space));
      if (!http::equal_ignoring_case(scheme, "bearer") || given.empty())
         return http::text_response("Authorization header is no bearer token", 403);
      if (!detail::same_secret(given, wanted)) return http::text_response("Internal API token is wrong", 403);
      return std::nullopt;
   }

private:
   std::function<std::string()> token_;
};

/// The guard of internal routes.
inline std::optional<http::response> require_internal_token(internal_gate& gate, http::request const& received) {
   if (!received.headers.contains("authorization")) return gate.refusal_of(std::nullopt);
   return gate.refusal_of(received.header("authorization"));
}

} // namespace noetl::control_plane
