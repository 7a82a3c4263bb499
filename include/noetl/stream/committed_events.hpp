// stream/committed_events.hpp: the committed rows of noetl.event of one database, in commit-safe order.
// Knows pg/pool and row_json. Sources: spec schema.md section 11.2; PostgreSQL manual 9.27 (snapshot functions).
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/stream/concepts.hpp>
#include <noetl/stream/feed.hpp>
#include <noetl/stream/row_json.hpp>

namespace noetl::stream {

/// What lies between the feed and the table at one moment.
struct feed_lag {
   std::uint64_t events = 0;       ///< committed and not yet delivered; counted up to a limit
   double seconds = 0;             ///< since the oldest of them was written
   std::uint64_t transactions = 0; ///< numbered and at or above the horizon
   double horizon_seconds = 0;     ///< age of the oldest transaction that may still write; 0: none
   std::int64_t holder = 0;        ///< its backend pid; 0: none, or a prepared transaction
};

/// Sessions for the feed: few, and bound to follow the index. A plan made while the table was small would go on reading
/// and sorting all of it.
inline pg::settings feed_sessions(pg::settings base) {
   base.max_connections = 3; // the next page, the cursor, figures
   base.application_name = "noetl-stream";
   for (auto const* name :
        {"enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin", "jit"})
      base.parameters.emplace_back(name, "off");
   return base;
}

/// Reads committed events above a position, over a pool with feed_sessions().
///
/// Rows of transactions at or above the horizon (the oldest one that still runs, pg_snapshot_xmin) stay invisible until
/// every older one has ended, so a late commit is never behind the cursor. Horizon and rows are of one statement, hence
/// of one snapshot. All columns of the table are read, also those that we do not know: they are discovered from the
/// catalogue at the first read, again every minute, and when a statement finds that they changed.
///
/// A page of large rows makes the next ones shorter. read() is for one thread at a time, the rest is thread-safe; one
/// round trip a page; the items own their bytes.
class committed_events {
public:
   using position = feed_position;
   using item = feed_item;

   /// \param memory  how far back a stream that lost its messages gets them again
   explicit committed_events(pg::pool& from, std::chrono::seconds memory = std::chrono::hours(1))
       : pool_(&from), memory_(memory) {}

   /// How far back that is.
   [[nodiscard]] std::chrono::seconds memory() const noexcept { return memory_; }

   /// The place before every row written in the time given to the constructor; `after` in history. What the first start
   /// left out stays left out.
   result<position> back(position const& after) {
      if (after.xid == 0) return after;
      return pool_->run_blocking([&](pg::connection& db) {
         // Steps of some thousand rows down the index until one is old enough, then up to the first one that is not; a
         // minute for transactions that took long.
         static std::string const
             key = "e.ingest_xid, e.execution_id, e.event_id",
             old = "e.ingest_time < now() - make_interval(secs => $4) - interval '1 minute'",
             down = "select " + key + ", " + old + " from noetl.event e where (" + key +
                    ") < ($1::xid8, $2::bigint, $3::bigint) order by e.ingest_xid desc, e.execution_id desc, "
                    "e.event_id desc offset 2000 limit 1",
             up = "select " + key + " from noetl.event e where (" + key +
                  ") > ($1::xid8, $2::bigint, $3::bigint) and not " + old + " and (" + key +
                  ") <= ($5::xid8, $6::bigint, $7::bigint) order by " + key + " limit 1";
         auto const key_of = [&](pg::rows::row const& row) {
            return position{row.get<std::uint64_t>(0), row.get<std::int64_t>(1), row.get<std::int64_t>(2), after.scope};
         };
         auto from = after;
         for (bool young = true; young;) {
            auto const rows = db.exec(down, from.xid, from.execution_id, from.event_id, memory_.count());
            from = rows.empty() ? position::history_end() : key_of(rows[0]);
            young = !rows.empty() && !rows[0].get<bool>(3);
         }
         auto const rows = db.exec(up, from.xid, from.execution_id, from.event_id, memory_.count(), after.xid,
                                   after.execution_id, after.event_id);
         if (rows.empty()) return after;
         from = key_of(rows[0]);
         --from.event_id; // before it
         return from;
      });
   }

   /// Items in the order (ingest_xid, execution_id, event_id); history first, in primary key order.
   /// \param limit  1..10'000
   /// \return unavailable: the database is away; database: the column ingest_xid is missing
   result<page<item>> read(position const& after, std::size_t limit) {
      auto const most = std::min(limit, most_);
      auto look = [&](pg::connection& db) {
         return after.in_history() ? history(db, after, most) : live(db, after, most);
      };
      // Behind a transaction pooler the session's parameters hold inside of transactions only.
      auto work = [&](pg::connection& db) { return db.pooled() ? db.transaction([&] { return look(db); }) : look(db); };
      auto got = pool_->run_blocking(work);
      if (!got && got.error().detail.starts_with("42703")) {
         columns_.reset();
         got = pool_->run_blocking(work);
         if (!got && got.error().detail.starts_with("42703"))
            return fail(
                error_code::database,
                "noetl.event lacks the column ingest_xid, which only its owner can add: alter table noetl.event add "
                "column ingest_xid xid8; alter table noetl.event alter column ingest_xid set default "
                "pg_current_xact_id()",
                got.error().detail);
      }
      if (got) adapt(*got, most);
      return got;
   }

   /// Keys of the rows between two places that were written at `since` or later, in order, at most `limit`: a walk over
   /// the index. Without what the first start left out.
   result<std::vector<position>> keys(position const& after, position const& through, timestamp since,
                                      std::size_t limit) {
      return pool_->run_blocking([&](pg::connection& db) {
         auto const scope = left_out(after);
         auto const text = "select e.ingest_xid, e.execution_id, e.event_id from noetl.event e where " + above() +
                           " and (e.ingest_xid, e.execution_id, e.event_id) <= ($4::xid8, $5::bigint, $6::bigint) "
                           "and e.ingest_time >= $7::timestamp at time zone 'utc'" +
                           (scope ? " and not pg_visible_in_snapshot(e.ingest_xid, $9::pg_snapshot)" : "") +
                           " order by e.ingest_xid, e.execution_id, e.event_id limit $8";
         auto const go = [&](auto const&... more) {
            return db.exec(text, after.xid, after.execution_id, after.event_id, through.xid, through.execution_id,
                           through.event_id, to_sql(since), limit, more...);
         };
         std::vector<position> out;
         for (auto const row : scope ? go(scope->seen) : go())
            out.push_back({row.get<std::uint64_t>(0), row.get<std::int64_t>(1), row.get<std::int64_t>(2), after.scope});
         return out;
      });
   }

   /// The rows of these keys that still exist, in order.
   result<std::vector<item>> rows(std::vector<position> const& wanted) {
      return pool_->run_blocking([&](pg::connection& db) {
         auto const table = row_json::discover(db, "noetl.event", "e"); // not shared: another thread may read
         auto const text = "select " + table.select_list() +
                           " from unnest($1::bigint[], $2::bigint[]) with ordinality "
                           "w(x, y, n) join noetl.event e on e.execution_id = w.x and e.event_id = w.y order by w.n";
         std::vector<std::int64_t> executions, events;
         for (auto const& one : wanted) executions.push_back(one.execution_id), events.push_back(one.event_id);
         layout const cells(table);
         std::vector<item> out;
         for (auto const row : db.exec(text, executions, events)) {
            out.push_back(to_item(table, cells, row, 0));
            out.back().at = {row.get<std::uint64_t>(cells.xid), out.back().execution_id, out.back().event_id, nullptr};
         }
         return out;
      });
   }

   /// \param count_up_to  events counted at most: counting is a walk over an index
   result<feed_lag> lag(position const& after, std::uint64_t count_up_to = 100'000) {
      return pool_->run_blocking([&](pg::connection& db) {
         static auto const waiting = "select 1 from noetl.event e where " + above() + " limit $4";
         static auto const text =
             "select (select count(*) from (" + waiting +
             ") w), "
             "coalesce((select greatest(0, extract(epoch from clock_timestamp() - e.ingest_time)) from noetl.event e "
             "where " +
             above() +
             " order by e.ingest_xid, e.execution_id, e.event_id limit 1), 0), "
             "pg_snapshot_xmax(s)::text::numeric - pg_snapshot_xmin(s)::text::numeric, coalesce(h.age, 0), "
             "coalesce(h.pid, 0) "
             "from pg_current_snapshot() s left join (select pid, "
             "greatest(0, extract(epoch from clock_timestamp() - coalesce(since, clock_timestamp()))) as age from ("
             "select pid, xact_start as since, age(backend_xid) as years from pg_stat_activity "
             "where backend_xid is not null and pid <> pg_backend_pid() "
             "union all select 0, prepared, age(transaction) from pg_prepared_xacts) o order by years desc limit 1) h "
             "on true";
         auto const rows = db.exec(text, after.xid, after.execution_id, after.event_id, count_up_to);
         auto const row = rows[0];
         return feed_lag{row.get<std::uint64_t>(0), row.get<double>(1), row.get<std::uint64_t>(2), row.get<double>(3),
                         row.get<std::int64_t>(4)};
      });
   }

private:
   using clock = std::chrono::steady_clock;
   static constexpr std::size_t page_bytes = 16'000'000; ///< of a page, about
   static constexpr std::size_t large = 16'000;          ///< a row from which an outline is made
   static constexpr std::size_t large_cell = 512;

   static std::string above() {
      return "(e.ingest_xid, e.execution_id, e.event_id) > ($1::xid8, $2::bigint, $3::bigint)";
   }

   /// Cells of the columns that the feed itself needs.
   struct layout {
      layout() = default;
      explicit layout(row_json const& table)
          : execution(table.index_of("execution_id").value_or(0)), event(table.index_of("event_id").value_or(0)),
            type(table.index_of("event_type").value_or(0)), xid(table.index_of("ingest_xid").value_or(0)) {}
      std::size_t execution = 0, event = 0, type = 0, xid = 0;
   };

   row_json const& columns(pg::connection& db) {
      if (!columns_ || clock::now() > discovered_ + std::chrono::minutes(1)) {
         columns_ = row_json::discover(db, "noetl.event", "e");
         cells_ = layout(*columns_);
         discovered_ = clock::now();
      }
      return *columns_;
   }

   result<page<item>> live(pg::connection& db, position const& after, std::size_t limit) {
      auto const& table = columns(db);
      auto const scope = left_out(after);
      // The limit stands in the text: planned with an unknown one, PostgreSQL might sort instead of following the
      // index.
      auto const text = "select " + table.select_list() + " from noetl.event e where " + above() +
                        " and e.ingest_xid < pg_snapshot_xmin(pg_current_snapshot())" +
                        (scope ? " and not pg_visible_in_snapshot(e.ingest_xid, $4::pg_snapshot)" : "") +
                        " order by e.ingest_xid, e.execution_id, e.event_id limit " + std::to_string(limit);
      auto const rows = scope ? db.exec(text, after.xid, after.execution_id, after.event_id, scope->seen)
                              : db.exec(text, after.xid, after.execution_id, after.event_id);
      page<item> out{.items = {}, .through = after, .more = rows.size() == limit};
      out.items.reserve(rows.size());
      for (auto const row : rows) {
         auto one = to_item(table, cells_, row, 0);
         one.at = {row.get<std::uint64_t>(cells_.xid), one.execution_id, one.event_id, after.scope};
         out.items.push_back(std::move(one));
      }
      if (!out.items.empty()) out.through = out.items.back().at;
      return out;
   }

   /// A stretch of the primary key, of which rows with a number are left out: the feed has them.
   result<page<item>> history(pg::connection& db, position const& after, std::size_t limit) {
      auto const& table = columns(db);
      auto const* scope = after.scope.get();
      bool const limited = scope && (scope->above || !scope->after.empty());
      auto const stretch = std::to_string(limit * 4);
      auto const text =
          "with stretch as materialized (select e.execution_id as x, e.event_id as y, e.ingest_xid is null" +
          std::string(limited ? " and (e.event_id > $3::bigint or e.created_at > $4::timestamp)" : "") +
          " as wanted from noetl.event e where (e.execution_id, e.event_id) > ($1::bigint, $2::bigint) "
          "order by e.execution_id, e.event_id limit " +
          stretch +
          "), "
          "page as (select * from stretch where wanted order by x, y limit " +
          std::to_string(limit) +
          ") "
          "select s.x, s.y, p.x is not null, " +
          table.select_list() +
          " from (select x, y from page union "
          "(select x, y from stretch order by x desc, y desc limit 1)) s left join page p on p.x = s.x and p.y = s.y "
          "left join noetl.event e on e.execution_id = p.x and e.event_id = p.y order by s.x, s.y";
      auto const none = std::string("infinity");
      auto const rows = limited
                            ? db.exec(text, after.execution_id, after.event_id, scope->above.value_or(position::last),
                                      scope->after.empty() ? none : scope->after)
                            : db.exec(text, after.execution_id, after.event_id);
      page<item> out{.items = {}, .through = position::history_end(), .more = true};
      if (rows.empty()) return out; // the end: what follows is live
      for (auto const row : rows) {
         if (!row.get<bool>(2)) continue;
         auto one = to_item(table, cells_, row, 3);
         one.at = {0, one.execution_id, one.event_id, after.scope};
         out.items.push_back(std::move(one));
      }
      // A full page ends at its last item, any other at the end of the stretch, which is the last row.
      if (out.items.size() == limit) {
         out.through = out.items.back().at;
      } else {
         auto const end = rows[rows.size() - 1];
         out.through = {0, end.get<std::int64_t>(0), end.get<std::int64_t>(1), after.scope};
      }
      return out;
   }

   static item to_item(row_json const& table, layout const& cells, pg::rows::row const& row, std::size_t first) {
      item out;
      out.execution_id = row.get<std::int64_t>(first + cells.execution);
      out.event_id = row.get<std::int64_t>(first + cells.event);
      if (auto const type = row[first + cells.type]) out.event_type.emplace(*type);
      out.payload = table.object(row, first);
      if (out.payload.size() > large) out.outline = table.outline(row, large_cell, first);
      return out;
   }

   /// What must be left out behind this place; null: nothing, or the feed is past it.
   static feed_scope const* left_out(position const& after) {
      auto const* const scope = after.scope.get();
      return scope && !scope->seen.empty() && after.xid < past(scope->seen) ? scope : nullptr;
   }

   /// First transaction number that a pg_snapshot text (`xmin:xmax:running`) knows nothing of.
   static std::uint64_t past(std::string_view snapshot) {
      auto const colon = snapshot.find(':');
      std::uint64_t number = 0;
      if (colon != std::string_view::npos)
         std::from_chars(snapshot.data() + colon + 1, snapshot.data() + snapshot.size(), number);
      return number;
   }

   void adapt(page<item> const& got, std::size_t limit) {
      std::size_t bytes = 0;
      for (auto const& one : got.items) bytes += one.payload.size();
      if (bytes > page_bytes)
         most_ = std::max<std::size_t>(1, limit / 2);
      else if (bytes < page_bytes / 4)
         most_ = std::min<std::size_t>(10'000, most_ * 2);
   }

   pg::pool* pool_;
   std::chrono::seconds memory_;
   std::optional<row_json> columns_;
   clock::time_point discovered_{};
   layout cells_;
   std::size_t most_ = 10'000;
};
static_assert(source<committed_events>);

} // namespace noetl::stream
