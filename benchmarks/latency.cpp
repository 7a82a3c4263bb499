// M2: from the answer to an append to the message at a consumer of the stream, on a quiet stream.
//   latency-p50, latency-p99   floor in milliseconds ÷ ours: above 1 is better than the floor
// Whole path in one process: event store, wake after the commit, source, window, JetStream with file storage, durable
// pull consumer. One event about every 20 ms; NOETL_BENCH_EVENTS of them (1,000). Needs NOETL_BENCH_PG and
// NOETL_BENCH_NATS.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <noetl/core/log.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

#include "program.hpp"
#include "single_row_commits.hpp"
#include "stream_setup.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;
using clock_type = std::chrono::steady_clock;

/// Appends and waits. \return the id of the event and when the answer came
std::pair<std::string, clock_type::time_point> append(event_store& store, append_request request) {
   std::promise<std::pair<std::string, clock_type::time_point>> answered;
   store.append_then(std::move(request), [&](result<append_result> got) {
      auto const at = clock_type::now();
      if (!got)
         answered.set_exception(
             std::make_exception_ptr(std::runtime_error(got.error().message + " " + got.error().detail)));
      else
         answered.set_value({std::to_string(got->event_ids.front().value), at});
   });
   return answered.get_future().get();
}

void quote_milliseconds(char const* name, double ours, double floor) {
   std::printf("%s ratio=%.2f ours=%.2f limit=%.0f unit=ms\n", name, floor / ours, ours, floor);
}

void run() {
   log::set_level(log::level::error);
   own_database database;
   auto const events = static_cast<std::size_t>(number("NOETL_BENCH_EVENTS", 1'000));
   nats::connection bus(bus_settings());
   if (!bus.wait_connected(std::chrono::seconds(10))) throw std::runtime_error("NATS is away");
   fresh_stream(bus);
   pg::pool feed(stream::feed_sessions(database.settings));
   stream::committed_events source(feed);
   stream::jetstream_sink sink(bus, stream::large_event_keeper(feed));
   stream::fenced_cursor cursor(feed);
   stream::tailer tailer(source, sink, cursor);
   auto own = database.settings;
   own.max_connections = 2;
   pg::shard_map shards(own);
   snowflake ids(1000);
   event_store store(shards, ids);
   store.on_committed([&](std::span<event const>) { tailer.wake(); });
   std::jthread const runner([&](std::stop_token stop) { tailer.run(stop); });
   while (tailer.stats().state != stream::tailer_state::leading)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));

   std::mutex guard;
   std::map<std::string, clock_type::time_point> arrived;
   std::jthread const subscriber([&](std::stop_token stop) {
      nats::connection_settings how = bus_settings();
      how.send_at_once = true;
      nats::connection own_bus(how);
      nats::consumer reader(own_bus,
                            {.stream = "noetl_events", .durable = "latency", .filter_subject = "noetl.events.>"});
      while (!stop.stop_requested()) {
         auto got = reader.fetch(100, std::chrono::milliseconds(200));
         auto const at = clock_type::now();
         if (!got) continue;
         std::lock_guard const lock(guard);
         for (auto& one : *got) {
            arrived.emplace(one.header("Nats-Msg-Id"), at);
            (void)one.ack();
         }
      }
   });

   execution_id const execution{ids.next()};
   append_request start;
   start.execution_id = execution;
   start.expect = {expected::absent, 0};
   start.events = {report(execution)};
   start.events[0].catalog_id = catalog_id{7};
   (void)append(store, start);
   std::vector<std::pair<std::string, clock_type::time_point>> committed;
   for (std::size_t i = 0; i < events + 50; ++i) {
      append_request request;
      request.execution_id = execution;
      request.events = {report(execution)};
      committed.push_back(append(store, std::move(request)));
      std::this_thread::sleep_for(std::chrono::milliseconds(15 + i % 11));
   }
   std::this_thread::sleep_for(std::chrono::seconds(2));
   std::lock_guard const lock(guard);
   std::vector<double> milliseconds;
   for (std::size_t i = 50; i < committed.size(); ++i) { // the first ones warm up
      auto const at = arrived.find(committed[i].first);
      if (at == arrived.end()) throw std::runtime_error("an event did not arrive");
      milliseconds.push_back(std::chrono::duration<double, std::milli>(at->second - committed[i].second).count());
   }
   std::sort(milliseconds.begin(), milliseconds.end());
   auto const at = [&](double part) {
      return milliseconds[static_cast<std::size_t>(part * static_cast<double>(milliseconds.size() - 1))];
   };
   std::printf("%zu events: min %.2f, p50 %.2f, p90 %.2f, p99 %.2f, max %.2f ms\n", milliseconds.size(),
               milliseconds.front(), at(0.5), at(0.9), at(0.99), milliseconds.back());
   quote_milliseconds("latency-p50", at(0.5), 10);
   quote_milliseconds("latency-p99", at(0.99), 30);
}

} // namespace

int main() {
   return program("latency", run);
}
