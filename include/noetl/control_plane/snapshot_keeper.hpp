// control_plane/snapshot_keeper.hpp: deletes snapshots of executions that ended long ago (schema.md 11: after a day).
// Knows states; runs by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/time.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct snapshot_keeper_settings {
   std::chrono::seconds retention{86'400};      ///< a snapshot stays so long after the end of its execution
   std::chrono::milliseconds interval{600'000}; ///< between two rounds
   std::chrono::milliseconds pause{200};        ///< between two batches of a round
   std::size_t batch = 500;                     ///< rows deleted at a time
};

/// Started once; ends when its executor stops. An execution without a snapshot is rebuilt from its log, so nothing is
/// lost, whoever needs it later.
class snapshot_keeper {
public:
   snapshot_keeper(boost::asio::any_io_executor executor, workflow::workflow_states& states, std::size_t shards,
                   snapshot_keeper_settings how = {})
       : executor_(std::move(executor)), states_(states), shards_(shards), how_(how) {}

   void start() {
      detail::run_forever(executor_, "snapshots", how_.interval, [this] { return round(); });
   }

private:
   awaitable<std::chrono::milliseconds> round() {
      for (std::size_t shard = 0; shard < shards_; ++shard) co_await clean(shard);
      co_return how_.interval;
   }

   awaitable<void> clean(std::size_t shard) {
      for (;;) {
         auto gone = co_await states_.snapshots().purge(shard, now() - how_.retention, how_.batch);
         if (!gone)
            log::warn("snapshots.not_purged", {{"reason", gone.error().message}, {"detail", gone.error().detail}});
         if (!gone || *gone < how_.batch) co_return;
         co_await detail::rest(executor_, how_.pause);
      }
   }

   boost::asio::any_io_executor executor_;
   workflow::workflow_states& states_;
   std::size_t const shards_;
   snapshot_keeper_settings const how_;
};

} // namespace noetl::control_plane
