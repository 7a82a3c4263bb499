// control_plane/reconciler.hpp: looks at running executions that nobody in this process has heard of: all of them after
// a restart, later those that changed without us (another replica died between a fact and its decision). Knows the
// event store; what to do with an execution is a function given to it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/store.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct reconciler_settings {
   std::chrono::milliseconds interval{15'000}; ///< between two passes
   std::chrono::milliseconds retry{500};       ///< after a pass that failed
   std::chrono::milliseconds grace{5'000};     ///< an execution changed more recently is left to whoever changed it
   std::size_t page = 500;                     ///< executions read and woken at a time
   std::chrono::hours adopt{7 * 24};           ///< executions of older servers are taken over when not older than this
};

/// Wakes executions whose version moved since the last pass, W18 without its leaks: it keeps nothing of ended ones and
/// writes no events itself. The first pass that succeeds on a shard takes over what an older server left running there,
/// and wakes every running execution. Each pass begins with `prepare`. Executions that somebody keeps in memory
/// although they run no more are woken too, so that their end is noticed whoever wrote it (138). Started once; ends
/// when its executor stops. Not thread-safe beyond that.
class reconciler {
public:
   using step = std::function<awaitable<result<std::size_t>>(std::size_t shard)>;

   /// \param wake  called for each execution to look at
   /// \param busy  how many executions are being advanced now: the next page waits while these are many
   /// \param kept  executions held in memory
   /// \param prepare  called for each shard before its executions are looked at
   reconciler(boost::asio::any_io_executor executor, event_store& store, std::function<void(execution_id)> wake,
              std::function<std::size_t()> busy, std::function<std::vector<execution_id>()> kept, step prepare,
              reconciler_settings how = {})
       : executor_(std::move(executor)), store_(store), wake_(std::move(wake)), busy_(std::move(busy)),
         kept_(std::move(kept)), prepare_(std::move(prepare)), how_(how), looks_(store.shards().count()) {}

   void start() {
      detail::run_forever(executor_, "reconciler", how_.retry, [this] { return round(); });
   }

   /// Passes that reached the end, on every shard.
   [[nodiscard]] std::uint64_t passes() const noexcept { return passes_.load(); }

private:
   using versions = std::unordered_map<execution_id, std::int64_t>;
   using clock = std::chrono::steady_clock;

   /// Shards are looked at one after the other, and each on its own: one that is away holds up nobody.
   struct shard_look {
      versions seen;
      std::uint64_t passes = 0;
      clock::time_point due{};
   };

   /// Looks at the shards whose time has come. \return the time until the next one's
   awaitable<std::chrono::milliseconds> round() {
      auto next = clock::time_point::max();
      auto passes = std::numeric_limits<std::uint64_t>::max();
      for (std::size_t shard = 0; shard < looks_.size(); ++shard) {
         auto& look = looks_[shard];
         if (look.due <= clock::now()) {
            auto const seen = co_await pass(shard);
            if (!seen)
               log::warn("reconciler.put_off",
                         {{"shard", shard}, {"reason", seen.error().message}, {"detail", seen.error().detail}});
            else
               ++look.passes;
            look.due = clock::now() + (seen ? how_.interval : how_.retry);
         }
         next = std::min(next, look.due);
         passes = std::min(passes, look.passes);
      }
      passes_ = passes;
      auto const left = std::chrono::ceil<std::chrono::milliseconds>(next - clock::now());
      co_return std::max(left, std::chrono::milliseconds::zero());
   }

   awaitable<result<void>> pass(std::size_t shard) {
      std::unordered_set<execution_id> ended; // taken before the look, so that what starts meanwhile is not among them
      for (auto const id : kept_())
         if (store_.shards().index_of(id) == shard) ended.insert(id);
      if (auto ready = co_await take_over(shard); !ready) co_return std::move(ready).error();
      auto& look = looks_[shard];
      versions running;
      auto before = execution_id{std::numeric_limits<std::int64_t>::max()};
      for (;;) {
         auto page = co_await store_.running(shard, before, how_.page);
         if (!page) {
            // The retry wakes only what this one has not reached.
            for (auto const& [id, version] : running) look.seen.insert_or_assign(id, version);
            co_return std::move(page).error();
         }
         for (auto const& head : *page) {
            ended.erase(head.execution_id);
            consider(head, look, running);
         }
         if (page->size() < how_.page) break;
         before = page->back().execution_id;
         while (busy_() > how_.page) co_await detail::rest(executor_, std::chrono::milliseconds{20});
      }
      for (auto const id : ended) wake_(id);
      look.seen = std::move(running);
      co_return result<void>{};
   }

   awaitable<result<void>> take_over(std::size_t shard) {
      if (looks_[shard].passes == 0) {
         auto adopted = co_await store_.adopt_running(shard, now() - how_.adopt);
         if (!adopted) co_return std::move(adopted).error();
         if (*adopted > 0) log::info("reconciler.adopted", {{"shard", shard}, {"executions", *adopted}});
      }
      auto prepared = co_await prepare_(shard);
      if (!prepared) co_return std::move(prepared).error();
      co_return result<void>{};
   }

   void consider(stream_head const& head, shard_look const& look, versions& running) {
      auto const known = look.seen.find(head.execution_id);
      bool const first = look.passes == 0;
      bool const settled = now() - head.updated_at > how_.grace;
      bool const changed = known == look.seen.end() || known->second != head.version;
      // What is left to others now keeps its old version, so that the next pass looks again.
      if (!first && changed && !settled) {
         if (known != look.seen.end()) running.insert(*known);
         return;
      }
      running.emplace(head.execution_id, head.version);
      if (changed) wake_(head.execution_id);
   }

   boost::asio::any_io_executor executor_;
   event_store& store_;
   std::function<void(execution_id)> wake_;
   std::function<std::size_t()> busy_;
   std::function<std::vector<execution_id>()> kept_;
   step prepare_;
   reconciler_settings how_;
   std::vector<shard_look> looks_; ///< one for each shard
   std::atomic<std::uint64_t> passes_{0};
};

} // namespace noetl::control_plane
