// control_plane/database_routes.hpp: /api/db and /api/postgres. Mount database_routes with database_check, sql_routes
// with sql_service and sql_gate.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <noetl/control_plane/database_check.hpp>
#include <noetl/control_plane/sql_gate.hpp>
#include <noetl/control_plane/sql_service.hpp>
#include <noetl/http/route.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

inline awaitable<result<schema_report>> check_schema(database_check& check) {
   return check.schema();
}

inline awaitable<result<table_report>> check_tables(database_check& check) {
   return check.tables();
}

/// `{"status":"ok","result":[...]}`, or `{"error":"...","status":500}` for a refused statement.
struct sql_answer {
   std::optional<std::string> error;
   raw_json status;
   std::optional<raw_json> result;
   using json_rules = rules<omit_empty<"error", "result">>;
};

/// A refusal is an answer here and not an error: the log of errors must not quote what statements hold.
inline awaitable<result<http::reply<sql_answer>>> execute_sql(sql_service& sql, http::body<sql_request> request) {
   auto outcome = co_await sql.execute(std::move(request.value));
   if (!outcome) co_return std::move(outcome).error();
   http::reply<sql_answer> answer;
   if (outcome->refusal.empty()) {
      answer.body.status = raw_json(R"("ok")");
      answer.body.result = std::move(outcome->rows);
   } else {
      answer.status = 500;
      answer.body.error = std::move(outcome->refusal);
      answer.body.status = raw_json("500");
   }
   co_return answer;
}

inline constexpr auto database_routes =
    http::under<"/api/db">(http::post<"/init", check_schema>.summary("Whether the schema exists; makes nothing"),
                           http::get<"/validate", check_tables>.summary("Which tables are there, which are missing"))
        .tag("database");

inline constexpr auto sql_routes =
    http::guarded_by<require_access<sql_gate>>(
        http::under<"/api/postgres">(http::post<"/execute", execute_sql>.summary("Run one SQL statement")))
        .tag("database");

} // namespace noetl::control_plane
