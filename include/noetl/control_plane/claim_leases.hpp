// control_plane/claim_leases.hpp: takes commands back from workers that are gone (W8).
// Knows pools and the event store; the outbox relay announces what was taken back.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/outbox_table.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct lease_settings {
   std::chrono::seconds lease{60}; ///< a claim is safe for so long after the worker's last heartbeat; 0: for ever
   std::chrono::seconds limit{0};  ///< a claim ends after so long although its worker lives; 0: never
   std::chrono::milliseconds interval{5'000};
   int max_attempts = 3; ///< a command that was claimed so often in vain has failed
   std::size_t page = 200;
};

struct lease_stats {
   std::uint64_t offered_again = 0;
   std::uint64_t given_up = 0;
};

/// A claim is held by the heartbeat of its worker. When both are older than the lease, the command is PENDING again
/// with attempt + 1 and is announced again; after max_attempts it fails. A worker that lives and gave its report up
/// (the server was away for longer than it tries) is told from one that works for long by lease_settings::limit alone,
/// which only the author of the playbooks can know. Works the same with several replicas: each row
/// is taken back by one of them. What is offered again may have run already: steps with effects outside must be
/// idempotent, and a late report of the first worker counts until another one claims the command. Heartbeats that could
/// not be stored are no sign of death: nothing is taken back until this server has been up, with its database, for as
/// long as a lease. Started once; ends with its executor.
class claim_leases {
public:
   claim_leases(boost::asio::any_io_executor executor, event_store& store, id_generator ids, lease_settings how = {})
       : executor_(std::move(executor)), store_(store), ids_(ids), how_(how) {}

   void start() {
      listen_anew();
      if (how_.lease.count() > 0 || how_.limit.count() > 0)
         detail::run_forever(executor_, "leases", how_.interval, [this] { return round(); });
   }

   [[nodiscard]] lease_stats stats() const noexcept { return {offered_again_.load(), given_up_.load()}; }

private:
   using clock = std::chrono::steady_clock;
   struct lost_command {
      noetl::execution_id execution_id;
      noetl::event_id event_id; ///< of command.issued
      std::string step;
      std::string command_id;
      std::string worker;
      std::int32_t attempt = 0;
      bool exhausted = false;
      bool at_limit = false; ///< not because its worker vanished
   };

   void listen_anew() { listening_since_.assign(store_.shards().count(), clock::now()); }

   awaitable<std::chrono::milliseconds> round() {
      auto alive = co_await live_workers();
      if (alive) {
         for (std::size_t shard = 0; shard < store_.shards().count(); ++shard) co_await pass(shard, *alive);
      } else {
         listen_anew();
         log::warn("leases.put_off", {{"reason", alive.error().message}, {"detail", alive.error().detail}});
      }
      co_return how_.interval;
   }

   /// A shard that is away and an append that is refused hold up nobody else.
   awaitable<void> pass(std::size_t shard, std::vector<std::string> const& alive) {
      if (clock::now() - listening_since_[shard] < how_.lease) co_return;
      auto work = [this, workers = alive](pg::connection& db) { return take_back(db, workers); };
      auto lost = co_await store_.shards().shard(shard).run(std::move(work));
      if (!lost) {
         listening_since_[shard] = clock::now();
         log::warn("leases.put_off",
                   {{"shard", shard}, {"reason", lost.error().message}, {"detail", lost.error().detail}});
         co_return;
      }
      for (auto const& command : *lost) {
         auto told = co_await tell(command);
         if (!told)
            log::warn("leases.not_told", {{"execution_id", command.execution_id.value},
                                          {"step", command.step},
                                          {"reason", told.error().message},
                                          {"detail", told.error().detail}});
      }
   }

   awaitable<result<std::vector<std::string>>> live_workers() {
      auto const lease = how_.lease.count();
      auto work = [lease](pg::connection& db) -> result<std::vector<std::string>> {
         std::vector<std::string> names;
         for (auto const row : db.exec("SELECT name FROM noetl.runtime WHERE kind = 'worker_pool'"
                                       " AND heartbeat > now() - make_interval(secs => $1)",
                                       lease))
            names.emplace_back(*row[0]);
         return names;
      };
      co_return co_await store_.shards().cluster().run(std::move(work));
   }

   /// In one transaction: the rows are PENDING again and their notifications are due. Exhausted ones are only reported.
   result<std::vector<lost_command>> take_back(pg::connection& db, std::vector<std::string> const& workers) const {
      return db.transaction([&]() -> result<std::vector<lost_command>> {
         auto const rows = db.exec(
             "WITH lost AS (SELECT c.execution_id, c.command_id, c.worker_id FROM noetl.command c"
             " JOIN noetl.stream_head h ON h.execution_id = c.execution_id AND h.status = 'RUNNING'"
             " WHERE c.status IN ('CLAIMED', 'RUNNING')"
             " AND (($1::float8 > 0 AND coalesce(c.claimed_at, c.updated_at) < now() - make_interval(secs => $1)"
             " AND NOT coalesce(c.worker_id, '') = ANY($2::text[]))"
             " OR ($5::float8 > 0 AND coalesce(c.claimed_at, c.updated_at) < now() - make_interval(secs => $5)))"
             " LIMIT $3 FOR UPDATE OF c SKIP LOCKED)"
             " UPDATE noetl.command c SET updated_at = now(),"
             " status = CASE WHEN c.attempt < $4 THEN 'PENDING' ELSE c.status END,"
             " worker_id = CASE WHEN c.attempt < $4 THEN NULL ELSE c.worker_id END,"
             " claimed_at = CASE WHEN c.attempt < $4 THEN NULL ELSE c.claimed_at END,"
             " started_at = CASE WHEN c.attempt < $4 THEN NULL ELSE c.started_at END,"
             " attempt = least(c.attempt + 1, $4) FROM lost"
             " WHERE c.execution_id = lost.execution_id AND c.command_id = lost.command_id"
             " RETURNING c.execution_id, c.event_id, c.step_name, coalesce(c.meta->>'command_id', ''),"
             " coalesce(lost.worker_id, ''), c.attempt, c.status <> 'PENDING',"
             " $1::float8 = 0 OR coalesce(lost.worker_id, '') = ANY($2::text[])",
             how_.lease.count(), workers, how_.page, how_.max_attempts, how_.limit.count());
         std::vector<lost_command> lost;
         std::vector<std::int64_t> executions, events;
         for (auto const row : rows) {
            lost_command one;
            one.execution_id = row.get<noetl::execution_id>(0);
            one.event_id = row.get<noetl::event_id>(1);
            one.step = *row[2];
            one.command_id = *row[3];
            one.worker = *row[4];
            one.attempt = row.get<std::int32_t>(5);
            one.exhausted = row.get<bool>(6);
            one.at_limit = row.get<bool>(7);
            if (!one.exhausted) executions.push_back(one.execution_id.value), events.push_back(one.event_id.value);
            lost.push_back(std::move(one));
         }
         if (!events.empty()) outbox_table::due_again(db, executions, events);
         return lost;
      });
   }

   /// The log says what happened; an exhausted command fails like any other.
   awaitable<result<void>> tell(lost_command const& command) {
      auto const reason = "worker " + command.worker +
                          (command.at_limit ? " has not reported within " + std::to_string(how_.limit.count()) + " s"
                                            : std::string(" vanished")) +
                          "; attempts: " + std::to_string(command.attempt);
      std::string body = R"("command_id":)";
      append_json(body, command.command_id);
      body += R"(,"error":)";
      append_json(body, reason);
      event fact;
      fact.execution_id = command.execution_id;
      fact.event_id = noetl::event_id{ids_.next()};
      fact.event_type = command.exhausted ? "command.failed" : "command.lease_expired";
      fact.node_id = command.step;
      fact.node_name = command.step;
      fact.status = command.exhausted ? "FAILED" : "EXPIRED";
      fact.result = raw_json{R"({"status":")" + fact.status + R"(","context":{)" + body + "}}"};
      fact.meta = raw_json{"{" + body + R"(,"emitted_by":"lease"})"};
      fact.created_at = now();
      append_request append;
      append.execution_id = command.execution_id;
      append.events.push_back(std::move(fact));
      if (command.exhausted) {
         command_update update;
         update.execution_id = command.execution_id;
         update.event_id = command.event_id;
         update.status = "FAILED";
         update.error = reason;
         append.updates.push_back(std::move(update));
      }
      auto stored = co_await store_.append(std::move(append));
      if (!stored) co_return std::move(stored).error();
      command.exhausted ? ++given_up_ : ++offered_again_;
      log::warn("leases.expired", {{"execution_id", command.execution_id.value},
                                   {"step", command.step},
                                   {"worker", command.worker},
                                   {"attempt", command.attempt}});
      co_return result<void>{};
   }

   boost::asio::any_io_executor executor_;
   event_store& store_;
   id_generator ids_;
   lease_settings how_;
   std::vector<clock::time_point> listening_since_; ///< by shard: nothing was missed since, as far as we know
   std::atomic<std::uint64_t> offered_again_{0};
   std::atomic<std::uint64_t> given_up_{0};
};

} // namespace noetl::control_plane
