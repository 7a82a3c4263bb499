// benchmarks/single_row_commits.hpp: the limit of M3: pgbench inserting one event per commit into our own table.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <noetl/events/envelope.hpp>
#include <noetl/pg/settings.hpp>

namespace noetl::bench {

// What a worker reports for a step: about 700 bytes of JSON in three columns.
inline event report(execution_id id) {
   static std::string const rows = [] {
      std::string out;
      for (int i = 0; i < 8; ++i)
         out += std::string(i ? "," : "") + R"({"id":)" + std::to_string(1000 + i) + R"(,"name":"row number )" +
                std::to_string(i) + R"("})";
      return out;
   }();
   event e;
   e.execution_id = id;
   e.event_type = "call.done";
   e.node_id = e.node_name = "fetch";
   e.node_type = "http";
   e.status = "COMPLETED";
   e.context = raw_json(R"({"command_id":"382436020831916032:fetch:382436020831916033","call_index":0})");
   e.result = raw_json(
       R"({"status":"COMPLETED","context":{"command_id":"382436020831916032:fetch:382436020831916033","result":{"status":"success","context":{"data":{"rows":[)" +
       rows + "]}}}}}");
   e.meta = raw_json(R"({"actionable":true,"informative":true,"worker_id":"worker-1"})");
   e.worker_id = "worker-1";
   return e;
}

/// Transactions per second of pgbench running a script. \param more  further arguments
inline double pgbench_rate(pg::settings const& how, std::string const& statements, int clients, int seconds,
                           std::string const& more = {}) {
   auto const script = "/tmp/noetl-bench-" + std::to_string(::getpid()) + ".sql";
   std::ofstream(script) << statements;
   auto const command = "PGPASSWORD='" + how.password + "' /usr/lib/postgresql/15/bin/pgbench -n -M prepared -f " +
                        script + " -c " + std::to_string(clients) + more + " -j 2 -T " + std::to_string(seconds) +
                        " -h " + how.host + " -p " + std::to_string(how.port) + " -U " + how.user + " " + how.database +
                        " 2>&1";
   auto* pipe = ::popen(command.c_str(), "r");
   if (!pipe) throw std::runtime_error("pgbench cannot be started");
   std::string output;
   char buffer[512];
   while (auto const* line = std::fgets(buffer, sizeof buffer, pipe)) output += line;
   ::pclose(pipe);
   std::remove(script.c_str());
   auto const at = output.find("tps = ");
   if (at == std::string::npos) throw std::runtime_error("pgbench said: " + output);
   return std::strtod(output.c_str() + at + 6, nullptr);
}

/// Best transactions per second of pgbench inserting one row per commit. \return tps and the number of clients
inline std::pair<double, int> pgbench(pg::settings const& how, execution_id id, int seconds,
                                      std::vector<int> const& clients) {
   auto const statement =
       "insert into noetl.event (execution_id, event_id, catalog_id, created_at, event_type, node_id, node_name, "
       "node_type, status, context, result, meta, worker_id, stream_version) values (" +
       std::to_string(id.value) +
       ", nextval('noetl.bench_ids'), 7, now() at time zone 'utc', 'call.done', 'fetch', 'fetch', 'http', 'COMPLETED', "
       ":context, :result, :meta, 'worker-1', 1);\n";
   // As variables, because pgbench takes every colon inside a statement for one.
   auto const values = " -D context='" + report(id).context.text + "' -D result='" + report(id).result.text +
                       "' -D meta='" + report(id).meta.text + "'";
   std::pair<double, int> best{0, 0};
   for (int c : clients) best = std::max(best, {pgbench_rate(how, statement, c, seconds, values), c});
   return best;
}

struct pair_of_figures {
   double ours, limit;
   [[nodiscard]] double ratio() const { return ours / limit; }
};

inline void quote(char const* name, std::vector<pair_of_figures> pairs, char const* unit = "rows/s") {
   std::sort(pairs.begin(), pairs.end(), [](auto const& a, auto const& b) { return a.ratio() < b.ratio(); });
   auto const& median = pairs[pairs.size() / 2];
   std::printf("%s ratio=%.3f (%.3f..%.3f over %zu pairs)\n", name, median.ratio(), pairs.front().ratio(),
               pairs.back().ratio(), pairs.size());
   std::printf("%s ratio=%.3f ours=%.0f limit=%.0f unit=%s\n", name, median.ratio(), median.ours, median.limit, unit);
}

} // namespace noetl::bench
