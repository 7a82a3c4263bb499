// control_plane/result_metrics.hpp: how often results are stored and looked up, and how long that takes
// (http-execution.md section 18). Knows http/metrics.hpp.
#pragma once

#include <chrono>
#include <string_view>

#include <noetl/core/result.hpp>
#include <noetl/http/metrics.hpp>

namespace noetl::control_plane {

/// Thread-safe; lives no longer than the metrics it was made with.
class result_metrics {
   using clock = std::chrono::steady_clock;

public:
   explicit result_metrics(http::metrics& all)
       : puts_(all.counters("noetl_result_store_put_total", "Results stored", {"status"})),
         resolves_(all.counters("noetl_result_store_resolve_total", "Results looked up", {"status"})),
         put_took_(all.histograms("noetl_result_store_put_duration_seconds", "Time to store a result", {"status"})),
         resolve_took_(
             all.histograms("noetl_result_store_resolve_duration_seconds", "Time to look a result up", {"status"})) {}

   void put(bool stored, clock::time_point begin) { tell(puts_, put_took_, stored ? "ok" : "error", begin); }
   /// \param why  none when the result was found
   void resolved(error const* why, clock::time_point begin) {
      auto const status = why == nullptr                         ? "ok"
                          : why->code == error_code::not_found   ? "not_found"
                          : why->code == error_code::bad_request ? "bad_request"
                                                                 : "error";
      tell(resolves_, resolve_took_, status, begin);
   }

private:
   static void tell(http::labelled<prometheus::Counter>& counts, http::labelled<prometheus::Histogram>& times,
                    std::string_view status, clock::time_point begin) {
      counts.with({status}).Increment();
      times.with({status}).Observe(std::chrono::duration<double>(clock::now() - begin).count());
   }

   http::labelled<prometheus::Counter>& puts_;
   http::labelled<prometheus::Counter>& resolves_;
   http::labelled<prometheus::Histogram>& put_took_;
   http::labelled<prometheus::Histogram>& resolve_took_;
};

} // namespace noetl::control_plane
