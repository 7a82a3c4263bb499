// tests/docs/tutorials_events_test.cpp: the programs of tutorials 3, 5 and 6. What stands between `snippet: NAME` and
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

// snippet: depot-includes
#include <chrono>
#include <memory>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <noetl/control_plane/health_routes.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/server.hpp>
#include <noetl/reflect/config.hpp>
// end snippet

#include <noetl/fsm/table.hpp>
#include <noetl/nats/consumer.hpp>

#include <gtest/gtest.h>

#include "docs/session.hpp"
#include "nats/nats_server.hpp"
#include "pg/blocking.hpp"
#include "pg/test_database.hpp"
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

class tutorial_database : public testing::Test {
protected:
   void SetUp() override {
      if (!noetl::test::has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      database_ = std::make_unique<noetl::test::database>("noetl_docs");
   }
   std::unique_ptr<noetl::test::database> database_{};
};

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

// snippet: stream-lane
namespace stream = noetl::stream;

/// The committed events of one database on their way to JetStream.
struct lane {
   lane(noetl::pg::settings database, noetl::nats::connection& bus)
       : pool(stream::feed_sessions(std::move(database))), events(pool),
         sink(bus, stream::event_store_by_reference(pool)), cursor(pool, {.start = stream::first_start::backfill}),
         tail(events, sink, cursor), thread([this](std::stop_token stop) { tail.run(stop); }) {}

   noetl::pg::pool pool;
   stream::committed_events events;
   stream::jetstream_sink sink;
   stream::fenced_cursor cursor;
   stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail;
   std::jthread thread; // last: ends first
};
// end snippet

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

// ---- tutorial 6 ----
namespace depot {
// clang-format off
namespace words {
struct registered : noetl::fsm::state<"REGISTERED"> {};
struct on_the_way : noetl::fsm::state<"ON_THE_WAY"> {};
struct delivered  : noetl::fsm::state<"DELIVERED"> {};
struct dispatch   : noetl::fsm::action<"dispatch", "parcel.dispatched"> {};
struct deliver    : noetl::fsm::action<"deliver", "parcel.delivered"> {};

using noetl::fsm::row;
struct lifecycle : noetl::fsm::lifecycle<noetl::fsm::starts<registered, "parcel.registered">,
   row< registered, dispatch, on_the_way >,
   row< on_the_way, deliver,  delivered  >> {};
} // namespace words
// clang-format on

// snippet: depot-service
namespace http = noetl::http;
using boost::asio::awaitable;
using noetl::fail, noetl::error_code, noetl::result;
using words::lifecycle;
using parcel_id = noetl::strong<"parcel_id">;

struct wish {
   std::string destination;
};
struct view {
   noetl::id_text<::depot::parcel_id> parcel_id; // 64 bits: text, for JavaScript's sake
   std::string destination;
   std::string status;
   std::int64_t version = 0;
};

/// Parcels as aggregates of the event store. Thread-safe.
class parcel_service {
public:
   parcel_service(noetl::event_store& store, noetl::snowflake& ids) : store_(store), ids_(ids) {}

   awaitable<result<view>> enroll(wish what) {
      view made{parcel_id{ids_.next()}, what.destination, std::string(lifecycle::initial), 1};
      auto done = co_await append(made, {noetl::expected::absent}, lifecycle::created_by);
      if (!done) co_return std::move(done).error();
      co_return made;
   }

   awaitable<result<view>> find(parcel_id id) {
      auto const events = co_await store_.load(noetl::execution_id{id.value});
      if (!events) co_return events.error();
      if (events->empty()) co_return fail(error_code::not_found, "Parcel not found: " + std::to_string(id.value));
      view state{id, {}, {}, 0};
      for (auto const& e : *events) {
         if (auto const what = noetl::from_json<wish>(e.context.text)) state.destination = what->destination;
         state.status = e.status;
         state.version = e.stream_version;
      }
      co_return state;
   }

   awaitable<result<view>> act(parcel_id id, std::string action) {
      if (lifecycle::find_action(action) == nullptr) co_return fail(error_code::not_found, "unknown action " + action);
      for (;;) {
         auto state = co_await find(id);
         if (!state) co_return state;
         auto const* const arrow = lifecycle::find(state->status, action);
         if (arrow == nullptr) co_return fail(error_code::validation, lifecycle::refusal(state->status, action));
         auto const seen = state->version;
         state->status = arrow->to;
         ++state->version;
         auto done = co_await append(*state, {noetl::expected::exactly, seen}, arrow->event_type);
         if (done) co_return state;
         if (done.error().code != error_code::conflict) co_return std::move(done).error();
      } // somebody was faster: judge again
   }

private:
   awaitable<result<noetl::append_result>> append(view const& after, noetl::expected expect, std::string_view type) {
      noetl::append_request request;
      request.execution_id = noetl::execution_id{after.parcel_id.value.value};
      request.expect = expect;
      request.head_status = after.status;
      noetl::event& fact = request.events.emplace_back();
      fact.catalog_id = noetl::catalog_id{1};
      fact.event_type = type;
      fact.status = after.status;
      fact.context = noetl::raw_json(noetl::to_json(wish{after.destination}));
      return store_.append(std::move(request));
   }

   noetl::event_store& store_;
   noetl::snowflake& ids_;
};
// end snippet

// clang-format off
// snippet: depot-routes
awaitable<result<view>> enroll(parcel_service& parcels, http::body<wish> what) { return parcels.enroll(std::move(*what)); }
awaitable<result<view>> show(parcel_service& parcels, parcel_id id) { return parcels.find(id); }
awaitable<result<view>> act(parcel_service& parcels, parcel_id id, http::path_text<"action"> action) {
   return parcels.act(id, std::move(action.value));
}

inline constexpr auto parcel_routes = http::under<"/api/parcels">(
   http::post<"",                     enroll>.summary("Register a parcel"),
   http::get <"/{parcel_id}",         show>.summary("Where a parcel is"),
   http::post<"/{parcel_id}/{action}", act>.summary("Move a parcel on")).tag("parcels");
// end snippet
// clang-format on

// snippet: depot-settings
struct depot_settings {
   std::uint16_t port = 8083;     // DEPOT_PORT
   noetl::secret database;        // DEPOT_DATABASE: host=.. port=.. user=.. password=.. dbname=..
   noetl::secret bus;             // DEPOT_BUS: nats://..
   std::chrono::seconds drain{8}; // DEPOT_DRAIN
};
struct settings {
   depot_settings depot;
};
// end snippet

// snippet: depot-main
int main() {
   auto const loaded = noetl::load_config<settings>(noetl::environment_from(environ));
   for (auto const& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
   auto const& how = loaded.value.depot;
   auto const database = noetl::pg::parse_dsn(how.database.value);
   if (!loaded || !database) return 2;
   if (auto made = noetl::pg::migrate(*database); !made) {
      std::fprintf(stderr, "%s\n", made.error().message.c_str());
      return 1;
   }

   // The parts, each behind those it needs; they end in the opposite order.
   boost::asio::io_context io{1};
   noetl::pg::shard_map shards(*database);
   noetl::snowflake ids(1);
   noetl::nats::connection bus({.url = how.bus.value, .resume = false});
   parcels::lane events(*database, bus);
   noetl::event_store store(shards, ids);
   store.on_committed([&](std::span<noetl::event const>) { events.tail.wake(); });
   parcel_service parcels(store, ids);
   noetl::control_plane::health_service health(
       shards, [&] { return noetl::control_plane::bus_state::connected; }, [] { return true; });
   http::metrics metrics;
   http::openapi_document document;

   http::router const routes({http::mount<parcel_routes>(parcels),
                              http::mount<noetl::control_plane::health_routes>(health),
                              {http::metrics_routes, http::services(metrics)},
                              {http::openapi_routes, http::services(document)}});
   document.describe(routes.entries(), {.title = "depot"});
   http::http_metrics observed(metrics, routes.entries());
   http::http_server server(io, routes, {.port = how.port});
   server.observe(observed);
   if (auto started = server.start(); !started) return 1;

   boost::asio::signal_set signals(io, SIGINT, SIGTERM);
   auto drain = [&]() -> awaitable<void> {
      co_await signals.async_wait(boost::asio::use_awaitable);
      co_await server.stop(how.drain); // requests in flight are answered
      io.stop();
   };
   boost::asio::co_spawn(io, drain(), boost::asio::detached);
   io.run();
   store.stop(std::chrono::seconds(1)); // what waits is written
   return 0;
}
// end snippet

class tutorial_depot : public parcels::tutorial_database {};

TEST_F(tutorial_depot, tutorial_own_control_plane_answers_as_its_page_says) {
   noetl::test::nats_server nats;
   nats.start();
   auto const nats_url = nats.url();
   auto const where = database_->settings();
   auto const dsn = "host=" + where.host + ";port=" + std::to_string(where.port) + ";user=" + where.user +
                    ";password=" + where.password + ";database=" + where.database;
   docs::program running(depot::main, "DEPOT_PORT", {{"DEPOT_DATABASE", dsn}, {"DEPOT_BUS", nats_url}});
   docs::expect_session("docs/tutorials/6-own-control-plane.md", 8083, running.port());
   EXPECT_EQ(running.terminate(), 0);
}
} // namespace depot
