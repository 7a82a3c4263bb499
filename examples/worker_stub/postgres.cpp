// postgres.cpp: the only file of the worker that includes libpqxx.
#include "postgres.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <pqxx/pqxx>

#include "sql_text.hpp"

namespace stub {

namespace {

// Types by their fixed numbers (PostgreSQL, pg_type.dat).
enum oid : pqxx::oid {
   oid_bool = 16,
   oid_int8 = 20,
   oid_int2 = 21,
   oid_int4 = 23,
   oid_oid = 26,
   oid_json = 114,
   oid_float4 = 700,
   oid_float8 = 701,
   oid_numeric = 1700,
   oid_jsonb = 3802,
};
/// Element type of an array type; 0: no array. Arrays of other types hold texts.
pqxx::oid element_of(pqxx::oid type) {
   switch (type) {
   case 1000: return oid_bool;
   case 1005: return oid_int2;
   case 1007: return oid_int4;
   case 1016: return oid_int8;
   case 1021: return oid_float4;
   case 1022: return oid_float8;
   case 1231: return oid_numeric;
   case 199: return oid_json;
   case 3807: return oid_jsonb;
   case 1009: // text
   case 1015: // varchar
   case 1014: // char
   case 1115: // timestamp
   case 1185: // timestamp with time zone
   case 1182: // date
   case 2951: // uuid
      return 25;
   default: return 0;
   }
}

json number_of(std::string const& text) {
   std::int64_t integer = 0;
   auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), integer);
   if (failed == std::errc{} && end == text.data() + text.size()) return integer;
   double real = 0;
   auto const [real_end, real_failed] = std::from_chars(text.data(), text.data() + text.size(), real);
   bool const fine = real_failed == std::errc{} && real_end == text.data() + text.size() && std::isfinite(real);
   return fine ? json(real) : json(text); // NaN and infinity stay texts
}

json value_of(std::string const& text, pqxx::oid type);

/// `{1,NULL,"a,b",{2}}` (PostgreSQL manual 8.15.6)
json array_of(std::string_view& rest, pqxx::oid element) {
   json out = tao::json::empty_array;
   rest.remove_prefix(1);
   while (!rest.empty() && rest.front() != '}') {
      if (rest.front() == ',') {
         rest.remove_prefix(1);
      } else if (rest.front() == '{') {
         out.emplace_back(array_of(rest, element));
      } else if (rest.front() == '"') {
         std::string item;
         std::size_t i = 1;
         for (; i < rest.size() && rest[i] != '"'; ++i) {
            if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
            item += rest[i];
         }
         rest.remove_prefix(std::min(i + 1, rest.size()));
         out.emplace_back(value_of(item, element));
      } else {
         auto const end = std::min(rest.find_first_of(",}"), rest.size());
         std::string const item(rest.substr(0, end));
         rest.remove_prefix(end);
         out.emplace_back(item == "NULL" ? json(tao::json::null) : value_of(item, element));
      }
   }
   if (!rest.empty()) rest.remove_prefix(1);
   return out;
}

json value_of(std::string const& text, pqxx::oid type) {
   switch (type) {
   case oid_bool: return text == "t";
   case oid_int2:
   case oid_int4:
   case oid_int8:
   case oid_oid:
   case oid_float4:
   case oid_float8:
   case oid_numeric: return number_of(text);
   case oid_json:
   case oid_jsonb: return parsed(text).value_or(json(text));
   default: break;
   }
   if (auto const element = element_of(type); element != 0 && text.starts_with('{')) {
      std::string_view rest = text;
      return array_of(rest, element);
   }
   return text;
}

json answer_of(pqxx::result const& got) {
   json columns = tao::json::empty_array;
   for (pqxx::row_size_type c = 0; c < got.columns(); ++c) columns.emplace_back(std::string(got.column_name(c)));
   json rows = tao::json::empty_array;
   for (auto const& row : got) {
      json one = tao::json::empty_object;
      for (pqxx::row_size_type c = 0; c < got.columns(); ++c)
         one[std::string(got.column_name(c))] =
             row[c].is_null() ? json(tao::json::null)
                              : value_of(std::string(row[c].c_str(), row[c].size()), got.column_type(c));
      rows.emplace_back(std::move(one));
   }
   auto const count =
       got.columns() > 0 ? static_cast<std::int64_t>(got.size()) : static_cast<std::int64_t>(got.affected_rows());
   json out = {{"row_count", count}};
   out["rows"] = std::move(rows);
   out["columns"] = std::move(columns);
   return out;
}

/// As libpq sends it: containers as JSON text, null as NULL.
std::optional<std::string> parameter(json const& value) {
   if (value.is_null()) return std::nullopt;
   return text(value);
}

pqxx::result run_one(pqxx::transaction_base& session, std::string const& sql, json const& parameters) {
   std::vector<std::optional<std::string>> values;
   std::string statement = sql;
   if (parameters.is_array()) {
      for (auto const& one : parameters.get_array()) values.push_back(parameter(one));
   } else if (parameters.is_object()) {
      auto bound = with_numbers(sql);
      statement = std::move(bound.sql);
      for (auto const& name : bound.names) {
         auto const* value = parameters.find(name);
         if (value == nullptr) throw std::invalid_argument("parameter '" + name + "' has no value in params");
         values.push_back(parameter(*value));
      }
   }
   if (values.empty()) return session.exec(statement);
#if PQXX_VERSION_MAJOR < 7
   std::vector<char const*> texts; // a null pointer is NULL
   for (auto const& one : values) texts.push_back(one ? one->c_str() : nullptr);
   return session.exec_params(statement, pqxx::prepare::make_dynamic_params(texts));
#else
   pqxx::params all;
   for (auto const& one : values) one ? all.append(*one) : all.append();
#if PQXX_VERSION_MINOR >= 10 || PQXX_VERSION_MAJOR > 7
   return session.exec(statement, all);
#else
   return session.exec_params(statement, all);
#endif
#endif
}

json run_all(pqxx::transaction_base& session, sql_request const& request) {
   json all = tao::json::empty_array;
   json shown = tao::json::null;
   for (auto const& sql : request.statements) {
      auto one = answer_of(run_one(session, sql, request.parameters));
      if (shown.is_null() || !one.at("columns").get_array().empty() || shown.at("columns").get_array().empty())
         shown = one;
      all.emplace_back(std::move(one));
   }
   if (request.statements.size() > 1) shown["statements"] = std::move(all);
   return shown;
}

/// The first line, which says what is wrong; later ones may quote the statement.
std::string first_line(std::string const& message) {
   return storable(message.substr(0, message.find('\n')));
}

} // namespace

sql_outcome run_sql(sql_request const& request) {
   sql_outcome out;
   std::unique_ptr<pqxx::connection> link;
   try {
      link = std::make_unique<pqxx::connection>(request.connection);
#if PQXX_VERSION_MAJOR < 7
      link->set_verbosity(pqxx::connection_base::terse);
#else
      link->set_verbosity(pqxx::error_verbosity::terse);
#endif
      pqxx::nontransaction(*link).exec("set statement_timeout = " + std::to_string(request.timeout.count()));
   } catch (std::exception const& e) {
      out.unreachable = first_line(e.what());
      return out;
   }
   bool const own = std::any_of(request.statements.begin(), request.statements.end(), [](std::string const& one) {
      auto const word = first_word(one);
      return word == "begin" || word == "start" || word == "commit" || word == "rollback";
   });
   try {
      if (request.statements.size() == 1 || own) {
         pqxx::nontransaction session(*link);
         out.data = run_all(session, request);
      } else {
         pqxx::work session(*link);
         out.data = run_all(session, request);
         session.commit();
      }
   } catch (pqxx::broken_connection const& e) {
      out.unreachable = first_line(e.what());
   } catch (std::exception const& e) {
      out.refused = first_line(e.what());
   }
   return out;
}

} // namespace stub
