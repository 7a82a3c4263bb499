// core/sha256.hpp: SHA-256 of bytes as lower-case hex. Knows OpenSSL's EVP interface. Source: FIPS 180-4.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include <noetl/core/hex.hpp>

namespace noetl {

/// 64 hex digits. Thread-safe. \throws std::runtime_error when the crypto library has no SHA-256
inline std::string sha256_hex(std::string_view bytes) {
   std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
   unsigned size = 0;
   if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
      throw std::runtime_error("SHA-256 is not available");
   std::string hex;
   hex.reserve(2 * std::size_t{size});
   for (unsigned i = 0; i < size; ++i) append_hex(hex, digest[i]);
   return hex;
}

} // namespace noetl
