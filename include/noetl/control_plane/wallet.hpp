// control_plane/wallet.hpp: moves stored secrets to the current master key, and tells which keys they need
// (http-platform.md sections 12.5, 12.6). Knows the cluster pool, the encryption and http/metrics.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/envelope_encryption.hpp>
#include <noetl/control_plane/keychain.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct rotation_request {
   std::int64_t batch_size = 100;     ///< rows read at a time, taken into 1..10000
   std::int64_t max_batches = 1000;   ///< of each table, at least 1
   std::int64_t credential_after = 0; ///< go on behind this id: `last_id` of the call before (D-88)
   std::string keychain_after;        ///< go on behind this cache_key: `last_key` of the call before
   using json_rules = rules<defaulted<"batch_size", "max_batches", "credential_after", "keychain_after">>;
};

/// What became of the rows of one table.
struct rotation_summary {
   std::int64_t processed = 0;
   std::int64_t rewrapped = 0;
   std::int64_t skipped = 0; ///< need the current key already, or were changed meanwhile
   std::int64_t failed = 0;  ///< stay as they are
   std::int64_t last_id = 0; ///< credentials
   std::string last_key;     ///< keychain entries
   bool done = true;         ///< false: there is more behind last_id or last_key
   using json_rules = rules<omit_empty<"last_key">>;
};

struct rotation_report {
   rotation_summary credential, keychain;
};

/// Number of records by the version of the master key that they need; `invalid` for texts that are no record.
struct key_status {
   std::map<std::string, std::int64_t> credential, keychain;
};

/// Thread-safe; several rotations at once do no harm, for a row is replaced only if it is still what was read (D-86).
class wallet_service {
public:
   wallet_service(pg::shard_map& shards, envelope_encryption encryption, http::metrics& metrics)
       : pool_(shards.cluster()), encryption_(std::move(encryption)),
         rotated_(metrics.counters("noetl_wallet_rotate_total", "Stored secrets by what a key rotation did to them",
                                   {"table", "status"})) {}

   /// Errors: internal (no encryption key). What fails row by row is counted.
   awaitable<result<rotation_report>> rotate(rotation_request request) {
      if (auto possible = encryption_.check(); !possible) co_return possible.error();
      request.batch_size = std::clamp<std::int64_t>(request.batch_size, 1, 10'000);
      request.max_batches = std::max<std::int64_t>(request.max_batches, 1);
      rotation_report report;
      auto first = co_await walk(credentials, request, std::to_string(request.credential_after), report.credential);
      if (!first) co_return std::move(first).error();
      auto second = co_await walk(keychains, request, request.keychain_after, report.keychain);
      if (!second) co_return std::move(second).error();
      co_return report;
   }

   awaitable<result<key_status>> status() {
      key_status out;
      auto first = co_await count(credentials, out.credential);
      if (!first) co_return std::move(first).error();
      auto second = co_await count(keychains, out.keychain);
      if (!second) co_return std::move(second).error();
      co_return out;
   }

private:
   /// How a table is walked: by what, and what identifies its rows.
   struct table {
      std::string_view name;
      std::string_view page;    ///< columns key (as text), place, sealed; parameters: behind this key, limit
      std::string_view replace; ///< parameters: key, new, old
      record_place (*place)(std::string_view);
   };
   static constexpr table credentials{
       "credential",
       "select id::text, name, data_encrypted from noetl.credential where id > $1::bigint order by id limit $2",
       "update noetl.credential set data_encrypted = $2 where id = $1::bigint and data_encrypted = $3",
       &credential_service::place};
   static constexpr table keychains{
       "keychain",
       "select cache_key, cache_key, data_encrypted from noetl.keychain where cache_key > $1 order by cache_key limit "
       "$2",
       "update noetl.keychain set data_encrypted = $2 where cache_key = $1 and data_encrypted = $3",
       &keychain_service::place};

   struct stored {
      std::string key, place, sealed;
   };

   awaitable<result<std::vector<stored>>> read(table const& from, std::string after, std::int64_t limit) {
      auto work = [&from, after = std::move(after), limit](pg::connection& db) {
         std::vector<stored> out;
         for (auto const row : db.exec(from.page, after, limit))
            out.push_back({row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)});
         return out;
      };
      co_return co_await pool_.run(std::move(work));
   }

   awaitable<result<void>> walk(table const& of, rotation_request how, std::string after, rotation_summary& told) {
      auto const tell = [&](char const* status, std::int64_t& count) {
         ++count;
         rotated_.with({of.name, status}).Increment();
      };
      told.done = false;
      for (std::int64_t batch = 0; batch < how.max_batches && !told.done; ++batch) {
         auto rows = co_await read(of, after, how.batch_size);
         if (!rows) co_return std::move(rows).error();
         for (auto& one : *rows) {
            ++told.processed;
            after = one.key;
            auto fresh = encryption_.rewrap(one.sealed, of.place(one.place));
            if (!fresh) {
               tell(key_version_of(one.sealed) ? "failed_unwrap" : "parse_error", told.failed);
               continue;
            }
            if (!*fresh) {
               tell("skipped", told.skipped);
               continue;
            }
            auto work = [&of, one = std::move(one), fresh = **std::move(fresh)](pg::connection& db) {
               return db.exec(of.replace, one.key, fresh, one.sealed).affected() == 1;
            };
            auto replaced = co_await pool_.run(std::move(work));
            if (!replaced)
               tell("failed_write", told.failed);
            else if (*replaced)
               tell("rewrapped", told.rewrapped);
            else
               tell("skipped", told.skipped);
         }
         told.done = rows->size() < static_cast<std::size_t>(how.batch_size);
      }
      if (&of == &keychains)
         told.last_key = after;
      else
         told.last_id = std::stoll(after);
      co_return result<void>{};
   }

   awaitable<result<void>> count(table const& of, std::map<std::string, std::int64_t>& out) {
      std::string after = &of == &keychains ? "" : std::to_string(std::numeric_limits<std::int64_t>::min());
      for (;;) {
         auto rows = co_await read(of, after, 50); // a record may have megabytes
         if (!rows) co_return std::move(rows).error();
         for (auto const& one : *rows) ++out[key_version_of(one.sealed).value_or("invalid")];
         if (rows->size() < 50) co_return result<void>{};
         after = rows->back().key;
      }
   }

   pg::pool& pool_;
   envelope_encryption encryption_;
   http::labelled<prometheus::Counter>& rotated_;
};

} // namespace noetl::control_plane
