// workflow/detail/tool_reader.hpp: the `tool` node of a step or workbook item (orchestration.md 1.7).
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/playbook.hpp>

namespace noetl::workflow::detail {

inline constexpr std::array tool_kinds{
    std::string_view{"http"},          std::string_view{"postgres"},  std::string_view{"duckdb"},
    std::string_view{"ducklake"},      std::string_view{"python"},    std::string_view{"workbook"},
    std::string_view{"playbook"},      std::string_view{"playbooks"}, std::string_view{"secrets"},
    std::string_view{"iterator"},      std::string_view{"container"}, std::string_view{"script"},
    std::string_view{"snowflake"},     std::string_view{"transfer"},  std::string_view{"snowflake_transfer"},
    std::string_view{"gcs"},           std::string_view{"gateway"},   std::string_view{"nats"},
    std::string_view{"shell"},         std::string_view{"artifact"},  std::string_view{"noop"},
    std::string_view{"task_sequence"}, std::string_view{"rhai"},      std::string_view{"subscription"},
    std::string_view{"wasm"},
};

inline constexpr std::array typed_tool_keys{
    std::string_view{"args"},       std::string_view{"input"},         std::string_view{"auth"},
    std::string_view{"libs"},       std::string_view{"output_select"}, std::string_view{"code"},
    std::string_view{"url"},        std::string_view{"method"},        std::string_view{"query"},
    std::string_view{"connection"}, std::string_view{"command"},       std::string_view{"params"},
    std::string_view{"headers"},    std::string_view{"eval"},
};

template <class Array>
bool one_of(Array const& words, std::string_view word) {
   return std::find(words.begin(), words.end(), word) != words.end();
}

/// Strictness of a zone (1.1): strict wants real strings, lenient takes any scalar's source text.
enum class zone : std::uint8_t { strict, lenient };

inline bool is_string_in(zone z, yaml_node const& n) {
   return z == zone::strict ? is_real_string(n) : n.is_scalar();
}

/// True when the node names a known kind, which makes it a tool.
inline bool has_tool_kind(yaml_node const& n) {
   auto const* kind = n.is_mapping() ? n.find("kind") : nullptr;
   return kind != nullptr && is_real_string(*kind) && one_of(tool_kinds, kind->text);
}

/// Reads one tool mapping: its keys with `args` and `input` under `argument_name`; `kind` included.
/// \throws refused (bad_request) naming `where`
inline json read_tool(yaml_node const& n, zone z, std::string const& where, std::string const& argument_name) {
   auto const wrong = [&](yaml_node const& at, std::string const& what) {
      throw refused(where + ": " + what + at_line(at), false);
   };
   if (!n.is_mapping()) wrong(n, "'tool' must be a mapping or a list");
   auto const* kind = n.find("kind");
   if (kind == nullptr) wrong(n, "'tool' needs a 'kind'");
   if (!has_tool_kind(n)) wrong(*kind, "unknown tool kind '" + kind->text + "'");
   if (n.find("args") && n.find("input")) wrong(n, "tool has both 'args' and 'input', two names of one key");
   json out = tao::json::empty_object;
   for (auto const& [key, value] : n.entries) {
      auto const& name = key->text;
      if (value->is_null() && one_of(typed_tool_keys, name)) continue;
      if ((name == "code" || name == "url" || name == "method" || name == "query" || name == "connection") &&
          !is_string_in(z, *value))
         wrong(*value, "tool key '" + name + "' must be a string");
      if (name == "params" && !value->is_mapping()) wrong(*value, "tool key 'params' must be a mapping");
      if (name == "eval" && !value->is_sequence()) wrong(*value, "tool key 'eval' must be a list");
      bool const as_source =
          z == zone::lenient && value->is_scalar() &&
          (name == "code" || name == "url" || name == "method" || name == "query" || name == "connection");
      json content = as_source ? json(value->text) : to_json(*value);
      if (name == "headers") {
         if (!value->is_mapping()) wrong(*value, "tool key 'headers' must be a mapping of strings");
         for (auto const& [header, text] : value->entries) {
            if (!is_string_in(z, *text)) wrong(*text, "header '" + header->text + "' must be a string");
            content.get_object().insert_or_assign(header->text, text->text);
         }
      }
      out.get_object().insert_or_assign(name == "args" || name == "input" ? argument_name : name, std::move(content));
   }
   return out;
}

/// Notes a variable name as tasks write it: scopes and what follows the name are dropped.
inline void note_variable(std::string_view key, std::set<std::string>& names) {
   for (std::string_view const scope : {"ctx.", "iter.", "step."}) {
      if (key.starts_with(scope)) {
         key.remove_prefix(scope.size());
         names.insert(std::string(scope.substr(0, scope.size() - 1)));
         break;
      }
   }
   names.insert(std::string(key.substr(0, key.find('.'))));
   names.insert("ctx");
}

/// Names that only the worker knows while the pipeline runs.
inline void note_task_names(json const& spec, std::set<std::string>& names) {
   auto const keys = [&](json const* object) {
      if (object == nullptr || !object->is_object()) return;
      for (auto const& [key, value] : object->get_object()) note_variable(key, names);
   };
   keys(member(&spec, "set"));
   if (auto const* input = member(&spec, "input"); input && input->is_object())
      for (auto const& [key, value] : input->get_object()) names.insert(key);
   auto const* rules = member(&spec, "spec", "policy", "rules");
   if (rules == nullptr || !rules->is_array()) return;
   for (auto const& rule : rules->get_array()) {
      keys(member(&rule, "then", "set"));
      keys(member(&rule, "else", "then", "set"));
   }
}

/// Reads a step's tool. Faults of meaning (empty pipeline, nested item with several keys) are collected for later, as
/// the order of checks asks for (1.14).
struct read_tool_result {
   tool_spec tool;
   std::string semantic_fault{};
};

inline read_tool_result read_step_tool(yaml_node const& n, std::string const& where) {
   read_tool_result out;
   if (!n.is_sequence()) {
      out.tool.config = read_tool(n, zone::strict, where, "args");
      out.tool.kind = out.tool.config.at("kind").get_string();
      out.tool.config.get_object().erase("kind");
      return out;
   }
   out.tool.pipeline = true;
   out.tool.kind = "task_sequence";
   out.tool.config = tao::json::empty_array;
   if (n.items.empty()) out.semantic_fault = where + ": pipeline is empty" + at_line(n);
   std::set<std::string> names{"output", "_attempt", "_prev", "input", "keychain"};
   auto const add = [&](std::string const& label, json spec) {
      note_task_names(spec, names);
      if (!label.empty()) names.insert(label);
      json item = tao::json::empty_object;
      item.try_emplace(label, std::move(spec));
      out.tool.config.emplace_back(std::move(item));
   };
   for (auto const& item : n.items) {
      if (!item->is_mapping()) throw refused(where + ": a pipeline item must be a mapping" + at_line(*item), false);
      if (has_tool_kind(*item)) {
         auto spec = read_tool(*item, zone::strict, where, "input");
         auto const name = as_text(member(&spec, "name"));
         add(std::string(name.value_or("")), std::move(spec));
         continue;
      }
      if (auto const* kind = item->find("kind"); kind && kind->is_scalar())
         throw refused(where + ": unknown tool kind '" + kind->text + "'" + at_line(*kind), false);
      if (item->entries.size() != 1 && out.semantic_fault.empty())
         out.semantic_fault = where + ": a nested pipeline item needs exactly one label, not " +
                              std::to_string(item->entries.size()) + at_line(*item);
      for (auto const& [label, spec] : item->entries) add(label->text, read_tool(*spec, zone::strict, where, "input"));
   }
   out.tool.task_names.assign(names.begin(), names.end());
   return out;
}

} // namespace noetl::workflow::detail
