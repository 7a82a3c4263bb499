// Secrets at rest: http-platform.md sections 12.1, 12.2, 12.5; defects D-87, D-89.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <noetl/control_plane/envelope_encryption.hpp>
#include <noetl/control_plane/sealed_credential.hpp>
#include <noetl/control_plane/secret_gate.hpp>

using namespace noetl;
using namespace noetl::control_plane;

namespace {

constexpr char const* old_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="; // bytes 00 to 1f
constexpr char const* new_key = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="; // bytes 20 to 3f
constexpr record_place here{"credential", "pg_main"};

/// The record that http-platform.md section 12.2 gives.
constexpr char const* known_record =
    R"({"v":1,"alg":"AES-256-GCM","ct":"oKGio6SlpqeoqaqrBR7QW6+y7oibCtmYW5uEXXxf8BeFbEZ5p7s5EU8=","dek":{"p":"local",)"
    R"("kid":"env:NOETL_ENCRYPTION_KEY","kv":"v1","ct":"sLGys7S1tre4ubq7uXR4iMjonXhv0b2J4XCm7bQNe+EhG7kCZve4ymC/)"
    R"(zCloQfsgvHnM22+2zHEY+a6v"}})";

key_settings keys(std::string key, std::string version = "v1", std::string previous = {}) {
   key_settings how;
   how.key.value = std::move(key);
   how.version = std::move(version);
   how.previous.value = std::move(previous);
   return how;
}
envelope_encryption keyed(std::string key, std::string version = "v1", std::string previous = {}, int format = 2) {
   return envelope_encryption(read_keys(keys(std::move(key), std::move(version), std::move(previous))).value(), format);
}
std::string opened_text(result<crypto::secret_bytes> const& opened) {
   return opened ? std::string(opened->view()) : opened.error().message;
}
bool refused(result<crypto::secret_bytes> const& opened, std::string_view part) {
   if (!opened && opened.error().code == error_code::internal && opened.error().message.find(part) != std::string::npos)
      return true;
   ADD_FAILURE() << "expected '" << part << "', got: " << opened_text(opened);
   return false;
}
std::string problem(key_settings const& how) {
   auto const got = read_keys(how);
   return got ? "fine" : got.error().message;
}

} // namespace

TEST(envelope_encryption, the_known_answer_record_of_the_reference_opens) {
   EXPECT_EQ(opened_text(keyed(old_key).open(known_record, here)), R"({"token":"t"})");
   EXPECT_EQ(opened_text(keyed(old_key).open(std::string("\n  ") + known_record + " \n", here)), R"({"token":"t"})");
   EXPECT_EQ(key_version_of(known_record), "v1");
}

TEST(envelope_encryption, gives_back_what_it_was_given_and_never_the_same_record_twice) {
   auto const own = keyed(old_key);
   for (std::string const& plain :
        {std::string(), std::string("null"), std::string(100'000, 'x'), std::string("\0é", 3)}) {
      auto const one = own.seal(plain, here), two = own.seal(plain, here);
      ASSERT_TRUE(one && two);
      EXPECT_NE(*one, *two);
      EXPECT_EQ(opened_text(own.open(*one, here)), plain);
      if (plain.size() > 4) {
         EXPECT_EQ(one->find(plain), std::string::npos);
      }
   }
   auto const record = from_json<secret_record>(*own.seal("s", here));
   ASSERT_TRUE(record);
   EXPECT_EQ(record->v, 2);
   EXPECT_EQ(record->alg + " " + record->dek.p + " " + record->dek.kid + " " + record->dek.kv,
             "AES-256-GCM local env:NOETL_ENCRYPTION_KEY v1");
}

TEST(envelope_encryption, D87_a_record_opens_in_its_own_place_only) {
   auto const own = keyed(old_key);
   auto const stored = *own.seal("secret", here);
   for (record_place const other :
        {record_place{"credential", "pg_other"}, record_place{"keychain", "pg_main"}, record_place{"credential", ""}})
      refused(own.open(stored, other), "cannot be opened");
   // Two records whose keys are exchanged open neither.
   auto one = *from_json<secret_record>(stored),
        two = *from_json<secret_record>(*own.seal("other", {"credential", "b"}));
   std::swap(one.dek, two.dek);
   refused(own.open(to_json(one), here), "cannot be opened");
}

TEST(envelope_encryption, D87_whatever_is_changed_in_a_record_keeps_it_shut) {
   for (int const format : {1, 2}) {
      auto const own = keyed(old_key, "v1", std::string("v0:") + new_key, format);
      auto const stored = *own.seal("secret", here);
      auto const whole = *from_json<secret_record>(stored);
      for (std::size_t at = 0; at < whole.ct.size(); at += 3) {
         auto changed = whole;
         changed.ct[at] = changed.ct[at] == 'A' ? 'B' : 'A';
         if (changed.ct != whole.ct) refused(own.open(to_json(changed), here), "");
      }
      for (std::size_t at = 0; at < whole.dek.ct.size(); at += 3) {
         auto changed = whole;
         changed.dek.ct[at] = changed.dek.ct[at] == 'A' ? 'B' : 'A';
         if (changed.dek.ct != whole.dek.ct) refused(own.open(to_json(changed), here), "");
      }
      auto other = whole;
      other.v = 3;
      refused(own.open(to_json(other), here), "unknown format 3");
      other = whole;
      other.v = 3 - format; // a record of format 2 is none of format 1, nor the other way round
      refused(own.open(to_json(other), here), "cannot be opened");
      other = whole;
      other.alg = "AES-128-GCM";
      refused(own.open(to_json(other), here), "unknown algorithm");
      other = whole;
      other.dek.p = "gcp-kms";
      refused(own.open(to_json(other), here), "another key service");
      other = whole;
      other.dek.kv = "v0";
      refused(own.open(to_json(other), here), "another key");
      other = whole;
      other.dek.kv = "v9";
      refused(own.open(to_json(other), here), "key version is not among");
      for (auto const* odd : {"", "secret", "{}", "[]", R"({"v":1})", "gAAAAABk"})
         refused(own.open(odd, here), "no record");
   }
}

TEST(envelope_encryption, another_master_key_opens_nothing_and_says_so_without_the_secret) {
   auto const stored = *keyed(old_key).seal("hidden text", here);
   auto const got = keyed(new_key).open(stored, here);
   EXPECT_TRUE(refused(got, "sealed with another key"));
   for (auto const* never : {"hidden", old_key, new_key}) EXPECT_EQ(opened_text(got).find(never), std::string::npos);
   EXPECT_TRUE(got.error().detail.empty());
}

TEST(envelope_encryption, without_a_key_nothing_is_sealed_opened_or_rotated) {
   envelope_encryption const none(read_keys({}).value());
   EXPECT_FALSE(none.ready());
   for (auto const& message : {none.seal("s", here).error().message, none.open(known_record, here).error().message,
                               none.rewrap(known_record, here).error().message, none.check().error().message})
      EXPECT_EQ(message, "NOETL_ENCRYPTION_KEY is not set: this server neither stores nor reads secrets");
}

TEST(envelope_encryption, D89_a_rotated_key_opens_old_records_and_moves_them) {
   auto const before = keyed(old_key);
   auto const after = keyed(new_key, "v2", std::string("v1:") + old_key);
   auto const stored = *before.seal("secret", here);
   EXPECT_EQ(opened_text(after.open(stored, here)), "secret");
   auto const moved = after.rewrap(stored, here);
   ASSERT_TRUE(moved && *moved);
   EXPECT_EQ(key_version_of(**moved), "v2");
   EXPECT_EQ(from_json<secret_record>(**moved)->ct, from_json<secret_record>(stored)->ct) << "the ciphertext stays";
   auto const alone = keyed(new_key, "v2");
   EXPECT_EQ(opened_text(alone.open(**moved, here)), "secret") << "the old key is no longer needed";
   refused(alone.open(stored, here), "key version is not among");
   refused(before.open(**moved, here), "key version is not among");
   EXPECT_FALSE(*after.rewrap(**moved, here)) << "it is current";
   refused(alone.open(**moved, {"credential", "other"}), "cannot be opened");
   // Records of the reference move too, and stay readable for it but for the key.
   auto const foreign = after.rewrap(known_record, here);
   ASSERT_TRUE(foreign && *foreign);
   EXPECT_EQ(from_json<secret_record>(**foreign)->v, 1);
   EXPECT_EQ(opened_text(alone.open(**foreign, here)), R"({"token":"t"})");
   EXPECT_FALSE(after.rewrap("nonsense", here));
}

TEST(envelope_encryption, keys_that_cannot_be_used_are_named_and_not_shown) {
   EXPECT_EQ(problem(keys(old_key)), "fine");
   EXPECT_EQ(problem({}), "fine") << "the server starts, and refuses secrets";
   for (auto const* bad : {"short", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
                           "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}) {
      EXPECT_EQ(problem(keys(bad)), "NOETL_ENCRYPTION_KEY: expected padded base64 of exactly 32 bytes");
      EXPECT_EQ(problem(keys(new_key, "v2", std::string("v1:") + bad)),
                "NOETL_ENCRYPTION_KEY_PREVIOUS: expected padded base64 of exactly 32 bytes");
   }
   EXPECT_EQ(problem(keys(new_key, "v1", std::string("v1:") + old_key)),
             "NOETL_ENCRYPTION_KEY_PREVIOUS: key version 'v1' is given twice");
   EXPECT_EQ(problem(keys(new_key, "v2", old_key)),
             "NOETL_ENCRYPTION_KEY_PREVIOUS: expected version:base64 between commas");
   EXPECT_EQ(problem(keys("", "v2", std::string("v1:") + old_key)),
             "NOETL_ENCRYPTION_KEY_PREVIOUS: needs NOETL_ENCRYPTION_KEY");
   EXPECT_EQ(problem(keys(new_key, "")),
             "NOETL_ENCRYPTION_KEY_VERSION: a key version has letters, digits, '-', '_' and '.' only");
   auto cloud = keys(old_key);
   cloud.provider = "gcp-kms";
   EXPECT_EQ(problem(cloud), "NOETL_KMS_PROVIDER: expected local; other key services are not supported");
}

TEST(envelope_encryption, an_insecure_default_is_another_key_in_every_process) {
   key_settings how;
   how.allow_insecure_default = true;
   envelope_encryption const one(read_keys(how).value()), two(read_keys(how).value());
   auto const stored = *one.seal("secret", here);
   EXPECT_EQ(opened_text(one.open(stored, here)), "secret");
   refused(two.open(stored, here), "another key");
}

TEST(envelope_encryption, serves_many_threads_at_once) {
   auto const own = keyed(old_key);
   std::atomic<int> wrong{0};
   {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 8; ++t)
         threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
               auto const plain = std::to_string(t) + ":" + std::to_string(i);
               auto const stored = own.seal(plain, {"credential", plain});
               if (!stored || opened_text(own.open(*stored, {"credential", plain})) != plain) ++wrong;
            }
         });
   }
   EXPECT_EQ(wrong, 0);
}

TEST(sealed_credential, is_the_envelope_of_the_known_answer) {
   std::string const recipient(32, '\1'), ephemeral(32, '\2');
   auto const got =
       control_plane::detail::seal_with(ephemeral, crypto::x25519_public_key(recipient), R"({"token":"t"})");
   ASSERT_TRUE(got);
   EXPECT_EQ(to_json(*got), R"({"alg":"x25519-hkdf-sha256-chacha20-poly1305","v":1,)"
                            R"("eph_pub":"zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=",)"
                            R"("ciphertext":"6XyxsRl/TcT6FpbElGWogAAWJ3S9WclRfmm4XmM="})");
   EXPECT_EQ(open_sealed(recipient, *got).value(), R"({"token":"t"})");
}

TEST(sealed_credential, opens_for_its_worker_only_and_D87_refuses_keys_that_keep_no_secret) {
   auto const mine = crypto::random_bytes(32), other = crypto::random_bytes(32);
   auto const sealed = seal_for(crypto::x25519_public_key(mine), "text").value();
   EXPECT_EQ(open_sealed(mine, sealed).value(), "text");
   EXPECT_FALSE(open_sealed(other, sealed));
   auto changed = sealed;
   changed.v = 2;
   EXPECT_FALSE(open_sealed(mine, changed));
   changed = sealed;
   changed.alg = "none";
   EXPECT_FALSE(open_sealed(mine, changed));
   changed = sealed;
   changed.ciphertext[0] = changed.ciphertext[0] == 'A' ? 'B' : 'A';
   EXPECT_FALSE(open_sealed(mine, changed));
   EXPECT_NE(seal_for(crypto::x25519_public_key(mine), "text").value().eph_pub, sealed.eph_pub);
   EXPECT_EQ(seal_for(std::string(32, '\0'), "text").error().code, error_code::bad_request);
   EXPECT_EQ(seal_for("short", "text").error().code, error_code::bad_request);
}

namespace {
struct caller {
   bool loopback = true;
   std::string authorization{}, host = "localhost:8082", origin{};
};
unsigned status(secret_gate const& gate, caller const& who) {
   http::request received;
   received.peer_is_loopback = who.loopback;
   if (!who.authorization.empty()) received.headers.add("Authorization", who.authorization);
   if (!who.host.empty()) received.headers.add("Host", who.host);
   if (!who.origin.empty()) received.headers.add("Origin", who.origin);
   auto const refusal = gate.refusal_of(received);
   return refusal ? refusal->status : 200;
}
} // namespace

TEST(secret_gate, D02_without_a_token_serves_this_machine_only_and_no_foreign_page) {
   internal_gate const none{std::string()};
   secret_gate const gate(none);
   for (auto const* host : {"localhost", "localhost:8082", "LOCALHOST", "127.0.0.1:1", "[::1]:8082"})
      EXPECT_EQ(status(gate, {.host = host}), 200U) << host;
   EXPECT_EQ(status(gate, {.loopback = false}), 403U);
   EXPECT_EQ(status(gate, {.loopback = false, .authorization = "Bearer x"}), 403U);
   for (auto const* host : {"evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""})
      EXPECT_EQ(status(gate, {.host = host}), 403U) << host << " may be a name that was made to point here";
   EXPECT_EQ(status(gate, {.origin = "http://localhost:8082"}), 200U);
   for (auto const* origin : {"https://evil.example", "null", "http://localhost.evil.example"})
      EXPECT_EQ(status(gate, {.origin = origin}), 403U) << origin;
}

TEST(secret_gate, with_a_token_its_bearers_only) {
   internal_gate const token{std::string("s3cret")};
   secret_gate const gate(token), open(token, true);
   EXPECT_EQ(status(gate, {}), 403U) << "being on this machine is not enough";
   EXPECT_EQ(status(gate, {.authorization = "Bearer wrong"}), 403U);
   EXPECT_EQ(status(gate, {.authorization = "Bearer s3cret"}), 200U);
   EXPECT_EQ(status(gate, {.loopback = false, .authorization = "Bearer s3cret", .host = "noetl.svc"}), 200U);
   EXPECT_EQ(status(open, {.loopback = false, .host = "noetl.svc"}), 200U) << "NOETL_OPEN_SECRET_ROUTES";
}
