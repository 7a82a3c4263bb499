// benchmarks/own_database.hpp: a database that a benchmark makes for itself.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/migrate.hpp>

#include "program.hpp"

namespace noetl::bench {

/// A migrated database of its own, dropped at the end.
class own_database {
public:
   /// \param name  tells several of one program apart
   explicit own_database(std::string const& name = {}) {
      auto how = pg::parse_dsn(required("NOETL_BENCH_PG"));
      if (!how) throw std::runtime_error(how.error().message);
      maintenance_ = *how;
      settings = *how;
      settings.database = "noetl_bench_" + std::to_string(::getpid()) + (name.empty() ? "" : "_" + name);
      pg::connection(maintenance_).script("create database " + settings.database);
      auto const migrated = pg::migrate(settings);
      if (migrated) return;
      drop();
      throw std::runtime_error(migrated.error().message + " " + migrated.error().detail);
   }
   ~own_database() { drop(); }
   own_database(own_database const&) = delete;
   own_database& operator=(own_database const&) = delete;
   pg::settings settings;

private:
   void drop() noexcept {
      try {
         pg::connection(maintenance_).script("drop database " + settings.database + " with (force)");
      } catch (std::exception const& e) {
         std::fprintf(stderr, "the benchmark's database %s stays: %s\n", settings.database.c_str(), e.what());
      }
   }

   pg::settings maintenance_;
};

} // namespace noetl::bench
