// control_plane/envelope_encryption.hpp: secrets at rest: each record under a key of its own, which is wrapped by the
// master key (http-platform.md sections 12.1, 12.2). Knows core/crypto and reflect; nothing of databases.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/base64.hpp>
#include <noetl/core/crypto.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/reflect/json.hpp>

namespace noetl::control_plane {

/// Which record a secret belongs to. Records of format 2 open only in their own place, so that nobody who can write to
/// the database can put one secret where another is expected (D-87).
struct record_place {
   std::string_view table; ///< `credential` or `keychain`
   std::string_view row;   ///< what identifies the row for good: a credential's name, a keychain entry's cache_key
};

/// Where master keys come from.
struct key_settings {
   std::string provider = "local";      ///< the only one there is
   secret key;                          ///< padded base64 of 32 bytes; empty: there is none
   std::string version = "v1";          ///< name of `key` in records
   secret previous;                     ///< `version:base64,...`: keys that still open records and seal none
   bool allow_insecure_default = false; ///< without a key: one of this process alone
   int format = 2;                      ///< of new records; 1 can also be read by noetl-server 3.15
};

/// The master keys of a process, immutable. Without a current key nothing is sealed or opened: there is no default.
class key_ring {
public:
   key_ring() = default;

   [[nodiscard]] bool ready() const noexcept { return !keys_.empty(); }
   /// Name of the key that new records are sealed with. \pre ready()
   [[nodiscard]] std::string const& version() const { return keys_.front().version; }
   /// The key of that name, or none.
   [[nodiscard]] std::optional<std::string_view> find(std::string_view version) const {
      for (auto const& one : keys_)
         if (one.version == version) return one.bytes.view();
      return std::nullopt;
   }

   /// Puts a key into the ring; the first one is the current one. Errors: validation (not base64 of 32 bytes, a name
   /// that is empty, taken, or holds other characters than letters, digits, '-', '_' and '.').
   result<void> add(std::string version, std::string_view base64) {
      constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
      if (version.empty() || version.find_first_not_of(allowed) != version.npos)
         return fail(error_code::validation, "a key version has letters, digits, '-', '_' and '.' only");
      if (find(version)) return fail(error_code::validation, "key version '" + version + "' is given twice");
      auto bytes = decode_base64(base64);
      if (!bytes || bytes->size() != crypto::key_bytes) {
         if (bytes) crypto::secret_bytes(std::move(*bytes));
         return fail(error_code::validation, "expected padded base64 of exactly 32 bytes");
      }
      keys_.push_back({std::move(version), crypto::secret_bytes(std::move(*bytes))});
      return {};
   }

private:
   struct named {
      std::string version;
      crypto::secret_bytes bytes;
   };
   std::vector<named> keys_;
};

/// The keys that settings describe. Errors: validation, naming the variable; the text never holds a key.
inline result<key_ring> read_keys(key_settings const& how) {
   auto const blank = [](std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; };
   key_ring keys;
   if (how.provider != "local")
      return fail(error_code::validation, "NOETL_KMS_PROVIDER: expected local; other key services are not supported");
   bool const none = blank(how.key.value);
   if (none && !how.allow_insecure_default) {
      if (!blank(how.previous.value))
         return fail(error_code::validation, "NOETL_ENCRYPTION_KEY_PREVIOUS: needs NOETL_ENCRYPTION_KEY");
      return keys;
   }
   auto const first =
       keys.add(how.version, none ? encode_base64(crypto::random_bytes(crypto::key_bytes)) : how.key.value);
   if (!first && !keys.find(how.version) && first.error().message.starts_with("a key version"))
      return fail(error_code::validation, "NOETL_ENCRYPTION_KEY_VERSION: " + first.error().message);
   if (!first) return fail(error_code::validation, "NOETL_ENCRYPTION_KEY: " + first.error().message);
   std::string_view rest = how.previous.value;
   while (!blank(rest)) {
      auto const one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      auto const colon = one.find(':');
      if (colon == one.npos)
         return fail(error_code::validation, "NOETL_ENCRYPTION_KEY_PREVIOUS: expected version:base64 between commas");
      if (auto added = keys.add(std::string(one.substr(0, colon)), one.substr(colon + 1)); !added)
         return fail(error_code::validation, "NOETL_ENCRYPTION_KEY_PREVIOUS: " + added.error().message);
   }
   return keys;
}

/// The text of a `data_encrypted` column.
struct secret_record {
   struct wrapped {
      std::string p;   ///< provider of the master key
      std::string kid; ///< where the provider has it
      std::string kv;  ///< its version
      std::string ct;  ///< base64: nonce, wrapped key, tag
   };
   int v = 0;
   std::string alg;
   std::string ct; ///< base64: nonce, ciphertext, tag
   wrapped dek;
};

/// Version of the master key that a record needs, nothing when the text is no record.
inline std::optional<std::string> key_version_of(std::string_view stored) {
   auto record = from_json<secret_record>(stored);
   if (!record || record->dek.kv.empty()) return std::nullopt;
   return std::move(record->dek.kv);
}

/// Seals and opens records. Immutable, thread-safe.
///
/// Every failure to open is error_code::internal with words of ours: neither plaintext nor keys nor what was stored
/// appear in them.
class envelope_encryption {
public:
   static constexpr std::string_view algorithm = "AES-256-GCM";
   static constexpr std::string_view provider = "local";
   static constexpr std::string_view key_id = "env:NOETL_ENCRYPTION_KEY";

   explicit envelope_encryption(key_ring keys, int format = 2)
       : keys_(std::make_shared<key_ring const>(std::move(keys))), format_(format) {}

   [[nodiscard]] bool ready() const noexcept { return keys_->ready(); }
   /// \pre ready()
   [[nodiscard]] std::string const& key_version() const { return keys_->version(); }

   /// Nothing when secrets can be kept, else why not. Routes ask before they touch anything.
   [[nodiscard]] result<void> check() const {
      if (ready()) return {};
      return fail(error_code::internal,
                  "NOETL_ENCRYPTION_KEY is not set: this server neither stores nor reads secrets");
   }

   /// A new record of the current format under the current key. Errors: internal (no key).
   [[nodiscard]] result<std::string> seal(std::string_view plain, record_place where) const {
      if (auto possible = check(); !possible) return possible.error();
      crypto::secret_bytes const own(crypto::random_bytes(crypto::key_bytes));
      secret_record record;
      record.v = format_;
      record.alg = algorithm;
      record.ct = sealed(own.view(), plain, data_binding(record, where));
      record.dek = {std::string(provider), std::string(key_id), keys_->version(), {}};
      record.dek.ct = sealed(*keys_->find(record.dek.kv), own.view(), key_binding(record, where));
      return to_json(record);
   }

   /// What seal was given. Errors: internal (no key, no record, an unknown format, another key, changed, or of another
   /// place).
   [[nodiscard]] result<crypto::secret_bytes> open(std::string_view stored, record_place where) const {
      auto record = read(stored);
      if (!record) return std::move(record).error();
      auto own = unwrap(*record, where);
      if (!own) return std::move(own).error();
      auto plain = opened(own->view(), record->ct, data_binding(*record, where));
      if (!plain) return unreadable(where, "it was changed, or is not of this place");
      return *std::move(plain);
   }

   /// The same record with its key wrapped by the current master key; the ciphertext stays. Nothing when it is already.
   /// Errors: as open.
   [[nodiscard]] result<std::optional<std::string>> rewrap(std::string_view stored, record_place where) const {
      auto record = read(stored);
      if (!record) return std::move(record).error();
      if (record->dek.p == provider && record->dek.kv == keys_->version()) return std::optional<std::string>{};
      auto own = unwrap(*record, where);
      if (!own) return std::move(own).error();
      record->dek = {std::string(provider), std::string(key_id), keys_->version(), {}};
      record->dek.ct = sealed(*keys_->find(record->dek.kv), own->view(), key_binding(*record, where));
      return std::optional(to_json(*record));
   }

private:
   static error unreadable(record_place where, std::string_view why) {
      return fail(error_code::internal,
                  "a stored secret of noetl." + std::string(where.table) + " cannot be opened: " + std::string(why));
   }

   result<secret_record> read(std::string_view stored) const {
      if (auto possible = check(); !possible) return possible.error();
      auto record = from_json<secret_record>(stored);
      if (!record) return fail(error_code::internal, "a stored secret is no record of this server");
      if (record->v != 1 && record->v != 2)
         return fail(error_code::internal, "a stored secret has the unknown format " + std::to_string(record->v));
      if (record->alg != algorithm) return fail(error_code::internal, "a stored secret names an unknown algorithm");
      return record;
   }

   result<crypto::secret_bytes> unwrap(secret_record const& record, record_place where) const {
      if (record.dek.p != provider) return unreadable(where, "its key is with another key service");
      auto const master = keys_->find(record.dek.kv);
      if (!master)
         return unreadable(where,
                           "its key version is not among NOETL_ENCRYPTION_KEY and NOETL_ENCRYPTION_KEY_PREVIOUS");
      auto own = opened(*master, record.dek.ct, key_binding(record, where));
      if (!own || own->size() != crypto::key_bytes)
         return unreadable(where, "it was sealed with another key, was changed, or is not of this place");
      return *std::move(own);
   }

   // What the tags of format 2 cover besides the bytes; format 1 covers nothing. Lengths make the parts unambiguous.
   static std::string binding(secret_record const& record, record_place where, std::string_view kind) {
      if (record.v == 1) return {};
      std::string out = "noetl secret";
      for (std::string_view part : {kind, std::string_view(record.alg), where.table, where.row}) {
         out += '|' + std::to_string(part.size()) + ':';
         out += part;
      }
      return out + "|v=" + std::to_string(record.v);
   }
   static std::string data_binding(secret_record const& record, record_place where) {
      return binding(record, where, "data");
   }
   static std::string key_binding(secret_record const& record, record_place where) {
      auto out = binding(record, where, "key");
      if (!out.empty()) out += "|" + record.dek.p + "|" + record.dek.kid + "|" + record.dek.kv;
      return out;
   }

   static std::string sealed(std::string_view key, std::string_view plain, std::string const& associated) {
      auto bytes = crypto::random_bytes(crypto::nonce_bytes);
      bytes += crypto::seal_aes_256_gcm(key, bytes, plain, associated);
      return encode_base64(bytes);
   }
   static std::optional<crypto::secret_bytes> opened(std::string_view key, std::string_view base64,
                                                     std::string const& associated) {
      auto const bytes = decode_base64(base64);
      if (!bytes || bytes->size() < crypto::nonce_bytes + crypto::tag_bytes) return std::nullopt;
      std::string_view const all = *bytes;
      return crypto::open_aes_256_gcm(key, all.substr(0, crypto::nonce_bytes), all.substr(crypto::nonce_bytes),
                                      associated);
   }

   std::shared_ptr<key_ring const> keys_;
   int format_;
};

} // namespace noetl::control_plane
