// control_plane/sealed_credential.hpp: a text that only the holder of an X25519 key can read (http-platform.md section
// 12.4). Knows core/crypto; both ends are here, servers seal and workers open.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/base64.hpp>
#include <noetl/core/crypto.hpp>
#include <noetl/core/result.hpp>

namespace noetl::control_plane {

struct sealed_envelope {
   std::string alg;
   int v = 0;
   std::string eph_pub;    ///< base64 of 32 bytes
   std::string ciphertext; ///< base64 of the text and its tag
};

namespace detail {

inline constexpr std::string_view sealing_algorithm = "x25519-hkdf-sha256-chacha20-poly1305";
inline constexpr std::string_view sealing_binding = "x25519-hkdf-sha256-chacha20-poly1305|v=1";
inline constexpr std::string_view sealing_info = "noetl-sealed-v1";

/// 32 bytes of key, then the nonce: each envelope has a key of its own.
inline std::optional<crypto::secret_bytes> sealing_keys(std::string_view private_key, std::string_view peer_public) {
   auto const shared = crypto::x25519_shared_secret(private_key, peer_public);
   if (!shared) return std::nullopt;
   return crypto::hkdf_sha256(shared->view(), sealing_info, crypto::key_bytes + crypto::nonce_bytes);
}

/// \param ephemeral  a private key that is used once
inline result<sealed_envelope> seal_with(std::string_view ephemeral, std::string_view recipient,
                                         std::string_view plain) {
   auto const keys = sealing_keys(ephemeral, recipient);
   if (!keys) return fail(error_code::bad_request, "worker_public_key: not a usable X25519 public key");
   sealed_envelope out;
   out.alg = sealing_algorithm;
   out.v = 1;
   out.eph_pub = encode_base64(crypto::x25519_public_key(ephemeral));
   out.ciphertext = encode_base64(crypto::seal_chacha20_poly1305(
       keys->view().substr(0, crypto::key_bytes), keys->view().substr(crypto::key_bytes), plain, sealing_binding));
   return out;
}

} // namespace detail

/// Seals for the holder of the private key that belongs to `recipient` (32 bytes). Thread-safe.
/// Errors: bad_request (not 32 bytes, or a key with which everybody could read it: D-87).
inline result<sealed_envelope> seal_for(std::string_view recipient, std::string_view plain) {
   crypto::secret_bytes const ephemeral(crypto::random_bytes(crypto::key_bytes));
   return detail::seal_with(ephemeral.view(), recipient, plain);
}

/// Opens what seal_for made. \param private_key  32 bytes
/// Errors: validation (another algorithm or version, not base64, or not sealed for this key).
inline result<std::string> open_sealed(std::string_view private_key, sealed_envelope const& envelope) {
   auto const refused = [](char const* why) { return fail(error_code::validation, why); };
   if (envelope.alg != detail::sealing_algorithm || envelope.v != 1)
      return refused("the sealed credential has an unknown algorithm or version");
   auto const peer = decode_base64(envelope.eph_pub);
   auto const sealed = decode_base64(envelope.ciphertext);
   if (!peer || !sealed) return refused("the sealed credential is not base64");
   auto const keys = detail::sealing_keys(private_key, *peer);
   if (!keys) return refused("the sealed credential has no usable public key");
   auto plain =
       crypto::open_chacha20_poly1305(keys->view().substr(0, crypto::key_bytes), keys->view().substr(crypto::key_bytes),
                                      *sealed, detail::sealing_binding);
   if (!plain) return refused("the sealed credential was changed, or is for another key");
   return std::move(*plain).release();
}

} // namespace noetl::control_plane
