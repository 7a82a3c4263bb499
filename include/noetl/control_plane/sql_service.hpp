// control_plane/sql_service.hpp: one SQL statement of an operator (http-platform.md 13.1, defect D-03).
// Knows pools; knows nothing of HTTP.
#pragma once

#include <cstddef>
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

struct sql_answer {
   std::string status = "ok";
   raw_json result; ///< array of objects, empty for a statement without rows
};

/// Runs statements of others on the cluster's database, each in a transaction and a session of its own: whatever it
/// sets, locks or listens to ends with it. Statements are bound by the session's statement time-out. Thread-safe.
class sql_service {
public:
   static constexpr std::size_t most_bytes = 16 * 1024 * 1024; ///< of an answer

   explicit sql_service(pg::shard_map& shards) : pool_(shards.cluster()) {}

   /// Errors: validation (no statement, bad base64, another database wanted, an answer above most_bytes, which undoes
   /// the statement), database with what PostgreSQL said: here the statement is the caller's own.
   awaitable<result<sql_answer>> execute(sql_request request) {
      auto statement = statement_of(request);
      if (!statement) co_return std::move(statement).error();
      if (request.credential || request.connection_string)
         co_return fail(error_code::validation, std::string(request.credential ? "credential" : "connection_string") +
                                                    ": statements run on this server's database only");
      auto work = [sql = *std::move(statement), values = values_of(request), schema = std::move(request.db_schema),
                   database = std::move(request.database)](pg::connection& db) -> result<sql_answer> {
         try {
            auto answer = db.transaction([&] { return run(db, sql, values, schema, database); });
            db.retire();
            return answer;
         } catch (pg::sql_error const& refused) {
            db.retire();
            return fail(error_code::database, text_of(refused), refused.what());
         }
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   using values = std::vector<std::optional<std::string>>;

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

   static result<sql_answer> run(pg::connection& db, std::string const& sql, values const& values,
                                 std::optional<std::string> const& schema, std::optional<std::string> const& database) {
      if (database && db.exec("SELECT current_database()")[0].get<std::string_view>(0) != *database)
         return fail(error_code::validation, "database: statements run on this server's database only");
      if (schema) db.exec("SELECT set_config('search_path', quote_ident($1), true)", *schema);
      std::vector<pg::param> const params(values.begin(), values.end());
      auto text = to_json_array(db.query(sql, params), most_bytes);
      if (!text)
         return fail(error_code::validation,
                     "query: its rows take more than " + std::to_string(most_bytes) + " bytes; add a LIMIT");
      return sql_answer{.result = raw_json(*std::move(text))};
   }

   /// `42P01 relation "x" does not exist`, without what libpq puts around it.
   static std::string text_of(pg::sql_error const& refused) {
      std::string_view text = refused.what();
      while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
      return refused.sqlstate() + (refused.sqlstate().empty() ? "" : " ") + std::string(text);
   }

   pg::pool& pool_;
};

} // namespace noetl::control_plane
