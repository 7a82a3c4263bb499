// A database of its own for a test program, made through NOETL_TEST_PG and dropped at the end.
#pragma once

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/settings.hpp>

namespace noetl::test {

inline bool has_postgres() {
   auto const* dsn = std::getenv("NOETL_TEST_PG");
   return dsn && *dsn;
}

/// Settings of the maintenance database.
inline pg::settings maintenance() {
   auto const* dsn = std::getenv("NOETL_TEST_PG");
   auto parsed = pg::parse_dsn(dsn ? dsn : "");
   if (!parsed) throw std::runtime_error("NOETL_TEST_PG: " + parsed.error().message);
   parsed->application_name = "noetl-test";
   return *parsed;
}

class database {
public:
   explicit database(std::string const& prefix = "noetl_test") {
      static int count = 0;
      name_ = prefix + "_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
      pg::connection db(maintenance());
      db.script("create database " + name_);
   }
   ~database() {
      try {
         pg::connection db(maintenance());
         db.script("drop database if exists " + name_ + " with (force)");
      } catch (std::exception const&) {
         // The server went away with the test; nothing is left to clean.
      }
   }
   database(database const&) = delete;
   database& operator=(database const&) = delete;

   [[nodiscard]] pg::settings settings() const {
      auto how = maintenance();
      how.database = name_;
      how.max_connections = 4;
      return how;
   }
   [[nodiscard]] std::string const& name() const { return name_; }

private:
   std::string name_;
};

} // namespace noetl::test
