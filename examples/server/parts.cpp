// examples/server/parts.cpp: makes the parts and connects them; the order in which they start and stop.
#include "parts.hpp"
#include "application.hpp"

#include <chrono>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <noetl/control_plane/snapshot_metrics.hpp>

#include "command_relay.hpp"
#include "databases.hpp"
#include "event_stream.hpp"
#include "figures.hpp"
#include "secrets.hpp"
#include "upkeep.hpp"

namespace server {
namespace {

unsigned machine_id(cp::server_settings const& how) {
   if (how.server_machine_id) return static_cast<unsigned>(how.server_machine_id->value());
   auto const* host = std::getenv("HOSTNAME");
   if (host == nullptr) host = std::getenv("COMPUTERNAME");
   auto const derived = noetl::machine_id_for(host == nullptr ? "noetl-server-local" : host);
   return derived == 1023 ? 1022 : derived; // 1023 belongs to noetl.snowflake_id()
}

cp::outbox_service_settings outbox_service_settings(cp::configuration const& config) {
   cp::outbox_service_settings settings;
   settings.lease = std::chrono::seconds{config.noetl.outbox_lease};
   settings.max_attempts = config.noetl.outbox_max_attempts;
   return settings;
}

/// Appends have connections of their own, with a back-off of their own.
bool writers_connected(noetl::event_store const& store) {
   for (std::size_t i = 0; i < store.shard_count(); ++i)
      if (!store.writer_stats(i).connected) return false;
   return true;
}

} // namespace

parts::parts(boost::asio::io_context& io, cp::configuration const& given)
    : io_(io), config(given), events(std::make_unique<event_stream>(given.noetl, shard_settings(given))),
      ids(machine_id(given.noetl)), shards(shard_settings(given), cluster_settings(given)),
      relay(std::make_unique<command_relay>(given.noetl, shards)), store(shards, ids), catalog(shards),
      library(catalog), dedup(shards, store),
      executions(store, catalog, library, dedup, ids, given.noetl.public_server_url), batches(executions), list(shards),
      views(shards), figures(shards, list), cancellations(store, ids),
      variables(shards), identity{given.noetl.shard_index, given.noetl.shard_count}, callbacks(store),
      called_back(metrics), commands(store, ids, issued),
      ingest(store, ids, [this](noetl::append_request report) { return upkeep->append(std::move(report)); }),
      ingested(metrics), written(metrics), workers(shards, ids, {.leased_claims = given.noetl.claim_lease.count() > 0}),
      subscriptions(shards, store, ids, {.drain_limit = given.noetl.subscription_drain_limit}),
      subscribed(metrics, subscriptions), gate(given.noetl.internal_api_token.value), check(shards), sql(shards),
      sql_gate(gate, given.noetl.sql_endpoint == cp::sql_access::open),
      secrets(std::make_unique<secret_parts>(given, shards, ids, metrics, catalog, subscriptions, written, gate)),
      outbox(shards, outbox_service_settings(given)), projector(shards), cleanup(shards),
      states(shards, {.build = "noetl-server " + std::string(cp::compatible_version)}), projection(states),
      replays(shards), upkeep(std::make_unique<server::upkeep>(io.get_executor(), given, store, states, ids, library)),
      databases(std::make_unique<database_keeper>(given)),
      health(
          shards, [this] { return relay->bus(); }, [this] { return databases->ready() && writers_connected(store); }) {
   executions.strict_tool_status(given.noetl.strict_tool_status);
   states.before_fold([this](std::vector<noetl::event>& facts) { return secrets->resolve(facts); });
   health.watch_event_stream([this] { return events->state(); });
   store.on_committed([this](std::span<noetl::event const> committed) {
      issued.observe(committed);
      upkeep->observe(committed);
      if (!committed.empty()) events->committed(shards.index_of(committed.front().execution_id));
   });
   store.on_outbox([this](std::size_t shard, std::span<noetl::outbox_row const> rows) { relay->offer(shard, rows); });
   cp::report_snapshots(metrics, states, projection);
   report_figures(metrics, {shards, outbox, projector, cleanup, *upkeep, *events, *relay});
}

parts::~parts() {
   stop();
}

void parts::start() {
   databases->start(
       [this] {
          upkeep->start();
          outbox.start(io_.get_executor());
          events->start();
       },
       [this] { io_.stop(); });
}

void parts::stop() {
   using std::chrono::milliseconds;
   store.stop(milliseconds{500}); // first: what it still commits is told to parts that live
   databases->stop();
   events->stop();
   relay->stop();
   shards.stop(milliseconds{200}); // also cuts off what the relay could not write down
   relay->join();
}

std::optional<noetl::error> parts::failure() const {
   return databases->failure();
}

application::application(boost::asio::io_context& io, cp::configuration const& config)
    : parts_(std::make_unique<parts>(io, config)) {}
application::~application() = default;
noetl::http::router application::routes() {
   return make_router(*parts_);
}
noetl::http::metrics& application::metrics() {
   return parts_->metrics;
}
void application::start() {
   parts_->start();
}
void application::stop() {
   parts_->stop();
}
std::optional<noetl::error> application::failure() const {
   return parts_->failure();
}

} // namespace server
