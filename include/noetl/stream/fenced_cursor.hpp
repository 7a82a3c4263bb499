// stream/fenced_cursor.hpp: the place of the event feed in noetl.stream_cursor, and the lease on moving it.
// Knows pg/pool and feed. Source: spec schema.md sections 10.4, 11.7, 11.9.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include <unistd.h>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/partitions.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/stream/concepts.hpp>
#include <noetl/stream/detail/cursor_sql.hpp>
#include <noetl/stream/feed.hpp>

namespace noetl::stream {

/// Where the feed begins when the database holds no cursor row at all.
enum class first_start : std::uint8_t {
   now,      ///< with what is committed later
   backfill, ///< with the oldest row
};

struct cursor_settings {
   std::string name = "event_feed"; ///< row of the feed
   std::string legacy_name =
       "event_stream_tailer"; ///< row of the reference server: read at the first start, kept moving
   first_start start = first_start::now;
   std::chrono::milliseconds lease{5'000}; ///< 100 ms or more
   /// Of history, rows so much older than the reference's last save are published again: it skipped late ones.
   std::chrono::minutes legacy_overlap{60};
};

/// A name for this process and cursor that no other has: host, pid and a random number.
inline std::string lease_owner() {
   char host[256] = "unknown";
   (void)::gethostname(host, sizeof host - 1);
   std::random_device random;
   return std::string(host) + ":" + std::to_string(::getpid()) + ":" + std::to_string(random());
}

/// One row per database. Whoever takes the lease raises its epoch; every write checks epoch and stored place itself, so
/// a holder that stood still cannot move the cursor after another took over. Time is the database's clock. Nothing is
/// kept in the session: it works behind a transaction pooler.
///
/// The first start: a row of the reference server exists: history above its position (with an overlap) and everything
/// numbered; else as `start` says. The start is stored at once. When the row lies ahead of the database's transaction
/// counter (a dump was restored) acquire() refuses and says what to do: going on would skip what is written from now
/// on.
///
/// Not thread-safe; blocks for one to three round trips.
class fenced_cursor {
public:
   using position = feed_position;

   explicit fenced_cursor(pg::pool& over, cursor_settings how = {}) : pool_(&over), how_(std::move(how)) {}

   result<std::optional<tenure<position>>> acquire() {
      using answer = result<std::optional<tenure<position>>>;
      return pool_->run_blocking([&](pg::connection& db) -> answer {
         auto const held = db.exec(detail::cursor_sql::held_by_other, how_.name, owner_);
         if (!held.empty() && held[0].get<bool>(0)) return std::optional<tenure<position>>{};
         auto const identifier = identify(db);
         return db.transaction([&]() -> answer { return take(db, identifier); });
      });
   }

   result<void> advance(std::uint64_t epoch, position const& stored, position const& to) {
      return pool_->run_blocking([&](pg::connection& db) -> result<void> {
         auto const moved =
             db.exec(detail::cursor_sql::advance, how_.name, epoch, stored.xid, stored.execution_id, stored.event_id,
                     to.xid, to.execution_id, to.event_id, shown(to), lease_seconds(), meta(to), how_.legacy_name);
         if (moved.empty())
            return fail(error_code::conflict, "the lease on the event feed was taken over: the write was refused",
                        "epoch " + std::to_string(epoch));
         return {};
      });
   }

   result<void> release(std::uint64_t epoch) {
      return pool_->run_blocking([&](pg::connection& db) -> result<void> {
         db.exec(detail::cursor_sql::release, how_.name, epoch);
         return {};
      });
   }

   [[nodiscard]] std::chrono::milliseconds lease() const noexcept { return how_.lease; }
   [[nodiscard]] std::string const& owner() const noexcept { return owner_; }

private:
   [[nodiscard]] double lease_seconds() const { return static_cast<double>(how_.lease.count()) / 1000.0; }

   /// Identity of the database cluster, none when the role may not read it.
   static std::optional<std::int64_t> identify(pg::connection& db) {
      try {
         return db.exec(detail::cursor_sql::system_identifier)[0].get<std::int64_t>(0);
      } catch (pg::sql_error const& refused) {
         if (!refused.is("42501")) throw;
         return std::nullopt;
      }
   }

   /// \pre inside a transaction
   result<std::optional<tenure<position>>> take(pg::connection& db, std::optional<std::int64_t> identifier) {
      namespace sql = detail::cursor_sql;
      auto rows = db.exec(sql::load, how_.name, owner_);
      auto const present = db.exec(sql::present); // after the row, so that a healthy row is never ahead of it
      if (rows.empty() || !rows[0][0]) {
         if (auto made = create(db, present[0], identifier); !made) return std::move(made).error();
         rows = db.exec(sql::load, how_.name, owner_);
      }
      auto const row = rows[0];
      if (row.get<bool>(7)) return std::optional<tenure<position>>{};
      position from{row.get<std::uint64_t>(0), row.get<std::int64_t>(1), row.get<std::int64_t>(2), scope_of(row)};
      auto const next = present[0].get<std::uint64_t>(1);
      auto const newest = present[0].get<std::uint64_t>(3);
      if (from.xid >= next || newest >= next) return ahead(from.xid, newest, next);
      auto const known = row.get<std::optional<std::int64_t>>(3);
      if (known && identifier && *known != *identifier)
         log::warn("stream.database_changed", {{"was", *known}, {"is", *identifier}, {"cursor", from.xid}});
      auto const epoch = db.exec(sql::take, how_.name, owner_, lease_seconds(), identifier)[0].get<std::uint64_t>(0);
      return std::optional(tenure<position>{epoch, std::move(from)});
   }

   /// Stores where the feed begins. Another process may be first; then its row stays.
   result<void> create(pg::connection& db, pg::rows::row const& present, std::optional<std::int64_t> identifier) {
      auto const legacy = db.exec(detail::cursor_sql::legacy, how_.legacy_name);
      position from; // the beginning
      std::int64_t shown_position = 0;
      auto scope = std::make_shared<feed_scope>();
      char const* mode = "backfill";
      if (!legacy.empty()) {
         mode = "after the reference server";
         shown_position = legacy[0].get<std::int64_t>(0);
         auto const ids = std::chrono::milliseconds(how_.legacy_overlap).count() << 22;
         scope->above = shown_position > position::first + ids ? shown_position - ids : position::first;
         scope->after = to_sql(legacy[0].get<timestamp>(1) - how_.legacy_overlap);
      } else if (how_.start == first_start::now) {
         mode = "now";
         from = position::behind(present.get<std::uint64_t>(0) - 1);
         shown_position = pg::first_id_at(now());
         scope->seen = *present[2];
      }
      from.scope = scope;
      db.exec(detail::cursor_sql::create, how_.name, shown_position, from.xid, from.execution_id, from.event_id,
              identifier, meta(from));
      log::info("stream.first_start", {{"mode", mode}, {"from_transaction", from.xid}});
      return {};
   }

   static error ahead(std::uint64_t at, std::uint64_t newest, std::uint64_t next) {
      return fail(
          error_code::database,
          "the event feed lies ahead of this database's transaction counter (cursor " + std::to_string(at) +
              ", newest event " + std::to_string(newest) + ", next transaction " + std::to_string(next) +
              "): the database was restored from a dump. Nothing is published, because new events would be skipped. "
              "Drop and add the column noetl.event.ingest_xid again, delete the rows event_feed and "
              "event_stream_tailer of noetl.stream_cursor, and start with NOETL_EVENT_STREAM_BACKFILL=true to "
              "publish what is there, or without it to begin with new events");
   }

   static std::shared_ptr<feed_scope const> scope_of(pg::rows::row const& row) {
      feed_scope out;
      if (row[4]) out.seen = *row[4];
      out.above = row.get<std::optional<std::int64_t>>(5);
      if (row[6]) out.after = *row[6];
      if (out.seen.empty() && !out.above && out.after.empty()) return nullptr;
      return std::make_shared<feed_scope const>(std::move(out));
   }

   static std::string meta(position const& at) {
      std::string out = at.in_history() ? R"({"phase":"history")" : R"({"phase":"live")";
      if (auto const* scope = at.scope.get()) {
         if (!scope->seen.empty()) out += R"(,"seen":")" + scope->seen + '"';
         if (scope->above) out += R"(,"above":)" + std::to_string(*scope->above);
         if (!scope->after.empty()) out += R"(,"after":")" + scope->after + '"';
      }
      return out + '}';
   }

   /// The id shown to people and to the reference server, 0: as before. History is walked by key and passes numbered
   /// rows that are yet to come, so its ids say nothing. Ids of another layout look like times far ahead (D-30).
   static std::int64_t shown(position const& at) {
      if (at.in_history()) return 0;
      auto const sane = pg::first_id_at(now() + std::chrono::hours(24));
      return at.event_id < sane ? std::max<std::int64_t>(at.event_id, 0) : 0;
   }

   pg::pool* pool_;
   cursor_settings how_;
   std::string owner_ = lease_owner();
};
static_assert(cursor<fenced_cursor>);

} // namespace noetl::stream
