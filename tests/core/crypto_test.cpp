// Test vectors: RFC 8439 section 2.8.2, RFC 5869 appendix A.3, NIST's GCM test case 16, and Python's cryptography
// package for X25519.
#include <gtest/gtest.h>

#include <noetl/core/crypto.hpp>

using namespace noetl;

namespace {

std::string bytes(std::string_view hex) {
   std::string out;
   for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
   return out;
}
std::string text(std::optional<crypto::secret_bytes> const& opened) {
   return opened ? std::string(opened->view()) : "refused";
}

} // namespace

TEST(crypto, AES_256_GCM_is_that_of_NIST) {
   auto const key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
   auto const nonce = bytes("cafebabefacedbaddecaf888");
   auto const plain = bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
   auto const associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
   auto const sealed = bytes("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                             "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                             "76fc6ece0f4e1768cddf8853bb2d551b");
   EXPECT_EQ(crypto::seal_aes_256_gcm(key, nonce, plain, associated), sealed);
   EXPECT_EQ(text(crypto::open_aes_256_gcm(key, nonce, sealed, associated)), plain);
}

TEST(crypto, ChaCha20_Poly1305_is_that_of_RFC_8439) {
   auto const key = bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
   auto const nonce = bytes("070000004041424344454647");
   std::string const plain = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                             "future, sunscreen would be it.";
   auto const associated = bytes("50515253c0c1c2c3c4c5c6c7");
   auto const sealed = crypto::seal_chacha20_poly1305(key, nonce, plain, associated);
   EXPECT_EQ(sealed.substr(plain.size()), bytes("1ae10b594f09e26a7e902ecbd0600691"));
   EXPECT_EQ(sealed.substr(0, 16), bytes("d31a8d34648e60db7b86afbc53ef7ec2"));
   EXPECT_EQ(text(crypto::open_chacha20_poly1305(key, nonce, sealed, associated)), plain);
}

TEST(crypto, whatever_is_changed_does_not_open) {
   std::string const key(32, 'k'), nonce(12, 'n'), plain = "a secret";
   for (auto const& [seal, open] : {std::pair{&crypto::seal_aes_256_gcm, &crypto::open_aes_256_gcm},
                                    std::pair{&crypto::seal_chacha20_poly1305, &crypto::open_chacha20_poly1305}}) {
      auto const sealed = seal(key, nonce, plain, "place");
      EXPECT_EQ(text(open(key, nonce, sealed, "place")), plain);
      EXPECT_FALSE(open(std::string(32, 'K'), nonce, sealed, "place"));
      EXPECT_FALSE(open(key, std::string(12, 'N'), sealed, "place"));
      EXPECT_FALSE(open(key, nonce, sealed, "other"));
      EXPECT_FALSE(open(key, nonce, sealed, ""));
      EXPECT_FALSE(open(key, nonce, sealed.substr(1), "place"));
      EXPECT_FALSE(open(key, nonce, "", "place"));
      for (std::size_t i = 0; i < sealed.size(); ++i) {
         auto changed = sealed;
         changed[i] = static_cast<char>(changed[i] ^ 1);
         EXPECT_FALSE(open(key, nonce, changed, "place")) << "byte " << i;
      }
      EXPECT_EQ(text(open(key, nonce, seal(key, nonce, "", "place"), "place")), "") << "nothing is a text too";
      EXPECT_THROW(static_cast<void>(seal("short", nonce, plain, "")), std::invalid_argument);
   }
}

TEST(crypto, X25519_agrees_with_other_implementations_and_refuses_zeros) {
   std::string const mine(32, '\1'), theirs(32, '\2');
   EXPECT_EQ(crypto::x25519_public_key(mine),
             bytes("a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209"));
   EXPECT_EQ(crypto::x25519_public_key(theirs),
             bytes("ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59"));
   auto const shared = bytes("2ed76ab549b1e73c031eb49c9448f0798aea81b698279a0c3dc3e49fbfc4b953");
   EXPECT_EQ(text(crypto::x25519_shared_secret(mine, crypto::x25519_public_key(theirs))), shared);
   EXPECT_EQ(text(crypto::x25519_shared_secret(theirs, crypto::x25519_public_key(mine))), shared);
   EXPECT_FALSE(crypto::x25519_shared_secret(mine, std::string(32, '\0')));
   EXPECT_FALSE(crypto::x25519_shared_secret(mine, std::string(1, '\1') + std::string(31, '\0')))
       << "a point of order 1";
   EXPECT_FALSE(crypto::x25519_shared_secret(mine, std::string(31, 'x')));
}

TEST(crypto, HKDF_without_salt_is_that_of_RFC_5869) {
   auto const derived = crypto::hkdf_sha256(std::string(22, '\x0b'), "", 42);
   EXPECT_EQ(derived.view(),
             bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"));
}
