// control_plane/variables.hpp: variables of executions, noetl.transient (http-execution.md section 15).
// Knows pools; knows nothing of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct variable_wish {
   std::string var_name;
   raw_json var_value; ///< any JSON, null included
   std::string var_type = "user_defined";
   std::optional<std::string> source_step;
   using json_rules = rules<defaulted<"var_type">>;
};

struct variable_view {
   std::string var_name;
   std::string var_type;
   raw_json var_value;
   std::optional<std::string> source_step;
   timestamp created_at{}, accessed_at{};
   std::int32_t access_count = 0;
};

struct variables_set {
   noetl::execution_id execution_id;
   std::string status = "ok";
   std::size_t variables_set = 0;
};

struct variable_deleted {
   noetl::execution_id execution_id;
   std::string var_name;
   std::string status = "deleted";
};

struct variables_deleted {
   noetl::execution_id execution_id;
   std::string status = "ok";
   std::size_t variables_deleted = 0;
};

namespace detail {

struct listed_variables {
   std::vector<variable_wish> variables;
};

} // namespace detail

/// What a caller sent, in either form: `{"variables":[{var_name, var_value, ...}]}`, or `{"<name>": <value>, ...}` as
/// the worker does it (W22). A member `variables` that is a list decides for the first. Errors: validation.
inline result<std::vector<variable_wish>> read_variables(raw_json const& body) {
   auto members = from_json<std::map<std::string, raw_json>>(body.text);
   if (!members) return std::move(members).error();
   auto const list = members->find("variables");
   if (list != members->end() && list->second.text.starts_with('[')) {
      auto read = from_json<detail::listed_variables>(body.text);
      if (!read) return std::move(read).error();
      return std::move(read->variables);
   }
   std::vector<variable_wish> out;
   for (auto& [name, value] : *members) {
      variable_wish one;
      one.var_name = name;
      one.var_value = std::move(value);
      out.push_back(std::move(one));
   }
   return out;
}

/// Reads and writes variables, on the shard of their execution (W20), which need not exist. Thread-safe.
class variable_service {
public:
   explicit variable_service(pg::shard_map& shards) : shards_(shards) {}

   /// By name.
   awaitable<result<std::vector<variable_view>>> list(noetl::execution_id id) {
      auto work = [id](pg::connection& db) -> result<std::vector<variable_view>> {
         static auto const text =
             "SELECT " + std::string(columns) + " FROM noetl.transient WHERE execution_id = $1 ORDER BY var_name";
         std::vector<variable_view> found;
         for (auto const row : db.exec(text, id)) found.push_back(decode_row<variable_view>(row));
         return found;
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

   /// One variable, counting the access. Errors: not_found.
   awaitable<result<variable_view>> find(noetl::execution_id id, std::string name) {
      auto work = [id, name = std::move(name)](pg::connection& db) -> result<variable_view> {
         static auto const text = "UPDATE noetl.transient SET access_count = access_count + 1, accessed_at = now()"
                                  " WHERE execution_id = $1 AND var_name = $2 RETURNING " +
                                  std::string(columns);
         if (!storable(name)) return unknown(id, name);
         auto const rows = db.exec(text, id, name);
         if (rows.empty()) return unknown(id, name);
         return decode_row<variable_view>(rows[0]);
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

   /// Sets all or none of them; of several values for a name the last stays. What a variable was created with stays,
   /// and how often it was read. Errors: validation (a name is empty, an unknown type, text that PostgreSQL cannot
   /// hold).
   awaitable<result<variables_set>> set(noetl::execution_id id, std::vector<variable_wish> wishes) {
      for (auto const& one : wishes)
         if (auto fine = check(one); !fine) co_return std::move(fine).error();
      variables_set reply;
      reply.execution_id = id;
      reply.variables_set = wishes.size();
      if (wishes.empty()) co_return reply;
      auto work = [id, wishes = std::move(wishes), reply](pg::connection& db) -> result<variables_set> {
         std::map<std::string_view, variable_wish const*> last;
         for (auto const& one : wishes) last[one.var_name] = &one;
         pg::array_literal names, types, values, steps;
         for (auto const& [name, one] : last) {
            names.add(one->var_name), types.add(one->var_type), steps.add(one->source_step);
            values.add(std::string_view(one->var_value.empty() ? "null" : one->var_value.text));
         }
         db.exec("INSERT INTO noetl.transient (execution_id, var_name, var_type, var_value, source_step)"
                 " SELECT $1, x.name, x.type, x.value::jsonb, x.step"
                 " FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) x(name, type, value, step)"
                 " ON CONFLICT (execution_id, var_name) DO UPDATE SET var_type = excluded.var_type,"
                 " var_value = excluded.var_value, source_step = excluded.source_step, accessed_at = now()",
                 id, std::move(names).take(), std::move(types).take(), std::move(values).take(),
                 std::move(steps).take());
         return reply;
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

   /// Errors: not_found.
   awaitable<result<variable_deleted>> remove(noetl::execution_id id, std::string name) {
      auto work = [id, name = std::move(name)](pg::connection& db) -> result<variable_deleted> {
         if (!storable(name)) return unknown(id, name);
         auto const gone =
             db.exec("DELETE FROM noetl.transient WHERE execution_id = $1 AND var_name = $2", id, name).affected();
         if (gone == 0) return unknown(id, name);
         variable_deleted reply;
         reply.execution_id = id;
         reply.var_name = name;
         return reply;
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

   awaitable<result<variables_deleted>> remove_all(noetl::execution_id id) {
      auto work = [id](pg::connection& db) -> result<variables_deleted> {
         variables_deleted reply;
         reply.execution_id = id;
         reply.variables_deleted = db.exec("DELETE FROM noetl.transient WHERE execution_id = $1", id).affected();
         return reply;
      };
      co_return co_await shards_.of(id).run(std::move(work));
   }

private:
   static constexpr std::string_view columns =
       "var_name, var_type, var_value::text, source_step, created_at, accessed_at, access_count";

   /// PostgreSQL's text cannot hold a zero byte, and the driver would cut the value there.
   static bool storable(std::string_view text) { return text.find('\0') == text.npos; }

   static result<void> check(variable_wish const& one) {
      if (one.var_name.empty()) return fail(error_code::validation, "var_name: must not be empty");
      if (!storable(one.var_name)) return fail(error_code::validation, "var_name: must not hold U+0000");
      if (one.source_step && !storable(*one.source_step))
         return fail(error_code::validation, "source_step: must not hold U+0000");
      for (std::string_view known : {"user_defined", "step_result", "computed", "iterator_state"})
         if (one.var_type == known) return {};
      return fail(error_code::validation, "Invalid var_type: " + one.var_type);
   }

   static error unknown(noetl::execution_id id, std::string const& name) {
      return fail(error_code::not_found, "Variable not found: " + name + " for execution " + std::to_string(id.value));
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
