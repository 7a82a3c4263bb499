// core/crypto.hpp: authenticated encryption, key agreement and key derivation as functions of bytes. All of it is
// OpenSSL's EVP interface; include it where secrets are sealed and opened, not in headers that pass them on.
// Sources: NIST SP 800-38D (AES-GCM), RFC 8439 (ChaCha20-Poly1305), RFC 7748 (X25519), RFC 5869 (HKDF).
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

namespace noetl::crypto {

inline constexpr std::size_t key_bytes = 32;   ///< AES-256, ChaCha20, X25519
inline constexpr std::size_t nonce_bytes = 12; ///< of both ciphers
inline constexpr std::size_t tag_bytes = 16;   ///< of both ciphers

/// The crypto library cannot do what every build of it can, or has no randomness: nothing to recover from.
class unavailable : public std::runtime_error {
public:
   using std::runtime_error::runtime_error;
};

/// Bytes that are overwritten when they are no longer needed. Move only. Not thread-safe.
class secret_bytes {
public:
   secret_bytes() = default;
   explicit secret_bytes(std::string bytes) : bytes_(std::move(bytes)) {}
   secret_bytes(secret_bytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.wipe(); }
   secret_bytes& operator=(secret_bytes&& other) noexcept {
      if (this == &other) return *this;
      wipe();
      bytes_ = std::move(other.bytes_);
      other.wipe();
      return *this;
   }
   secret_bytes(secret_bytes const&) = delete;
   secret_bytes& operator=(secret_bytes const&) = delete;
   ~secret_bytes() { wipe(); }

   [[nodiscard]] std::string_view view() const noexcept { return bytes_; }
   [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
   /// The bytes for whoever goes on with them, and takes care of them.
   [[nodiscard]] std::string release() && { return std::exchange(bytes_, {}); }

private:
   void wipe() noexcept {
      bytes_.resize(bytes_.capacity()); // what a moved-from short text left behind counts too
      OPENSSL_cleanse(bytes_.data(), bytes_.size());
      bytes_.clear();
   }
   std::string bytes_;
};

namespace detail {

template <auto Free>
struct freed_by {
   template <class T>
   void operator()(T* object) const noexcept {
      Free(object);
   }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, freed_by<EVP_CIPHER_CTX_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using key_handle = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;

inline unsigned char const* bytes(std::string_view text) noexcept {
   return reinterpret_cast<unsigned char const*>(text.data());
}
inline unsigned char* bytes(std::string& text) noexcept {
   return reinterpret_cast<unsigned char*>(text.data());
}
inline int length(std::string_view text) {
   if (text.size() > (std::size_t{1} << 30U)) throw std::length_error("more than 1 GiB to encrypt at once");
   return static_cast<int>(text.size());
}
inline void check(bool done, char const* what) {
   if (!done) throw unavailable(what);
}
inline void check_sizes(std::string_view key, std::string_view nonce) {
   if (key.size() != key_bytes || nonce.size() != nonce_bytes)
      throw std::invalid_argument("a key has 32 bytes and a nonce 12");
}

inline std::string seal(EVP_CIPHER const* cipher, std::string_view key, std::string_view nonce, std::string_view plain,
                        std::string_view associated) {
   check_sizes(key, nonce);
   cipher_context const context(EVP_CIPHER_CTX_new());
   check(context && EVP_EncryptInit_ex(context.get(), cipher, nullptr, bytes(key), bytes(nonce)) == 1,
         "the cipher is not available");
   int size = 0;
   if (!associated.empty())
      check(EVP_EncryptUpdate(context.get(), nullptr, &size, bytes(associated), length(associated)) == 1,
            "encryption failed");
   std::string out(plain.size() + tag_bytes, '\0');
   check(EVP_EncryptUpdate(context.get(), bytes(out), &size, bytes(plain), length(plain)) == 1, "encryption failed");
   int last = 0;
   check(EVP_EncryptFinal_ex(context.get(), bytes(out) + size, &last) == 1, "encryption failed");
   check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes),
                             bytes(out) + plain.size()) == 1,
         "encryption failed");
   return out;
}

inline std::optional<secret_bytes> open(EVP_CIPHER const* cipher, std::string_view key, std::string_view nonce,
                                        std::string_view sealed, std::string_view associated) {
   check_sizes(key, nonce);
   if (sealed.size() < tag_bytes) return std::nullopt;
   cipher_context const context(EVP_CIPHER_CTX_new());
   check(context && EVP_DecryptInit_ex(context.get(), cipher, nullptr, bytes(key), bytes(nonce)) == 1,
         "the cipher is not available");
   int size = 0;
   if (!associated.empty() &&
       EVP_DecryptUpdate(context.get(), nullptr, &size, bytes(associated), length(associated)) != 1)
      return std::nullopt;
   auto const text = sealed.substr(0, sealed.size() - tag_bytes);
   std::string tag(sealed.substr(text.size()));
   std::string out(text.size() + 1, '\0'); // room where the library may want to point
   if (EVP_DecryptUpdate(context.get(), bytes(out), &size, bytes(text), length(text)) != 1) return std::nullopt;
   check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), bytes(tag)) == 1,
         "decryption failed");
   int last = 0;
   bool const genuine = EVP_DecryptFinal_ex(context.get(), bytes(out) + size, &last) == 1;
   out.resize(text.size());
   secret_bytes plain(std::move(out));
   if (!genuine) return std::nullopt;
   return plain;
}

} // namespace detail

/// Bytes that nobody can guess. \throws unavailable
inline std::string random_bytes(std::size_t count) {
   std::string out(count, '\0');
   detail::check(RAND_bytes(detail::bytes(out), static_cast<int>(count)) == 1, "there is no randomness");
   return out;
}

/// AES-256-GCM: ciphertext with its tag behind it. A nonce must never be used twice with one key. Thread-safe.
/// \throws unavailable; std::invalid_argument for sizes of key or nonce
inline std::string seal_aes_256_gcm(std::string_view key, std::string_view nonce, std::string_view plain,
                                    std::string_view associated = {}) {
   return detail::seal(EVP_aes_256_gcm(), key, nonce, plain, associated);
}
/// \return nothing when key, nonce, ciphertext, tag or associated data are not those of the sealing
inline std::optional<secret_bytes> open_aes_256_gcm(std::string_view key, std::string_view nonce,
                                                    std::string_view sealed, std::string_view associated = {}) {
   return detail::open(EVP_aes_256_gcm(), key, nonce, sealed, associated);
}

/// ChaCha20-Poly1305; as AES-256-GCM.
inline std::string seal_chacha20_poly1305(std::string_view key, std::string_view nonce, std::string_view plain,
                                          std::string_view associated = {}) {
   return detail::seal(EVP_chacha20_poly1305(), key, nonce, plain, associated);
}
inline std::optional<secret_bytes> open_chacha20_poly1305(std::string_view key, std::string_view nonce,
                                                          std::string_view sealed, std::string_view associated = {}) {
   return detail::open(EVP_chacha20_poly1305(), key, nonce, sealed, associated);
}

/// The public key of an X25519 private key, 32 bytes both. \throws unavailable; std::invalid_argument for the size
inline std::string x25519_public_key(std::string_view private_key) {
   if (private_key.size() != key_bytes) throw std::invalid_argument("an X25519 key has 32 bytes");
   detail::key_handle const key(
       EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, detail::bytes(private_key), private_key.size()));
   std::string out(key_bytes, '\0');
   std::size_t size = out.size();
   detail::check(key && EVP_PKEY_get_raw_public_key(key.get(), detail::bytes(out), &size) == 1,
                 "X25519 is not available");
   return out;
}

/// What both sides of an agreement compute.
/// \return nothing when the peer's key is not 32 bytes, or one with which everybody would compute zeros (RFC 7748, 6.1)
inline std::optional<secret_bytes> x25519_shared_secret(std::string_view private_key, std::string_view peer_public) {
   if (private_key.size() != key_bytes || peer_public.size() != key_bytes) return std::nullopt;
   detail::key_handle const mine(
       EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, detail::bytes(private_key), private_key.size()));
   detail::key_handle const peer(
       EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, detail::bytes(peer_public), peer_public.size()));
   detail::check(mine && peer, "X25519 is not available");
   detail::key_context const context(EVP_PKEY_CTX_new(mine.get(), nullptr));
   detail::check(context && EVP_PKEY_derive_init(context.get()) == 1, "X25519 is not available");
   std::string out(key_bytes, '\0');
   std::size_t size = out.size();
   bool const agreed = EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
                       EVP_PKEY_derive(context.get(), detail::bytes(out), &size) == 1 && size == key_bytes;
   bool const zeros = std::all_of(out.begin(), out.end(), [](char c) { return c == '\0'; });
   secret_bytes shared(std::move(out));
   if (!agreed || zeros) return std::nullopt;
   return shared;
}

/// HKDF with SHA-256 and no salt. \param count  bytes wanted, 1..8160 \throws unavailable
inline secret_bytes hkdf_sha256(std::string_view secret, std::string_view info, std::size_t count) {
   detail::key_context const context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
   std::string out(count, '\0');
   std::size_t size = out.size();
   detail::check(context && EVP_PKEY_derive_init(context.get()) == 1 &&
                     EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1 &&
                     EVP_PKEY_CTX_set1_hkdf_key(context.get(), detail::bytes(secret), detail::length(secret)) == 1 &&
                     EVP_PKEY_CTX_add1_hkdf_info(context.get(), detail::bytes(info), detail::length(info)) == 1 &&
                     EVP_PKEY_derive(context.get(), detail::bytes(out), &size) == 1 && size == count,
                 "HKDF is not available");
   return secret_bytes(std::move(out));
}

} // namespace noetl::crypto
