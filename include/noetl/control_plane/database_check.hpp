// control_plane/database_check.hpp: are the tables there that the server works with (http-platform.md 13.2, 13.3; M34)?
// Knows pools and which table belongs where; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/gather.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct schema_report {
   std::string status = "ok";
   std::string message;
   bool valid = false; ///< the schema exists
};

struct table_report {
   std::string status = "ok";
   std::string message;
   bool valid = false;               ///< nothing is missing
   std::vector<std::string> tables;  ///< of the schema `noetl` on any database, partitions too, sorted
   std::vector<std::string> missing; ///< with several databases `event on shard 1`
};

/// Looks and changes nothing: the server makes what it needs when it starts. Thread-safe.
class database_check {
public:
   explicit database_check(pg::shard_map& shards) : shards_(shards) {}

   /// Errors: unavailable when a database is away.
   awaitable<result<schema_report>> schema() {
      auto work = [](pg::connection& db) -> result<bool> {
         return db.exec("SELECT to_regnamespace('noetl') IS NOT NULL")[0].get<bool>(0);
      };
      auto exists = co_await shards_.cluster().run(std::move(work));
      if (!exists) co_return std::move(exists).error();
      schema_report report;
      report.valid = *exists;
      report.message =
          *exists ? "The schema exists; the server makes its tables when it starts" : "The schema noetl does not exist";
      co_return report;
   }

   /// Compares every database of the deployment with what is kept there. Errors: unavailable when one is away.
   awaitable<result<table_report>> tables() {
      auto cluster = co_await shards_.cluster().run(&tables_of);
      if (!cluster) co_return std::move(cluster).error();
      auto ask = [this](std::size_t shard) { return shards_.shard(shard).run(&tables_of); };
      auto const shards = co_await gather(shards_.count(), shards_.count(), ask);
      table_report report;
      auto all = *cluster;
      note_missing(report, *cluster, pg::scope::cluster, "");
      for (std::size_t i = 0; i < shards.size(); ++i) {
         if (!shards[i]) co_return shards[i].error();
         all.insert(shards[i]->begin(), shards[i]->end());
         note_missing(report, *shards[i], pg::scope::execution,
                      shards.size() == 1 ? "" : " on shard " + std::to_string(i));
      }
      report.tables.assign(all.begin(), all.end());
      report.valid = report.missing.empty();
      report.message = report.valid ? "Every table is there"
                                    : std::to_string(report.missing.size()) +
                                          " tables are missing; the server makes them when it starts";
      co_return report;
   }

private:
   using names = std::set<std::string>;

   static result<names> tables_of(pg::connection& db) {
      names found;
      for (auto const row : db.exec("SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace('noetl')"
                                    " AND c.relkind IN ('r', 'p')"))
         found.insert(row.get<std::string>(0));
      return found;
   }

   static void note_missing(table_report& report, names const& found, pg::scope where, std::string const& place) {
      for (auto const& [table, scope] : pg::table_scopes)
         if (scope == where && !found.contains(std::string(table)))
            report.missing.push_back(std::string(table) + place);
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
