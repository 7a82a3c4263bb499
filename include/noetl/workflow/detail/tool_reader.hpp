// workflow/detail/tool_reader.hpp: the `tool` node of a step or workbook item (orchestration.md 1.7).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/known_words.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/task_names.hpp>

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

/// True when the key's value is a string for every tool.
inline bool is_text_key(std::string_view key) {
   return key == "code" || key == "url" || key == "method" || key == "query" || key == "connection";
}

/// Shape of `eval` (1.13); which actions there are is checked later.
inline void check_eval_shape(yaml_node const& entries, zone z, std::string const& key) {
   if (!entries.is_sequence()) wrong(entries, key, "must be a list");
   for (auto const& entry : entries.items) {
      if (!entry->is_mapping()) wrong(*entry, key, "an entry must be a mapping");
      auto const* otherwise = entry->find("else");
      if (otherwise != nullptr && !otherwise->is_mapping()) wrong(*otherwise, key + ".else", "must be a mapping");
      auto const& body = otherwise ? *otherwise : *entry;
      for (char const* name : {"expr", "do", "backoff", "target"}) {
         auto const* text = body.find(name);
         if (text != nullptr && !text->is_null() && !is_string_in(z, *text))
            wrong(*text, key + "." + name, "must be a string");
      }
      auto const* variables = body.find("set_vars");
      if (variables != nullptr && !variables->is_null() && !variables->is_mapping())
         wrong(*variables, key + ".set_vars", "must be a mapping");
   }
}

inline json read_headers(yaml_node const& n, zone z, std::string const& key) {
   if (!n.is_mapping()) wrong(n, key, "must be a mapping of strings");
   json out = tao::json::empty_object;
   for (auto const& [header, text] : n.entries) {
      if (!is_string_in(z, *text)) wrong(*text, key + "." + header->text, "must be a string");
      out.get_object().insert_or_assign(header->text, text->text);
   }
   return out;
}

/// Reads one tool mapping: its keys with `args` and `input` under `argument_name`; `kind` included.
/// \param key  path of the node, for messages
/// \throws misshapen
inline json read_tool(yaml_node const& n, zone z, std::string const& key, std::string const& argument_name) {
   if (!n.is_mapping()) wrong(n, key, "must be a mapping or a list");
   auto const* kind = n.find("kind");
   if (kind == nullptr) wrong(n, key, "needs a 'kind'");
   if (!has_tool_kind(n)) {
      if (!is_real_string(*kind)) wrong(*kind, key + ".kind", "must be a string");
      wrong(*kind, key + ".kind", "unknown tool kind " + shown(kind->text) + suggestion(tool_kinds, kind->text));
   }
   if (n.find("args") && n.find("input")) wrong(n, key, "has both 'args' and 'input', two names of one key");
   json out = tao::json::empty_object;
   for (auto const& [entry, value] : n.entries) {
      auto const name = entry->is_null() ? std::string("null") : entry->text;
      auto const at = key + "." + name;
      if (value->is_null() && one_of(typed_tool_keys, name)) continue;
      json content;
      if (is_text_key(name)) {
         if (!is_string_in(z, *value)) wrong(*value, at, "must be a string");
         content = value->text;
      } else if (name == "headers") {
         content = read_headers(*value, z, at);
      } else {
         if (name == "params" && !value->is_mapping()) wrong(*value, at, "must be a mapping");
         if (name == "eval") check_eval_shape(*value, z, at);
         content = to_json(*value);
      }
      out.get_object().insert_or_assign(name == "args" || name == "input" ? argument_name : name, std::move(content));
   }
   return out;
}

/// One tool as it stands in the document, with its path.
struct tool_source {
   yaml_node const* node;
   std::string key;
   std::string label{}; ///< pipelines only
};

/// A fault of meaning that is reported after the shape of the whole document, as the order of checks asks for (1.14).
struct late_fault {
   yaml_node const* node;
   std::string key, what;
};

struct read_tool_result {
   tool_spec tool;
   std::vector<tool_source> sources{};
   std::vector<late_fault> faults{};
};

/// Label and spec of a pipeline item in one of its two forms: flat with a valid kind, else one key with a tool below.
template <class Add>
void read_pipeline_item(yaml_node const& item, std::string const& key, read_tool_result& out, Add const& add) {
   if (!item.is_mapping()) wrong(item, key, "a pipeline item must be a mapping");
   if (has_tool_kind(item)) {
      auto spec = read_tool(item, zone::strict, key, "input");
      auto const name = std::string(as_text(member(&spec, "name")).value_or(""));
      out.sources.push_back({&item, key, name});
      return add(name, std::move(spec));
   }
   if (auto const* kind = item.find("kind"); kind && !kind->is_mapping())
      static_cast<void>(read_tool(item, zone::strict, key, "input")); // says what is wrong with the kind
   if (item.entries.size() != 1)
      out.faults.push_back(
          {&item, key, "a nested pipeline item needs exactly one label, not " + std::to_string(item.entries.size())});
   for (auto const& [label, spec] : item.entries) {
      auto const at = key + "." + label->text;
      add(label->text, read_tool(*spec, zone::strict, at, "input"));
      out.sources.push_back({spec.get(), at, label->text});
   }
}

/// Reads a step's tool. \throws misshapen
inline read_tool_result read_step_tool(yaml_node const& n) {
   read_tool_result out;
   if (!n.is_sequence()) {
      out.tool.config = read_tool(n, zone::strict, "tool", "args");
      out.tool.kind = out.tool.config.at("kind").get_string();
      out.tool.config.get_object().erase("kind");
      out.sources.push_back({&n, "tool"});
      return out;
   }
   out.tool.pipeline = true;
   out.tool.kind = "task_sequence";
   out.tool.config = tao::json::empty_array;
   if (n.items.empty()) out.faults.push_back({&n, "tool", "the pipeline is empty"});
   auto const add = [&](std::string const& label, json spec) {
      json item = tao::json::empty_object;
      item.try_emplace(label, std::move(spec));
      out.tool.config.emplace_back(std::move(item));
   };
   for (std::size_t i = 0; i < n.items.size(); ++i)
      read_pipeline_item(*n.items[i], "tool[" + std::to_string(i) + "]", out, add);
   auto const names = task_names(out.tool.config);
   out.tool.task_names.assign(names.begin(), names.end());
   return out;
}

} // namespace noetl::workflow::detail
