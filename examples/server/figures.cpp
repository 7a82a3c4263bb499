// examples/server/figures.cpp: live figures of the parts for /metrics.
#include "figures.hpp"

#include <cstddef>
#include <string>

#include <noetl/control_plane/cleanup_service.hpp>
#include <noetl/control_plane/outbox_service.hpp>
#include <noetl/control_plane/projector_service.hpp>
#include <noetl/pg/shards.hpp>

#include "command_relay.hpp"
#include "event_stream.hpp"
#include "upkeep.hpp"

namespace server {

void report_figures(noetl::http::metrics& metrics, figure_sources from) {
   metrics.on_collect([all = from](noetl::http::samples& out) {
      auto const number = [](auto n) { return static_cast<double>(n); };
      for (std::size_t i = 0; i < all.shards.count(); ++i) {
         auto const pool = all.shards.shard(i).stats();
         auto const shard = std::to_string(i);
         out.gauge("noetl_pool_size", "Database threads of a pool", number(pool.size), {{"shard", shard}});
         out.gauge("noetl_pool_connected", "Live sessions of a pool", number(pool.connected), {{"shard", shard}});
         out.gauge("noetl_pool_idle", "Live sessions without work", number(pool.idle), {{"shard", shard}});
         out.gauge("noetl_pool_waiting", "Calls that wait for a session", number(pool.waiting), {{"shard", shard}});
      }
      all.upkeep.report(out);
      auto const relay = all.relay.stats();
      out.counter("noetl_outbox_published_total", "Outbox rows acknowledged by the bus", number(relay.published));
      out.counter("noetl_outbox_refused_total", "Attempts that the bus did not take", number(relay.refused));
      out.counter("noetl_outbox_announced_again_total", "Commands announced again", number(relay.announced_again));
      out.gauge("noetl_outbox_unmarked", "Published rows not yet marked in the database", number(relay.unmarked));
      auto const claims = all.outbox.figures();
      out.gauge("noetl_outbox_pending", "Outbox rows that a claim could take, at the last look",
                number(claims.pending));
      out.gauge("noetl_outbox_parked", "Outbox rows that are offered no more, at the last look", number(claims.parked));
      out.counter("noetl_outbox_leases_expired_total", "Outbox rows taken over from publishers that did not report",
                  number(claims.leases_expired + relay.leases_expired));
      out.counter("noetl_outbox_late_reports_total", "Reports about outbox rows that were settled or claimed again",
                  number(claims.late_reports));
      auto const stored = all.projector.figures();
      out.counter("noetl_events_projected_total", "Event rows of other logs stored", number(stored.projected));
      out.counter("noetl_events_materialized_total", "Events stored by materialize", number(stored.materialized));
      out.counter("noetl_events_projection_failed_total", "Rows that the event log refused", number(stored.failed));
      auto const purged = all.cleanup.figures();
      constexpr auto purged_name = "noetl_cleanup_rows_purged_total";
      constexpr auto purged_help = "Rows deleted by retention; partitions for event_partition";
      out.counter(purged_name, purged_help, number(purged.commands), {{"table", "command"}});
      out.counter(purged_name, purged_help, number(purged.runtimes), {{"table", "runtime"}});
      out.counter(purged_name, purged_help, number(purged.partitions), {{"table", "event_partition"}});
      out.counter(purged_name, purged_help, number(purged.outbox), {{"table", "outbox"}});
      all.relay.report_bus(out);
      all.events.report(out);
   });
}

} // namespace server
