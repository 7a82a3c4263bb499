// control_plane/dedup.hpp: starting an execution once per key (http-execution.md section 6.5), in
// noetl.subscription_dedup. Knows pools and the event store's heads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/by_key.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct dedup_request {
   std::string key;
   std::uint64_t window_secs = 300; ///< how long a key counts, 30 days at most
   using json_rules = rules<defaulted<"window_secs">>;
};

/// Claims keys. A key is claimed before its execution is written, in another database perhaps, so two things repair
/// what a failure in between leaves (W3): release() after a refused start, and a key whose execution does not exist
/// some minutes later is given to the next caller. Thread-safe; statements run on the cluster pool.
class dedup_service {
public:
   dedup_service(pg::shard_map& shards, event_store& store) : pool_(shards.cluster()), store_(store) {}

   /// \param scope  parent execution (a subscription), or 0
   /// \return nothing when `mine` holds the key now, else the execution that holds it, which exists. unavailable: the
   ///    holder is not written yet, or never will be; its key is free again some minutes after it was taken
   awaitable<result<std::optional<execution_id>>> claim(execution_id scope, dedup_request wish, execution_id mine) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      for (int attempt = 0; attempt < looks; ++attempt) {
         auto holder = co_await holder_after_claim(scope, wish, mine);
         if (!holder) co_return std::move(holder).error();
         if (holder->id == mine) co_return std::optional<execution_id>{};
         auto head = co_await store_.head(holder->id);
         if (!head) co_return std::move(head).error();
         if (head->has_value()) co_return std::optional{holder->id};
         if (holder->age_seconds >= burnt_after_seconds) {
            auto freed = co_await release(scope, wish.key, holder->id);
            if (!freed) co_return std::move(freed).error();
            continue;
         }
         // "duplicate" says that the other start will be done, so it is said only of one that is committed.
         timer.expires_after(pause);
         co_await timer.async_wait(boost::asio::use_awaitable);
      }
      co_return fail(error_code::unavailable, "dedup: the key is being claimed; try again");
   }

   /// Gives a key back when the start that claimed it was refused.
   awaitable<result<void>> release(execution_id scope, std::string key, execution_id mine) {
      auto work = [scope, key = std::move(key), mine](pg::connection& db) -> result<bool> {
         db.exec(
             "DELETE FROM noetl.subscription_dedup WHERE subscription_id = $1 AND dedup_key = $2 AND execution_id = $3",
             scope, key, mine);
         return true;
      };
      auto done = co_await pool_.run(std::move(work));
      if (!done) co_return std::move(done).error();
      co_return result<void>{};
   }

private:
   // A start may be slow and still succeed: between its claim and its commit it reads the parent, the catalog and the
   // trace and appends, and each may wait 5 s for a connection and 30 s for a statement (the defaults). A key given
   // away before the end of all that would start twice.
   static constexpr double burnt_after_seconds = 300;
   static constexpr std::int64_t longest_window = 30 * 86'400; // seconds; older rows are swept, whoever wrote them
   static constexpr int looks = 20; // a start that is being committed right now is soon there
   static constexpr std::chrono::milliseconds pause{50};

   struct key_holder {
      execution_id id;
      double age_seconds = 0;
   };

   awaitable<result<key_holder>> holder_after_claim(execution_id scope, dedup_request const& wish, execution_id mine) {
      constexpr auto longest = static_cast<std::uint64_t>(longest_window);
      auto const window = static_cast<std::int64_t>(std::min(wish.window_secs, longest));
      auto work = [scope, key = wish.key, window, mine](pg::connection& db) -> result<key_holder> {
         return pg::by_key(db, [&]() -> result<key_holder> {
            // The window is this caller's, so it says nothing about other keys.
            auto const taken =
                db.exec("INSERT INTO noetl.subscription_dedup AS d (subscription_id, dedup_key, execution_id, seen_at)"
                        " VALUES ($1, $2, $3, now()) ON CONFLICT (subscription_id, dedup_key) DO UPDATE"
                        " SET execution_id = excluded.execution_id, seen_at = excluded.seen_at"
                        " WHERE d.seen_at < now() - make_interval(secs => $4)",
                        scope, key, mine, window);
            if (taken.affected() > 0) // more than one row for each that comes, so the table ends at some size
               db.exec("DELETE FROM noetl.subscription_dedup WHERE (subscription_id, dedup_key) IN"
                       " (SELECT subscription_id, dedup_key FROM noetl.subscription_dedup"
                       " WHERE seen_at < now() - make_interval(secs => $1) ORDER BY seen_at LIMIT 10"
                       " FOR UPDATE SKIP LOCKED)",
                       longest_window);
            auto const found = db.exec("SELECT execution_id, extract(epoch FROM now() - seen_at)::float8"
                                       " FROM noetl.subscription_dedup WHERE subscription_id = $1 AND dedup_key = $2",
                                       scope, key);
            if (found.empty()) return fail(error_code::unavailable, "dedup: the key is being claimed; try again");
            return key_holder{found[0].get<execution_id>(0), found[0].get<double>(1)};
         });
      };
      co_return co_await pool_.run(std::move(work));
   }

   pg::pool& pool_;
   event_store& store_;
};

} // namespace noetl::control_plane
