// events/snapshot.hpp: folded states kept in noetl.projection_snapshot, so that a rebuild reads only what came later.
// Knows pg/ and what events/snapshotted.hpp says of a state. Spec: http-platform.md section 17, schema.md 10.4.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/snapshotted.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

using boost::asio::awaitable;

/// The column `meta`.
struct snapshot_meta {
   std::uint64_t applied_count = 0; ///< events folded
   std::string build;               ///< program that wrote it
   int format = 0;
   timestamp read_at{}; ///< when the newest of these events was read or folded
   raw_json routing_meta;
};

/// A state ready to be stored: made where the state is, sent where the database is.
struct snapshot_row {
   fold_position position;
   std::string text;     ///< canonical JSON
   std::string checksum; ///< SHA-256 of it, hex
   snapshot_meta meta;
};

enum class save_outcome : std::uint8_t {
   saved,
   superseded, ///< a newer one is stored (D-51)
   stale,      ///< the log holds rows of an older server that the state has not folded (131)
};

/// Counted since start.
struct snapshot_stats {
   std::uint64_t saved = 0, superseded = 0, stale = 0;
   std::uint64_t failed = 0;     ///< the database did not take it
   std::uint64_t corrupt = 0;    ///< the checksum or a count did not fit the content
   std::uint64_t unreadable = 0; ///< another format, or a shape that this build does not know
   std::optional<timestamp> last_saved{};
};

/// Snapshots of one kind of aggregate, one row per execution on its shard. Thread-safe.
///
/// Nothing of a snapshot is believed: what does not fit its checksum, its counts or this build's format counts as
/// absent, is logged and counted, and costs a full rebuild. Saving never replaces a newer one.
template <snapshotted A>
class snapshot_store {
public:
   struct kept {
      typename A::state state;
      timestamp read_at{};
      std::size_t bytes = 0; ///< of its text
   };

   /// \param build  goes into the rows that are written: program and version
   explicit snapshot_store(pg::shard_map& shards, std::string build = "noetl")
       : shards_(shards), build_(std::move(build)) {}

   /// \param read_at  when the state's newest event was read or folded
   snapshot_row prepare(typename A::state const& state, timestamp read_at) const {
      snapshot_row row;
      row.position = A::position(state);
      row.text = A::text(state);
      row.checksum = sha256_hex(row.text);
      row.meta = {row.position.applied, build_, A::format, read_at, A::routing(state)};
      return row;
   }

   /// Stores, unless a newer version is there or the log has unfolded rows of an older server. Both are checked by the
   /// statement that writes.
   awaitable<result<save_outcome>> save(execution_id id, snapshot_row row) {
      auto meta = raw_json{to_json(row.meta)};
      auto work = [id, row = std::move(row), meta = std::move(meta)](pg::connection& db) {
         pg::rows const rows = db.exec(save_text, std::to_string(id.value), A::aggregate_type, row.position.version,
                                       row.text, row.checksum, meta, id, row.position.unversioned);
         if (!rows[0].get<bool>(0)) return save_outcome::stale;
         return rows[0].get<bool>(1) ? save_outcome::saved : save_outcome::superseded;
      };
      auto outcome = co_await shards_.of(id).run(std::move(work));
      if (!outcome)
         ++failed_;
      else
         count(*outcome);
      co_return outcome;
   }

   /// The state as stored, or nothing. Errors: unavailable only; a table that cannot be read is no snapshot.
   awaitable<result<std::optional<kept>>> load(execution_id id) {
      auto work = [id](pg::connection& db) {
         return db.exec("select version, snapshot, checksum, meta, updated_at from noetl.projection_snapshot "
                        "where tenant_id = 'default' and organization_id = 'default' and aggregate_type = $1 "
                        "and aggregate_id = $2",
                        A::aggregate_type, std::to_string(id.value));
      };
      auto rows = co_await shards_.of(id).run(std::move(work));
      if (!rows && rows.error().code == error_code::unavailable) co_return std::move(rows).error();
      if (!rows) co_return ignored(id, unreadable_, rows.error().message);
      if (rows->empty()) co_return std::optional<kept>{};
      co_return decode(id, rows->front());
   }

   /// Deletes at most `limit` snapshots of executions that ended before `ended_before`. \return how many
   awaitable<result<std::size_t>> purge(std::size_t shard, timestamp ended_before, std::size_t limit) {
      return shards_.shard(shard).run([ended_before, limit](pg::connection& db) {
         return db.exec(purge_text, A::aggregate_type, ended_before, limit).affected();
      });
   }

   [[nodiscard]] snapshot_stats stats() const {
      snapshot_stats now{saved_.load(),  superseded_.load(), stale_.load(),
                         failed_.load(), corrupt_.load(),    unreadable_.load()};
      if (auto const at = last_saved_.load(); at != 0) now.last_saved = timestamp{std::chrono::nanoseconds{at}};
      return now;
   }

private:
   static constexpr std::string_view save_text =
       "with fresh as (select count(*) = $8::bigint as same from noetl.event where execution_id = $7::bigint "
       "and stream_version is null), written as (insert into noetl.projection_snapshot as s "
       "(aggregate_id, aggregate_type, version, snapshot, checksum, meta, updated_at) "
       "select $1::text, $2::text, $3::bigint, $4::jsonb, $5::text, $6::jsonb, now() from fresh where same "
       "on conflict (tenant_id, organization_id, aggregate_type, aggregate_id) do update set "
       "version = excluded.version, snapshot = excluded.snapshot, checksum = excluded.checksum, "
       "meta = excluded.meta, updated_at = excluded.updated_at where s.version <= excluded.version returning 1) "
       "select fresh.same, exists (select 1 from written) from fresh";

   // Texts that are no bigint belong to others; the order of `case` keeps the cast from them.
   static constexpr std::string_view purge_text =
       "delete from noetl.projection_snapshot s using (select p.aggregate_id from noetl.projection_snapshot p join "
       "noetl.stream_head h on h.execution_id = case when p.aggregate_id ~ '^[0-9]{1,19}$' then case when "
       "p.aggregate_id::numeric <= 9223372036854775807 then p.aggregate_id::bigint end end "
       "where p.tenant_id = 'default' and p.organization_id = 'default' and p.aggregate_type = $1 "
       "and p.updated_at < $2::timestamptz and h.status in ('COMPLETED', 'FAILED', 'CANCELLED') "
       "and h.updated_at < $2::timestamptz order by p.updated_at limit $3) old "
       "where s.tenant_id = 'default' and s.organization_id = 'default' and s.aggregate_type = $1 "
       "and s.aggregate_id = old.aggregate_id";

   result<std::optional<kept>> decode(execution_id id, pg::rows::row const& row) {
      auto const meta = from_json<snapshot_meta>(row[3].value_or(std::string_view{}));
      if (!meta) return ignored(id, unreadable_, "meta: " + meta.error().message);
      if (meta->format != A::format) return ignored(id, unreadable_, "format " + std::to_string(meta->format));
      if (!from_sql(row[4].value_or(std::string_view{}))) return ignored(id, unreadable_, "updated_at is no time");
      auto state = A::parse(row[1].value_or(std::string_view{}));
      if (!state) return ignored(id, unreadable_, "unknown shape");
      // The database keeps the value, not the bytes, so the bytes are made again.
      if (sha256_hex(A::text(*state)) != row[2].value_or(std::string_view{}))
         return ignored(id, corrupt_, "the checksum does not fit");
      auto const at = A::position(*state);
      if (at.version != row.get<std::int64_t>(0) || at.applied != meta->applied_count)
         return ignored(id, corrupt_, "the counts do not fit");
      return std::optional<kept>{kept{*std::move(state), meta->read_at, row[1]->size()}};
   }

   result<std::optional<kept>> ignored(execution_id id, std::atomic<std::uint64_t>& counter, std::string_view why) {
      ++counter;
      log::warn("snapshot.ignored", {{"execution_id", id}, {"type", A::aggregate_type}, {"reason", why}});
      return std::optional<kept>{};
   }

   void count(save_outcome outcome) {
      switch (outcome) {
      case save_outcome::saved:
         ++saved_;
         last_saved_ = now().time_since_epoch().count();
         break;
      case save_outcome::superseded: ++superseded_; break;
      case save_outcome::stale: ++stale_; break;
      }
   }

   pg::shard_map& shards_;
   std::string const build_;
   std::atomic<std::uint64_t> saved_{0}, superseded_{0}, stale_{0}, failed_{0}, corrupt_{0}, unreadable_{0};
   std::atomic<std::int64_t> last_saved_{0};
};

} // namespace noetl
