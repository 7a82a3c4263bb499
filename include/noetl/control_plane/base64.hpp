// control_plane/base64.hpp: standard padded base64 (RFC 4648 section 4), decoded by OpenSSL.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <tao/json/utf8.hpp>

namespace noetl::control_plane {

/// The decoded text when `encoded` is padded base64 of valid UTF-8 without NUL bytes, else nothing.
inline std::optional<std::string> decode_base64_text(std::string_view encoded) {
   if (encoded.empty() || encoded.size() % 4 != 0) return std::nullopt;
   constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
   auto const padding = encoded.ends_with("==") ? 2U : encoded.ends_with("=") ? 1U : 0U;
   auto const digits = encoded.substr(0, encoded.size() - padding);
   // OpenSSL skips white space and accepts padding anywhere; the contract does not.
   if (digits.find_first_not_of(alphabet) != std::string_view::npos) return std::nullopt;
   std::string text(encoded.size() / 4 * 3, '\0');
   auto const size =
       EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                       reinterpret_cast<unsigned char const*>(encoded.data()), static_cast<int>(encoded.size()));
   if (size < 0) return std::nullopt;
   text.resize(static_cast<std::size_t>(size) - padding);
   if (text.find('\0') != std::string::npos || !tao::json::internal::validate_utf8_nothrow(text)) return std::nullopt;
   return text;
}

} // namespace noetl::control_plane
