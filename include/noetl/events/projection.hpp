// events/projection.hpp: stores events of other logs, whole rows and in bulk, without telling anybody of them.
// Knows pg/ and events/; statements in events/detail/projection_batch.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/detail/projection_batch.hpp>
#include <noetl/events/projected_event.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl {

using boost::asio::awaitable;

struct projection_settings {
   std::size_t chunk_rows = 500;                    ///< rows in one transaction at most
   std::size_t chunk_bytes = std::size_t{4} << 20U; ///< of JSON in one transaction, more for a single larger row
};

/// Stores projected events. The key is (execution_id, event_id): what is stored already is a duplicate, whatever else
/// it says. Rows that the table refuses are reported one by one, the others are stored (D-40). A row without catalog_id
/// gets that of its execution (D-42). Positions are given under the lock of the execution's head, as in event_store; an
/// execution that is first seen here gets a head with status PROJECTED: it is recorded, and nobody here drives it until
/// somebody reports to this server about it. Thread-safe.
class event_projection {
public:
   explicit event_projection(pg::shard_map& shards, projection_settings how = {}) : shards_(shards), how_(how) {}

   /// In the order given, in transactions of `chunk_rows`. Errors: unavailable and database; the chunks before are
   /// stored then, and repeating the call is harmless.
   awaitable<result<projection_outcome>> store(std::vector<projected_event> events) {
      projection_outcome total;
      std::vector<std::vector<projected_event>> by_shard(shards_.count());
      for (auto& one : events) {
         if (auto why = detail::projection_fault(one); !why.empty())
            total.failed.push_back({one.execution_id, one.event_id, std::move(why)});
         else
            by_shard[shards_.index_of(one.execution_id)].push_back(std::move(one));
      }
      for (std::size_t shard = 0; shard < by_shard.size(); ++shard) {
         auto const all = std::make_shared<std::vector<projected_event>>(std::move(by_shard[shard]));
         for (std::size_t from = 0; from < all->size();) {
            auto const size = chunk_size(std::span(*all).subspan(from));
            auto work = [this, all, from, size, shard](pg::connection& db) {
               return detail::project(db, std::span(*all).subspan(from, size), columns_of(db, shard));
            };
            auto done = co_await shards_.shard(shard).run(std::move(work));
            if (!done) co_return std::move(done).error();
            total.projected += done->projected;
            total.duplicates += done->duplicates;
            for (auto& one : done->failed) total.failed.push_back(std::move(one));
            from += size;
         }
      }
      for (auto const& one : total.failed)
         log::warn("projection.row_refused",
                   {{"execution_id", one.execution_id.value}, {"event_id", one.event_id.value}, {"reason", one.error}});
      co_return total;
   }

private:
   [[nodiscard]] std::size_t chunk_size(std::span<projected_event const> rows) const {
      std::size_t count = 0;
      std::size_t bytes = 0;
      for (auto const& row : rows.first(std::min(rows.size(), how_.chunk_rows))) {
         bytes += row.context.text.size() + row.result.text.size() + row.meta.text.size() +
                  row.trace_component.text.size() + row.payload_ref.text.size();
         if (count > 0 && bytes > how_.chunk_bytes) break;
         ++count;
      }
      return count;
   }

   /// The columns that this database has: an older one lacks some, and loses their values rather than the rows.
   detail::projection_columns columns_of(pg::connection& db, std::size_t shard) {
      {
         std::lock_guard const lock(mutex_);
         if (auto const known = columns_.find(shard); known != columns_.end()) return known->second;
      }
      auto found = detail::find_projection_columns(db);
      std::lock_guard const lock(mutex_);
      return columns_.insert_or_assign(shard, std::move(found)).first->second;
   }

   pg::shard_map& shards_;
   projection_settings const how_;
   std::mutex mutex_;
   std::map<std::size_t, detail::projection_columns> columns_;
};

} // namespace noetl
