// control_plane/subscription_log.hpp: what the event log says about subscriptions. There is no table of states: a state
// is the status of the newest life-cycle event, newest by the order of the log, never by ids of clocks that disagree
// (item 106). Knows the pools and the life cycle.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/control_plane/subscription_views.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// Where a subscription stands, as stored.
struct subscription_record {
   control_plane::subscription_id subscription_id;
   noetl::catalog_id catalog_id;
   std::string path;
   std::string status; ///< as stored: may be no state of the life cycle
   std::string event_type;
   noetl::event_id event_id;
   std::optional<timestamp> created_at;
   std::int64_t version = 0; ///< of the newest guarded event, 1 before there is any; 0 in lists
};

namespace detail {

/// The condition of the partial indexes of migration 3 and 4, from the table of the life cycle.
inline std::string const& is_lifecycle_event() {
   static std::string const text = [] {
      std::string types;
      for (auto type : subscription_lifecycle::event_types())
         types.append(types.empty() ? "'" : ", '").append(type).append("'");
      return "event_type in (" + types + ")";
   }();
   return text;
}

/// The fields of subscription_record from an event `e`. With a head, its guarded version is what a transition must not
/// miss; a log that only an older server wrote gets its head, and the same number, at the first append (adopt.hpp).
inline std::string record_columns(bool with_version) {
   return std::string("e.execution_id, e.catalog_id, coalesce(e.node_name, ''), coalesce(e.status, ''), "
                      "e.event_type, e.event_id, e.created_at, ") +
          (with_version
               ? "greatest(1, coalesce((select h.guarded_version from noetl.stream_head h where h.execution_id = "
                 "e.execution_id), (select greatest(count(*), max(a.stream_version)) from noetl.event a where "
                 "a.execution_id = e.execution_id)))"
               : "0");
}

inline constexpr std::string_view newest_first = "e.stream_version desc nulls last, e.event_id desc";

} // namespace detail

/// Reads the log. Thread-safe; one statement per shard that is asked.
class subscription_log {
public:
   explicit subscription_log(pg::shard_map& shards) : shards_(shards) {}

   /// The present. Nothing for an id without life-cycle events.
   awaitable<result<std::optional<subscription_record>>> latest(control_plane::subscription_id id) {
      auto work = [id](pg::connection& db) {
         static auto const text =
             "select " + detail::record_columns(true) + " from noetl.event e where e.execution_id = $1 and e." +
             detail::is_lifecycle_event() + " order by " + std::string(detail::newest_first) + " limit 1";
         return first(db.exec(text, id));
      };
      co_return co_await pool_of(id).run(std::move(work));
   }

   /// The past. An event of this log stands for its place in the log, any other id for all events with ids up to it; a
   /// time stands for all events that are not younger.
   awaitable<result<std::optional<subscription_record>>> as_of(control_plane::subscription_id id,
                                                               subscription_moment when) {
      auto work = [id, when](pg::connection& db) {
         static auto const text =
             "with known as (select coalesce(stream_version, 0) as version, event_id from noetl.event where "
             "execution_id = $1 and event_id = $2) select " +
             detail::record_columns(false) + " from noetl.event e where e.execution_id = $1 and e." +
             detail::is_lifecycle_event() +
             " and ($2::bigint is null or case when exists (select 1 from known) then (coalesce(e.stream_version, 0), "
             "e.event_id) <= (select version, event_id from known) else e.event_id <= $2 end) and ($3::timestamp is "
             "null or e.created_at <= $3) order by " +
             std::string(detail::newest_first) + " limit 1";
         return first(db.exec(text, id, when.event_id, when.at));
      };
      co_return co_await pool_of(id).run(std::move(work));
   }

   /// The subscription that the newest life-cycle event of a path belongs to, of all shards; a subscription that is not
   /// deactivated comes before any that is.
   awaitable<result<std::optional<subscription_record>>> newest_of_path(std::string path) {
      std::optional<subscription_record> best;
      auto const live = [](subscription_record const& r) { return r.status != subscription::deactivated::name; };
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [path](pg::connection& db) {
            static auto const text =
                "select " + detail::record_columns(true) +
                " from (select e.execution_id from noetl.event e where e.node_name = $1 and e." +
                detail::is_lifecycle_event() +
                " order by e.event_id desc limit 1) n cross join lateral (select e.* from noetl.event e where "
                "e.execution_id = n.execution_id and e." +
                detail::is_lifecycle_event() + " order by " + std::string(detail::newest_first) + " limit 1) e";
            return first(db.exec(text, path));
         };
         auto found = co_await shards_.shard(shard).run(std::move(work));
         if (!found) co_return std::move(found).error();
         if (!*found) continue;
         auto& one = **found;
         if (!best || (live(one) == live(*best) ? best->event_id < one.event_id : live(one))) best = std::move(one);
      }
      co_return best;
   }

   /// Subscriptions of one shard in the order of their ids, without version.
   /// \param state  only these; UNKNOWN stands for every status that is no state
   awaitable<result<std::vector<subscription_record>>> list(std::size_t shard, std::optional<std::string> state,
                                                            control_plane::subscription_id after,
                                                            std::optional<std::int64_t> limit) {
      auto work = [state = std::move(state), after, limit](pg::connection& db) {
         static auto const text = list_statement();
         std::vector<subscription_record> found;
         auto const rows = db.exec(text, after, state, limit);
         found.reserve(rows.size());
         for (auto const row : rows) found.push_back(decode_row<subscription_record>(row));
         return found;
      };
      co_return co_await shards_.shard(shard).run(std::move(work));
   }

   /// Transitions with a sequence above `after`, in the order of the log, at most `limit`.
   awaitable<result<std::vector<subscription_step>>> history(control_plane::subscription_id id, std::int64_t after,
                                                             std::int64_t limit) {
      auto work = [id, after, limit](pg::connection& db) {
         static auto const text =
             "select * from (select row_number() over w as sequence, e.event_id, e.event_type, lag(coalesce(e.status, "
             "'')) over w, coalesce(e.status, ''), e.created_at from noetl.event e where e.execution_id = $1 and e." +
             detail::is_lifecycle_event() +
             " window w as (order by e.stream_version nulls first, e.event_id)) s where sequence > $2 order by "
             "sequence limit $3";
         std::vector<subscription_step> steps;
         for (auto const row : db.exec(text, id, after, limit)) steps.push_back(decode_row<subscription_step>(row));
         return steps;
      };
      co_return co_await pool_of(id).run(std::move(work));
   }

   /// Life-cycle events at places above `after`, in the order of the log, at most `limit`. Rows of older servers are
   /// counted, the others have their stream_version.
   awaitable<result<std::vector<event>>> events(control_plane::subscription_id id, std::int64_t after,
                                                std::int64_t limit) {
      auto work = [id, after, limit](pg::connection& db) {
         static auto const text =
             "select * from (select e.event_id, e.catalog_id, e.event_type, coalesce(e.node_name, ''), "
             "coalesce(e.status, ''), e.context::text, e.created_at, coalesce(e.stream_version, row_number() over w) "
             "as place from noetl.event e where e.execution_id = $1 and e." +
             detail::is_lifecycle_event() +
             " window w as (order by e.stream_version nulls first, e.event_id)) s where place > $2 order by place "
             "limit $3";
         std::vector<event> found;
         for (auto const row : db.exec(text, id, after, limit)) found.push_back(event_of(id, row));
         return found;
      };
      co_return co_await pool_of(id).run(std::move(work));
   }

   /// Catalog paths of these entries; those that are gone are left out.
   awaitable<result<std::map<std::int64_t, std::string>>> catalog_paths(std::vector<std::int64_t> ids) {
      auto work = [ids = std::move(ids)](pg::connection& db) {
         std::map<std::int64_t, std::string> paths;
         for (auto const row :
              db.exec("select catalog_id, path from noetl.catalog where catalog_id = any($1::bigint[])", ids))
            paths.emplace(row.get<std::int64_t>(0), row.get<std::string>(1));
         return paths;
      };
      co_return co_await shards_.cluster().run(std::move(work));
   }

   [[nodiscard]] std::size_t shard_count() const noexcept { return shards_.count(); }

private:
   pg::pool& pool_of(control_plane::subscription_id id) { return shards_.of(execution_id{id.value}); }

   static std::optional<subscription_record> first(pg::rows const& rows) {
      if (rows.empty()) return std::nullopt;
      return decode_row<subscription_record>(rows[0]);
   }

   static event event_of(control_plane::subscription_id id, pg::rows::row const& row) {
      event e;
      e.execution_id = noetl::execution_id{id.value};
      e.event_id = row.get<noetl::event_id>(0);
      e.catalog_id = row.get<noetl::catalog_id>(1);
      e.event_type = row.get<std::string>(2);
      e.node_name = row.get<std::string>(3);
      e.status = row.get<std::string>(4);
      e.context = raw_json(row.get<std::optional<std::string>>(5).value_or(std::string()));
      e.created_at = row.get<std::optional<timestamp>>(6).value_or(timestamp{});
      e.stream_version = row.get<std::int64_t>(7);
      return e;
   }

   static std::string list_statement() {
      std::string states;
      for (auto name : subscription_lifecycle::states)
         states.append(states.empty() ? "'" : ", '").append(name).append("'");
      return "select * from (select distinct on (e.execution_id) " + detail::record_columns(false) +
             " from noetl.event e where e." + detail::is_lifecycle_event() +
             " and e.execution_id > $1 order by e.execution_id, " + std::string(detail::newest_first) +
             ") s(execution_id, catalog_id, path, status, event_type, event_id, created_at, version) where $2::text is "
             "null or case when status in (" +
             states + ") then status else 'UNKNOWN' end = $2 order by execution_id limit $3";
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
