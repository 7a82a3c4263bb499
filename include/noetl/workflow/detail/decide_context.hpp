// workflow/detail/decide_context.hpp: the variables of one decision pass (orchestration.md 2.7), and commands rendered
// from them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/context.hpp>
#include <noetl/workflow/decision.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/loop_memo.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow::detail {

/// A pass that cannot be evaluated. Thrown inside decide() only.
struct evaluate_failure {
   std::string message;
   error_code code = error_code::internal;
};

template <class T>
T evaluated(result<T> r) {
   if (!r) throw evaluate_failure{r.error().message};
   return std::move(r).value();
}

/// Items of `loop.in` after the rules of 1.11.
class loop_items {
public:
   static constexpr std::int64_t max_items = 100'000;

   loop_items(json value, std::string const& step_name) : value_(std::move(value)) {
      if (value_.is_string())
         from_text(std::string(value_.get_string()));
      else if (value_.is_object())
         from_object();
      else if (value_.is_number())
         from_number();
      if (!value_.is_array())
         throw evaluate_failure{"step '" + step_name +
                                "': loop.in is not iterable: " + std::string(tao::json::to_string(value_.type()))};
      if (value_.get_array().size() > static_cast<std::size_t>(max_items))
         throw evaluate_failure{"step '" + step_name + "': loop.in has more than " + std::to_string(max_items) +
                                " items"};
      kept_ = std::make_shared<json const>(std::move(value_));
   }
   /// \param kept  of an earlier loop_items
   explicit loop_items(loop_memo::items kept) : kept_(std::move(kept)) {}

   [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(kept_->get_array().size()); }
   /// Null beyond the end: `in` is evaluated again for later iterations and may have shrunk.
   [[nodiscard]] json at(std::int64_t i) const {
      return i < size() ? kept_->get_array()[static_cast<std::size_t>(i)] : json(tao::json::null);
   }
   [[nodiscard]] loop_memo::items const& kept() const { return kept_; }

private:
   void from_text(std::string const& text) {
      auto read = parse_json(text);
      if (read && read->is_array()) {
         value_ = std::move(*read);
         return;
      }
      json out = tao::json::empty_array;
      for (std::size_t from = 0; from <= text.size();) {
         auto const end = std::min(text.find_first_of(",\n", from), text.size());
         std::string_view const part = std::string_view(text).substr(from, end - from);
         auto const first = part.find_first_not_of(" \t\r");
         if (first != std::string_view::npos)
            out.emplace_back(std::string(part.substr(first, part.find_last_not_of(" \t\r") - first + 1)));
         from = end + 1;
      }
      value_ = std::move(out);
   }
   void from_object() {
      json out = tao::json::empty_array;
      for (auto& [key, value] : value_.get_object()) {
         json pair = tao::json::empty_object;
         pair.try_emplace("key", key);
         pair.try_emplace("value", std::move(value));
         out.emplace_back(std::move(pair));
      }
      value_ = std::move(out);
   }
   void from_number() {
      auto const n = as_integer(&value_).value_or(0);
      json out = tao::json::empty_array;
      for (std::int64_t i = 0; i < std::min(n, max_items + 1); ++i) out.emplace_back(i);
      value_ = std::move(out);
   }
   json value_; ///< while the list is made
   loop_memo::items kept_;
};

/// Variables of one pass. `updates` grows while completions are decided.
class pass_context {
public:
   pass_context(playbook const& book, workflow_state const& state) : book_(book) {
      vars.layer(state.workload);
      if (state.workload.is_object()) vars.borrow("workload", state.workload);
      vars.layer(state.data).layer(data_).borrow("steps", state.results).layer(state.ctx).layer(updates_);
      vars.bind("execution_id", std::to_string(state.execution_id.value));
      vars.bind("catalog_id", std::to_string(state.catalog_id.value));
      if (state.path) vars.bind("path", *state.path);
   }
   pass_context(pass_context const&) = delete;
   pass_context& operator=(pass_context const&) = delete;

   context vars;

   void update(std::string const& name, json const& value) { updates_.get_object().insert_or_assign(name, value); }
   void add_data(std::string const& step_name, json value) {
      data_.get_object().insert_or_assign(step_name, std::move(value));
   }
   /// Whether this pass has written anything that templates see.
   [[nodiscard]] bool written() const { return !data_.get_object().empty() || !updates_.get_object().empty(); }
   [[nodiscard]] json const* data_of(std::string const& step_name) const { return vars_data(step_name); }

   template_engine& templates() const { return *book_.templates; }

   json render(json const& value, literals rule = literals::as_written) {
      return evaluated(templates().render_value(value, vars, rule));
   }
   bool holds(std::string const& condition) { return evaluated(templates().evaluate_condition(condition, vars)); }

   /// A count that may be a template (L-40), at least 1.
   std::int64_t count(json const& value, std::int64_t fallback, std::string const& what) {
      if (value.is_null() || value.is_uninitialized()) return fallback;
      auto const rendered = render(value);
      auto const n = as_integer(&rendered);
      if (!n) throw evaluate_failure{what + " is not an integer: " + json_text(rendered)};
      return std::max<std::int64_t>(1, *n);
   }

   /// Flat variables as JSON text without the closing brace; names in `hidden` are left out.
   std::string open_context_text(std::vector<std::string_view> const& hidden = {}) const {
      std::string out = "{";
      for (auto const& [name, value] : vars.flat()) {
         if (std::find(hidden.begin(), hidden.end(), name) != hidden.end()) continue;
         if (out.size() > 1) out += ',';
         append_quoted(out, name);
         out += ':';
         append_json(out, *value);
      }
      return out;
   }

private:
   json const* vars_data(std::string const& step_name) const { return member(&data_, step_name); }

   playbook const& book_;
   json data_ = tao::json::empty_object;    ///< of steps that complete inside this pass
   json updates_ = tao::json::empty_object; ///< variables written in this pass
};

/// Tool configuration for the wire.
///
/// Single tools: everything is rendered but `set` and `spec`, which are written for the moment after the call (L-23).
/// Pipelines: `set`, `spec`, `command`, `input` always wait for the worker; any other string waits when it needs a name
/// only the worker will know: a label, a variable set by a task, `output` (L-22). What can be rendered here is rendered
/// here, so that workers which render those four keys only see the same text as from the reference. `keychain` is never
/// known here (L-31).
inline json render_tool(pass_context& pass, tool_spec const& tool) {
   static std::vector<std::string> const keychain_only{"keychain"};
   static std::vector<std::string> const nothing;
   auto& engine = pass.templates();
   if (!tool.pipeline) {
      json out = tao::json::empty_object;
      auto const& deferred = pass.vars.find("keychain") == nullptr ? keychain_only : nothing;
      for (auto const& [key, value] : tool.config.get_object()) {
         bool const later = key == "set" || key == "spec";
         out.get_object().emplace(key, later ? value : evaluated(engine.render_available(value, pass.vars, deferred)));
      }
      return out;
   }
   json out = tao::json::empty_array;
   for (auto const& item : tool.config.get_array()) {
      json rendered = tao::json::empty_object;
      for (auto const& [label, spec] : item.get_object()) {
         json body = tao::json::empty_object;
         for (auto const& [key, value] : spec.get_object()) {
            bool const later = key == "set" || key == "spec" || key == "command" || key == "input";
            body.get_object().emplace(
                key, later ? value : evaluated(engine.render_available(value, pass.vars, tool.task_names)));
         }
         rendered.get_object().emplace(label, std::move(body));
      }
      out.emplace_back(std::move(rendered));
   }
   return out;
}

inline planned_command plain_command(pass_context& pass, step const& s) {
   planned_command c;
   c.step = s.name;
   c.tool_kind = s.tool.kind;
   c.tool_config = raw_json(json_text(render_tool(pass, s.tool)));
   c.args = raw_json(s.args.is_object() ? json_text(s.args) : "{}");
   c.render_context = raw_json(pass.open_context_text() + "}");
   return c;
}

/// Commands of loop iterations, which share all but the names of the item.
class iteration_commands {
public:
   iteration_commands(pass_context& pass, step const& s)
       : pass_(pass), step_(s), shared_(pass.open_context_text({s.loop->iterator, "_index", "_total", "iter"})),
         args_(s.args.is_object() ? json_text(s.args) : "{}") {}

   planned_command make(json const& item, std::int64_t index, std::int64_t total) {
      auto const& variable = step_.loop->iterator;
      json iter = tao::json::empty_object;
      iter.get_object().insert_or_assign(variable, item);
      iter.get_object().insert_or_assign("_index", index);
      iter.get_object().insert_or_assign("_total", total);
      auto const depth = pass_.vars.depth();
      pass_.vars.layer(iter).borrow("iter", iter);
      planned_command c;
      c.step = step_.name;
      c.tool_kind = step_.tool.kind;
      auto config = render_tool(pass_, step_.tool);
      pass_.vars.shrink(depth);
      if (config.is_object()) {
         auto& args = config.get_object().try_emplace("args", tao::json::empty_object).first->second;
         if (args.is_object())
            for (auto const& [key, value] : iter.get_object()) args.get_object().insert_or_assign(key, value);
      }
      c.tool_config = raw_json(json_text(config));
      c.args = raw_json(args_);
      std::string text = shared_;
      auto const names = json_text(iter);
      if (text.size() > 1) text += ',';
      text.append(names, 1, names.size() - 2);
      text += ",\"iter\":" + names + "}";
      c.render_context = raw_json(std::move(text));
      c.iteration = planned_iteration{index, total, variable};
      return c;
   }

private:
   pass_context& pass_;
   step const& step_;
   std::string shared_;
   std::string args_;
};

} // namespace noetl::workflow::detail
