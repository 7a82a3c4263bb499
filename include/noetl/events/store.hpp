// events/store.hpp: the event store: append, load, heads, commands, and the news of commits.
// Knows pg/ and events/; definitions of the merged batch are in events/detail/append_batch.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl {

using boost::asio::awaitable;

/// The row of noetl.stream_head: where an execution stands.
struct stream_head {
   noetl::execution_id execution_id{};
   std::int64_t version = 0;
   std::int64_t guarded_version = 0;
   noetl::catalog_id catalog_id{};
   std::string status{}; ///< RUNNING COMPLETED FAILED CANCELLED
   timestamp created_at{};
   timestamp updated_at{};
};

/// A command found by its command.issued event.
struct issued_command {
   event issued{};
   std::int64_t command_id = 0; ///< 0 when the row is missing (older servers may have failed to write it)
   std::string status{};        ///< empty when the row is missing
   int attempt = 1;
   std::optional<std::string> worker_id{};
};

struct event_store_settings {
   std::size_t max_batch_requests = 512;  ///< appends merged into one transaction at most
   std::size_t max_batch_rows = 4'000;    ///< events, commands and outbox rows in one transaction at most
   std::size_t max_waiting = 4'000;       ///< appends that may wait per shard; one more is refused at once
   std::size_t copy_from_rows = 32;       ///< events in a batch from which COPY is used instead of INSERT
   unsigned machine_id = 0;               ///< of the ids that the store mints, 0..1022
};

/// Appends and reads events of executions. Thread-safe; create once, destroy after its callers.
class event_store {
public:
   event_store(pg::shard_map& shards, event_store_settings how = {});
   ~event_store();
   event_store(event_store const&) = delete;
   event_store& operator=(event_store const&) = delete;

   /// Appends; answers on the caller's executor after the commit. Merged with other appends of the same shard into one
   /// transaction; one bad append fails alone.
   /// Errors: not_found (no such execution), conflict (expected version, required command step, or an id that is taken by other
   /// content), validation (a row that the table refuses), unavailable (database down or too busy; the outcome may then be
   /// unknown, repeat with the same ids).
   awaitable<result<append_result>> append(append_request request);

   /// As append, for callers without a coroutine: `done` runs on the writer's thread and must be quick and must not throw.
   void append_then(append_request request, std::function<void(result<append_result>)> done);

   /// Events with stream_version > after_version in fold order. after_version 0 includes rows of older servers (no version),
   /// which come first. created_at is UTC (W33).
   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after_version = 0, std::size_t limit = 100'000);

   awaitable<result<std::optional<stream_head>>> head(execution_id id);

   /// Looks for the command.issued event in every shard. not_found: "command.issued event not found: N".
   awaitable<result<issued_command>> load_command(event_id issued);

   /// Executions without a terminal event, newest first: what a restarted server must look at.
   awaitable<result<std::vector<stream_head>>> running(std::size_t shard, execution_id before, std::size_t limit);

   /// Called on the writer's thread after each commit, with the committed events (versions and ids filled in), in commit order
   /// per execution. Must be quick. Register before the first append.
   void on_committed(std::function<void(std::span<event const>)> callback);

   /// Called like on_committed with committed outbox rows: the relay's fast path.
   void on_outbox(std::function<void(std::size_t shard, std::span<outbox_row const>)> callback);

   [[nodiscard]] pg::shard_map& shards() noexcept { return shards_; }

private:
   struct impl;
   pg::shard_map& shards_;
   std::unique_ptr<impl> impl_;
};

} // namespace noetl
