// http/metrics.hpp: Prometheus metrics of a program, and those of an HTTP server (prometheus-cpp core).
// Knows core and http/router.hpp. Names, units and bucket bounds in the sense of Prometheus: seconds, totals.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/route.hpp>
#include <noetl/http/router.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http {

/// Bounds of the duration histograms, in seconds.
inline std::vector<double> const& duration_bounds() {
   static std::vector<double> const bounds{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
   return bounds;
}

/// Metrics of one name, told apart by labels. At most `limit` combinations of label values are kept; whatever comes
/// later is counted under "other", so that no caller can make the server remember everything it says. Thread-safe.
template <class Metric>
class labelled {
public:
   labelled(prometheus::Family<Metric>& family, std::vector<std::string> names, std::size_t limit,
            std::function<Metric&(prometheus::Family<Metric>&, prometheus::Labels const&)> make)
       : family_(family), names_(std::move(names)), limit_(limit), make_(std::move(make)) {}

   /// The metric for these label values, in the order of the names. It lives as long as the family.
   Metric& with(std::initializer_list<std::string_view> values) {
      std::string key;
      for (auto value : values) (key += value) += '\0';
      std::scoped_lock const lock(mutex_);
      if (auto const at = known_.find(key); at != known_.end()) return *at->second;
      bool const full = known_.size() >= limit_;
      prometheus::Labels labels;
      auto value = values.begin();
      for (auto const& name : names_)
         labels.emplace(name, full || value == values.end() ? "other" : std::string(*value++));
      auto& metric = make_(family_, labels);
      if (!full) known_.emplace(std::move(key), &metric);
      return metric;
   }

private:
   prometheus::Family<Metric>& family_;
   std::vector<std::string> const names_;
   std::size_t const limit_;
   std::function<Metric&(prometheus::Family<Metric>&, prometheus::Labels const&)> const make_;
   std::mutex mutex_;
   std::map<std::string, Metric*> known_;
};

/// Receives the values that are read at the moment of a scrape.
class samples {
public:
   /// \param labels  their values must come from a bounded set
   void gauge(std::string const& name, std::string const& help, double value,
              std::initializer_list<std::pair<char const*, std::string>> labels = {}) {
      add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
   }
   /// For totals that something else counts.
   void counter(std::string const& name, std::string const& help, double value,
                std::initializer_list<std::pair<char const*, std::string>> labels = {}) {
      add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
   }
   [[nodiscard]] std::vector<prometheus::MetricFamily> take() {
      std::vector<prometheus::MetricFamily> all;
      for (auto& [name, family] : families_) all.push_back(std::move(family));
      return all;
   }

private:
   prometheus::ClientMetric& add(std::string const& name, std::string const& help, prometheus::MetricType type,
                                 std::initializer_list<std::pair<char const*, std::string>> labels) {
      auto& family = families_[name];
      family.name = name;
      family.help = help;
      family.type = type;
      auto& metric = family.metric.emplace_back();
      for (auto const& [key, value] : labels) metric.label.push_back({key, value});
      return metric;
   }
   std::map<std::string, prometheus::MetricFamily> families_;
};

/// The metrics of a program. What it returns lives as long as it does. Thread-safe.
class metrics {
public:
   /// \throws std::invalid_argument when a name is no metric name or already means something else
   prometheus::Counter& counter(std::string const& name, std::string const& help) {
      return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add({});
   }
   prometheus::Gauge& gauge(std::string const& name, std::string const& help) {
      return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add({});
   }
   prometheus::Histogram& histogram(std::string const& name, std::string const& help,
                                    std::vector<double> const& bounds = duration_bounds()) {
      return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_).Add({}, bounds);
   }
   /// `all.counters("noetl_events_total", "Events taken in", {"status"}).with({"ok"}).Increment()`
   /// A known name gives what it gave before, with the limit of then. \throws as counter; other labels or another help
   /// text mean something else
   labelled<prometheus::Counter>& counters(std::string const& name, std::string const& help,
                                           std::vector<std::string> labels, std::size_t limit = default_limit) {
      std::scoped_lock const lock(mutex_);
      check_meaning(name, help, labels);
      auto& known = counters_[name];
      if (!known)
         known = std::make_unique<labelled<prometheus::Counter>>(
             prometheus::BuildCounter().Name(name).Help(help).Register(*registry_), std::move(labels), limit,
             [](auto& of, prometheus::Labels const& values) -> prometheus::Counter& { return of.Add(values); });
      return *known;
   }
   /// As counters; bounds, too, are those of the first call.
   labelled<prometheus::Histogram>& histograms(std::string const& name, std::string const& help,
                                               std::vector<std::string> labels,
                                               std::vector<double> bounds = duration_bounds(),
                                               std::size_t limit = default_limit) {
      std::scoped_lock const lock(mutex_);
      check_meaning(name, help, labels);
      auto& known = histograms_[name];
      if (!known)
         known = std::make_unique<labelled<prometheus::Histogram>>(
             prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_), std::move(labels), limit,
             [bounds = std::move(bounds)](auto& of, prometheus::Labels const& values) -> prometheus::Histogram& {
                return of.Add(values, bounds);
             });
      return *known;
   }

   /// Calls `read` at every scrape, on the scraping thread and under the lock of this object: it must be quick, must
   /// not throw and must not call this object. Nothing takes it away again, so what it refers to lives as long as the
   /// scrapes go on.
   void on_collect(std::function<void(samples&)> read) {
      std::scoped_lock const lock(mutex_);
      readers_.push_back(std::move(read));
   }

   /// Everything in the text format 0.0.4.
   [[nodiscard]] std::string text() const {
      auto families = registry_->Collect();
      samples read_now;
      {
         std::scoped_lock const lock(mutex_);
         for (auto const& read : readers_) read(read_now);
      }
      for (auto& family : read_now.take()) families.push_back(std::move(family));
      return prometheus::TextSerializer().Serialize(families);
   }

   static constexpr std::size_t default_limit = 200;

private:
   // \pre mutex_ is held. prometheus-cpp itself looks at the type only.
   void check_meaning(std::string const& name, std::string const& help, std::vector<std::string> const& labels) {
      auto const at = meanings_.try_emplace(name, help, labels).first;
      if (at->second != std::pair(help, labels))
         throw std::invalid_argument("the metric " + name + " is known with other labels or another help text");
   }

   std::unique_ptr<prometheus::Registry> registry_ =
       std::make_unique<prometheus::Registry>(prometheus::Registry::InsertBehavior::Merge);
   mutable std::mutex mutex_;
   std::map<std::string, std::unique_ptr<labelled<prometheus::Counter>>> counters_;
   std::map<std::string, std::unique_ptr<labelled<prometheus::Histogram>>> histograms_;
   std::map<std::string, std::pair<std::string, std::vector<std::string>>> meanings_; // help and labels of the labelled
   std::vector<std::function<void(samples&)>> readers_;
};

/// Handler of `GET /metrics`.
inline result<response> show_metrics(metrics const& all) {
   return text_response(all.text(), 200, "text/plain; version=0.0.4; charset=utf-8");
}

inline constexpr auto metrics_routes = routes<services<metrics const>>(
    get<"/metrics", show_metrics>.summary("Metrics in the Prometheus text format").tag("operation"));

/// Counts the answers of a server by route pattern, method and status class, and measures their time. Labels are
/// bounded by the route table: an unknown path is "unmatched". Thread-safe; made before the server starts, lives longer
/// than it.
class http_metrics final : public request_observer {
   static constexpr std::array<std::string_view, 6> classes{"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

   // Filled at first use, so that routes nobody calls take no room in the text.
   struct of_route {
      std::array<std::atomic<prometheus::Counter*>, classes.size()> answers{};
      std::atomic<prometheus::Histogram*> duration{nullptr};
   };

public:
   http_metrics(metrics& all, std::span<route_entry const> routes)
       : routes_(routes), of_routes_(std::make_unique<of_route[]>(routes.size() + 1)),
         answers_(all.counters("noetl_http_requests_total", "HTTP requests answered", {"route", "method", "status"},
                               metrics_limit(routes))),
         durations_(all.histograms("noetl_http_request_duration_seconds",
                                   "Time from the end of a request's head to its answer", {"route", "method"},
                                   duration_bounds(), metrics_limit(routes))) {}

   void answered(route_match const& match, request const&, response const& answer,
                 std::chrono::steady_clock::duration took) noexcept override {
      auto const index = match ? static_cast<std::size_t>(match.route - routes_.data()) : routes_.size();
      auto& mine = of_routes_[index];
      auto const status = answer.status >= 100 && answer.status < 600 ? answer.status / 100 : 0;
      auto const pattern = match ? match.route->pattern() : std::string_view("unmatched");
      auto const method = to_text(match ? match.route->method : verb::other);
      auto* counter = mine.answers[status].load(std::memory_order_acquire);
      if (counter == nullptr) {
         counter = &answers_.with({pattern, method, classes[status]});
         mine.answers[status].store(counter, std::memory_order_release);
      }
      counter->Increment();
      auto* duration = mine.duration.load(std::memory_order_acquire);
      if (duration == nullptr) {
         duration = &durations_.with({pattern, method});
         mine.duration.store(duration, std::memory_order_release);
      }
      duration->Observe(std::chrono::duration<double>(took).count());
   }

private:
   static std::size_t metrics_limit(std::span<route_entry const> routes) {
      return (routes.size() + 1) * classes.size();
   }

   std::span<route_entry const> routes_;
   std::unique_ptr<of_route[]> of_routes_;
   labelled<prometheus::Counter>& answers_;
   labelled<prometheus::Histogram>& durations_;
};

} // namespace noetl::http
