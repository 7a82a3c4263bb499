// control_plane/snapshot_metrics.hpp: figures about snapshots and rebuilds for /metrics. Knows http/metrics.hpp.
#pragma once

#include <chrono>
#include <vector>

#include <noetl/control_plane/projection.hpp>
#include <noetl/core/time.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::control_plane {

/// Call once, before the first rebuild. All three live as long as the program.
inline void report_snapshots(http::metrics& all, workflow::workflow_states& states, projection_service& projection) {
   auto& seconds = all.histograms("noetl_rebuild_duration_seconds",
                                  "Time from the wish for a state to the folded state", {"source"});
   auto& events = all.histograms("noetl_rebuild_events", "Events read to rebuild one state", {"source"},
                                 {1, 10, 100, 500, 1'000, 5'000, 10'000, 50'000, 100'000});
   states.on_rebuilt([&seconds, &events](rebuild_report const& done) {
      auto const* source = done.from_snapshot ? "snapshot" : "log";
      seconds.with({source}).Observe(std::chrono::duration<double>(done.took).count());
      events.with({source}).Observe(static_cast<double>(done.events));
   });
   all.on_collect([&states, &projection](http::samples& out) {
      auto const s = states.snapshots().stats();
      auto const count = [](auto n) { return static_cast<double>(n); };
      out.counter("noetl_snapshots_saved_total", "Snapshots of folded states written", count(s.saved));
      auto const refused = [&](char const* reason, auto n) {
         out.counter("noetl_snapshots_refused_total",
                     "Snapshots not written: a newer one is stored, the log holds unfolded rows of an older server, or "
                     "the database failed",
                     count(n), {{"reason", reason}});
      };
      refused("superseded", s.superseded);
      refused("stale", s.stale);
      refused("failed", s.failed);
      auto const ignored = [&](char const* reason, auto n) {
         out.counter("noetl_snapshots_ignored_total", "Stored snapshots that were not used and cost a full rebuild",
                     count(n), {{"reason", reason}});
      };
      ignored("corrupt", s.corrupt);
      ignored("unreadable", s.unreadable);
      if (s.last_saved)
         out.gauge("noetl_snapshot_age_seconds", "Time since this process last wrote a snapshot",
                   std::chrono::duration<double>(now() - *s.last_saved).count());
      out.counter("noetl_projection_advanced_total", "Executions advanced by POST /api/internal/projection/advance",
                  count(projection.advanced()));
   });
}

} // namespace noetl::control_plane
