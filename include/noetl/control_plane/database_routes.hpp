// control_plane/database_routes.hpp: /api/db and /api/postgres. Mount database_routes with database_check, sql_routes
// with sql_service and sql_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/database_check.hpp>
#include <noetl/control_plane/sql_gate.hpp>
#include <noetl/control_plane/sql_service.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<schema_report>> check_schema(database_check& check) {
   return check.schema();
}

inline awaitable<result<table_report>> check_tables(database_check& check) {
   return check.tables();
}

inline awaitable<result<sql_answer>> execute_sql(sql_service& sql, http::body<sql_request> request) {
   return sql.execute(std::move(request.value));
}

inline constexpr auto database_routes =
    http::under<"/api/db">(http::post<"/init", check_schema>.summary("Whether the schema exists; makes nothing"),
                           http::get<"/validate", check_tables>.summary("Which tables are there, which are missing"))
        .tag("database");

inline constexpr auto sql_routes =
    http::guarded_by<require_sql_access>(
        http::under<"/api/postgres">(http::post<"/execute", execute_sql>.summary("Run one SQL statement")))
        .tag("database");

} // namespace noetl::control_plane
