// examples/server/databases.cpp: where the databases are; their migrations, partitions and late indexes.
#include "databases.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include <noetl/core/log.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/partition_keeper.hpp>

namespace server {
namespace {

namespace cp = noetl::control_plane;
namespace log = noetl::log;
namespace pg = noetl::pg;

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

void tell_skipped(pg::migration_report const& report) {
   for (auto const& open : report.skipped) log::warn("database.not_migrated", {{"step", open}});
}

} // namespace

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

struct database_keeper::impl {
   explicit impl(std::vector<pg::settings> given) : databases(std::move(given)) {}

   /// Empty when it was done, or when it was stopped.
   std::optional<noetl::error> migrate(pg::settings const& database, std::stop_token const& stop) {
      for (;;) {
         auto report =
             pg::migrate(database, {.patience = std::chrono::seconds{5}, .build_indexes = false, .stop = stop});
         if (report) {
            for (auto const& done : report->applied) log::debug("database.step", {{"done", done}});
            log::info("database.ready", {{"database", database.database}, {"changes", report->applied.size()}});
            tell_skipped(*report);
            return std::nullopt;
         }
         if (stop.stop_requested()) return std::nullopt;
         if (report.error().code != noetl::error_code::unavailable) return report.error();
         log::warn("database.waiting", {{"host", database.host}, {"reason", report.error().message}});
      }
   }

   /// Tables in use get their indexes while the server serves; that may take hours.
   void build_indexes(pg::settings const& database, std::stop_token const& stop) {
      auto report = pg::build_missing_indexes(database, pg::migrations, stop);
      while (!report && !stop.stop_requested()) {
         log::warn("database.indexes", {{"database", database.database}, {"open", report.error().message}});
         std::unique_lock lock(mutex);
         pause.wait_for(lock, stop, std::chrono::minutes{1}, [] { return false; });
         lock.unlock();
         report = pg::build_missing_indexes(database, pg::migrations, stop);
      }
      if (!report) return;
      for (auto const& done : report->applied) log::info("database.index", {{"done", done}});
      tell_skipped(*report);
   }

   void run(std::stop_token const& stop, std::function<void()> const& tell_ready,
            std::function<void()> const& tell_failed) {
      for (auto const& database : databases) {
         if (auto problem = migrate(database, stop)) {
            {
               std::lock_guard const lock(mutex);
               failure = std::move(problem);
            }
            return tell_failed();
         }
         if (stop.stop_requested()) return;
      }
      ready = true;
      tell_ready();
      partitions.emplace(databases).start();
      for (auto const& database : databases) {
         if (stop.stop_requested()) return;
         build_indexes(database, stop);
      }
   }

   std::vector<pg::settings> const databases;
   std::atomic<bool> ready{false};
   mutable std::mutex mutex; // of failure; the pause waits with it
   std::optional<noetl::error> failure;
   std::condition_variable_any pause;
   std::optional<pg::partition_keeper> partitions; // made by the worker
   std::jthread worker;                            // last: it ends before what it uses
};

database_keeper::database_keeper(cp::configuration const& config) {
   auto databases = shard_settings(config);
   if (auto cluster = cluster_settings(config)) databases.push_back(*std::move(cluster));
   impl_ = std::make_unique<impl>(std::move(databases));
}

database_keeper::~database_keeper() = default;

void database_keeper::start(std::function<void()> ready, std::function<void()> failed) {
   impl_->worker = std::jthread([work = impl_.get(), ready = std::move(ready),
                                 failed = std::move(failed)](std::stop_token stop) { work->run(stop, ready, failed); });
}

void database_keeper::stop() {
   impl_->worker = {};
   impl_->partitions.reset();
}

bool database_keeper::ready() const {
   return impl_->ready;
}

std::optional<noetl::error> database_keeper::failure() const {
   std::lock_guard const lock(impl_->mutex);
   return impl_->failure;
}

} // namespace server
