// examples/server/upkeep.cpp: makes the orchestrator and its helpers and connects them.
#include "upkeep.hpp"

#include <cstddef>
#include <utility>

#include <noetl/control_plane/announcements.hpp>
#include <noetl/control_plane/claim_leases.hpp>
#include <noetl/control_plane/reconciler.hpp>
#include <noetl/control_plane/snapshot_keeper.hpp>
#include <noetl/workflow/orchestrator.hpp>

namespace server {
namespace {

namespace cp = noetl::control_plane;

noetl::workflow::orchestrator_settings orchestrator_settings(cp::configuration const& config) {
   noetl::workflow::orchestrator_settings settings;
   settings.server_url = config.noetl.public_server_url;
   settings.cached_executions = config.noetl.state_cache_executions;
   settings.cached_bytes = config.noetl.state_cache_bytes;
   settings.snapshot_events = config.noetl.projector_owns_snapshot ? 0 : config.noetl.snapshot_events;
   return settings;
}

cp::lease_settings lease_settings(cp::configuration const& config) {
   cp::lease_settings settings;
   settings.lease = config.noetl.claim_lease;
   settings.limit = config.noetl.claim_limit;
   return settings;
}

} // namespace

struct upkeep::impl {
   impl(boost::asio::any_io_executor executor, cp::configuration const& given, noetl::event_store& store,
        noetl::workflow::workflow_states& states, noetl::id_generator ids, cp::playbook_library& library)
       : keeper(executor, states, store.shards().count(), {.retention = given.noetl.snapshot_retention}),
         orchestrator(
             executor, store, states, ids, [&library](noetl::catalog_id id) { return library.find(id); },
             orchestrator_settings(given)),
         announcements(
             store, [&library](noetl::catalog_id id) { return library.find(id); }, given.noetl.public_server_url),
         reconciler(
             executor, store, [this](noetl::execution_id id) { orchestrator.wake(id); },
             [this] { return orchestrator.stats().active; }, [this] { return orchestrator.cached(); },
             [this](std::size_t shard) { return announcements.make_missing(shard); }),
         leases(executor, store, ids, lease_settings(given)) {}

   cp::snapshot_keeper keeper;
   noetl::workflow::orchestrator orchestrator;
   cp::announcements announcements;
   cp::reconciler reconciler;
   cp::claim_leases leases;
};

upkeep::upkeep(boost::asio::any_io_executor executor, cp::configuration const& config, noetl::event_store& store,
               noetl::workflow::workflow_states& states, noetl::id_generator ids, cp::playbook_library& library)
    : impl_(std::make_unique<impl>(std::move(executor), config, store, states, ids, library)) {}

upkeep::~upkeep() = default;

void upkeep::start() {
   impl_->reconciler.start();
   impl_->leases.start();
   impl_->keeper.start();
}

void upkeep::observe(std::span<noetl::event const> committed) {
   impl_->orchestrator.observe(committed);
}

boost::asio::awaitable<noetl::result<noetl::append_result>> upkeep::append(noetl::append_request report) {
   return impl_->orchestrator.append(std::move(report));
}

void upkeep::report(noetl::http::samples& out) const {
   auto const number = [](auto n) { return static_cast<double>(n); };
   auto const runs = impl_->orchestrator.stats();
   out.gauge("noetl_orchestrator_cached", "Executions folded in memory", number(runs.cached));
   out.gauge("noetl_orchestrator_active", "Executions being advanced now", number(runs.active));
   out.counter("noetl_orchestrator_decisions_total", "Decisions appended", number(runs.decisions));
   out.counter("noetl_orchestrator_conflicts_total", "Decisions that another append got in before",
               number(runs.conflicts));
   out.counter("noetl_orchestrator_rebuilds_total", "States rebuilt from the log", number(runs.rebuilds));
   out.counter("noetl_orchestrator_failures_total", "Attempts put off", number(runs.failures));
   auto const leases = impl_->leases.stats();
   out.counter("noetl_leases_offered_again_total", "Commands taken back from workers that vanished or did not report",
               number(leases.offered_again));
   out.counter("noetl_leases_given_up_total", "Commands failed because they were claimed in vain too often",
               number(leases.given_up));
}

} // namespace server
