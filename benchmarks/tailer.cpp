// M1, M1b, M7: how much of JetStream's own speed is left after reading, encoding, guarding and booking.
//   tailer            events/s of a backlog of full rows through source, window, sink and cursor ÷ the same messages,
//   ready
//                     in memory, published asynchronously by the faster of our publisher and the C client's
//   tailer-reference  ÷ a tailer shaped like the reference: 500 rows a read, to_jsonb, parsed again, one
//   acknowledgement
//                     at a time (it gets an index on event_id that the reference lacks)
//   tailer-growth     the rate of 50,000 events at the end of NOETL_BENCH_ROWS (1,000,000) rows ÷ that behind 10,000
// NOETL_BENCH_EVENTS, NOETL_BENCH_PAIRS and NOETL_BENCH_ROWS (0: no growth) make it shorter. Same stream settings, same
// bytes, file storage, 120 s of dedup window; sides alternate, medians are quoted. After each run of ours the ids in
// the stream are compared with the table: all, once, in the order of the feed. Needs NOETL_BENCH_PG and
// NOETL_BENCH_NATS.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include <tao/json/from_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/core/log.hpp>
#include <noetl/nats/consumer.hpp>
#include <noetl/nats/publisher.hpp>
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

double seconds_since(clock_type::time_point start) {
   return std::chrono::duration<double>(clock_type::now() - start).count();
}

struct ready_message {
   std::string subject, payload, id;
};

/// The rows as the source gives them.
std::vector<ready_message> messages_of(pg::pool& pool, stream::feed_position from) {
   stream::committed_events source(pool);
   std::vector<ready_message> out;
   for (;;) {
      auto page = source.read(from, 2'000);
      if (!page) throw std::runtime_error(page.error().message + " " + page.error().detail);
      for (auto& one : page->items)
         out.push_back({stream::event_subject("noetl.events", one.event_type), std::move(one.payload),
                        std::to_string(one.event_id)});
      from = page->through;
      if (!page->more) return out;
   }
}

/// All acknowledged. \return messages per second
double publish_raw(std::vector<ready_message> const& all) {
   nats::connection bus(bus_settings());
   if (!bus.wait_connected(std::chrono::seconds(10))) throw std::runtime_error("NATS is away");
   fresh_stream(bus);
   nats::publisher publisher(bus, {.window = 4'096});
   std::mutex guard;
   std::condition_variable room;
   std::size_t in_flight = 0, failed = 0;
   auto const start = clock_type::now();
   for (auto const& one : all) {
      {
         std::unique_lock lock(guard);
         room.wait(lock, [&] { return in_flight < 2'048; });
         ++in_flight;
      }
      publisher.publish(one.subject, one.payload, one.id, [&](result<void> outcome) {
         std::lock_guard lock(guard);
         if (!outcome) ++failed;
         if (--in_flight == 1'536 || in_flight == 0) room.notify_one();
      });
   }
   std::unique_lock lock(guard);
   room.wait(lock, [&] { return in_flight == 0; });
   if (failed) throw std::runtime_error("messages failed");
   return static_cast<double>(all.size()) / seconds_since(start);
}

/// The same by the C client's own asynchronous publishing.
double publish_by_client(std::vector<ready_message> const& all) {
   {
      nats::connection bus(bus_settings());
      if (!bus.wait_connected(std::chrono::seconds(10))) throw std::runtime_error("NATS is away");
      fresh_stream(bus);
   }
   auto const check = [](natsStatus status) {
      if (status != NATS_OK) throw std::runtime_error(natsStatus_GetText(status));
   };
   natsConnection* connection = nullptr;
   check(natsConnection_ConnectTo(&connection, required("NOETL_BENCH_NATS").c_str()));
   nats::detail::connection_handle const owned(connection);
   jsOptions options;
   jsOptions_Init(&options);
   options.PublishAsync.MaxPending = 2'048;
   jsCtx* context = nullptr;
   check(natsConnection_JetStream(&context, connection, &options));
   auto const start = clock_type::now();
   for (auto const& one : all) {
      natsMsg* message = nullptr;
      check(natsMsg_Create(&message, one.subject.c_str(), nullptr, one.payload.data(),
                           static_cast<int>(one.payload.size())));
      jsPubOptions how;
      jsPubOptions_Init(&how);
      how.MsgId = one.id.c_str();
      check(js_PublishMsgAsync(context, &message, &how));
   }
   check(js_PublishAsyncComplete(context, nullptr));
   auto const rate = static_cast<double>(all.size()) / seconds_since(start);
   jsCtx_Destroy(context);
   return rate;
}

/// The ids of the stream in their order.
std::vector<std::string> ids_in_stream(nats::connection& bus, std::size_t count) {
   nats::consumer reader(bus, {.stream = "noetl_events",
                               .durable = "bench_check",
                               .filter_subject = "noetl.events.>",
                               .max_ack_pending = 100'000});
   std::vector<std::string> out;
   for (int quiet = 0; quiet < 3;) {
      auto got = reader.fetch(1'000, std::chrono::milliseconds(out.size() < count ? 1'000 : 200));
      if (!got) throw std::runtime_error(got.error().message);
      quiet = got->empty() ? quiet + 1 : 0;
      for (auto& one : *got) {
         out.emplace_back(one.header("Nats-Msg-Id"));
         (void)one.ack();
      }
   }
   return out;
}

/// Backlog behind `from` through everything. \return events per second until the cursor stands at the end
double tail(pg::settings const& how, stream::feed_position const& from, std::vector<ready_message> const& wanted) {
   pg::pool pool(stream::feed_sessions(how));
   pool.wait_connected(std::chrono::seconds(10));
   nats::connection bus(bus_settings());
   if (!bus.wait_connected(std::chrono::seconds(10))) throw std::runtime_error("NATS is away");
   fresh_stream(bus);
   {
      pg::connection db(how);
      db.script("truncate noetl.stream_cursor");
      db.exec("insert into noetl.stream_cursor (name, position, xid, execution_id, event_id) values ('event_feed', 0, "
              "$1::xid8, $2, $3)",
              from.xid, from.execution_id, from.event_id);
   }
   stream::committed_events source(pool);
   stream::jetstream_sink sink(bus, stream::large_event_keeper(pool));
   stream::fenced_cursor cursor(pool);
   stream::tailer tailer(source, sink, cursor);
   auto const start = clock_type::now();
   std::jthread runner([&](std::stop_token stop) { tailer.run(stop); });
   while (tailer.stats().delivered < wanted.size()) {
      if (seconds_since(start) > 300) throw std::runtime_error("the tailer does not get on: " + tailer.stats().trouble);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
   }
   auto const rate = static_cast<double>(wanted.size()) / seconds_since(start);
   runner.request_stop();
   runner.join();
   auto const there = ids_in_stream(bus, wanted.size());
   if (there.size() != wanted.size())
      throw std::runtime_error("the stream holds " + std::to_string(there.size()) + " messages");
   for (std::size_t i = 0; i < there.size(); ++i)
      if (there[i] != wanted[i].id) throw std::runtime_error("out of order at " + std::to_string(i));
   return rate;
}

/// Shaped like the reference. \return events per second
double tail_like_reference(pg::settings const& how, std::size_t count) {
   pg::connection db(how);
   nats::connection bus([] {
      auto settings = bus_settings();
      settings.send_at_once = true; // it waits for each
      return settings;
   }());
   if (!bus.wait_connected(std::chrono::seconds(10))) throw std::runtime_error("NATS is away");
   fresh_stream(bus);
   nats::publisher publisher(bus);
   std::int64_t cursor = 0;
   std::size_t done = 0;
   auto const start = clock_type::now();
   while (done < count) {
      auto const rows =
          db.exec("select event_id, coalesce(event_type, 'unknown'), to_jsonb(e)::text from noetl.event e "
                  "where event_id > $1 order by event_id limit 500",
                  cursor);
      if (rows.empty()) break;
      for (auto const row : rows) {
         auto const value = tao::json::from_string(*row[2]);
         auto const payload = tao::json::to_string(value);
         std::mutex guard;
         std::condition_variable answered;
         bool acked = false;
         publisher.publish("noetl.events." + std::string(*row[1]), payload, std::string(*row[0]), [&](result<void>) {
            std::lock_guard lock(guard);
            acked = true;
            answered.notify_one();
         });
         std::unique_lock lock(guard);
         answered.wait(lock, [&] { return acked; });
         cursor = row.get<std::int64_t>(0);
         ++done;
      }
      db.exec(
          "insert into noetl.stream_cursor (name, position) values ('reference', $1) on conflict (name) do update set "
          "position = excluded.position, updated_at = now()",
          cursor);
   }
   return static_cast<double>(done) / seconds_since(start);
}

/// Many events behind a stretch of older rows.
struct filled_table {
   filled_table(std::string const& name, std::int64_t older, std::int64_t waiting) : database(name) {
      fill(database.settings, 1, older);
      pg::connection db(database.settings);
      auto const newest = db.exec("select max(ingest_xid)::text from noetl.event");
      from = stream::feed_position::behind(newest[0].get<std::uint64_t>(0));
      fill(database.settings, 1 + older, waiting);
      db.script("set statement_timeout = 0; analyze noetl.event");
      pg::pool pool(stream::feed_sessions(database.settings));
      wanted = messages_of(pool, from);
   }
   own_database database;
   stream::feed_position from;
   std::vector<ready_message> wanted;
};

/// The same 50,000 events behind 10,000 rows and behind all others of `rows`.
std::vector<pair_of_figures> compare_sizes(std::int64_t rows, int pairs) {
   filled_table const small("small", 10'000, 50'000), large("large", rows - 50'000, 50'000);
   std::vector<pair_of_figures> out;
   for (int i = 0; i < pairs; ++i) {
      auto const of_large = tail(large.database.settings, large.from, large.wanted);
      auto const of_small = tail(small.database.settings, small.from, small.wanted);
      std::printf("%2d: behind %lld rows %8.0f/s, behind 10000 rows %8.0f/s\n", i + 1,
                  static_cast<long long>(rows - 50'000), of_large, of_small);
      out.push_back({of_large, of_small});
   }
   return out;
}

void run() {
   log::set_level(log::level::error);
   std::setvbuf(stdout, nullptr, _IOLBF, 0);
   own_database const database;
   auto const backlog = number("NOETL_BENCH_EVENTS", 200'000);
   auto const pairs = number("NOETL_BENCH_PAIRS", 5);
   auto const begin = stream::feed_position::history_end();
   std::vector<ready_message> all;
   pg::settings const how = database.settings;
   fill(how, 1, backlog);
   {
      pg::connection db(how);
      db.script("create index bench_reference on noetl.event (event_id); analyze noetl.event");
   }
   {
      pg::pool pool(stream::feed_sessions(how));
      all = messages_of(pool, begin);
   }
   std::size_t bytes = 0;
   for (auto const& one : all) bytes += one.payload.size();
   std::printf("%zu messages of %zu bytes\n", all.size(), bytes / std::max<std::size_t>(1, all.size()));
   std::vector<pair_of_figures> raw, reference, growth;
   for (int i = 0; i < pairs; ++i) {
      auto const ours = tail(how, begin, all);
      auto const mine = publish_raw(all), client = publish_by_client(all);
      auto const shaped = tail_like_reference(how, std::min<std::size_t>(all.size(), 10'000));
      raw.push_back({ours, std::max(mine, client)});
      reference.push_back({ours, shaped});
      std::printf("%2d: ours %8.0f/s, raw %8.0f/s (C client %8.0f/s), like the reference %8.0f/s\n", i + 1, ours, mine,
                  client, shaped);
   }
   if (auto const rows = number("NOETL_BENCH_ROWS", 1'000'000); rows > 0)
      growth = compare_sizes(rows, std::max(3, pairs));
   quote("tailer-reference", reference);
   if (!growth.empty()) quote("tailer-growth", growth);
   quote("tailer", raw);
}

} // namespace

int main() {
   return program("tailer", run);
}
