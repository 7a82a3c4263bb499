// control_plane/cleanup_service.hpp: retention on request (http-platform.md section 6): commands, workers, outbox,
// events. Knows pools; knows nothing of HTTP.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/event_retention.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/outbox_table.hpp>
#include <noetl/pg/by_key.hpp>
#include <noetl/pg/partition_list.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// Zero and less skip a table. Without a body this still purges: commands and silent workers by the defaults below.
struct purge_request {
   std::int64_t command_retention_days = 7; ///< since completed_at
   std::int64_t runtime_stale_minutes = 60; ///< since the last heartbeat; worker pools only
   std::int64_t event_retention_days = 0;   ///< whole partitions of the event log, by the age of execution ids
   std::int64_t outbox_retention_days = 1;  ///< since published_at
   using json_rules = rules<
       defaulted<"command_retention_days", "runtime_stale_minutes", "event_retention_days", "outbox_retention_days">>;
};

struct purge_reply {
   std::int64_t commands_purged = 0;
   std::int64_t runtime_purged = 0;
   std::int64_t events_purged = 0; ///< partitions
   std::vector<std::string> event_partitions_dropped;
   std::optional<std::int64_t> outbox_purged;         ///< absent when there was nothing
   std::vector<kept_partition> event_partitions_kept; ///< old enough, and why they stay
   using json_rules = rules<omit_empty<"event_partitions_dropped", "outbox_purged", "event_partitions_kept">>;
};

struct purge_figures {
   std::uint64_t commands = 0, runtimes = 0, partitions = 0, outbox = 0;
};

struct cleanup_settings {
   std::size_t batch = 5'000;      ///< rows deleted in one transaction
   std::size_t most_batches = 200; ///< per table, shard and call; the next call goes on
};

/// Deletes in short transactions, so that nobody waits long for a row. Thread-safe; two calls at once share the work.
class cleanup_service {
public:
   explicit cleanup_service(pg::shard_map& shards, cleanup_settings how = {}) : shards_(shards), how_(how) {}

   /// Errors: validation (a value above 1'000'000 days or what that is in minutes), unavailable; what was deleted
   /// before stays deleted.
   awaitable<result<purge_reply>> purge(purge_request request) {
      if (auto fits = check(request); !fits) co_return std::move(fits).error();
      purge_reply reply;
      std::int64_t outbox = 0;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto& pool = shards_.shard(shard);
         if (request.command_retention_days > 0) {
            auto commands = co_await in_batches(pool, delete_commands, request.command_retention_days, commands_);
            if (!commands) co_return std::move(commands).error();
            reply.commands_purged += *commands;
         }
         if (request.outbox_retention_days > 0) {
            auto rows = co_await in_batches(pool, delete_outbox, request.outbox_retention_days, outbox_);
            if (!rows) co_return std::move(rows).error();
            outbox += *rows;
         }
         if (request.event_retention_days > 0) {
            auto const cutoff = pg::retention_cutoff(now(), request.event_retention_days);
            auto work = [cutoff](pg::connection& db) { return detail::drop_past_partitions(db, cutoff); };
            auto report = co_await pool.run(std::move(work));
            if (!report) co_return std::move(report).error();
            reply.events_purged += static_cast<std::int64_t>(report->dropped.size());
            partitions_ += report->dropped.size();
            for (auto& name : report->dropped) reply.event_partitions_dropped.push_back(std::move(name));
            for (auto& kept : report->kept) reply.event_partitions_kept.push_back(std::move(kept));
         }
      }
      if (request.runtime_stale_minutes > 0) {
         auto runtimes =
             co_await in_batches(shards_.cluster(), delete_runtimes, request.runtime_stale_minutes, runtimes_);
         if (!runtimes) co_return std::move(runtimes).error();
         reply.runtime_purged = *runtimes;
      }
      if (outbox > 0) reply.outbox_purged = outbox;
      co_return reply;
   }

   [[nodiscard]] purge_figures figures() const noexcept {
      return {commands_.load(), runtimes_.load(), partitions_.load(), outbox_.load()};
   }

private:
   static constexpr std::int64_t most_days = 1'000'000;

   // Wrapping or an error of the database would be no answer (D-62).
   static result<void> check(purge_request const& request) {
      struct limit {
         std::string_view name;
         std::int64_t value, most;
      };
      for (auto const& one :
           std::array{limit{"command_retention_days", request.command_retention_days, most_days},
                      limit{"runtime_stale_minutes", request.runtime_stale_minutes, most_days * 24 * 60},
                      limit{"event_retention_days", request.event_retention_days, most_days},
                      limit{"outbox_retention_days", request.outbox_retention_days, most_days}})
         if (one.value > one.most)
            return fail(error_code::validation,
                        std::string(one.name) + ": expected at most " + std::to_string(one.most));
      return {};
   }

   static constexpr std::string_view old_commands =
       "delete from noetl.command where (execution_id, command_id) in (select execution_id, command_id from "
       "noetl.command "
       "where completed_at is not null and completed_at < now() - make_interval(days => $1::int) limit $2 "
       "for update skip locked)";
   static constexpr std::string_view silent_runtimes =
       "delete from noetl.runtime where runtime_id in (select runtime_id from noetl.runtime where kind = 'worker_pool' "
       "and heartbeat < now() - make_interval(mins => $1::int) limit $2 for update skip locked)";
   /// Deletes at most `limit` rows. \return how many
   using deletion = std::size_t (*)(pg::connection&, std::int64_t age, std::size_t limit);
   static std::size_t delete_commands(pg::connection& db, std::int64_t days, std::size_t limit) {
      return db.exec(old_commands, days, limit).affected();
   }
   static std::size_t delete_runtimes(pg::connection& db, std::int64_t minutes, std::size_t limit) {
      return db.exec(silent_runtimes, minutes, limit).affected();
   }
   static std::size_t delete_outbox(pg::connection& db, std::int64_t days, std::size_t limit) {
      return outbox_table::purge(db, std::chrono::hours(24 * days), limit);
   }

   awaitable<result<std::int64_t>> in_batches(pg::pool& pool, deletion some, std::int64_t age,
                                              std::atomic<std::uint64_t>& total) {
      std::int64_t deleted = 0;
      for (std::size_t i = 0; i < how_.most_batches; ++i) {
         auto work = [some, age, size = how_.batch](pg::connection& db) {
            return pg::by_key(db, [&] { return some(db, age, size); });
         };
         auto const done = co_await pool.run(std::move(work));
         if (!done) co_return done.error();
         deleted += static_cast<std::int64_t>(*done);
         total += *done;
         if (*done < how_.batch) break;
      }
      co_return deleted;
   }

   pg::shard_map& shards_;
   cleanup_settings const how_;
   std::atomic<std::uint64_t> commands_{0}, runtimes_{0}, partitions_{0}, outbox_{0};
};

} // namespace noetl::control_plane
