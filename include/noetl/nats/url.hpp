// nats/url.hpp: server addresses as operators write them, with the credentials taken out.
// Knows core only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/hex.hpp>
#include <noetl/core/result.hpp>

namespace noetl::nats {

/// Where to connect and as whom. `servers` hold no credentials and may be logged; the other members may not.
struct address {
   std::vector<std::string> servers;
   std::string user;
   std::string password;
   std::string token;
};

namespace detail {

inline result<std::string> percent_decoded(std::string_view text) {
   std::string out;
   for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
         out += text[i];
         continue;
      }
      auto const high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      auto const low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
         return fail(error_code::validation,
                     "NATS URL: a % in the user info is not followed by two hexadecimal digits");
      out += static_cast<char>(high * 16 + low);
      i += 2;
   }
   return out;
}

inline std::string_view without_slash(std::string_view text) noexcept {
   while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
   while (!text.empty() && (text.back() == ' ' || text.back() == '/')) text.remove_suffix(1);
   return text;
}

} // namespace detail

/// Reads `nats://user:pass@host:4222`, also without scheme, with `tls://`, and several joined by commas. User and
/// password are percent-decoded; a user without password is a token. The first credentials found are used for all
/// servers. All servers have one scheme, nats:// when none is written: whether to encrypt is decided per connection,
/// not per server, so a mixture would encrypt where nobody asked for it, or not where somebody did.
/// \return validation error when it is not such a text; the message never repeats credentials
inline result<address> parse_url(std::string_view urls) {
   address out;
   while (!urls.empty()) {
      auto const comma = urls.find(',');
      auto url = detail::without_slash(urls.substr(0, comma));
      urls = comma == std::string_view::npos ? std::string_view{} : urls.substr(comma + 1);
      if (url.empty()) continue;

      std::string_view scheme = "nats";
      if (auto const colon = url.find("://"); colon != std::string_view::npos) {
         scheme = url.substr(0, colon);
         url.remove_prefix(colon + 3);
      }
      if (scheme != "nats" && scheme != "tls")
         return fail(error_code::validation, "NATS URL: the scheme must be nats or tls");

      if (auto const at = url.rfind('@'); at != std::string_view::npos) {
         auto const who = url.substr(0, at);
         url.remove_prefix(at + 1);
         auto const colon = who.find(':');
         auto first = detail::percent_decoded(who.substr(0, colon));
         auto second = detail::percent_decoded(colon == std::string_view::npos ? "" : who.substr(colon + 1));
         if (!first) return first.error();
         if (!second) return second.error();
         if (out.user.empty() && out.token.empty()) {
            if (colon == std::string_view::npos) {
               out.token = *std::move(first);
            } else {
               out.user = *std::move(first);
               out.password = *std::move(second);
            }
         }
      }
      if (url.empty() || url.front() == ':' || url.find_first_of(" /?#") != std::string_view::npos)
         return fail(error_code::validation, "NATS URL: host and port are expected, such as nats://127.0.0.1:4222");
      auto server = std::string(scheme) + "://" + std::string(url);
      if (!out.servers.empty() && server.starts_with("tls://") != out.servers.front().starts_with("tls://"))
         return fail(error_code::validation, "NATS URL: servers must be all nats:// (or without scheme) or all tls://");
      out.servers.push_back(std::move(server));
   }
   if (out.servers.empty()) return fail(error_code::validation, "NATS URL: no server is named");
   return out;
}

} // namespace noetl::nats
