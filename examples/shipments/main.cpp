// examples/shipments/main.cpp: two aggregates, served. Events are kept in PostgreSQL and carried on by JetStream; with
// --memory the program needs neither. Configured by SHIPMENTS_PORT, _DSN, _NATS_URL, _MACHINE_ID.
#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/ranged.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/aggregate_snapshots.hpp>
#include <noetl/events/memory_event_store.hpp>
#include <noetl/events/store.hpp>
#include <noetl/http/server.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>
#include <noetl/reflect/config.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

#include "api.hpp"

namespace asio = boost::asio;
using namespace noetl;
using namespace std::chrono_literals;

namespace {

struct configuration {
   struct {
      std::uint16_t port = 8084;
      secret dsn{"host=127.0.0.1 user=noetl dbname=noetl"};
      std::string nats_url = "nats://127.0.0.1:4222";
      ranged<int, 0, 1023> machine_id{0}; ///< part of every id; another one for each process on one database
   } shipments;
};

/// What keeps the events and carries them on, in the order of dependence.
struct stored {
   stored(pg::settings const& database, std::string const& nats_url, snowflake& ids)
       : shards(database), keeper({database}), feed(stream::feed_sessions(database)),
         bus({.url = nats_url, .resume = false}), store(shards, ids) {
      keeper.start();
      store.on_committed([this](std::span<event const>) { tail.wake(); });
   }
   pg::shard_map shards;
   pg::partition_keeper keeper; // of the events, quarter after quarter
   pg::pool feed;
   nats::connection bus;
   stream::committed_events events{feed};
   stream::jetstream_sink sink{bus, stream::large_event_keeper(feed), {.consumers = {}}};
   stream::fenced_cursor cursor{feed, {.start = stream::first_start::backfill}};
   stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail{events, sink, cursor};
   event_store store;
   std::jthread carrier{[this](std::stop_token stop) { tail.run(stop); }};
};

int failed(std::string const& why) {
   std::fprintf(stderr, "shipments: %s\n", why.c_str());
   return 1;
}

} // namespace

int main(int argc, char** argv) {
   bool const in_memory = argc == 2 && std::string_view(argv[1]) == "--memory";
   if (argc > 1 && !in_memory) return failed("usage: shipments [--memory]");
   auto const loaded = load_config<configuration>(environment_from(environ));
   for (auto const& problem : loaded.problems) return failed(problem.text());
   auto const& how = loaded.value.shipments;

   snowflake ids{static_cast<unsigned>(how.machine_id.value())};
   memory_event_store memory(ids);
   asio::io_context io{1}; // outlives the writers, which answer on it
   std::optional<stored> disk;
   if (!in_memory) {
      auto const database = pg::parse_dsn(how.dsn.value);
      if (!database) return failed("SHIPMENTS_DSN: " + database.error().message);
      if (auto ready = pg::migrate(*database); !ready) return failed(ready.error().message);
      disk.emplace(*database, how.nats_url, ids);
   }
   event_log_ref const log = disk ? event_log_ref(disk->store) : event_log_ref(memory);
   // snippet: parts
   aggregates<shop::depot> depots(log, ids);
   aggregates<shop::shipment> shipments(log, ids);
   if (disk) keep_snapshots(shipments, disk->shards);

   http::metrics metrics;
   http::openapi_document document;
   auto const routes = shop::make_api(depots, shipments, metrics, document);
   // end snippet

   http::http_server server(io, routes, {.port = how.port});
   if (auto started = server.start(); !started) return failed(started.error().message);
   std::printf("shipments: http://127.0.0.1:%u/api/openapi.json\n", static_cast<unsigned>(server.port()));
   std::fflush(stdout);
   asio::signal_set signals(io, SIGINT, SIGTERM);
   auto const drain = [&]() -> asio::awaitable<void> {
      co_await signals.async_wait(asio::use_awaitable);
      co_await server.stop(5s);
      io.stop();
   };
   asio::co_spawn(io, drain(), asio::detached);
   io.run();
   if (disk) disk->store.stop(1s);
}
