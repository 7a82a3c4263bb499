// control_plane/write_metrics.hpp: how often callers write, how long that takes, and what starts of executions came to
// (http-execution.md section 18). Knows http/metrics.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/http/metrics.hpp>

namespace noetl::control_plane {

/// Thread-safe; lives no longer than the metrics it was made with.
class write_metrics {
public:
   explicit write_metrics(http::metrics& all)
       : requests_(all.counters("noetl_write_requests_total", "Requests that write, by endpoint and outcome",
                                {"endpoint", "status"})),
         durations_(all.histograms("noetl_write_request_duration_seconds", "Time from request to commit of a write",
                                   {"endpoint"})),
         outcomes_(all.counters("noetl_execute_outcomes_total", "Starts of executions by what came of them",
                                {"entry", "outcome"})),
         batch_sizes_(all.histogram("noetl_execute_batch_size", "Starts asked for by one batch",
                                    {1, 5, 10, 25, 50, 100, 250, 500, 1000})) {}

   /// Does `work` and counts it. \param endpoint  a literal: `catalog_register`, `runtime_heartbeat` and so on
   template <class T>
   boost::asio::awaitable<result<T>> measured(std::string_view endpoint, boost::asio::awaitable<result<T>> work) {
      auto const begin = std::chrono::steady_clock::now();
      auto done = co_await std::move(work);
      std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
      requests_.with({endpoint, done ? std::string_view{"ok"} : std::string_view{"error"}}).Increment();
      durations_.with({endpoint}).Observe(took.count());
      co_return done;
   }

   /// One start that was answered. \param entry  `single` or `batch` \param outcome  `new`, `duplicate` or `error`
   void started(std::string_view entry, std::string_view outcome) { outcomes_.with({entry, outcome}).Increment(); }

   /// One batch of starts that was taken on.
   void batch(std::size_t size) { batch_sizes_.Observe(static_cast<double>(size)); }

private:
   http::labelled<prometheus::Counter>& requests_;
   http::labelled<prometheus::Histogram>& durations_;
   http::labelled<prometheus::Counter>& outcomes_;
   prometheus::Histogram& batch_sizes_;
};

} // namespace noetl::control_plane
