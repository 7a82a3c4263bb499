// benchmarks/stream_setup.hpp: a database full of events and a NATS to bring them to, for tailer.cpp and latency.cpp.
#pragma once

#include <stdexcept>
#include <string>

#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>
#include <noetl/pg/connection.hpp>

#include "own_database.hpp"
#include "program.hpp"

namespace noetl::bench {

/// `count` rows as workers report them, about 700 bytes of JSON each, in transactions of 1,000 over 50 executions.
inline void fill(pg::settings const& how, std::int64_t first, std::int64_t count) {
   pg::connection db(how);
   db.script("set statement_timeout = 0");
   for (std::int64_t at = first; at < first + count; at += 1'000)
      db.exec(
          "insert into noetl.event (execution_id, event_id, catalog_id, event_type, node_id, node_name, node_type, "
          "status, "
          "context, result, meta, worker_id, stream_version) select 382436020831916032 + n % 50, 382436020831916033 + "
          "n, 7, "
          "(array['command.issued', 'command.claimed', 'command.started', 'call.done', 'command.completed'])[1 + n % "
          "5], "
          "'fetch', 'fetch', 'http', 'COMPLETED', "
          "jsonb_build_object('command_id', '382436020831916032:fetch:' || n, 'call_index', 0), "
          "jsonb_build_object('status', 'COMPLETED', 'context', jsonb_build_object('command_id', n, 'result', "
          "jsonb_build_object('status', 'success', 'context', jsonb_build_object('data', jsonb_build_object('rows', "
          "(select jsonb_agg(jsonb_build_object('id', 1000 + i, 'name', 'row number ' || i)) from generate_series(0, "
          "7) i)))))), "
          "'{\"actionable\": true, \"informative\": true, \"worker_id\": \"worker-1\"}', 'worker-1', 1 + n / 50 "
          "from generate_series($1::bigint, $2::bigint) n",
          at, std::min(at + 999, first + count - 1));
}

inline nats::connection_settings bus_settings() {
   nats::connection_settings how;
   how.url = required("NOETL_BENCH_NATS");
   how.resume = false;
   how.send_at_once = false;
   return how;
}

inline void api(nats::connection& bus, std::string const& subject, tao::json::value const& body, bool must = true) {
   auto const answer = nats::detail::api_request(bus, subject, body, std::chrono::seconds(30));
   if (must && (!answer || !answer->ok()))
      throw std::runtime_error(subject + ": " + (answer ? answer->description : answer.error().message));
}

/// An empty stream of events: file storage, 120 s of dedup window.
inline void fresh_stream(nats::connection& bus) {
   api(bus, "$JS.API.STREAM.DELETE.noetl_events", tao::json::empty_object, false);
   api(bus, "$JS.API.STREAM.CREATE.noetl_events",
       {{"name", "noetl_events"},
        {"subjects", tao::json::value::array({"noetl.events.>"})},
        {"storage", "file"},
        {"duplicate_window", 120'000'000'000},
        {"max_age", 86'400'000'000'000}});
}

} // namespace noetl::bench
