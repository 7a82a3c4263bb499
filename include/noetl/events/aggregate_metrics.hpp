// events/aggregate_metrics.hpp: calls that change aggregates, by action and by what came of them. Knows
// http/metrics.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/events/aggregates.hpp>
#include <noetl/http/metrics.hpp>

namespace noetl {

/// Adds the counts of one kind to a program's metrics. Both live until the last scrape; call once per kind.
template <aggregate A>
void report_aggregates(http::metrics& all, aggregates<A> const& kind) {
   all.on_collect([&kind](http::samples& out) {
      std::string const name(aggregate_name<A>);
      auto const number = [](std::uint64_t n) { return static_cast<double>(n); };
      kind.counts().each([&](std::string_view action, std::string_view outcome, std::uint64_t calls) {
         if (calls == 0) return;
         out.counter("noetl_aggregate_actions_total", "Creations and actions, by what came of them", number(calls),
                     {{"aggregate", name}, {"action", std::string(action)}, {"outcome", std::string(outcome)}});
      });
      out.counter("noetl_aggregate_conflicts_total", "Appends that lost a race and were judged again",
                  number(kind.counts().conflicts.load()), {{"aggregate", name}});
      out.counter("noetl_aggregate_repeats_total", "Calls with an idempotency key that was known",
                  number(kind.counts().repeats.load()), {{"aggregate", name}});
   });
}

} // namespace noetl
