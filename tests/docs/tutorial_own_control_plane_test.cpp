// tests/docs/tutorial_own_control_plane_test.cpp: the program of tutorial 6. What stands between `snippet: NAME` and
// `end snippet` is what the page shows (scripts/snippets).

// snippet: depot-includes
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h> // environ

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <noetl/control_plane/health_routes.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/fsm/table.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/server.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/url.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>
#include <noetl/pg/settings.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/config.hpp>
#include <noetl/reflect/json.hpp>

#include "lane.hpp"
// end snippet

#include <gtest/gtest.h>

#include "docs/session.hpp"
#include "docs/tutorial_database.hpp"
#include "nats/nats_server.hpp"
#include "support/eventually.hpp"

// clang-format off
// snippet: depot-words
namespace depot {
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
// end snippet
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
} // namespace depot
// end snippet

namespace depot_program {
// snippet: depot-main
using namespace depot;

int main() {
   auto const loaded = noetl::load_config<settings>(noetl::environment_from(environ));
   for (auto const& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
   auto const& how = loaded.value.depot;
   auto const database = noetl::pg::parse_dsn(how.database.value);
   if (!database) std::fprintf(stderr, "DEPOT_DATABASE: %s\n", database.error().message.c_str());
   auto const address = noetl::nats::parse_url(how.bus.value);
   if (!address) std::fprintf(stderr, "DEPOT_BUS: %s\n", address.error().message.c_str());
   if (!loaded || !database || !address) return 2;
   if (auto made = noetl::pg::migrate(*database); !made) {
      std::fprintf(stderr, "%s\n", made.error().message.c_str());
      return 1;
   }

   noetl::pg::partition_keeper keeper({*database}); // of the event table, quarter after quarter
   keeper.start();

   // The parts, each behind those it needs; they end in the opposite order.
   boost::asio::io_context io{1};
   noetl::pg::shard_map shards(*database);
   noetl::snowflake ids(1);
   noetl::nats::connection bus({.url = how.bus.value, .resume = false});
   parcels::lane events(*database, bus);
   noetl::event_store store(shards, ids);
   store.on_committed([&](std::span<noetl::event const>) { events.tail.wake(); });
   parcel_service parcels(store, ids);
   auto const bus_state = [&] {
      using noetl::control_plane::bus_state;
      bool const connected = bus.state() == noetl::nats::connection_state::connected;
      return connected ? bus_state::connected : bus_state::disconnected;
   };
   noetl::control_plane::health_service health(shards, bus_state, [] { return true; });
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
   if (auto started = server.start(); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
   }

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

class tutorial_depot : public docs::tutorial_database {
protected:
   [[nodiscard]] std::string dsn() const {
      auto const where = database_->settings();
      return "host=" + where.host + ";port=" + std::to_string(where.port) + ";user=" + where.user +
             ";password=" + where.password + ";database=" + where.database;
   }
};

TEST_F(tutorial_depot, tutorial_own_control_plane_answers_as_its_page_says) {
   noetl::test::nats_server nats;
   nats.start();
   docs::program running(main, "DEPOT_PORT", {{"DEPOT_DATABASE", dsn()}, {"DEPOT_BUS", nats.url()}});
   auto const readiness_has = [&](std::string const& words) {
      auto const ask = "curl -s localhost:" + std::to_string(running.port()) + "/readyz";
      return noetl::test::eventually([&] { return docs::output_of(ask).find(words) != std::string::npos; });
   };
   ASSERT_TRUE(readiness_has(R"("status":"ready")"));
   docs::expect_session("docs/tutorials/6-own-control-plane.md", 8083, running.port());
   nats.stop();
   EXPECT_TRUE(readiness_has(R"({"status":"degraded","database":"connected","nats":"disconnected"})"));
   EXPECT_EQ(running.terminate(), 0);
}

TEST(tutorials, own_control_plane_refuses_wrong_settings_as_its_page_says) {
   setenv("DEPOT_BUS", "nats://127.0.0.1:1", 1);
   setenv("DEPOT_DATABASE", "host=127.0.0.1;port=1;user=x", 1); // in order: only the port is wrong
   EXPECT_EQ(docs::exit_code_of(main, "DEPOT_PORT", "http"), 2);
   unsetenv("DEPOT_DATABASE");
   EXPECT_EQ(docs::exit_code_of(main, "DEPOT_DATABASE", "host=127.0.0.1"), 2) << "no user";
   unsetenv("DEPOT_BUS");
}

TEST_F(tutorial_depot, tutorial_own_control_plane_wants_a_bus) {
   setenv("DEPOT_DATABASE", dsn().c_str(), 1);
   EXPECT_EQ(docs::exit_code_of(main, "DEPOT_BUS", "http://127.0.0.1:1"), 2);
   unsetenv("DEPOT_DATABASE");
}
} // namespace depot_program
