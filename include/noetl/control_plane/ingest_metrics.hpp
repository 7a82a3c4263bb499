// control_plane/ingest_metrics.hpp: how many events came in and how long that took, by type (http-execution.md section
// 18). Knows http/metrics.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <noetl/http/metrics.hpp>

namespace noetl::control_plane {

/// Label value of an event type. Producers choose their types freely, so only known ones are shown (W31).
constexpr std::string_view type_label(std::string_view event_type) noexcept {
   constexpr std::array known{std::string_view{"playbook_started"},  std::string_view{"playbook.completed"},
                              std::string_view{"playbook.failed"},   std::string_view{"ctx.updated"},
                              std::string_view{"step.enter"},        std::string_view{"step.exit"},
                              std::string_view{"step.skipped"},      std::string_view{"command.issued"},
                              std::string_view{"command.claimed"},   std::string_view{"command.started"},
                              std::string_view{"command.completed"}, std::string_view{"command.failed"},
                              std::string_view{"call.done"},         std::string_view{"call.error"}};
   return std::ranges::find(known, event_type) == known.end() ? std::string_view{"other"} : event_type;
}

/// Thread-safe; lives no longer than the metrics it was made with.
class ingest_metrics {
public:
   explicit ingest_metrics(http::metrics& all)
       : events_(all.counters("noetl_events_ingested_total", "Events reported by POST /api/events",
                              {"event_type", "status"})),
         durations_(all.histograms("noetl_event_ingest_duration_seconds", "Time from request to commit of one event",
                                   {"event_type"})) {}

   void observe(std::string_view event_type, bool stored, std::chrono::steady_clock::duration took) {
      auto const label = type_label(event_type);
      events_.with({label, stored ? std::string_view{"ok"} : std::string_view{"error"}}).Increment();
      durations_.with({label}).Observe(std::chrono::duration<double>(took).count());
   }

private:
   http::labelled<prometheus::Counter>& events_;
   http::labelled<prometheus::Histogram>& durations_;
};

} // namespace noetl::control_plane
