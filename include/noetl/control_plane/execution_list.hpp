// control_plane/execution_list.hpp: the list of executions, across shards, by window or by key
// (http-execution.md 13.1). Knows pools and the event vocabulary; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/gather.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct execution_filter {
   std::optional<noetl::catalog_id> catalog_id;
   std::optional<std::string> path;          ///< case-insensitive part of the catalog path
   std::optional<std::string> status;        ///< exact
   std::optional<std::int32_t> limit;        ///< absent: 50; at most 100
   std::optional<std::int32_t> offset;       ///< counted from `after`, if that is given
   std::optional<noetl::execution_id> after; ///< only what the list shows behind this execution
};

struct execution_summary {
   noetl::execution_id execution_id;
   noetl::catalog_id catalog_id;
   std::optional<std::string> path;
   std::string status;
   timestamp started_at{};
   std::optional<timestamp> completed_at;
   std::int64_t event_count = 0;
};

/// A window of the list, and where the next one begins.
struct execution_page {
   std::vector<execution_summary> entries;
   std::optional<noetl::execution_id> next; ///< to be given as `after`; nothing: this is the end
};

/// Lists executions. Thread-safe. Order and states of one shard are one snapshot of it; ends and numbers of events of
/// what is shown are read a moment later, paths in the catalog, where they never change.
class execution_list {
public:
   explicit execution_list(pg::shard_map& shards) : shards_(shards) {}

   /// Newest first, by start and then id. Filters apply before the window is cut (W27). Errors: bad_request for a
   /// negative limit, an offset outside 0..10'000, and an `after` that is no execution.
   awaitable<result<execution_page>> page(execution_filter filter) {
      auto const limit = std::min(filter.limit.value_or(50), 100);
      auto const offset = filter.offset.value_or(0);
      if (limit < 0) co_return fail(error_code::bad_request, "limit: expected 0 or more");
      if (offset < 0) co_return fail(error_code::bad_request, "offset: expected 0 or more");
      if (offset > most_offset)
         co_return fail(error_code::bad_request, "offset: expected at most " + std::to_string(most_offset) +
                                                     "; give the last execution that you have as 'after'");
      auto paths = co_await catalog_ids(filter);
      if (!paths) co_return std::move(paths).error();
      auto behind = co_await start_of(filter.after);
      if (!behind) co_return std::move(behind).error();
      auto const window = std::int64_t{limit} + offset + 1; // one more tells whether something follows
      auto ask = [this, &filter, &paths, &behind, window](std::size_t shard) {
         auto work = [filter, ids = *paths, behind = *behind, window](pg::connection& db) {
            return select_page(db, filter, ids, behind, window);
         };
         return shards_.shard(shard).run(std::move(work));
      };
      auto pages = co_await gather(shards_.count(), shards_.count(), ask);
      std::vector<execution_summary> merged;
      for (auto& one : pages) {
         if (!one) co_return std::move(one).error();
         merged.insert(merged.end(), one->begin(), one->end());
      }
      std::ranges::sort(merged, [](auto const& a, auto const& b) {
         return std::pair(a.started_at, a.execution_id) > std::pair(b.started_at, b.execution_id);
      });
      auto const first = std::min(merged.size(), static_cast<std::size_t>(offset));
      auto const last = std::min(merged.size(), first + static_cast<std::size_t>(limit));
      execution_page out;
      out.entries.assign(merged.begin() + static_cast<std::ptrdiff_t>(first),
                         merged.begin() + static_cast<std::ptrdiff_t>(last));
      if (last < merged.size() && last > first) out.next = out.entries.back().execution_id;
      if (auto told = co_await add_figures(out.entries); !told) co_return std::move(told).error();
      if (auto named = co_await add_paths(out.entries); !named) co_return std::move(named).error();
      co_return out;
   }

private:
   static constexpr std::int32_t most_offset = 10'000; ///< all that lies before a window is read on every shard

   using path_filter = std::optional<std::vector<std::int64_t>>; // none: every catalog entry
   struct place {
      std::optional<timestamp> started_at;
      std::optional<noetl::execution_id> id;
   };

   awaitable<result<path_filter>> catalog_ids(execution_filter const& filter) {
      if (!filter.path) co_return path_filter{};
      auto work = [part = *filter.path](pg::connection& db) -> result<path_filter> {
         std::vector<std::int64_t> ids;
         for (auto const row :
              db.exec("SELECT catalog_id FROM noetl.catalog WHERE strpos(lower(path), lower($1)) > 0", part))
            ids.push_back(row.get<std::int64_t>(0));
         return path_filter{std::move(ids)};
      };
      co_return co_await shards_.cluster().run(std::move(work));
   }

   awaitable<result<place>> start_of(std::optional<noetl::execution_id> id) {
      if (!id) co_return place{};
      auto work = [id = *id](pg::connection& db) -> result<place> {
         static auto const text = "SELECT created_at FROM noetl.event WHERE execution_id = $1 AND event_type IN " +
                                  std::string(detail::start_types) + " ORDER BY event_id LIMIT 1";
         auto const rows = db.exec(text, id);
         if (rows.empty()) return fail(error_code::bad_request, "after: no execution " + std::to_string(id.value));
         return place{rows[0].get<timestamp>(0), id};
      };
      co_return co_await shards_.of(*id).run(std::move(work));
   }

   /// Follows ix_event_start. The head tells the status; only executions of older servers, which have none that counts,
   /// cost a look into their log.
   static std::string build_page() {
      return "SELECT e.execution_id, e.catalog_id, NULL::text AS path, s.status, e.created_at AS started_at,"
             " NULL::timestamp AS completed_at, 0::bigint AS event_count FROM noetl.event e"
             " LEFT JOIN noetl.stream_head h ON h.execution_id = e.execution_id"
             " AND h.status IN ('RUNNING','COMPLETED','FAILED','CANCELLED') " +
             std::string(detail::outcome_unless_head) +
             " CROSS JOIN LATERAL (SELECT coalesce(h.status, o.status, 'RUNNING') AS status) s"
             " WHERE e.event_type IN " +
             std::string(detail::start_types) +
             // Some producers write several kinds of start events; the first one counts.
             " AND NOT EXISTS (SELECT 1 FROM noetl.event s WHERE s.execution_id = e.execution_id"
             " AND s.event_id < e.event_id AND s.event_type IN " +
             std::string(detail::start_types) +
             " OFFSET 0) AND ($1::bigint IS NULL OR e.catalog_id = $1::bigint)"
             " AND ($2::bigint[] IS NULL OR e.catalog_id = ANY($2::bigint[]))"
             " AND ($3::text IS NULL OR s.status = $3::text)"
             // The first of these bounds the scan of the index, the second tells equal times apart.
             " AND e.created_at <= coalesce($5::timestamp, 'infinity') AND (e.created_at, e.execution_id) <"
             " (coalesce($5::timestamp, 'infinity'), coalesce($6::bigint, 9223372036854775807))"
             " ORDER BY e.created_at DESC, e.execution_id DESC LIMIT $4";
   }

   static result<std::vector<execution_summary>> select_page(pg::connection& db, execution_filter const& filter,
                                                             path_filter const& ids, place const& behind,
                                                             std::int64_t window) {
      static auto const text = build_page();
      std::vector<execution_summary> found;
      for (auto const row : db.exec(text, filter.catalog_id, ids, filter.status, window, behind.started_at, behind.id))
         found.push_back(decode_row<execution_summary>(row));
      return found;
   }

   /// End and number of events, which only the rows of the page are worth.
   awaitable<result<void>> add_figures(std::vector<execution_summary>& page) {
      std::vector<std::vector<std::int64_t>> of_shard(shards_.count());
      for (auto const& entry : page) of_shard[shards_.index_of(entry.execution_id)].push_back(entry.execution_id.value);
      auto ask = [this, &of_shard](std::size_t shard) {
         auto work = [ids = of_shard[shard]](pg::connection& db) -> result<pg::rows> {
            if (ids.empty()) return pg::rows{};
            static auto const text = "SELECT e.execution_id, o.created_at,"
                                     " (SELECT count(*) FROM noetl.event c WHERE c.execution_id = e.execution_id)"
                                     " FROM unnest($1::bigint[]) e(execution_id) " +
                                     std::string(detail::outcome_of_e);
            return db.exec(text, ids);
         };
         return shards_.shard(shard).run(std::move(work));
      };
      auto told = co_await gather(of_shard.size(), of_shard.size(), ask);
      for (auto const& rows : told) {
         if (!rows) co_return rows.error();
         for (auto const row : *rows)
            for (auto& entry : page)
               if (entry.execution_id == row.get<noetl::execution_id>(0)) {
                  if (entry.status != "RUNNING") entry.completed_at = row.get<std::optional<timestamp>>(1);
                  entry.event_count = row.get<std::int64_t>(2);
               }
      }
      co_return result<void>{};
   }

   awaitable<result<void>> add_paths(std::vector<execution_summary>& page) {
      if (page.empty()) co_return result<void>{};
      std::vector<std::int64_t> ids;
      for (auto const& entry : page) ids.push_back(entry.catalog_id.value);
      auto work = [ids = std::move(ids)](pg::connection& db) -> result<pg::rows> {
         return db.exec("SELECT catalog_id, path FROM noetl.catalog WHERE catalog_id = ANY($1)", ids);
      };
      auto rows = co_await shards_.cluster().run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      for (auto const row : *rows)
         for (auto& entry : page)
            if (entry.catalog_id == row.get<noetl::catalog_id>(0)) entry.path = row.get<std::string>(1);
      co_return result<void>{};
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
