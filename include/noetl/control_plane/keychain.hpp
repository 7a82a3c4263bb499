// control_plane/keychain.hpp: secrets with an end (noetl.keychain, http-platform.md section 11): what playbooks
// resolved and tokens that workers keep. Knows the cluster pool and the encryption; nothing of HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/envelope_encryption.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct keychain_entry {
   raw_json data; ///< any JSON
   std::string scope_type = "global";
   std::optional<noetl::execution_id> execution_id;
   std::optional<timestamp> expires_at;
   std::optional<std::int64_t> expires_in; ///< seconds; counts without expires_at only
   bool auto_renew = false;                ///< stored and shown; nothing renews (D-93)
   raw_json renew_config;                  ///< stored
   using json_rules = rules<defaulted<"scope_type", "auto_renew", "renew_config">>;
};

struct keychain_stored {
   std::string status;
   std::string cache_key;
   std::optional<timestamp> expires_at;
   using json_rules = rules<omit_empty<"expires_at">>;
};

struct keychain_query {
   std::optional<noetl::execution_id> execution_id;
   std::string scope_type = "global";
   using json_rules = rules<defaulted<"scope_type">>;
};

struct keychain_view {
   std::string status; ///< found, expired, not_found
   raw_json data;      ///< found only
   std::optional<timestamp> expires_at;
   std::optional<bool> auto_renew;
   std::optional<std::int64_t> access_count; ///< with this access
   using json_rules = rules<omit_empty<"data", "expires_at", "auto_renew", "access_count">>;
};

struct keychain_removal {
   std::string status;
   std::optional<std::string> cache_key;
   using json_rules = rules<omit_empty<"cache_key">>;
};

struct keychain_summary {
   std::string keychain_name;
   std::string scope_type;
   std::optional<id_text<noetl::execution_id>> execution_id;
   std::optional<timestamp> expires_at;
   bool expired = false;
   std::int64_t access_count = 0;
   std::optional<timestamp> accessed_at;
   timestamp created_at{};
   using json_rules = rules<omit_empty<"execution_id", "expires_at", "accessed_at">>;
};

struct keychain_list {
   id_text<noetl::catalog_id> catalog_id;
   std::vector<keychain_summary> entries;
};

/// Which entry is meant.
struct keychain_key {
   noetl::catalog_id catalog_id;
   std::string name;
   std::string scope_type; ///< local, shared, global
   std::optional<noetl::execution_id> execution_id;

   /// The primary key of the entry's row.
   [[nodiscard]] std::string text() const {
      auto const base = name + ":" + std::to_string(catalog_id.value) + ":";
      auto const run = execution_id ? std::to_string(execution_id->value) : std::string();
      if (scope_type == "local") return base + (run.empty() ? "local" : run);
      if (scope_type == "shared") return base + (run.empty() ? "shared" : "shared:" + run);
      return base + "global";
   }
   /// Errors: validation (unknown scope, D-91).
   [[nodiscard]] result<void> check() const {
      if (scope_type == "local" || scope_type == "shared" || scope_type == "global") return {};
      return fail(error_code::validation, "scope_type: expected local, shared or global");
   }
};

struct keychain_settings {
   std::chrono::seconds default_lifetime{86'400}; ///< of an entry that names no end (D-90)
   std::chrono::seconds keep_expired{86'400};     ///< so long an expired entry still answers `expired`
};

/// Keeps entries until they end. Without an encryption key nothing is stored or read. Thread-safe.
class keychain_service {
public:
   keychain_service(pg::shard_map& shards, envelope_encryption encryption, keychain_settings how = {})
       : pool_(shards.cluster()), encryption_(std::move(encryption)), how_(how) {}

   /// Creates the entry, or replaces its data, end and renewal. Expired entries of anybody go on the way (D-93).
   /// Errors: validation (scope, expires_in), conflict (no such catalog entry), internal (no encryption key).
   awaitable<result<keychain_stored>> put(keychain_key key, keychain_entry entry) {
      if (auto known = key.check(); !known) co_return known.error();
      constexpr std::int64_t century = 3'155'760'000;
      if (entry.expires_in && (*entry.expires_in < 0 || *entry.expires_in > century))
         co_return fail(error_code::validation, "expires_in: expected seconds from 0 to " + std::to_string(century));
      crypto::secret_bytes const data(entry.data.empty() ? "null" : std::move(entry.data.text));
      auto id = key.text();
      auto sealed = encryption_.seal(data.view(), place(id));
      if (!sealed) co_return std::move(sealed).error();
      auto const lifetime = entry.expires_in ? std::chrono::seconds(*entry.expires_in) : how_.default_lifetime;
      auto const end = entry.expires_at.value_or(now() + lifetime);
      auto work = [key = std::move(key), id, entry = std::move(entry), sealed = *std::move(sealed), end,
                   keep = how_.keep_expired.count()](pg::connection& db) -> result<keychain_stored> {
         db.exec("delete from noetl.keychain where cache_key in (select k.cache_key from noetl.keychain k where "
                 "k.expires_at < now() - make_interval(secs => $1) order by k.expires_at limit 100 for update skip "
                 "locked)",
                 keep);
         auto const rows = db.exec(
             "insert into noetl.keychain (cache_key, keychain_name, catalog_id, credential_type, cache_type, "
             "scope_type, execution_id, data_encrypted, expires_at, auto_renew, renew_config) values ($1, $2, $3, "
             "'secret', 'secret', $4, $5, $6, $7, $8, $9::jsonb) on conflict (cache_key) do update set data_encrypted "
             "= excluded.data_encrypted, expires_at = excluded.expires_at, auto_renew = excluded.auto_renew, "
             "renew_config = excluded.renew_config returning expires_at",
             id, key.name, key.catalog_id, key.scope_type, key.execution_id, sealed, end, entry.auto_renew,
             entry.renew_config);
         return keychain_stored{"success", id, rows[0].get<std::optional<timestamp>>(0)};
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// What is there; a hit is counted. Errors: validation (scope), internal (no key, or the data cannot be opened).
   awaitable<result<keychain_view>> find(keychain_key key) {
      if (auto known = key.check(); !known) co_return known.error();
      if (auto possible = encryption_.check(); !possible) co_return possible.error();
      auto work = [id = key.text()](pg::connection& db) {
         auto rows = db.exec("update noetl.keychain set access_count = coalesce(access_count, 0) + 1, accessed_at = "
                             "now() where cache_key = $1 and (expires_at is null or expires_at > now()) returning "
                             "expires_at, coalesce(auto_renew, false), access_count, data_encrypted",
                             id);
         if (rows.empty())
            rows = db.exec("select expires_at, coalesce(auto_renew, false), coalesce(access_count, 0), null::text from "
                           "noetl.keychain where cache_key = $1",
                           id);
         return rows;
      };
      auto rows = co_await pool_.run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      keychain_view out;
      out.status = "not_found";
      if (rows->empty()) co_return out;
      auto const row = rows->front();
      out.status = "expired";
      out.expires_at = row.get<std::optional<timestamp>>(0);
      out.auto_renew = row.get<bool>(1);
      out.access_count = row.get<std::int64_t>(2);
      if (!row[3]) co_return out;
      auto const id = key.text();
      auto data = encryption_.open(*row[3], place(id));
      if (!data) co_return std::move(data).error();
      out.status = "found";
      out.data = raw_json(std::move(*data).release());
      co_return out;
   }

   /// Errors: validation (scope).
   awaitable<result<keychain_removal>> remove(keychain_key key) {
      if (auto known = key.check(); !known) co_return known.error();
      auto work = [id = key.text()](pg::connection& db) {
         auto const gone = db.exec("delete from noetl.keychain where cache_key = $1", id).affected() != 0;
         return gone ? keychain_removal{"deleted", id} : keychain_removal{"not_found", {}};
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// All entries of a catalog entry, newest first, without data.
   awaitable<result<keychain_list>> list(noetl::catalog_id catalog) {
      auto work = [catalog](pg::connection& db) {
         keychain_list out{catalog, {}};
         for (auto const row : db.exec(
                  "select keychain_name, scope_type, execution_id, expires_at, coalesce(expires_at <= now(), false), "
                  "coalesce(access_count, 0), accessed_at, created_at from noetl.keychain where catalog_id = $1 "
                  "order by created_at desc, cache_key",
                  catalog)) {
            auto& one = out.entries.emplace_back();
            one.keychain_name = row.get<std::string>(0);
            one.scope_type = row.get<std::string>(1);
            one.execution_id = row.get<std::optional<id_text<noetl::execution_id>>>(2);
            one.expires_at = row.get<std::optional<timestamp>>(3);
            one.expired = row.get<bool>(4);
            one.access_count = row.get<std::int64_t>(5);
            one.accessed_at = row.get<std::optional<timestamp>>(6);
            one.created_at = row.get<timestamp>(7);
         }
         return out;
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Where the data of an entry belong.
   static record_place place(std::string_view cache_key) noexcept { return {"keychain", cache_key}; }

private:
   pg::pool& pool_;
   envelope_encryption encryption_;
   keychain_settings how_;
};

} // namespace noetl::control_plane
