// control_plane/variable_routes.hpp: /api/vars. Mount with variable_service.
#pragma once

#include <utility>
#include <vector>

#include <noetl/control_plane/variables.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

using var_name = http::path_text<"var_name">;

inline awaitable<result<std::vector<variable_view>>> list_variables(variable_service& variables, execution_id id) {
   return variables.list(id);
}

inline awaitable<result<variables_set>> set_variables(variable_service& variables, execution_id id,
                                                      http::body<raw_json> request) {
   auto wishes = read_variables(*request);
   if (!wishes) co_return std::move(wishes).error();
   co_return co_await variables.set(id, *std::move(wishes));
}

inline awaitable<result<variable_view>> show_variable(variable_service& variables, execution_id id, var_name name) {
   return variables.find(id, std::move(name.value));
}

inline awaitable<result<variable_deleted>> delete_variable(variable_service& variables, execution_id id,
                                                           var_name name) {
   return variables.remove(id, std::move(name.value));
}

inline awaitable<result<variables_deleted>> delete_variables(variable_service& variables, execution_id id) {
   return variables.remove_all(id);
}

inline constexpr auto variable_routes =
    http::under<"/api/vars/{execution_id}">(
        http::get<"", list_variables>.summary("List the variables of an execution"),
        http::post<"", set_variables>.summary("Set variables of an execution, all or none"),
        http::del<"", delete_variables>.summary("Delete all variables of an execution"),
        http::get<"/{var_name}", show_variable>.summary("Read a variable"),
        http::del<"/{var_name}", delete_variable>.summary("Delete a variable"))
        .tag("variables");

} // namespace noetl::control_plane
