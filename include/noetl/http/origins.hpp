// http/origins.hpp: which web pages may call a server through a browser (Fetch standard, "CORS protocol").
// Knows http/message.hpp; does no I/O.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

/// Host of `host[:port]` or `[v6]:port`.
constexpr std::string_view host_of(std::string_view authority) noexcept {
   if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
   return authority.substr(0, authority.find(':'));
}

/// Whether a host names this machine: localhost, 127.0.0.0/8 or [::1].
constexpr bool is_loopback_host(std::string_view host) noexcept {
   return equal_ignoring_case(host, "localhost") || host == "[::1]" || host == "::1" ||
          (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

/// Whether an origin, `scheme://host[:port]`, is a page of this machine.
constexpr bool is_loopback_origin(std::string_view origin) noexcept {
   auto const scheme = origin.find("://");
   return scheme != origin.npos && is_loopback_host(host_of(origin.substr(scheme + 3)));
}

/// The pages that a server answers. A browser sends a page's simple requests before it asks anybody, so a foreign
/// origin is refused and not only denied the answer. Callers that send no Origin are no pages and pass.
class origins {
public:
   /// Any page, as noetl-server 3.15 does.
   origins() = default;

   /// `*`: any. `local`: pages of this machine; a caller on this machine must also name it in Host, so that no page
   /// whose name was pointed here (DNS rebinding) passes for one. Else origins such as `https://ui.example:8443`, with
   /// commas between. Errors: validation, what is wrong with which of them.
   static result<origins> parse(std::string_view text) {
      origins rule;
      if (text == "*") return rule;
      rule.any_ = false;
      rule.local_ = text == "local";
      while (!rule.local_ && !text.empty()) {
         auto const one = text.substr(0, text.find(','));
         text.remove_prefix(std::min(text.size(), one.size() + 1));
         auto const scheme = one.find("://");
         bool const complete = scheme != one.npos && scheme > 0 && one.size() > scheme + 3 &&
                               one.find_first_of("/*", scheme + 3) == one.npos && one.find(' ') == one.npos;
         if (!complete)
            return fail(error_code::validation, "expected *, local or origins such as https://ui.example:8443, got \"" +
                                                    std::string(one) + '"');
         rule.listed_.emplace_back(one);
      }
      if (!rule.local_ && rule.listed_.empty())
         return fail(error_code::validation, "expected *, local or a list of origins, got nothing");
      return rule;
   }

   /// \return why the request is refused, naming the field; empty when it may pass
   [[nodiscard]] std::string_view refusal_of(request const& received) const noexcept {
      if (any_) return {};
      if (local_ && received.peer_is_loopback && !is_loopback_host(host_of(received.header("host"))))
         return "Host: expected a name of this machine, such as localhost";
      auto const origin = received.header("origin");
      return origin.empty() || is_allowed(origin) ? "" : "Origin: pages of this site may not call this server";
   }

   /// Value of `access-control-allow-origin`; empty: the field is left out.
   [[nodiscard]] std::string_view answer_to(request const& received) const noexcept {
      if (any_) return "*";
      auto const origin = received.header("origin");
      return is_allowed(origin) ? origin : std::string_view{};
   }

private:
   [[nodiscard]] bool is_allowed(std::string_view origin) const noexcept {
      if (local_) return is_loopback_origin(origin);
      return std::ranges::any_of(listed_, [&](auto const& one) { return equal_ignoring_case(one, origin); });
   }

   bool any_ = true;
   bool local_ = false;
   std::vector<std::string> listed_;
};

} // namespace noetl::http
