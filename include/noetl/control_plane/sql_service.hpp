// control_plane/sql_service.hpp: one SQL statement of an operator (http-platform.md 13.1, defect D-03).
// Knows pools; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/base64.hpp>
#include <noetl/control_plane/sql_rows_json.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct sql_request {
   std::optional<std::string> query;
   std::optional<std::string> query_base64;         ///< the query once more; it wins
   std::optional<std::string> procedure;            ///< a statement too, when there is no query
   std::optional<std::vector<raw_json>> parameters; ///< $1, $2, ...: null is NULL, containers are JSON text
   std::optional<std::string> db_schema;            ///< where names without a schema are looked up
   std::optional<std::string> database;             ///< ours, or the request is refused
   std::optional<std::string> credential;           ///< refused: nothing connects elsewhere
   std::optional<std::string> connection_string;    ///< refused likewise
   using json_rules = rules<alias<"db_schema", "schema">>;
};

struct sql_outcome {
   raw_json rows{};       ///< array of objects, empty for a statement without rows
   std::string refusal{}; ///< state and message of PostgreSQL when it refused the statement; may quote values of it
};

/// Runs statements of others on the cluster's database, each in a transaction and a session of its own: what it sets,
/// locks or listens to ends with it (not PREPARE TRANSACTION, which PostgreSQL does not allow unless told to). Bound by
/// the session's statement time-out. Thread-safe.
class sql_service {
public:
   static constexpr std::size_t most_bytes = 16 * 1024 * 1024; ///< of an answer
   static constexpr int most_at_once = 2;                      ///< statements, so that the pool serves others, too

   explicit sql_service(pg::shard_map& shards) : pool_(shards.cluster()) {}

   /// Rows of queries are fetched piece by piece, so an answer that is too large costs little memory; those of
   /// RETURNING, EXPLAIN and the like arrive whole. Errors: validation (no statement, bad base64, too few or too many
   /// parameters, another database wanted, an answer above most_bytes, which undoes the statement), unavailable (two
   /// statements are running, the database is away or the session was lost).
   awaitable<result<sql_outcome>> execute(sql_request request) {
      auto statement = statement_of(request);
      if (!statement) co_return std::move(statement).error();
      if (request.credential || request.connection_string)
         co_return fail(error_code::validation, std::string(request.credential ? "credential" : "connection_string") +
                                                    ": statements run on this server's database only");
      turn const mine(running_);
      if (!mine.granted) co_return fail(error_code::unavailable, "other statements are running; try again");
      auto work = [sql = *std::move(statement), values = values_of(request), schema = std::move(request.db_schema),
                   database = std::move(request.database)](pg::connection& db) -> result<sql_outcome> {
         last_use const only(db);
         try {
            return answer(db, sql, values, schema.value_or(""), database.value_or(""));
         } catch (pg::sql_error const& refused) {
            if (refused.is("08P01") || refused.is("22021"))
               return fail(error_code::validation, std::string("parameters: ") + refused.what());
            return sql_outcome{.refusal = refused.sqlstate() + ": " + refused.what()};
         }
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   using values = std::vector<std::optional<std::string>>;

   /// Ends when its coroutine is destroyed, which at the program's end may be after the service.
   struct turn {
      explicit turn(std::shared_ptr<std::atomic<int>> of)
          : running(std::move(of)), granted(running->fetch_add(1) < most_at_once) {}
      ~turn() { running->fetch_sub(1); }
      turn(turn const&) = delete;
      turn& operator=(turn const&) = delete;
      std::shared_ptr<std::atomic<int>> running;
      bool granted;
   };

   /// However the statement ends, nobody else gets its session.
   struct last_use {
      explicit last_use(pg::connection& of) : db(of) {}
      ~last_use() { db.retire(); }
      last_use(last_use const&) = delete;
      last_use& operator=(last_use const&) = delete;
      pg::connection& db;
   };

   static result<std::string> statement_of(sql_request const& request) {
      auto const* given = request.query ? &request.query : &request.procedure;
      std::optional<std::string> decoded;
      if (request.query_base64) {
         decoded = decode_base64_text(*request.query_base64);
         if (!decoded) return fail(error_code::validation, "query_base64: expected base64 of UTF-8 text");
         given = &decoded;
      }
      if (!*given || (*given)->find_first_not_of(" \t\r\n;") == std::string::npos)
         return fail(error_code::validation, "query: one of query, query_base64 and procedure must hold a statement");
      if ((*given)->find('\0') != std::string::npos)
         return fail(error_code::validation, "query: a statement holds no zero byte");
      return **given;
   }

   static values values_of(sql_request const& request) {
      values out;
      for (auto const& one : request.parameters.value_or(std::vector<raw_json>{})) {
         if (one.empty() || one.text == "null")
            out.emplace_back();
         else if (auto text = from_json<std::string>(one.text))
            out.push_back(*std::move(text));
         else
            out.emplace_back(one.text);
      }
      return out;
   }

   static result<sql_outcome> answer(pg::connection& db, std::string const& sql, values const& values,
                                     std::string const& schema, std::string const& database) {
      std::vector<pg::param> const params(values.begin(), values.end());
      json_rows out(most_bytes);
      auto fetched = db.transaction([&]() -> result<bool> {
         if (!database.empty() && db.exec("SELECT current_database()")[0].get<std::string_view>(0) != database)
            return fail(error_code::validation, "database: statements run on this server's database only");
         prepare_session(db, schema);
         return fetch(db, sql, params, out);
      });
      if (!fetched) return std::move(fetched).error();
      if (!*fetched) {
         auto run = db.transaction([&]() -> result<void> {
            prepare_session(db, schema);
            auto took = out.add(db.query(sql, params));
            clear_pooled(db);
            return took;
         });
         if (!run) return std::move(run).error();
      }
      return sql_outcome{.rows = raw_json(std::move(out).take())};
   }

   static void prepare_session(pg::connection& db, std::string const& schema) {
      db.exec("SET LOCAL cursor_tuple_fraction = 1");
      if (!schema.empty()) db.exec("SELECT set_config('search_path', quote_ident($1), true)", schema);
   }

   /// Fetches the rows of a query in pieces of about a megabyte.
   /// \return whether it was a query; otherwise nothing has happened
   static result<bool> fetch(pg::connection& db, std::string const& sql, std::vector<pg::param> const& params,
                             json_rows& out) {
      try {
         db.query("DECLARE noetl_rows NO SCROLL CURSOR FOR " + sql, params);
      } catch (pg::sql_error const&) { // no query, or one that says so itself when it is run
         db.rollback();
         db.begin();
         return false;
      }
      for (std::size_t count = 16, begin = out.size();; begin = out.size()) {
         auto const piece = db.query("FETCH FORWARD " + std::to_string(count) + " FROM noetl_rows");
         if (auto took = out.add(piece); !took) return std::move(took).error();
         if (piece.data.size() < count) break;
         count = std::clamp<std::size_t>(count * piece_bytes / std::max<std::size_t>(out.size() - begin, 1), 1, 4096);
      }
      clear_pooled(db);
      return true;
   }

   /// A transaction pooler keeps the session: what the statement may have changed in it is undone before COMMIT.
   static void clear_pooled(pg::connection& db) {
      if (!db.pooled()) return;
      db.script("CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();"
                " DISCARD TEMP");
   }

   static constexpr std::size_t piece_bytes = 1024 * 1024;

   pg::pool& pool_;
   std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
};

} // namespace noetl::control_plane
