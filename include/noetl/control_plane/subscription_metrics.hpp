// control_plane/subscription_metrics.hpp: registrations and transitions by outcome. Knows http/metrics.hpp.
#pragma once

#include <string_view>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/control_plane/subscriptions.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/metrics.hpp>

namespace noetl::control_plane {

/// Thread-safe; lives no longer than the metrics and the service it was made with.
class subscription_metrics {
public:
   subscription_metrics(http::metrics& all, subscription_service const& service)
       : registrations_(all.counters("noetl_subscription_registrations_total",
                                     "Calls that register a subscription, by what came of them", {"outcome"})),
         transitions_(all.counters("noetl_subscription_transitions_total",
                                   "Actions on subscriptions, by action and by what came of them",
                                   {"action", "outcome"})) {
      all.on_collect([&service](http::samples& out) {
         out.counter("noetl_subscription_conflicts_total",
                     "Registrations and transitions that another one got in before, and that were decided again",
                     static_cast<double>(service.conflicts()));
      });
   }

   void registered(result<subscription_registration> const& came) {
      auto const outcome = !came ? failure(came.error()) : came->created ? "created" : "reused";
      registrations_.with({outcome}).Increment();
   }
   void acted(std::string_view action, result<subscription_view> const& came) {
      auto const* const known = subscription_lifecycle::find_action(action);
      transitions_.with({known == nullptr ? "unknown" : known->name, came ? "moved" : failure(came.error())})
          .Increment();
   }

private:
   static constexpr std::string_view failure(error const& why) noexcept {
      switch (why.code) {
      case error_code::validation: return "refused";
      case error_code::not_found: return "not_found";
      case error_code::conflict: return "conflict";
      case error_code::unavailable: return "unavailable";
      default: return "error";
      }
   }

   http::labelled<prometheus::Counter>& registrations_;
   http::labelled<prometheus::Counter>& transitions_;
};

} // namespace noetl::control_plane
