// tests/docs/tutorials_events_test.cpp: the programs of tutorials 3 and 5. What stands between `snippet: NAME` and
// `end snippet` is what the pages show (scripts/snippets).

// snippet: events-includes
#include <cstdint>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json.hpp>
// end snippet

// snippet: stream-includes
#include <noetl/nats/connection.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>
// end snippet

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <noetl/nats/consumer.hpp>

#include <gtest/gtest.h>

#include "docs/lane.hpp"
#include "docs/tutorial_database.hpp"
#include "nats/nats_server.hpp"
#include "pg/blocking.hpp"
#include "support/eventually.hpp"

namespace parcels {
// snippet: events-state
struct registered {
   std::string destination;
};

struct parcel {
   std::string destination;
   int scans = 0;
   std::int64_t version = 0;
};

void apply(parcel& state, noetl::event const& e) {
   if (e.event_type == "parcel.registered")
      if (auto const what = noetl::from_json<registered>(e.context.text)) state.destination = what->destination;
   if (e.event_type == "parcel.scanned") ++state.scans;
   state.version = e.stream_version;
}
// end snippet

// snippet: events-append
using boost::asio::awaitable;
using noetl::execution_id, noetl::result;

noetl::event fact(std::string type, std::string status) {
   noetl::event e;
   e.event_type = std::move(type);
   e.status = std::move(status);
   return e;
}

awaitable<result<execution_id>> enroll(noetl::event_store& store, noetl::snowflake& ids, registered what) {
   noetl::append_request first;
   first.execution_id = execution_id{ids.next()};
   first.expect = {noetl::expected::absent};
   first.head_status = "REGISTERED";
   first.events.push_back(fact("parcel.registered", "REGISTERED"));
   first.events[0].catalog_id = noetl::catalog_id{1}; // any number but 0; the reference server has a catalogue
   first.events[0].context = noetl::raw_json(noetl::to_json(what));
   auto done = co_await store.append(std::move(first));
   if (!done) co_return std::move(done).error();
   co_return first.execution_id;
}
// end snippet

// snippet: events-load
awaitable<result<parcel>> load(noetl::event_store& store, execution_id id) {
   auto const events = co_await store.load(id);
   if (!events) co_return events.error();
   if (events->empty())
      co_return noetl::fail(noetl::error_code::not_found, "Parcel not found: " + std::to_string(id.value));
   parcel state;
   for (auto const& e : *events) apply(state, e);
   co_return state;
}
// end snippet

// snippet: events-decide
awaitable<result<std::int64_t>> scan(noetl::event_store& store, execution_id id) {
   auto const seen = co_await load(store, id);
   if (!seen) co_return seen.error();
   if (seen->scans >= 3)
      co_return noetl::fail(noetl::error_code::validation, "a parcel is scanned three times at most");
   noetl::append_request next;
   next.execution_id = id;
   next.expect = {noetl::expected::exactly, seen->version}; // nobody was faster
   next.events.push_back(fact("parcel.scanned", "REGISTERED"));
   next.head_status = "REGISTERED";
   auto done = co_await store.append(std::move(next));
   if (!done) co_return std::move(done).error(); // conflict: read again and decide again
   co_return done->version;
}
// end snippet

using docs::tutorial_database;

TEST_F(tutorial_database, tutorial_events_are_stored_folded_and_guarded) {
   auto const where = database_->settings();
   // snippet: events-open
   auto const made = noetl::pg::migrate(where); // tables, once; several processes may do it at the same moment
   ASSERT_TRUE(made);
   noetl::pg::shard_map shards(where);
   noetl::snowflake ids(1); // a number of this process alone
   noetl::event_store store(shards, ids);
   // end snippet
   using noetl::test::blocking;
   auto const id = blocking(enroll(store, ids, {"Bergen"}));
   ASSERT_TRUE(id) << id.error().message << id.error().detail;
   EXPECT_EQ(*blocking(scan(store, *id)), 2);
   EXPECT_EQ(*blocking(scan(store, *id)), 3);
   auto const state = blocking(load(store, *id));
   ASSERT_TRUE(state);
   EXPECT_EQ(state->destination, "Bergen");
   EXPECT_EQ(state->scans, 2);

   noetl::append_request late;
   late.execution_id = *id;
   late.expect = {noetl::expected::exactly, 2};
   late.events.push_back(fact("parcel.scanned", "REGISTERED"));
   EXPECT_EQ(blocking(store.append(late)).error().code, noetl::error_code::conflict);
   ASSERT_TRUE(blocking(scan(store, *id)));
   EXPECT_EQ(blocking(scan(store, *id)).error().code, noetl::error_code::validation);
   EXPECT_EQ(blocking(load(store, execution_id{5})).error().code, noetl::error_code::not_found);
}

TEST(tutorials, stream_in_memory_delivers_in_order) {
   using namespace std::chrono_literals;
   // snippet: stream-memory
   namespace stream = noetl::stream;

   stream::memory_source source;
   stream::memory_sink sink;
   stream::memory_cursor_row row; // what processes share
   stream::memory_cursor cursor(row, "me");
   stream::tailer tail(source, sink, cursor, {.poll = 20ms});
   std::jthread thread([&](std::stop_token stop) { tail.run(stop); });

   source.add("parcel.registered");
   source.add("parcel.scanned");
   tail.wake(); // otherwise the next poll finds them
   // end snippet
   EXPECT_TRUE(noetl::test::eventually([&] { return sink.stored().size() == 2; }, 30s));
   // snippet: stream-memory-fault
   sink.on_send([] { return noetl::fail(noetl::error_code::unavailable, "the stream is away"); });
   source.add("parcel.scanned");
   tail.wake();
   EXPECT_TRUE(noetl::test::eventually([&] { return !tail.stats().trouble.empty(); }, 30s));
   sink.on_send({}); // it is back
   EXPECT_TRUE(noetl::test::eventually([&] { return sink.stored().size() == 3; }, 30s));
   // end snippet
}

TEST_F(tutorial_database, tutorial_stream_brings_committed_events_to_jetstream) {
   using namespace std::chrono_literals;
   using noetl::test::blocking;
   noetl::test::nats_server nats;
   nats.start();
   auto const nats_url = nats.url();
   auto const where = database_->settings();
   ASSERT_TRUE(noetl::pg::migrate(where));
   noetl::pg::shard_map shards(where);
   noetl::snowflake ids(2);
   noetl::event_store store(shards, ids);
   // snippet: stream-start
   noetl::nats::connection bus({.url = nats_url, .resume = false}); // resumed connections would lose the order
   lane events(where, bus);
   store.on_committed([&](std::span<noetl::event const>) { events.tail.wake(); });
   // end snippet
   auto const id = blocking(enroll(store, ids, {"Bergen"}));
   ASSERT_TRUE(id);
   ASSERT_TRUE(blocking(scan(store, *id)));
   ASSERT_TRUE(noetl::test::eventually([&] { return events.tail.stats().delivered >= 2; }, 90s))
       << events.tail.stats().trouble;
   // snippet: stream-read
   noetl::nats::consumer reader(
       bus, {.stream = "noetl_events", .durable = "parcels", .filter_subject = "noetl.events.parcel.>"});
   auto messages = reader.fetch(10, 5s); // at most ten, waits five seconds for the first
   ASSERT_TRUE(messages);
   for (auto& one : *messages) {
      std::printf("%s %s\n", std::string(one.subject()).c_str(), std::string(one.header("Nats-Msg-Id")).c_str());
      (void)one.ack(); // a lost acknowledgement means that it comes again
   }
   // end snippet
   EXPECT_FALSE(messages->empty());
   store.stop(1s);
}
} // namespace parcels
