// events/store.hpp: the event store: append, load, heads, commands, and the news of commits.
// Knows pg/ and events/; how a merged batch is written is in events/detail/append_batch.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/detail/adopt.hpp>
#include <noetl/events/detail/append_policy.hpp>
#include <noetl/events/detail/event_row.hpp>
#include <noetl/events/detail/outbox_sql.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/stream_head.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/pg/suspended.hpp>
#include <noetl/pg/writer.hpp>

namespace noetl {

using boost::asio::awaitable;

/// A command found by its command.issued event.
struct issued_command {
   event issued{};
   std::int64_t command_id = 0; ///< 0 when the row is missing (older servers may have failed to write it)
   std::string status{};        ///< empty when the row is missing
   int attempt = 1;
   std::optional<std::string> worker_id{};
};

/// Limits of a store. Bytes in a transaction and in the queue have the limits of pg::writer_settings.
struct event_store_settings {
   std::size_t max_batch_requests = 512; ///< appends merged into one transaction at most
   std::size_t max_batch_rows = 4'000;   ///< events, commands and outbox rows in one transaction at most
   std::size_t max_waiting = 4'000;      ///< appends that may wait per shard; one more is refused at once
   /// Longest wait for an execution that a foreign transaction holds; then only its appends are refused
   /// (`unavailable`).
   std::chrono::milliseconds lock_timeout{2'000};
   std::size_t copy_from_rows = 32; ///< events in a batch from which COPY is used instead of INSERT
};

/// A command that waits for a worker and has no notification.
struct unannounced_command {
   noetl::execution_id execution_id{};
   noetl::event_id event_id{}; ///< of command.issued
   noetl::catalog_id catalog_id{};
   std::optional<std::string> execution_pool{}; ///< chosen when the execution was started
};

/// Where the notification of a command goes.
struct announcement_target {
   noetl::execution_id execution_id{};
   noetl::event_id event_id{};
   std::string subject{};
   std::string pool{};
};

/// Appends and reads events of executions. Thread-safe; create once, stop before anything that its callbacks use goes
/// away, destroy after its callers.
class event_store {
public:
   /// \param ids  the process's generator, for events and commands without ids
   event_store(pg::shard_map& shards, id_generator ids, event_store_settings how = {});
   event_store(event_store const&) = delete;
   event_store& operator=(event_store const&) = delete;

   /// Appends; answers on the caller's executor after the commit. Merged with other appends of the same shard into one
   /// transaction; one bad append fails alone.
   /// With ids_from_client, events that are stored already with the same content are left out; when that is all of them
   /// the answer is a duplicate: nothing is written, whatever was expected of the stream. created_at does not count as
   /// content. Errors: not_found (no such execution), conflict (expected version, required command step, or an id that
   /// is taken by other content), validation (a row that the table refuses), unavailable (database down or too busy;
   /// the outcome may then be unknown, repeat with the same ids).
   awaitable<result<append_result>> append(append_request request);

   /// As append, for callers without a coroutine: `done` runs on the writer's thread (or at once when refused), must be
   /// quick and must not throw.
   void append_then(append_request request, std::function<void(result<append_result>)> done);

   /// Events after `after_version` in fold order, at most `limit`. stream_version is always the position: rows of older
   /// servers (without a version) come first and count 1, 2, 3, ... in event_id order. created_at is UTC (W33). Empty
   /// for an unknown execution.
   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after_version = 0,
                                              std::size_t limit = 100'000);

   /// One event of one execution. Nothing when there is none of that id.
   awaitable<result<std::optional<event>>> find(execution_id id, event_id which);

   /// Heads of all shards whose status is one of these, with ids above `after`, in the order of the ids, at most
   /// `limit`. For statuses with a colon (events/event_log.hpp), which an index knows: each costs `limit` rows at most.
   awaitable<result<std::vector<stream_head>>> heads(std::vector<std::string> statuses, execution_id after,
                                                     std::size_t limit);

   /// The id that a key of a scope stands for: `mine`, or the one that was claimed for it before.
   awaitable<result<execution_id>> claim_key(std::string scope, std::string key, execution_id mine);

   /// Nothing for an unknown execution and for one of an older server that was not appended to yet.
   awaitable<result<std::optional<stream_head>>> head(execution_id id);

   /// Looks for the command.issued event in every shard. not_found: "command.issued event not found: N".
   awaitable<result<issued_command>> load_command(event_id issued);

   /// Executions of a shard without a terminal event, with ids below `before`, newest first: what a restarted server
   /// looks at.
   awaitable<result<std::vector<stream_head>>> running(std::size_t shard, execution_id before, std::size_t limit);

   /// Takes over executions of older servers that started at `since` or later, have no terminal event, and were not
   /// appended to yet: they get a head, and command rows that tell the truth. Many short statements.
   /// \return how many
   awaitable<result<std::size_t>> adopt_running(std::size_t shard, timestamp since);

   /// Commands of running executions that wait for a worker and have no notification, at most `limit`.
   awaitable<result<std::vector<unannounced_command>>> unannounced(std::size_t shard, std::size_t limit);

   /// Makes the notifications of such commands; the relay publishes them under a new message id.
   /// \param server_url  absolute URL that every worker reaches
   /// \return how many were made; another replica may have been at it
   awaitable<result<std::size_t>> announce(std::size_t shard, std::vector<announcement_target> targets,
                                           std::string server_url);

   /// Refuses later appends, writes what waits, refuses what is not written after `patience`, and ends the writers: no
   /// callback runs after it. The outcome of the write that was cut off may be unknown. Idempotent.
   void stop(std::chrono::milliseconds patience);

   /// Called on the writer's thread after each commit and before its callers are answered, with the committed events
   /// (versions and ids filled in), in commit order per execution. Must be quick and must not throw. Register before
   /// the first append.
   void on_committed(std::function<void(std::span<event const>)> callback) {
      news_->events.push_back(std::move(callback));
   }

   /// Called like on_committed with committed outbox rows: the relay's fast path.
   void on_outbox(std::function<void(std::size_t shard, std::span<outbox_row const>)> callback) {
      news_->outbox.push_back(std::move(callback));
   }

   /// The writer of a shard, for health and metrics.
   [[nodiscard]] pg::writer_stats writer_stats(std::size_t shard) const { return writers_.at(shard)->stats(); }
   [[nodiscard]] std::size_t shard_count() const noexcept { return writers_.size(); }
   [[nodiscard]] pg::shard_map& shards() noexcept { return shards_; }

private:
   using writer = pg::group_commit_writer<detail::append_policy>;

   pg::shard_map& shards_;
   id_generator ids_;
   std::unique_ptr<detail::commit_news> news_ = std::make_unique<detail::commit_news>();
   std::vector<std::unique_ptr<writer>> writers_{};
};

inline event_store::event_store(pg::shard_map& shards, id_generator ids, event_store_settings how)
    : shards_(shards), ids_(ids) {
   for (std::size_t i = 0; i < shards.count(); ++i) {
      pg::writer_settings settings{.database = shards.shard(i).config(),
                                   .max_requests = how.max_batch_requests,
                                   .max_weight = how.max_batch_rows,
                                   .max_waiting = how.max_waiting};
      settings.database.lock_timeout = how.lock_timeout;
      settings.database.only_by_key = true;
      // Planning over all partitions again for each batch takes a third of its time; by key one plan fits all.
      settings.database.parameters.emplace_back("plan_cache_mode", "force_generic_plan");
      detail::append_policy policy(i, *news_, how.copy_from_rows);
      writers_.push_back(std::make_unique<writer>(std::move(settings), std::move(policy)));
   }
}

inline void event_store::stop(std::chrono::milliseconds patience) {
   auto const until = std::chrono::steady_clock::now() + patience;
   for (auto& one : writers_) {
      auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      one->stop(std::max(left, std::chrono::milliseconds(0)));
   }
}

inline void event_store::append_then(append_request request, std::function<void(result<append_result>)> done) {
   if (auto ready = detail::prepare(request, ids_); !ready) return done(ready.error());
   auto const shard = shards_.index_of(request.execution_id);
   detail::append_job job;
   job.request = std::move(request);
   job.done = std::move(done);
   writers_[shard]->submit(std::move(job));
}

inline awaitable<result<append_result>> event_store::append(append_request request) {
   using answer = result<append_result>;
   auto initiate = [this](auto handler, append_request what) {
      auto const shared = std::make_shared<pg::suspended<decltype(handler)>>(std::move(handler));
      append_then(std::move(what), [shared](answer value) { (*shared)(std::move(value)); });
   };
   return boost::asio::async_initiate<boost::asio::use_awaitable_t<> const, void(answer)>(
       std::move(initiate), boost::asio::use_awaitable, std::move(request));
}

inline awaitable<result<std::vector<event>>> event_store::load(execution_id id, std::int64_t after_version,
                                                               std::size_t limit) {
   return shards_.of(id).run([id, after_version, limit](pg::connection& db) {
      static auto const newer = "select " + std::string(detail::event_select) +
                                " from noetl.event e where e.execution_id = $1 and e.stream_version > $2 "
                                "order by e.stream_version nulls first limit $3"; // as in ix_event_version
      static auto const older = "select * from (select " + std::string(detail::event_select) +
                                ", row_number() over (order by e.event_id) as position from noetl.event e "
                                "where e.execution_id = $1 and e.stream_version is null) e where position > $2 "
                                "order by position limit $3";
      std::vector<event> out;
      auto const rows = db.exec(newer, id, after_version, limit);
      // Versions have no holes, so a first row right after `after_version` proves that no older server's row is wanted.
      if (rows.empty() || rows[0].get<std::int64_t>(16) != after_version + 1) {
         for (auto const row : db.exec(older, id, after_version, limit)) {
            out.push_back(detail::decode_event(row));
            out.back().stream_version = row.get<std::int64_t>(17);
         }
      }
      out.reserve(std::min(out.size() + rows.size(), limit));
      for (auto const row : rows) {
         if (out.size() >= limit) break;
         out.push_back(detail::decode_event(row));
      }
      return out;
   });
}

namespace detail {
inline constexpr std::string_view head_columns =
    "execution_id, version, guarded_version, catalog_id, status, created_at, updated_at";
inline stream_head decode_head(pg::rows::row const& row) {
   return {row.get<execution_id>(0), row.get<std::int64_t>(1), row.get<std::int64_t>(2), row.get<catalog_id>(3),
           row.get<std::string>(4),  row.get<timestamp>(5),    row.get<timestamp>(6)};
}
} // namespace detail

inline awaitable<result<std::optional<stream_head>>> event_store::head(execution_id id) {
   return shards_.of(id).run([id](pg::connection& db) -> std::optional<stream_head> {
      static auto const text =
          "select " + std::string(detail::head_columns) + " from noetl.stream_head where execution_id = $1";
      auto const rows = db.exec(text, id);
      if (rows.empty()) return std::nullopt;
      return detail::decode_head(rows[0]);
   });
}

inline awaitable<result<std::optional<event>>> event_store::find(execution_id id, event_id which) {
   return shards_.of(id).run([id, which](pg::connection& db) -> std::optional<event> {
      static auto const text = "select " + std::string(detail::event_select) +
                               " from noetl.event e where e.execution_id = $1 and e.event_id = $2";
      auto const rows = db.exec(text, id, which);
      if (rows.empty()) return std::nullopt;
      return detail::decode_event(rows[0]);
   });
}

inline awaitable<result<std::vector<stream_head>>> event_store::heads(std::vector<std::string> statuses,
                                                                      execution_id after, std::size_t limit) {
   std::vector<stream_head> all;
   for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
      auto look = [statuses, after, limit](pg::connection& db) {
         static auto const text = "select " + std::string(detail::head_columns) +
                                  " from unnest($1::text[]) s(wanted) cross join lateral (select * from "
                                  "noetl.stream_head h where h.status = s.wanted and h.status like '%:%' "
                                  "and h.execution_id > $2 order by h.execution_id limit $3) h "
                                  "order by execution_id limit $3";
         std::vector<stream_head> out;
         for (auto const row : db.exec(text, statuses, after, limit)) out.push_back(detail::decode_head(row));
         return out;
      };
      auto some = co_await shards_.shard(shard).run(std::move(look));
      if (!some) co_return std::move(some).error();
      all.insert(all.end(), some->begin(), some->end());
   }
   std::ranges::sort(all, {}, &stream_head::execution_id);
   if (all.size() > limit) all.resize(limit);
   co_return all;
}

inline awaitable<result<execution_id>> event_store::claim_key(std::string scope, std::string key, execution_id mine) {
   // The update writes nothing new; it makes the row that is there come back, also one that was committed just now.
   return shards_.cluster().run([scope = std::move(scope), key = std::move(key), mine](pg::connection& db) {
      return db
          .exec("insert into noetl.idempotency_key as k (scope, key, id) values ($1, $2, $3) "
                "on conflict (scope, key) do update set scope = k.scope returning id",
                scope, key, mine)[0]
          .get<execution_id>(0);
   });
}

inline awaitable<result<std::vector<stream_head>>> event_store::running(std::size_t shard, execution_id before,
                                                                        std::size_t limit) {
   return shards_.shard(shard).run([before, limit](pg::connection& db) {
      static auto const text = "select " + std::string(detail::head_columns) +
                               " from noetl.stream_head where status = 'RUNNING' and execution_id < $1 "
                               "order by execution_id desc limit $2";
      std::vector<stream_head> out;
      for (auto const row : db.exec(text, before, limit)) out.push_back(detail::decode_head(row));
      return out;
   });
}

inline awaitable<result<std::size_t>> event_store::adopt_running(std::size_t shard, timestamp since) {
   struct place {
      timestamp started{};
      execution_id id{};
      std::size_t seen = 0;
      std::size_t adopted = 0;
   };
   constexpr std::size_t page = 2'000;
   std::size_t adopted = 0;
   for (place at{since, execution_id{}};;) {
      auto look = [at, limit = page](pg::connection& db) {
         return db.transaction([&] {
            auto next = at;
            next.seen = next.adopted = 0;
            std::vector<std::int64_t> found;
            static auto const starts = detail::build_older_starts();
            for (auto const row : db.exec(starts, at.started, at.id, limit)) {
               next = {row.get<timestamp>(0), row.get<execution_id>(1), next.seen + 1, 0};
               if (row.get<bool>(2)) found.push_back(next.id.value);
            }
            std::ranges::sort(found);
            found.erase(std::unique(found.begin(), found.end()), found.end());
            if (!found.empty()) detail::adopt(db, found);
            next.adopted = found.size();
            return next;
         });
      };
      auto next = co_await shards_.shard(shard).run(look);
      if (!next) co_return std::move(next).error();
      adopted += next->adopted;
      if (next->seen < page) co_return adopted;
      at = *next;
   }
}

inline awaitable<result<std::vector<unannounced_command>>> event_store::unannounced(std::size_t shard,
                                                                                    std::size_t limit) {
   auto look = [limit](pg::connection& db) {
      std::vector<unannounced_command> out;
      for (auto const row : db.exec(detail::outbox_sql::unannounced, limit))
         out.push_back({row.get<execution_id>(0), row.get<event_id>(1), row.get<catalog_id>(2),
                        row.get<std::optional<std::string>>(3)});
      return out;
   };
   co_return co_await shards_.shard(shard).run(look);
}

inline awaitable<result<std::size_t>> event_store::announce(std::size_t shard, std::vector<announcement_target> targets,
                                                            std::string server_url) {
   auto write = [targets = std::move(targets), server_url = std::move(server_url)](pg::connection& db) {
      std::vector<execution_id> executions;
      std::vector<event_id> events;
      std::vector<std::string> subjects, pools;
      for (auto const& one : targets) {
         executions.push_back(one.execution_id), events.push_back(one.event_id);
         subjects.push_back(one.subject), pools.push_back(one.pool);
      }
      return db.exec(detail::outbox_sql::announce_missing, executions, events, subjects, pools, server_url).affected();
   };
   co_return co_await shards_.shard(shard).run(std::move(write));
}

inline awaitable<result<issued_command>> event_store::load_command(event_id issued) {
   std::optional<error> away; // of a shard that cannot be asked: the command may be on another one
   for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
      auto look = [issued](pg::connection& db) -> std::optional<issued_command> {
         static auto const text =
             "select " + std::string(detail::event_select) +
             ", c.command_id, c.status, c.attempt, c.worker_id from noetl.event e "
             "left join noetl.command c on c.execution_id = e.execution_id and c.event_id = e.event_id "
             "where e.event_id = $1 and e.event_type = 'command.issued' order by e.execution_id limit 1";
         auto const rows = db.exec(text, issued);
         if (rows.empty()) return std::nullopt;
         issued_command out;
         out.issued = detail::decode_event(rows[0]);
         out.command_id = rows[0].get<std::optional<std::int64_t>>(17).value_or(0);
         out.status = rows[0].get<std::optional<std::string>>(18).value_or("");
         out.attempt = rows[0].get<std::optional<int>>(19).value_or(1);
         out.worker_id = rows[0].get<std::optional<std::string>>(20);
         return out;
      };
      auto found = co_await shards_.shard(shard).run(look);
      if (!found)
         away = std::move(found).error();
      else if (*found)
         co_return std::move(**found);
   }
   if (away) co_return *std::move(away);
   co_return fail(error_code::not_found, "command.issued event not found: " + std::to_string(issued.value));
}

} // namespace noetl
