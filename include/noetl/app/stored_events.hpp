// app/stored_events.hpp: the events of one database, kept and carried on: store, partitions, and the tailer that brings
// what is committed to JetStream. Knows pg, nats, events and stream; nothing of what the events mean.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include <noetl/core/id_generator.hpp>
#include <noetl/events/store.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/pg/partition_keeper.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

namespace noetl::app {

/// Works from its construction on, with threads of its own. Thread-safe. Of several processes on one database one
/// publishes. Neither PostgreSQL nor NATS needs to be there at the start: both are waited for, again and again.
class stored_events {
public:
   /// \param database  with the schema noetl: `pg::migrate(database)` succeeded once
   /// \param nats_url  one that `nats::parse_url` accepts
   /// \param ids       of this process; outlive this
   stored_events(pg::settings const& database, std::string nats_url, id_generator ids)
       : shards_(database), keeper_({database}), feed_(stream::feed_sessions(database)),
         bus_({.url = std::move(nats_url), .resume = false}), store_(shards_, ids) {
      keeper_.start();
      store_.on_committed([this](std::span<event const>) { tail_.wake(); });
   }

   [[nodiscard]] event_store& store() noexcept { return store_; }
   [[nodiscard]] pg::shard_map& shards() noexcept { return shards_; }
   [[nodiscard]] nats::connection& bus() noexcept { return bus_; }
   [[nodiscard]] stream::tailer_stats stream_stats() const { return tail_.stats(); }

   /// Writes what was accepted, for at most this long, and what an attempt to connect takes beyond it. Before the
   /// io_context of the callers goes.
   void stop(std::chrono::milliseconds patience) { store_.stop(patience); }

private:
   pg::shard_map shards_;
   pg::partition_keeper keeper_; // of the events, quarter after quarter
   pg::pool feed_;
   nats::connection bus_;
   stream::committed_events events_{feed_};
   stream::jetstream_sink sink_{bus_, stream::large_event_keeper(feed_), {.consumers = {}}};
   stream::fenced_cursor cursor_{feed_, {.start = stream::first_start::backfill}};
   stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail_{events_, sink_,
                                                                                                 cursor_};
   event_store store_;
   std::jthread carrier_{[this](std::stop_token stop) { tail_.run(stop); }}; // last: ends first
};

} // namespace noetl::app
