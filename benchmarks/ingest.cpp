// M3b and the in-process part of M3: how much of the database's own speed is left after the event store.
//   ingest-batch   rows/s of appends with 500 events, several in flight ÷ COPY of 500-row batches into the same table
//   ingest-append  appends/s of one event each, 64 in flight ÷ best pgbench rate of single-row commits over 1, 8, 32,
//   64 clients
// Same table, same indexes, same bytes, same durability; both sides alternate, the median of the pairs is quoted.
// Needs NOETL_BENCH_PG (a maintenance database whose role may create databases) and pgbench. HTTP is not part of these
// figures; see ingest_http.cpp.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/connection.hpp>

#include "own_database.hpp"
#include "program.hpp"
#include "single_row_commits.hpp"

namespace {

using namespace noetl;
using namespace noetl::bench;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point start) {
   return std::chrono::duration<double>(clock_type::now() - start).count();
}

/// Keeps `in_flight` appends going for `time`. \return completed appends per second
double drive(event_store& store, std::vector<execution_id> const& ids, std::size_t events, std::size_t in_flight,
             std::chrono::milliseconds time) {
   struct shared {
      std::mutex guard;
      std::condition_variable idle;
      std::size_t running = 0;
      std::size_t next = 0;
      std::size_t done = 0;
      std::string failure;
   } s;
   auto const end = clock_type::now() + time;
   auto const start = clock_type::now();
   std::function<void()> send = [&] {
      append_request request;
      {
         std::lock_guard lock(s.guard);
         request.execution_id = ids[s.next++ % ids.size()];
      }
      request.events.assign(events, report(request.execution_id));
      store.append_then(std::move(request), [&](result<append_result> got) {
         bool more = false;
         {
            std::lock_guard lock(s.guard);
            if (got)
               ++s.done;
            else
               s.failure = got.error().message + " " + got.error().detail;
            more = got && clock_type::now() < end;
         }
         if (more) return send();
         std::lock_guard lock(s.guard);
         --s.running;
         s.idle.notify_one();
      });
   };
   s.running = in_flight;
   for (std::size_t i = 0; i < in_flight; ++i) send();
   std::unique_lock lock(s.guard);
   s.idle.wait(lock, [&] { return s.running == 0; });
   if (!s.failure.empty()) throw std::runtime_error(s.failure);
   return static_cast<double>(s.done) / seconds_since(start);
}

/// COPY of 500-row batches, one commit each. Only sending and waiting is timed, the rows are ready. \return rows per
/// second
double copy_rows(pg::settings const& how, snowflake& ids, std::vector<execution_id> const& executions,
                 std::chrono::milliseconds time) {
   pg::connection db(how);
   std::size_t rows = 0, batch = 0;
   std::chrono::duration<double> spent{0};
   while (spent < time) {
      std::vector<event> events(500, report(executions[batch++ % executions.size()]));
      std::vector<event const*> list;
      for (auto& e : events) {
         e.event_id = event_id{ids.next()};
         e.catalog_id = catalog_id{7};
         e.created_at = now();
         e.stream_version = static_cast<std::int64_t>(++rows);
         list.push_back(&e);
      }
      auto const cells = noetl::detail::event_rows(list).cells();
      auto const start = clock_type::now();
      db.begin();
      db.copy("noetl.event", noetl::detail::event_rows::names(), cells);
      db.commit();
      spent += clock_type::now() - start;
   }
   return static_cast<double>(rows) / spent.count();
}

void run() {
   own_database const database;
   auto const& how = database.settings;
   pg::connection(how).script("create sequence noetl.bench_ids cache 100");

   auto const pairs = number("NOETL_BENCH_PAIRS", 5);
   auto const time = std::chrono::milliseconds(number("NOETL_BENCH_MS", 2'000));
   pg::settings pool = how;
   pool.max_connections = 2;
   pg::shard_map shards(pool);
   snowflake ids(1000);
   event_store_settings store_how;
   store_how.copy_from_rows =
       static_cast<std::size_t>(number("NOETL_BENCH_COPY_FROM", static_cast<int>(store_how.copy_from_rows)));
   event_store store(shards, ids, store_how);
   std::vector<execution_id> executions;
   for (int i = 0; i < 64; ++i) {
      executions.emplace_back(ids.next());
      append_request start;
      start.execution_id = executions.back();
      start.expect = {expected::absent, 0};
      start.events = {report(start.execution_id)};
      start.events[0].catalog_id = catalog_id{7};
      std::atomic<int> state{0};
      store.append_then(start, [&](auto got) { state = got ? 1 : -1; });
      while (state == 0) std::this_thread::yield();
      if (state < 0) throw std::runtime_error("an execution cannot be started");
   }
   execution_id const plain{ids.next()};

   std::vector<pair_of_figures> batch, append;
   auto const in_flight = static_cast<std::size_t>(number("NOETL_BENCH_IN_FLIGHT", 4));
   (void)drive(store, executions, 500, in_flight, std::chrono::milliseconds(500));
   for (int i = 0; i < pairs; ++i) {
      pair_of_figures p{};
      p.ours = drive(store, executions, 500, in_flight, time) * 500;
      p.limit = copy_rows(how, ids, executions, time);
      batch.push_back(p);
      std::printf("batch   %2d: ours %8.0f rows/s, COPY    %8.0f rows/s\n", i + 1, p.ours, p.limit);
   }
   auto const clients = pgbench(how, plain, 1, {1, 8, 32, 64}).second;
   for (int i = 0; i < pairs; ++i) {
      pair_of_figures p{};
      p.ours = drive(store, executions, 1, 64, time);
      p.limit = pgbench(how, plain, std::max(1, static_cast<int>(time.count() / 1000)), {clients}).first;
      append.push_back(p);
      std::printf("append  %2d: ours %8.0f rows/s, pgbench %8.0f rows/s with %d clients\n", i + 1, p.ours, p.limit,
                  clients);
   }
   quote("ingest-batch", batch);
   quote("ingest-append", append);
}

} // namespace

int main() {
   return program("ingest", run);
}
