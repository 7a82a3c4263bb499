// postgres_tool.cpp: the postgres tool, also the claims of cursor loops.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "postgres.hpp"
#include "sql_text.hpp"
#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {

/// `connection`, or libpq keywords from the fields of `auth` or of the tool itself, with or without `db_` before them.
/// What they do not say is libpq's default: PGHOST, PGUSER and so on.
std::string connection_of(json const& config) {
   auto const& auth = at(config, "auth");
   if (auto const whole = text(at(config, "connection")); !whole.empty()) return whole;
   auto const& fields = auth.is_object() ? auth : config;
   std::string out;
   auto const add = [&](char const* keyword, std::initializer_list<char const*> names, std::string value = {}) {
      for (auto const* name : names)
         if (auto const& found = at(fields, name); !found.is_null()) value = text(found);
      if (value.empty()) return;
      out += std::string(out.empty() ? "" : " ") + keyword + "='";
      for (char const c : value) (c == '\'' || c == '\\' ? out += '\\' : out) += c;
      out += "'";
   };
   add("host", {"db_host", "host"});
   add("port", {"db_port", "port"});
   add("user", {"db_user", "username", "user"});
   add("password", {"db_password", "password"});
   add("dbname", {"db_name", "dbname", "db_database", "database"});
   add("connect_timeout", {"connect_timeout"}, "10");
   return out;
}

} // namespace

asio::awaitable<tool_result> tools::postgres(json config) {
   sql_request request;
   request.connection = connection_of(config);
   request.timeout = timeout_of(config, 30);
   request.parameters = at(config, "params");
   auto const& sql = at(config, "query").is_null() ? at(config, "command", "commands") : at(config, "query");
   if (sql.is_array()) {
      for (auto const& one : sql.get_array())
         for (auto& statement : statements_of(text(one))) request.statements.push_back(std::move(statement));
   } else {
      request.statements = statements_of(text(sql));
   }
   if (request.statements.empty()) throw tool_error{"postgres: query or command is missing"};
   auto const work = [](sql_request r) -> asio::awaitable<sql_outcome> { co_return run_sql(r); };
   auto job = work(std::move(request));
   auto done = co_await asio::co_spawn(threads_, std::move(job), asio::use_awaitable);
   if (!done.unreachable.empty()) throw tool_error{"postgres: " + done.unreachable};
   if (!done.refused.empty()) throw tool_error{"postgres: " + done.refused};
   json context = {{"data", std::move(done.data)}};
   co_return finished("success", std::move(context));
}

} // namespace stub
