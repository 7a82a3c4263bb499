// control_plane/secret_audit.hpp: who was given which secret, and who was not (noetl.secret_audit, http-platform.md
// section 12.7). Knows the cluster pool and http/metrics.hpp. No field ever holds a secret.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// One attempt to get at a secret. Absent members are nulls in the answer.
struct audit_record {
   std::int64_t audit_id = 0;
   timestamp occurred_at{};
   std::string credential; ///< the name or id that was asked for
   std::string operation;  ///< get_credential, get_sealed, resolve_keychain
   std::string outcome;    ///< ok, credential_not_found, no_pubkey, residency_violation, provider_fetch_error, ...
   std::optional<std::string> worker_id;
   std::optional<noetl::execution_id> execution_id, parent_execution_id;
   std::optional<std::string> server_region, broker_region;
   std::optional<std::string> kek_version; ///< of the master key in use
   std::optional<std::string> notes;
};

/// Which records to list, newest first.
struct audit_filter {
   std::optional<std::string> credential; ///< exact
   std::optional<noetl::execution_id> execution_id;
   std::optional<timestamp> from; ///< inclusive
   std::optional<timestamp> to;   ///< exclusive
   std::int64_t limit = 100;      ///< taken into 1..10000
   using json_rules = rules<defaulted<"limit">>;
};

struct audit_page {
   std::vector<audit_record> rows;
};

/// Writes and reads the trail. Thread-safe.
class secret_audit {
public:
   /// \param required  a secret is handed out only after its record is stored; else a failure is logged and counted
   secret_audit(pg::shard_map& shards, id_generator ids, http::metrics& metrics, bool required)
       : pool_(shards.cluster()), ids_(ids), required_(required),
         writes_(metrics.counters("noetl_secret_audit_writes_total", "Records of who asked for which secret",
                                  {"operation", "outcome", "status"})) {}

   /// Stores a record; id and time are ours. \return an error only when records are required and this one is not stored
   awaitable<result<void>> write(audit_record what) {
      what.audit_id = ids_.next();
      auto const operation = what.operation;
      auto const outcome = what.outcome;
      auto work = [what = std::move(what)](pg::connection& db) {
         db.exec("insert into noetl.secret_audit (audit_id, credential, operation, outcome, worker_id, execution_id, "
                 "parent_execution_id, server_region, broker_region, kek_version, notes) values ($1, $2, $3, $4, $5, "
                 "$6, $7, $8, $9, $10, $11)",
                 what.audit_id, what.credential, what.operation, what.outcome, what.worker_id, what.execution_id,
                 what.parent_execution_id, what.server_region, what.broker_region, what.kek_version, what.notes);
      };
      auto stored = co_await pool_.run(std::move(work));
      writes_.with({operation, outcome, stored ? std::string_view{"ok"} : std::string_view{"error"}}).Increment();
      if (stored) co_return result<void>{};
      if (required_) co_return std::move(stored).error();
      log::warn("secret_audit.not_written", {{"operation", operation},
                                             {"outcome", outcome},
                                             {"reason", stored.error().message},
                                             {"detail", stored.error().detail}});
      co_return result<void>{};
   }

   awaitable<result<audit_page>> list(audit_filter filter) {
      auto const limit = std::clamp<std::int64_t>(filter.limit, 1, 10'000);
      auto work = [filter = std::move(filter), limit](pg::connection& db) {
         static auto const text =
             "select " + select_list<audit_record>() +
             " from noetl.secret_audit where ($1::text is null or credential = $1) and ($2::bigint is null or "
             "execution_id = $2) and ($3::timestamptz is null or occurred_at >= $3) and ($4::timestamptz is null or "
             "occurred_at < $4) order by occurred_at desc, audit_id desc limit $5";
         audit_page page;
         auto const rows = db.exec(text, filter.credential, filter.execution_id, filter.from, filter.to, limit);
         page.rows.reserve(rows.size());
         for (auto const row : rows) page.rows.push_back(decode_row<audit_record>(row));
         return page;
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   pg::pool& pool_;
   id_generator ids_;
   bool const required_;
   http::labelled<prometheus::Counter>& writes_;
};

} // namespace noetl::control_plane
