// workflow/detail/command_rows.hpp: bodies of workflow/commands.hpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/commands.hpp>
#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow {

namespace detail {

inline std::string_view or_null(raw_json const& text, std::string_view fallback = "null") {
   return text.empty() ? fallback : std::string_view(text.text);
}

inline event base_event(run_identity const& run, noetl::event_id id, std::optional<noetl::event_id> parent,
                        timestamp at) {
   event e;
   e.execution_id = run.execution;
   e.event_id = id;
   e.catalog_id = run.catalog;
   e.parent_event_id = parent;
   e.parent_execution_id = run.parent;
   e.created_at = at;
   return e;
}

} // namespace detail

inline run_identity::run_identity(workflow_state const& state)
    : execution(state.execution_id), catalog(state.catalog_id), parent(state.parent_execution_id) {
   if (!state.trace.is_null() && !state.trace.is_uninitialized()) trace = raw_json(detail::json_text(state.trace));
}

inline std::string command_id_text(noetl::execution_id execution, planned_command const& command,
                                   noetl::event_id issued) {
   std::string id = std::to_string(execution.value) + ":" + command.step + ":" + std::to_string(issued.value);
   if (command.iteration) id += ":i" + std::to_string(command.iteration->index);
   return id;
}

inline raw_json command_context(planned_command const& command) {
   std::string out;
   out.reserve(command.tool_config.text.size() + command.args.text.size() + command.render_context.text.size() + 64);
   out += "{\"args\":";
   out += detail::or_null(command.args, "{}");
   out += ",\"render_context\":";
   out += detail::or_null(command.render_context, "{}");
   out += ",\"tool_config\":";
   out += detail::or_null(command.tool_config);
   out += '}';
   return raw_json(std::move(out));
}

inline raw_json command_meta(planned_command const& command, run_identity const& run, noetl::event_id issued,
                             int attempt) {
   std::string out = "{\"actionable\":true,\"attempt\":" + std::to_string(attempt);
   auto const text = [&](std::string_view key, std::string_view value) {
      out += ",\"";
      out += key;
      out += "\":";
      detail::append_quoted(out, value);
   };
   text("catalog_id", std::to_string(run.catalog.value));
   text("command_id", command_id_text(run.execution, command, issued));
   if (!command.cursor.empty()) out += ",\"cursor\":" + command.cursor.text;
   text("execution_id", std::to_string(run.execution.value));
   if (command.iteration) {
      text("item_var", command.iteration->item_var);
      out += ",\"iteration_index\":" + std::to_string(command.iteration->index);
      out += ",\"iteration_total\":" + std::to_string(command.iteration->total);
      text("iterator_step", command.step);
   }
   out += ",\"max_attempts\":3";
   text("step", command.step);
   text("tool_kind", command.tool_kind);
   if (!run.trace.empty()) out += ",\"trace\":" + run.trace.text;
   out += '}';
   return raw_json(std::move(out));
}

inline raw_json command_notification(planned_command const& command, run_identity const& run, noetl::event_id issued,
                                     std::string_view server_url, std::string_view pool) {
   std::string out =
       "{\"execution_id\":" + std::to_string(run.execution.value) + ",\"event_id\":" + std::to_string(issued.value);
   auto const text = [&](std::string_view key, std::string_view value) {
      out += ",\"";
      out += key;
      out += "\":";
      detail::append_quoted(out, value);
   };
   text("command_id", command_id_text(run.execution, command, issued));
   text("step", command.step);
   text("server_url", server_url);
   if (!pool.empty()) text("execution_pool", pool);
   if (!run.trace.empty()) out += ",\"trace\":" + run.trace.text;
   out += '}';
   return raw_json(std::move(out));
}

inline bool is_subject_token(std::string_view text) noexcept {
   if (text.empty() || text.size() > 128) return false;
   for (char const c : text) {
      bool const fine =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!fine) return false;
   }
   return true;
}

inline result<std::string> command_pool(std::optional<std::string> const& execution_pool,
                                        std::optional<std::string> const& metadata_path) {
   if (execution_pool && !execution_pool->empty()) {
      if (is_subject_token(*execution_pool)) return *execution_pool;
      return fail(error_code::validation, "execution_pool must be 1 to 128 letters, digits, '-' or '_'",
                  *execution_pool);
   }
   if (metadata_path && metadata_path->starts_with("system/")) return std::string("system");
   if (metadata_path && metadata_path->starts_with("subscription/")) return std::string("subscription");
   return std::string("shared");
}

inline std::string stored_command_pool(std::optional<std::string> const& execution_pool,
                                       std::optional<std::string> const& metadata_path) {
   auto pool = command_pool(execution_pool, metadata_path);
   return pool ? *std::move(pool) : command_pool(std::nullopt, metadata_path).value();
}

inline std::string command_subject(std::string_view pool, noetl::execution_id execution) {
   return "noetl.commands." + std::string(pool) + "." + std::to_string(execution.value);
}

inline event to_event(planned_event const& planned, run_identity const& run, noetl::event_id id,
                      std::optional<noetl::event_id> parent, timestamp at) {
   auto e = detail::base_event(run, id, parent, at);
   e.event_type = planned.event_type;
   e.node_id = planned.node;
   e.node_name = planned.node;
   e.status = planned.status;
   e.result = planned.result;
   e.meta = planned.meta;
   e.error = planned.error;
   return e;
}

inline event to_event(planned_command const& planned, run_identity const& run, noetl::event_id id,
                      std::optional<noetl::event_id> parent, timestamp at) {
   auto e = detail::base_event(run, id, parent, at);
   e.event_type = "command.issued";
   e.node_id = planned.step;
   e.node_name = planned.step;
   e.node_type = planned.tool_kind;
   e.status = "PENDING";
   e.context = command_context(planned);
   e.result = raw_json("{\"status\":\"PENDING\"}");
   e.meta = command_meta(planned, run, id);
   return e;
}

inline event to_event(planned_end const& planned, run_identity const& run, noetl::event_id id,
                      std::optional<noetl::event_id> parent, timestamp at) {
   auto e = detail::base_event(run, id, parent, at);
   bool const good = planned.status == run_status::completed;
   auto const status = to_text(planned.status);
   e.event_type = good ? "playbook.completed" : "playbook.failed";
   e.node_id = "playbook";
   e.node_name = "playbook";
   e.status = status;
   std::string result = "{\"status\":\"" + std::string(status) + "\"", meta = "{\"emitted_by\":\"orchestrator\"";
   if (!planned.error.empty()) {
      meta += ",\"error\":";
      detail::append_quoted(meta, planned.error);
      e.error = planned.error;
   }
   if (planned.evaluate_error) {
      result += ",\"context\":{\"error\":";
      detail::append_quoted(result, planned.error);
      result += '}';
      meta += ",\"reason\":\"evaluate_error\"";
   }
   if (!planned.failed_steps.empty()) {
      meta += ",\"failed_steps\":[";
      for (auto const& name : planned.failed_steps) {
         if (!meta.ends_with('[')) meta += ',';
         detail::append_quoted(meta, name);
      }
      meta += ']';
   }
   meta += ",\"status\":\"" + std::string(status) + "\"}";
   e.result = raw_json(result + '}');
   e.meta = raw_json(std::move(meta));
   return e;
}

} // namespace noetl::workflow
