// pg/detail/index_build.hpp: builds an index on a table in use without blocking its writers.
// Knows pg/connection.hpp. Way: PostgreSQL manual, CREATE INDEX, "Building Indexes Concurrently", and 5.11.2.2.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/migrations.hpp>

namespace noetl::pg::detail {

struct index_state {
   bool exists = false;
   bool valid = false;
   bool building = false;
};

inline index_state state_of(connection& db, std::string const& name) {
   auto const found = db.exec("select i.indisvalid, exists (select 1 from pg_stat_progress_create_index p "
                              "where p.index_relid = i.indexrelid) from pg_index i "
                              "where i.indexrelid = to_regclass('noetl.' || $1::text)",
                              name);
   if (found.empty()) return {};
   return {true, as<bool>(found[0][0]), as<bool>(found[0][1])};
}

/// `create [unique] index [concurrently] name on [only] table rest`
inline std::string index_statement(step const& wanted, std::string_view how, std::string_view name,
                                   std::string_view on) {
   auto rest = wanted.sql;
   bool const unique = rest.starts_with("unique ");
   if (unique) rest.remove_prefix(7);
   return "create " + std::string(unique ? "unique index " : "index ") + std::string(how) + std::string(name) + " on " +
          std::string(on) + " " + std::string(rest);
}

/// Runs a statement that needs a strong lock for a moment, so that it never queues for long in front of others' work.
inline void with_short_lock(connection& db, std::string const& statement) {
   for (int attempt = 1;; ++attempt) {
      try {
         db.begin();
         db.script("set local lock_timeout = '2s'");
         db.script(statement);
         db.commit();
         return;
      } catch (sql_error const& e) {
         db.rollback();
         if (!e.transient() || attempt == 10) throw;
         std::this_thread::sleep_for(std::chrono::milliseconds(200));
      }
   }
}

/// Builds one index on one plain table; does nothing when it is there or when another process builds it now.
inline bool build_on_table(connection& db, step const& wanted, std::string const& name, std::string const& table) {
   auto const state = state_of(db, name);
   if (state.valid || state.building) return state.valid;
   if (state.exists) db.script("drop index concurrently if exists noetl." + name); // left over from a build that died
   db.script(index_statement(wanted, "concurrently if not exists ", name, "noetl." + table));
   return true;
}

/// Builds `wanted` (an index step) on a table with rows. \return false when another process is at it
inline bool build_index(connection& db, step const& wanted) {
   std::string const name(wanted.name);
   std::string const table(wanted.table);
   bool const partitioned =
       !db.exec("select 1 from pg_partitioned_table where partrelid = to_regclass('noetl.' || $1::text)", table)
            .empty();
   if (!partitioned) return build_on_table(db, wanted, name, table);
   if (!state_of(db, name).exists)
      with_short_lock(db, index_statement(wanted, "if not exists ", name, "only noetl." + table));
   bool complete = true;
   auto const children =
       db.exec("select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
               "where i.inhparent = to_regclass('noetl.' || $1::text) and not exists ("
               "  select 1 from pg_inherits a join pg_index x on x.indexrelid = a.inhrelid "
               "  where a.inhparent = to_regclass('noetl.' || $2::text) and x.indrelid = c.oid) order by c.relname",
               table, name);
   for (auto const row : children) {
      auto const child = as<std::string>(row[0]);
      auto const child_index = child.substr(0, 62 - name.size()) + "_" + name;
      if (!build_on_table(db, wanted, child_index, child)) {
         complete = false;
         continue;
      }
      with_short_lock(db, "alter index noetl." + name + " attach partition noetl." + child_index);
   }
   return complete;
}

} // namespace noetl::pg::detail
