// tests/docs/lane.hpp: the tailer that tutorial 5 makes and tutorial 6 uses again. What stands between `snippet: NAME`
// and `end snippet` is what the page shows (scripts/snippets).
// snippet: stream-lane
#pragma once

#include <thread>
#include <utility>

#include <noetl/nats/connection.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

namespace parcels {

namespace stream = noetl::stream;

/// The committed events of one database on their way to JetStream.
struct lane {
   lane(noetl::pg::settings database, noetl::nats::connection& bus)
       : pool(stream::feed_sessions(std::move(database))), events(pool), sink(bus, stream::large_event_keeper(pool)),
         cursor(pool, {.start = stream::first_start::backfill}), tail(events, sink, cursor),
         thread([this](std::stop_token stop) { tail.run(stop); }) {}

   noetl::pg::pool pool;
   stream::committed_events events;
   stream::jetstream_sink sink;
   stream::fenced_cursor cursor;
   stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail;
   std::jthread thread; // last: ends first
};
} // namespace parcels
// end snippet
