// control_plane/replay.hpp: folds the log of an execution up to a point (http-execution.md section 17).
// Knows pools and the replay fold; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/replay_state.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct replay_query {
   noetl::execution_id execution_id{};
   std::string tenant_id = "default";       ///< comes back in the answer; not a filter
   std::string organization_id = "default"; ///< as tenant_id
   std::optional<noetl::event_id> as_of_event_id;
   std::optional<noetl::event_id> as_of_position; ///< the same
   std::optional<timestamp> as_of_time;
   std::string projection = "all";              ///< comes back in the answer; not a filter
   std::int64_t limit = 10'000;                 ///< events at most, oldest first; 1..100'000
   std::optional<std::string> resolve_payloads; ///< accepted, without effect
   using json_rules = rules<defaulted<"tenant_id", "organization_id", "projection", "limit">>;
};

/// Replays logs. Thread-safe; each page is one round trip, and only one page of events is in memory.
class replay_service {
public:
   explicit replay_service(pg::shard_map& shards) : shards_(shards) {}

   /// The fold of the events up to the cutoff, that one included, in the order of the log. An event id that the
   /// execution has cuts behind that event, wherever late events stand; any other id keeps the events with ids up to
   /// it. Errors: bad_request (two cutoffs, unknown projection).
   awaitable<result<replay_state>> state(replay_query query) {
      int const cutoffs = int{query.as_of_event_id.has_value()} + int{query.as_of_position.has_value()} +
                          int{query.as_of_time.has_value()};
      if (cutoffs > 1)
         co_return fail(error_code::bad_request,
                        "Use only one replay cutoff: as_of_event_id, as_of_position, or as_of_time");
      if (std::ranges::find(projections, query.projection) == projections.end())
         co_return fail(error_code::bad_request,
                        "unknown projection \"" + query.projection +
                            "\"; expected one of: execution, stage, frame, command, business_object, loop, all");
      replay_state out;
      out.tenant_id = query.tenant_id;
      out.organization_id = query.organization_id;
      out.execution_id = query.execution_id;
      out.projection = query.projection;
      auto left = std::clamp<std::int64_t>(query.limit, 1, 100'000);
      auto const until = query.as_of_event_id ? query.as_of_event_id : query.as_of_position;
      // Rows of older servers have no number and come first, by their ids.
      for (bool numbered : {false, true}) {
         std::int64_t after = 0;
         for (bool more = left > 0; more;) {
            auto const size = std::min<std::int64_t>(left, page_size);
            auto work = [id = query.execution_id, until, time = query.as_of_time, numbered, after,
                         size](pg::connection& db) { return read(db, id, until, time, numbered, after, size); };
            auto page = co_await shards_.of(query.execution_id).run(std::move(work));
            if (!page) co_return std::move(page).error();
            for (auto const& e : *page) apply(out, e);
            left -= std::ssize(*page);
            more = left > 0 && std::ssize(*page) == size;
            if (more) after = numbered ? page->back().fact.stream_version : page->back().fact.event_id.value;
         }
      }
      seal(out);
      co_return out;
   }

private:
   static constexpr std::int64_t page_size = 1'000;
   static constexpr std::array<std::string_view, 7> projections{"execution",       "stage", "frame", "command",
                                                                "business_object", "loop",  "all"};

   static std::string statement(bool numbered) {
      std::string const key = numbered ? "e.stream_version" : "e.event_id";
      return "with last as (select coalesce(stream_version, 0) as version, event_id from noetl.event "
             "where execution_id = $1 and event_id = $2::bigint) "
             "select e.event_id, e.stream_version, e.event_type, e.node_name, e.status, e.result, e.meta, e.worker_id, "
             "e.stage_id, e.frame_id, e.command_id, e.aggregate_type, e.aggregate_id "
             "from noetl.event e where e.execution_id = $1 " +
             std::string(numbered ? "" : "and e.stream_version is null ") + "and " + key +
             " > $3::bigint and ($2::bigint is null or case when exists (select 1 from last) then "
             "(coalesce(e.stream_version, 0), e.event_id) <= (select version, event_id from last) "
             "else e.event_id <= $2::bigint end) "
             "and ($4::timestamp is null or e.created_at <= $4::timestamp) order by " +
             key + " limit $5";
   }

   static std::vector<replay_event> read(pg::connection& db, execution_id id, std::optional<event_id> const& until,
                                         std::optional<timestamp> const& time, bool numbered, std::int64_t after,
                                         std::int64_t limit) {
      static std::array const texts{statement(false), statement(true)};
      std::vector<replay_event> out;
      auto const rows = db.exec(texts[numbered ? 1 : 0], id, until, after, time, limit);
      out.reserve(rows.size());
      for (auto const row : rows) {
         auto& e = out.emplace_back();
         e.fact.execution_id = id;
         e.fact.event_id = row.get<event_id>(0);
         e.fact.stream_version = row.get<std::optional<std::int64_t>>(1).value_or(0);
         e.fact.event_type = row[2].value_or(std::string_view{});
         e.fact.node_name = row.get<std::optional<std::string>>(3);
         e.fact.status = row[4].value_or(std::string_view{});
         e.fact.result = row.get<raw_json>(5);
         e.fact.meta = row.get<raw_json>(6);
         e.fact.worker_id = row.get<std::optional<std::string>>(7);
         e.stage_id = row.get<std::optional<std::int64_t>>(8);
         e.frame_id = row.get<std::optional<std::int64_t>>(9);
         e.command_id = row.get<std::optional<std::int64_t>>(10);
         e.aggregate_type = row.get<std::optional<std::string>>(11);
         e.aggregate_id = row.get<std::optional<std::string>>(12);
      }
      return out;
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
