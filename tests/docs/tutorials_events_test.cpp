// tests/docs/tutorials_events_test.cpp: the programs of tutorials 3 and 5. What stands between `snippet: NAME` and
// `end snippet` is what the pages show (scripts/snippets).

// snippet: events-includes
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json.hpp>
// end snippet

// snippet: memory-includes
#include <chrono>
#include <cstdio>
#include <stop_token>
#include <thread>

#include <noetl/stream/memory.hpp>
#include <noetl/stream/tailer.hpp>
// end snippet

// snippet: stream-includes
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/pg/settings.hpp>

#include "lane.hpp"
// end snippet

#include <map>
#include <span>

#include <gtest/gtest.h>

#include "docs/session.hpp"
#include "docs/tutorial_database.hpp"
#include "nats/nats_server.hpp"
#include "pg/blocking.hpp"
#include "support/eventually.hpp"

// ---- tutorial 3 ----
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

// snippet: events-story
awaitable<result<void>> story(noetl::event_store& store, noetl::snowflake& ids) {
   registered const what{"Bergen"};
   auto const id = co_await enroll(store, ids, what);
   if (!id) co_return id.error();
   for (int i = 0; i < 4; ++i) {
      auto const version = co_await scan(store, *id);
      if (version)
         std::printf("scanned, version %s\n", std::to_string(*version).c_str());
      else
         std::printf("refused: %s\n", version.error().message.c_str());
   }
   auto const now = co_await load(store, *id);
   if (!now) co_return now.error();
   std::printf("to %s, %d scans\n", now->destination.c_str(), now->scans);
   co_return result<void>{};
}
// end snippet

// snippet: events-main
int main() {
   char const* const dsn = std::getenv("PARCELS_DATABASE"); // host=.. port=.. user=.. password=.. dbname=..
   auto const where = noetl::pg::parse_dsn(dsn != nullptr ? dsn : "");
   if (!where) {
      std::fprintf(stderr, "PARCELS_DATABASE: %s\n", where.error().message.c_str());
      return 2;
   }
   auto const made = noetl::pg::migrate(*where); // tables, once; several processes may do it at the same moment
   if (!made) {
      std::fprintf(stderr, "%s\n", made.error().message.c_str());
      return 1;
   }

   boost::asio::io_context io; // coroutines run here
   noetl::pg::shard_map shards(*where);
   noetl::snowflake ids(1); // a number of this process alone
   noetl::event_store store(shards, ids);
   auto told = boost::asio::co_spawn(io, story(store, ids), boost::asio::use_future);
   io.run(); // returns when the story has ended
   auto const outcome = told.get();
   if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
   return outcome ? 0 : 1;
}
// end snippet

std::string dsn_of(noetl::pg::settings const& where) {
   return "host=" + where.host + ";port=" + std::to_string(where.port) + ";user=" + where.user +
          ";password=" + where.password + ";database=" + where.database;
}

using docs::tutorial_database;

TEST_F(tutorial_database, tutorial_events_program_says_what_its_page_shows) {
   docs::talker running(main, {{"PARCELS_DATABASE", dsn_of(database_->settings())}});
   docs::expect_words(running, "docs/tutorials/3-store-events.md", "./parcels");
   EXPECT_EQ(running.exit_code(), 0);
}

TEST(tutorials, events_program_refuses_a_wrong_database_as_its_page_says) {
   EXPECT_EQ(docs::exit_code_of(main, "PARCELS_DATABASE", ""), 2);
   EXPECT_EQ(docs::exit_code_of(main, "PARCELS_DATABASE", "host=127.0.0.1"), 2) << "no user";
}

TEST_F(tutorial_database, tutorial_events_are_stored_folded_and_guarded) {
   auto const where = database_->settings();
   ASSERT_TRUE(noetl::pg::migrate(where));
   noetl::pg::shard_map shards(where);
   noetl::snowflake ids(1);
   noetl::event_store store(shards, ids);
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
} // namespace parcels

// ---- tutorial 5 ----
namespace in_memory {
// snippet: memory-main
using namespace std::chrono_literals;
namespace stream = noetl::stream;

int main() {
   stream::memory_source source;
   stream::memory_sink sink;
   stream::memory_cursor_row row; // what processes share
   stream::memory_cursor cursor(row, "me");
   stream::tailer tail(source, sink, cursor, {.poll = 20ms});
   std::jthread thread([&](std::stop_token stop) { tail.run(stop); });

   source.add("parcel.registered");
   source.add("parcel.scanned");
   tail.wake(); // otherwise the next poll finds them
   while (sink.stored().size() < 2) std::this_thread::sleep_for(10ms);

   sink.on_send([] { return noetl::fail(noetl::error_code::unavailable, "the stream is away"); });
   source.add("parcel.scanned");
   tail.wake();
   while (tail.stats().trouble.empty()) std::this_thread::sleep_for(10ms);
   std::printf("trouble: %s\n", tail.stats().trouble.c_str());

   sink.on_send({}); // it is back
   while (sink.stored().size() < 3) std::this_thread::sleep_for(10ms);
   for (auto const& one : sink.stored()) std::printf("%d %s\n", static_cast<int>(one.at), one.text.c_str());
   return 0;
}
// end snippet
} // namespace in_memory

namespace follow {
// snippet: stream-main
using namespace std::chrono_literals;

int main() {
   char const* const dsn = std::getenv("PARCELS_DATABASE"); // host=.. port=.. user=.. password=.. dbname=..
   char const* const url = std::getenv("PARCELS_BUS");      // nats://..
   auto const where = noetl::pg::parse_dsn(dsn != nullptr ? dsn : "");
   if (!where || url == nullptr) {
      std::fprintf(stderr, "PARCELS_DATABASE and PARCELS_BUS must say where PostgreSQL and NATS are\n");
      return 2;
   }

   noetl::nats::connection bus({.url = url, .resume = false}); // resumed connections would lose the order
   parcels::lane events(*where, bus);

   noetl::nats::consumer reader(
       bus, {.stream = "noetl_events", .durable = "parcels", .filter_subject = "noetl.events.parcel.>"});
   for (;;) {
      auto messages = reader.fetch(10, 5s); // at most ten, waits five seconds for the first
      if (!messages) {                      // NATS is away, or the lane has not made the stream yet
         std::fprintf(stderr, "%s\n", messages.error().message.c_str());
         std::this_thread::sleep_for(1s);
         continue;
      }
      for (auto& one : *messages) {
         std::printf("%s %s\n", std::string(one.subject()).c_str(), std::string(one.header("Nats-Msg-Id")).c_str());
         (void)one.ack(); // a lost acknowledgement means that it comes again
      }
   }
}
// end snippet
} // namespace follow

namespace parcels {
TEST(tutorials, stream_in_memory_delivers_in_order) {
   docs::talker running(in_memory::main);
   docs::expect_words(running, "docs/tutorials/5-stream.md", "./memory");
   EXPECT_EQ(running.exit_code(), 0);
}

TEST_F(tutorial_database, tutorial_stream_brings_committed_events_to_jetstream) {
   noetl::test::nats_server nats;
   nats.start();
   auto const dsn = dsn_of(database_->settings());
   docs::talker before(main, {{"PARCELS_DATABASE", dsn}});
   EXPECT_EQ(before.exit_code(), 0) << before.said("");

   docs::talker running(follow::main, {{"PARCELS_DATABASE", dsn}, {"PARCELS_BUS", nats.url()}});
   docs::expect_words(running, "docs/tutorials/5-stream.md", "./follow");
   docs::talker again(main, {{"PARCELS_DATABASE", dsn}});
   EXPECT_EQ(again.exit_code(), 0);
   auto const once = docs::pattern_of(docs::words_of("docs/tutorials/5-stream.md", "./follow"));
   EXPECT_TRUE(std::regex_match(running.said(once + once), std::regex(once + once)))
       << "four more lines, as the page says";
}
} // namespace parcels
