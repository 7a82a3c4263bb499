// control_plane/detail/event_retention.hpp: drops whole partitions of the event log that nobody needs any more.
// Knows pg/ and the life cycle of subscriptions. Rules: http-platform.md section 6 and D-75, schema.md 10.5.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/core/log.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/partition_list.hpp>

namespace noetl::control_plane {

/// A partition past its retention that stays.
struct kept_partition {
   std::string partition;
   std::string reason;
};

namespace detail {

/// An execution or subscription of ours in a range of ids whose head says that it has not ended. Subscriptions of
/// earlier versions have running heads, or plain DEACTIVATED; of the running ones the log tells.
inline std::string build_live_head() {
   return "select h.execution_id from noetl.stream_head h where h.status not in ('COMPLETED', 'FAILED', 'CANCELLED', "
          "'DEACTIVATED', 'subscription:DEACTIVATED', 'PROJECTED') and h.execution_id >= $1 and h.execution_id < $2 "
          "and coalesce((select "
          "e.event_type from noetl.event e "
          "where e.execution_id = h.execution_id and e." +
          is_lifecycle_event() +
          " order by e.stream_version desc nulls last, e.event_id desc limit 1), '') <> 'subscription.deactivated' "
          "limit 1";
}

/// The same for executions that no head tells about: reads the partition.
inline std::string build_live_events(std::string const& table) {
   return "select e.execution_id from " + table + " e where not exists (select 1 from noetl.stream_head h where " +
          "h.execution_id = e.execution_id and h.status in ('COMPLETED', 'FAILED', 'CANCELLED')) "
          "group by e.execution_id having not coalesce(bool_or(e.event_type in " +
          std::string(terminal_list<>) +
          "), false) and coalesce((array_agg(e.event_type order by e.stream_version desc nulls last, e.event_id desc) "
          "filter (where e." +
          is_lifecycle_event() + "))[1], '') <> 'subscription.deactivated' limit 1";
}

/// A row that a tailer of ours has not passed yet: of older servers, which carry no number and come first, as if they
/// had number 0 (stream/feed.hpp), or of ours. Each is found by an index.
inline std::string build_unstreamed(std::string const& table) {
   auto const behind = "(c.xid, coalesce(c.execution_id, 0), coalesce(c.event_id, 0))";
   return "select 1 from noetl.stream_cursor c cross join lateral ((select 1 from " + table +
          " e where e.ingest_xid is not null and (e.ingest_xid, e.execution_id, e.event_id) > " + behind +
          " limit 1) union all (select 1 from " + table +
          " e where c.xid = '0' and e.ingest_xid is null and (e.execution_id, e.event_id) > "
          "(coalesce(c.execution_id, 0), coalesce(c.event_id, 0)) limit 1)) ahead where c.xid is not null limit 1";
}

/// A row that a snapshot taken before does not show: nobody asked yet what it means. Rows of a restored dump may carry
/// numbers that this database has yet to give; those are no new ones.
inline std::string build_newer(std::string const& table, std::string const& snapshot) {
   auto const then = "'" + snapshot + "'::pg_snapshot";
   return "select 1 from " + table + " e where e.ingest_xid >= pg_snapshot_xmin(" + then +
          ") and e.ingest_xid < pg_snapshot_xmax(pg_current_snapshot()) and not pg_visible_in_snapshot(e.ingest_xid, " +
          then + ") limit 1";
}

struct retention_report {
   std::vector<std::string> dropped;
   std::vector<kept_partition> kept; ///< past the cutoff, and still needed or not ours to drop
};

/// Drops partitions whose ids are all below `cutoff`, each in a transaction of its own. One that holds an execution
/// without an end, a subscription that is not deactivated, or rows that the stream has not seen is kept; so is one that
/// the role may not drop or that is in use for long.
inline retention_report drop_past_partitions(pg::connection& db, std::int64_t cutoff) {
   static auto const live_head = build_live_head();
   retention_report report;
   for (auto const& one : pg::event_partitions(db)) {
      if (one.name == "event_default" || !pg::is_past(one.bound_text, cutoff)) continue;
      auto const ids = *pg::parse_bounds(one.bound_text);
      auto const keep = [&](std::string reason) {
         log::info("retention.partition_kept", {{"partition", one.name}, {"reason", reason}});
         report.kept.push_back({one.name, std::move(reason)});
      };
      auto const reason = [&]() -> std::string {
         if (auto const rows = db.exec(live_head, ids.from, ids.to); !rows.empty())
            return "execution " + rows[0].get<std::string>(0) + " has not ended";
         if (auto const rows = db.script(build_live_events(one.quoted)); !rows.empty())
            return "execution " + rows[0].get<std::string>(0) + " has not ended";
         if (!db.script(build_unstreamed(one.quoted)).empty()) return "the event stream has not passed it";
         return {};
      };
      try {
         db.begin();
         db.script("set local statement_timeout = '10min'; set local lock_timeout = '2s'");
         auto const before = db.exec("select pg_current_snapshot()::text")[0].get<std::string>(0);
         auto why = reason();
         if (why.empty()) {
            db.script("lock table " + one.quoted + " in access exclusive mode");
            // What happened since: an old subscription may have been activated again, a late event have come.
            if (!db.exec(live_head, ids.from, ids.to).empty() || !db.script(build_newer(one.quoted, before)).empty())
               why = "it came into use again";
         }
         if (why.empty()) {
            db.script("drop table " + one.quoted);
            db.exec("delete from noetl.stream_head where execution_id >= $1 and execution_id < $2", ids.from, ids.to);
            db.commit();
            report.dropped.push_back(one.name);
            continue;
         }
         db.rollback();
         keep(std::move(why));
      } catch (pg::sql_error const& e) {
         db.rollback();
         log::warn("retention.partition_not_dropped", {{"partition", one.name}, {"detail", e.what()}});
         keep(e.is("42501") ? "the database role does not own it"
                            : "the database refused to drop it (" + e.sqlstate() + ")");
      }
   }
   return report;
}

} // namespace detail
} // namespace noetl::control_plane
