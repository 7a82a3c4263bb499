// pg/migrate.hpp: brings a database, empty or in use, to the schema that pg/migrations.hpp describes. Additive only.
// Knows pg/connection.hpp; looks at the catalogue first and runs only what is missing (spec
// schema.md 10.1, 10.2, 10.6).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <xxhash.h>

#include <noetl/core/hex.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/index_build.hpp>
#include <noetl/pg/detail/session.hpp>
#include <noetl/pg/migrations.hpp>
#include <noetl/pg/partitions.hpp>

namespace noetl::pg {

struct migration_report {
   std::vector<std::string> applied{}; ///< what was done; empty on a database that was ready
   std::vector<std::string>
       skipped{}; ///< what could not be done and is not needed to run, as sentences for the operator
};

namespace detail {
inline void add_to(migration_report& report, partition_report partitions) {
   for (auto& name : partitions.created) report.applied.push_back("partition " + std::move(name));
   for (auto& why : partitions.skipped) report.skipped.push_back(std::move(why));
}
} // namespace detail

/// Hash of all that a migration does, 16 hexadecimal digits.
inline std::string checksum(migration const& m) {
   std::string all(m.name);
   for (auto const& one : m.steps)
      for (auto part : {one.table, one.name, one.sql}) all.append(1, '\0').append(part);
   return hex_text(XXH64(all.data(), all.size(), 0));
}

namespace detail {

/// Walks the steps inside one transaction. Used once.
class migrator {
public:
   migrator(connection& db, std::span<migration const> list) : db_(db), list_(list) {}

   /// \pre inside a transaction that holds the advisory lock
   result<migration_report> apply() {
      if (auto ready = bookkeeping(); !ready) return ready.error();
      auto const known = applied();
      std::vector<migration const*> open;
      for (auto const& one : list_) {
         auto const found = known.find(one.version);
         if (found == known.end())
            open.push_back(&one);
         else if (found->second != checksum(one))
            return fail(error_code::database,
                        "migration " + label(one) + " was changed after it was applied to this database");
      }
      for (auto const* one : open)
         for (auto const& s : one->steps) check_right(s);
      if (!lacking_.empty()) return lacking();
      for (auto const* one : open) {
         for (auto const& s : one->steps) run(s);
         db_.exec("insert into noetl.schema_migration (version, name, checksum, applied_by) values ($1, $2, $3, "
                  "session_user)",
                  one->version, one->name, checksum(*one));
         report_.applied.push_back("migration " + label(*one));
      }
      if (auto usable = check_use(); !usable) return usable.error();
      // A table in use gets its partitions after this transaction, without stopping its writers.
      if (created_.contains("event")) add_to(report_, ensure_event_partitions(db_, now()));
      return std::move(report_);
   }

private:
   static std::string label(migration const& m) { return std::to_string(m.version) + " (" + std::string(m.name) + ")"; }

   bool yes(rows const& answer) { return !answer.empty() && as<std::optional<bool>>(answer[0][0]).value_or(false); }

   result<void> bookkeeping() {
      if (!yes(db_.exec("select to_regnamespace('noetl') is not null"))) {
         if (!yes(db_.exec("select has_database_privilege(current_database(), 'CREATE')")))
            return fail(error_code::database,
                        "the database has no schema noetl and its role may not create one: an owner must run "
                        "CREATE SCHEMA noetl AUTHORIZATION <role>");
         db_.script("create schema noetl");
      }
      if (yes(db_.exec("select to_regclass('noetl.schema_migration') is not null"))) return {};
      if (!may_create()) {
         lacking_["CREATE on schema noetl"].push_back("table schema_migration");
         return {};
      }
      db_.script("create table noetl.schema_migration (version integer primary key, name text not null, checksum text "
                 "not null, "
                 "applied_at timestamptz not null default now(), applied_by text not null, detail jsonb not null "
                 "default '{}')");
      return {};
   }

   std::map<int, std::string> applied() {
      std::map<int, std::string> out;
      if (!lacking_.empty()) return out;
      for (auto const row : db_.exec("select version, checksum from noetl.schema_migration"))
         out.emplace(row.get<int>(0), row.get<std::string>(1));
      return out;
   }

   bool may_create() { return yes(db_.exec("select has_schema_privilege('noetl', 'CREATE')")); }
   bool table_exists(std::string_view table) {
      return yes(db_.exec("select to_regclass('noetl.' || $1::text) is not null", table));
   }
   bool owns(std::string_view table) {
      return yes(db_.exec(
          "select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('noetl.' || $1::text)", table));
   }
   bool not_null(step const& s) {
      return yes(db_.exec(
          "select attnotnull from pg_attribute where attrelid = to_regclass('noetl.' || $1::text) and attname = $2",
          s.table, s.name));
   }

   bool exists(step const& s) {
      switch (s.kind) {
      case step_kind::table:
      case step_kind::sequence: return table_exists(s.name);
      case step_kind::index: return table_exists(s.name);
      case step_kind::function:
         return yes(db_.exec(
             "select exists (select 1 from pg_proc where pronamespace = 'noetl'::regnamespace and proname = $1)",
             s.name));
      case step_kind::column:
         return yes(
             db_.exec("select exists (select 1 from pg_attribute where attrelid = to_regclass('noetl.' || $1::text) "
                      "and attname = $2 and not attisdropped)",
                      s.table, s.name));
      case step_kind::constraint:
         return yes(
             db_.exec("select exists (select 1 from pg_constraint where conrelid = to_regclass('noetl.' || $1::text) "
                      "and conname = $2)",
                      s.table, s.name));
      case step_kind::relax: return !not_null(s);
      case step_kind::seed: return false;
      }
      return false;
   }

   /// Notes the right that a missing object needs and the role does not have. A table that does not exist yet will be
   /// ours.
   void check_right(step const& s) {
      if (exists(s)) return;
      auto const object = std::string(s.name);
      switch (s.kind) {
      case step_kind::table:
      case step_kind::sequence:
      case step_kind::function:
         if (!may_create()) lacking_["CREATE on schema noetl"].push_back(object);
         break;
      case step_kind::column:
      case step_kind::constraint:
         if (table_exists(s.table) && !owns(s.table))
            lacking_["ownership of noetl." + std::string(s.table)].push_back(object);
         break;
      case step_kind::seed:
         if (table_exists(s.table) &&
             !yes(db_.exec("select has_table_privilege('noetl.' || $1::text, 'INSERT, UPDATE')", s.table)))
            lacking_["INSERT and UPDATE on noetl." + std::string(s.table)].push_back(object);
         break;
      case step_kind::index:
      case step_kind::relax: break;
      }
   }

   error lacking() {
      std::string text = "the database role lacks rights:";
      for (auto const& [right, objects] : lacking_) {
         text += " " + right + " (for ";
         for (auto const& one : objects) text += (&one == &objects.front() ? "" : ", ") + one;
         text += ");";
      }
      text.back() = '.';
      return fail(error_code::database, text);
   }

   void run(step const& s) {
      if (exists(s)) return;
      switch (s.kind) {
      case step_kind::relax:
         if (!owns(s.table)) {
            report_.skipped.push_back("noetl." + std::string(s.table) + "." + std::string(s.name) +
                                      " stays NOT NULL: the role does not own the table");
            return;
         }
         db_.script("alter table noetl." + std::string(s.table) + " alter column " + std::string(s.name) +
                    " drop not null");
         break;
      case step_kind::index:
         if (!created_.contains(s.table)) return; // a table in use: built later without blocking its writers
         db_.script(index_statement(s, "", s.name, "noetl." + std::string(s.table)));
         return;
      case step_kind::column:
         db_.script(s.sql.find("alter table") != std::string_view::npos
                        ? std::string(s.sql)
                        : "alter table noetl." + std::string(s.table) + " add column " + std::string(s.name) + " " +
                              std::string(s.sql));
         break;
      case step_kind::table: created_.insert(s.table); [[fallthrough]];
      default: db_.script(s.sql);
      }
      if (s.kind != step_kind::seed) report_.applied.push_back(std::string(s.table) + "." + std::string(s.name));
   }

   /// Rights to work with the tables, all named in one sentence.
   result<void> check_use() {
      for (auto const& m : list_)
         for (auto const& s : m.steps) {
            if (s.kind != step_kind::table) continue;
            for (auto const* right : {"SELECT", "INSERT", "UPDATE", "DELETE"})
               if ((*right != 'D' || rows_are_deleted(s.name)) &&
                   !yes(db_.exec("select has_table_privilege('noetl.' || $1::text, $2)", s.name, right)))
                  lacking_[right].push_back("noetl." + std::string(s.name));
         }
      // The only column whose values we leave to a sequence; where it is an identity column, no right is needed.
      for (auto const row :
           db_.exec("select c.relname from pg_depend d join pg_class c on c.oid = d.objid "
                    "where d.classid = 'pg_class'::regclass and d.refclassid = d.classid "
                    "and d.refobjid = to_regclass('noetl.outbox') and d.deptype = 'a' "
                    "and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'USAGE') end"))
         lacking_["USAGE"].push_back("sequence noetl." + row.get<std::string>(0));
      if (!lacking_.empty()) return lacking();
      return {};
   }

   connection& db_;
   std::span<migration const> list_;
   std::map<std::string, std::vector<std::string>> lacking_{};
   std::set<std::string_view> created_{};
   migration_report report_{};
};

} // namespace detail

/// Builds the indexes that tables in use still lack, one after the other and without blocking writers; may take long on
/// a big event table, so a server runs it in the background. Safe to run in several processes and to repeat after a
/// crash.
inline result<migration_report> build_missing_indexes(settings how, std::span<migration const> list = migrations,
                                                      std::stop_token stop = {}) {
   migration_report report;
   how.statement_timeout = std::chrono::milliseconds(0);
   try {
      connection db(how);
      std::stop_callback const cut(stop, [&db] { db.interrupt(); });
      for (auto const& m : list)
         for (auto const& s : m.steps) {
            if (s.kind != step_kind::index) continue;
            auto const text = detail::index_statement(s, "", s.name, "noetl." + std::string(s.table));
            try {
               if (detail::state_of(db, std::string(s.name)).valid) continue;
               if (detail::build_index(db, s)) report.applied.push_back("index " + std::string(s.name));
            } catch (sql_error const& e) {
               report.skipped.push_back("index " + std::string(s.name) + " is missing (" + e.sqlstate() +
                                        "); an owner should run: " + text);
            }
         }
   } catch (connection_lost const& e) {
      return fail(error_code::unavailable, "the database is not reachable", e.what());
   }
   return report;
}

struct migrate_options {
   std::chrono::milliseconds patience{
       60'000};               ///< how long to wait for another migrator, for locks, and for the database
   bool build_indexes = true; ///< false: the caller runs build_missing_indexes and keep_event_partitions_ahead itself
   std::stop_token stop{};    ///< ends it at once with `unavailable`; a half-built index is built anew by the next one
};

/// Migrates. Several servers may do it at the same moment: one works, the others wait and find nothing to do.
/// Errors: `database` with one sentence that names every missing right or the changed migration, `unavailable`.
inline result<migration_report> migrate(settings how, migrate_options options = {},
                                        std::span<migration const> list = migrations) {
   auto const deadline = std::chrono::steady_clock::now() + options.patience;
   how.statement_timeout = std::chrono::milliseconds(0);
   error last = fail(error_code::unavailable, "another process holds the migration lock");
   auto pause = detail::reconnecting();
   std::optional<migration_report> report; // once the tables are there
   do {
      try {
         connection db(how);
         std::stop_callback const cut(options.stop, [&db] { db.interrupt(); });
         if (db.server_version() < 150000) return fail(error_code::database, "PostgreSQL 15 or newer is needed");
         if (!report) {
            db.begin();
            // Polled instead of awaited: a waiter inside a statement would hold up concurrent index builds.
            if (as<bool>(db.exec("select pg_try_advisory_xact_lock($1)", detail::migration_lock)[0][0])) {
               db.script("set local lock_timeout = '2s'");
               detail::migrator work(db, list);
               auto made = work.apply();
               if (!made) {
                  db.rollback();
                  return made;
               }
               db.commit();
               report = *std::move(made);
            } else {
               db.rollback();
            }
         }
         if (report) {
            if (options.build_indexes) {
               detail::add_to(*report, keep_event_partitions_ahead(db, now()));
               auto built = build_missing_indexes(how, list, options.stop);
               if (!built) return built;
               report->applied.insert(report->applied.end(), built->applied.begin(), built->applied.end());
               report->skipped.insert(report->skipped.end(), built->skipped.begin(), built->skipped.end());
            }
            return *std::move(report);
         }
      } catch (sql_error const& e) {
         last = detail::to_error(e);
         if (!e.transient()) return last;
      } catch (connection_lost const& e) {
         last = fail(error_code::unavailable, "the database is not reachable", e.what());
      }
      std::this_thread::sleep_for(std::min(pause.next(), std::chrono::milliseconds(300)));
   } while (std::chrono::steady_clock::now() < deadline && !options.stop.stop_requested());
   return last;
}

} // namespace noetl::pg
