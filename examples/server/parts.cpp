// examples/server/parts.cpp: makes the parts, connects them, starts and stops what runs by itself.
#include "parts.hpp"
#include "application.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/control_plane/snapshot_metrics.hpp>
#include <noetl/core/log.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>

#include "bus.hpp"
#include "event_stream.hpp"
#include "figures.hpp"
#include "secrets.hpp"
#include "upkeep.hpp"

namespace server {
namespace {

namespace log = noetl::log;
namespace pg = noetl::pg;

unsigned machine_id(cp::server_settings const& how) {
   if (how.server_machine_id) return static_cast<unsigned>(how.server_machine_id->value());
   auto const* host = std::getenv("HOSTNAME");
   if (host == nullptr) host = std::getenv("COMPUTERNAME");
   auto const derived = noetl::machine_id_for(host == nullptr ? "noetl-server-local" : host);
   return derived == 1023 ? 1022 : derived; // 1023 belongs to noetl.snowflake_id()
}

pg::settings primary_settings(cp::configuration const& config) {
   pg::settings settings;
   settings.host = config.postgres.host;
   settings.port = static_cast<std::uint16_t>(config.postgres.port.value());
   settings.user = config.postgres.user;
   settings.password = config.postgres.password.value;
   settings.database = config.postgres.database;
   settings.max_connections = static_cast<std::size_t>(config.postgres.max_connections.value());
   settings.acquire_timeout = config.postgres.acquire_timeout;
   settings.statement_timeout = config.noetl.pg_statement_timeout;
   settings.statement_cache = config.noetl.pg_statement_cache_capacity;
   settings.application_name = "noetl-server";
   return settings;
}

/// Every database of the deployment: shards in order, then the cluster's own, if it has one. Texts were checked by
/// main.
std::vector<pg::settings> shard_settings(cp::configuration const& config) {
   auto const base = primary_settings(config);
   auto shards = pg::parse_shards(config.noetl.shards.value, base).value();
   if (shards.empty()) shards.push_back(base);
   return shards;
}

std::optional<pg::settings> cluster_settings(cp::configuration const& config) {
   if (config.noetl.cluster_dsn.value.empty()) return std::nullopt;
   return pg::parse_dsn(config.noetl.cluster_dsn.value, primary_settings(config)).value();
}

cp::subscription_settings subscription_settings(cp::configuration const& config) {
   cp::subscription_settings settings;
   settings.drain_limit = config.noetl.subscription_drain_limit;
   return settings;
}

noetl::outbox_settings outbox_settings(cp::configuration const& config) {
   noetl::outbox_settings settings;
   settings.announce_again = config.noetl.reannounce_after;
   return settings;
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

struct parts::background {
   mutable std::mutex mutex; // of relay and failure
   std::unique_ptr<noetl::outbox_relay<command_bus>> relay;
   std::condition_variable_any pause;              // of the migrator
   std::optional<pg::partition_keeper> partitions; // made by the migrator
   std::jthread migrator;
   std::atomic<bool> migrated{false};
   std::optional<noetl::error> failure;
};

parts::parts(boost::asio::io_context& io, cp::configuration const& given)
    : io_(io), background_(std::make_unique<background>()),
      events(std::make_unique<event_stream>(given.noetl, shard_settings(given))), config(given),
      ids(machine_id(given.noetl)), shards(shard_settings(given), cluster_settings(given)), store(shards, ids),
      catalog(shards), library(catalog), dedup(shards, store),
      executions(store, catalog, library, dedup, ids, given.noetl.public_server_url), batches(executions), list(shards),
      views(shards), figures(shards, list), cancellations(store, ids),
      variables(shards), identity{given.noetl.shard_index, given.noetl.shard_count}, callbacks(store),
      called_back(metrics), commands(store, ids, issued),
      ingest(store, ids, [this](noetl::append_request report) { return upkeep->append(std::move(report)); }),
      ingested(metrics), written(metrics), workers(shards, ids, {.leased_claims = given.noetl.claim_lease.count() > 0}),
      subscriptions(shards, store, ids, subscription_settings(given)), subscribed(metrics, subscriptions),
      gate(given.noetl.internal_api_token.value), check(shards), sql(shards),
      sql_gate(gate, given.noetl.sql_endpoint == cp::sql_access::open),
      secrets(std::make_unique<secret_parts>(given, shards, ids, metrics, catalog, subscriptions, written, gate)),
      outbox(shards, outbox_service_settings(given)), projector(shards), cleanup(shards),
      states(shards, {.build = "noetl-server " + std::string(cp::compatible_version)}), projection(states),
      replays(shards), upkeep(std::make_unique<server::upkeep>(io.get_executor(), given, store, states, ids, library)),
      bus(given.noetl.nats_url.value.empty() ? nullptr : std::make_unique<command_bus>(given.noetl)),
      health(
          shards, [this] { return bus ? bus->state() : cp::bus_state::not_configured; },
          [this] { return background_->migrated.load() && writers_connected(store); }) {
   executions.strict_tool_status(given.noetl.strict_tool_status);
   states.before_fold([this](std::vector<noetl::event>& facts) { return secrets->resolve(facts); });
   health.watch_event_stream([this] { return events->state(); });
   store.on_committed([this](std::span<noetl::event const> committed) {
      issued.observe(committed);
      upkeep->observe(committed);
      if (!committed.empty()) events->committed(shards.index_of(committed.front().execution_id));
   });
   store.on_outbox([this](std::size_t shard, std::span<noetl::outbox_row const> rows) {
      std::lock_guard const lock(background_->mutex);
      if (background_->relay) background_->relay->offer(shard, rows);
   });
   if (bus) {
      background_->relay = std::make_unique<noetl::outbox_relay<command_bus>>(shards, *bus, outbox_settings(given));
      bus->on_usable([this] {
         std::lock_guard const lock(background_->mutex);
         if (background_->relay) background_->relay->wake();
      });
   }
   cp::report_snapshots(metrics, states, projection);
   report_figures(metrics, {shards, outbox, projector, cleanup, *upkeep, *events, bus.get(), [this] {
                               std::lock_guard const lock(background_->mutex);
                               return background_->relay ? background_->relay->stats() : noetl::outbox_stats{};
                            }});
}

parts::~parts() {
   stop();
}

void parts::start() {
   background_->migrator = std::jthread([this](std::stop_token stop) {
      auto databases = shard_settings(config);
      if (auto cluster = cluster_settings(config)) databases.push_back(*std::move(cluster));
      for (auto const& database : databases) {
         for (;;) {
            auto report =
                pg::migrate(database, {.patience = std::chrono::seconds{5}, .build_indexes = false, .stop = stop});
            if (report) {
               for (auto const& done : report->applied) log::debug("database.step", {{"done", done}});
               log::info("database.ready", {{"database", database.database}, {"changes", report->applied.size()}});
               for (auto const& open : report->skipped) log::warn("database.not_migrated", {{"step", open}});
               break;
            }
            if (stop.stop_requested()) return;
            if (report.error().code != noetl::error_code::unavailable) {
               std::lock_guard const lock(background_->mutex);
               background_->failure = report.error();
               io_.stop();
               return;
            }
            log::warn("database.waiting", {{"host", database.host}, {"reason", report.error().message}});
         }
      }
      background_->migrated = true;
      upkeep->start();
      outbox.start(io_.get_executor());
      events->start();
      background_->partitions.emplace(databases).start();
      // Tables in use get their indexes while the server serves; that may take hours.
      for (auto const& database : databases) {
         auto report = pg::build_missing_indexes(database, pg::migrations, stop);
         while (!report && !stop.stop_requested()) {
            log::warn("database.indexes", {{"database", database.database}, {"open", report.error().message}});
            std::unique_lock lock(background_->mutex);
            background_->pause.wait_for(lock, stop, std::chrono::minutes{1}, [] { return false; });
            lock.unlock();
            report = pg::build_missing_indexes(database, pg::migrations, stop);
         }
         if (!report) return;
         for (auto const& done : report->applied) log::info("database.index", {{"done", done}});
         for (auto const& open : report->skipped) log::warn("database.not_migrated", {{"step", open}});
      }
   });
}

void parts::stop() {
   using std::chrono::milliseconds;
   store.stop(milliseconds{500}); // first: what it still commits is told to parts that live
   background_->migrator = {};
   background_->partitions.reset();
   events->stop();
   std::unique_ptr<noetl::outbox_relay<command_bus>> relay;
   {
      std::lock_guard const lock(background_->mutex);
      relay = std::move(background_->relay);
   }
   // The relay writes down what it published; a database that does not answer must not hold it.
   auto ended = std::async(std::launch::async, [last = std::move(relay)]() mutable { last.reset(); });
   ended.wait_for(milliseconds{300});
   shards.stop(milliseconds{200});
}

std::optional<noetl::error> parts::failure() const {
   std::lock_guard const lock(background_->mutex);
   return background_->failure;
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
