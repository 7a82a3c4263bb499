// core/base64.hpp: bytes as standard padded base64 and back (RFC 4648 section 4). Knows OpenSSL's EVP interface.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace noetl {

/// Padded base64 without line breaks. Thread-safe. \pre bytes.size() is below 1 GiB
inline std::string encode_base64(std::string_view bytes) {
   std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock ends with a zero byte
   auto const size =
       EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                       reinterpret_cast<unsigned char const*>(bytes.data()), static_cast<int>(bytes.size()));
   text.resize(static_cast<std::size_t>(size));
   return text;
}

/// The bytes of padded base64, or nothing for any other text: white space, missing padding and foreign letters are
/// refused; an empty text is no bytes. Thread-safe. \pre encoded.size() is below 1 GiB
inline std::optional<std::string> decode_base64(std::string_view encoded) {
   if (encoded.empty()) return std::string{};
   if (encoded.size() % 4 != 0) return std::nullopt;
   constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
   auto const padding = encoded.ends_with("==") ? 2U : encoded.ends_with("=") ? 1U : 0U;
   auto const digits = encoded.substr(0, encoded.size() - padding);
   // OpenSSL skips white space and accepts padding anywhere; the contract does not.
   if (digits.find_first_not_of(alphabet) != std::string_view::npos) return std::nullopt;
   // Nor bits of the last digit that belong to no byte: one text for each value (RFC 4648 section 3.5).
   auto const unused = padding == 2 ? 15U : padding == 1 ? 3U : 0U;
   if (digits.empty() || (alphabet.find(digits.back()) & unused) != 0) return std::nullopt;
   std::string bytes(encoded.size() / 4 * 3, '\0');
   auto const size =
       EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                       reinterpret_cast<unsigned char const*>(encoded.data()), static_cast<int>(encoded.size()));
   if (size < 0) return std::nullopt;
   bytes.resize(static_cast<std::size_t>(size) - padding);
   return bytes;
}

} // namespace noetl
