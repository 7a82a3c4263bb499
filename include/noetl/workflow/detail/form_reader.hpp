// workflow/detail/form_reader.hpp: body of workflow/workload_form.hpp. YAML's reader drops comments, so they are found
// in the text, by the lines of the keys. Knows the YAML tree.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/trimmed.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/workload_form.hpp>

namespace noetl::workflow {

namespace detail::forms {

inline constexpr std::string_view blanks = " \t\r";

inline std::string_view unquoted(std::string_view t) {
   if (t.size() >= 2 && (t.front() == '"' || t.front() == '\'') && t.back() == t.front())
      return t.substr(1, t.size() - 2);
   return t;
}

/// End of a quoted text, or npos when it goes on in the next line. \param at  position of the opening quote
inline std::size_t end_of_quotes(std::string_view line, std::size_t at) {
   char const quote = line[at];
   for (auto i = at + 1; i < line.size(); ++i) {
      if (quote == '"' && line[i] == '\\') {
         ++i;
      } else if (line[i] == quote) {
         if (quote == '\'' && i + 1 < line.size() && line[i + 1] == '\'')
            ++i;
         else
            return i;
      }
   }
   return std::string_view::npos;
}

/// The comment of a line that begins with a key, without its first `#`. A `#` inside quotes or a word is none.
inline std::string_view comment_of(std::string_view line) {
   char before = ':'; // last character that is no blank: a quote opens a text only after one of these
   for (std::size_t at = 0; at < line.size(); ++at) {
      char const c = line[at];
      bool const apart = at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t';
      if (c == '#' && apart) return line.substr(at + 1);
      if ((c == '"' || c == '\'') && std::string_view(":[{,-").find(before) != std::string_view::npos) {
         at = end_of_quotes(line, at);
         if (at == std::string_view::npos) return {};
      }
      if (c != ' ' && c != '\t') before = c;
   }
   return {};
}

inline std::vector<std::string> options_of(std::string_view text) {
   if (text.size() < 2 || text.front() != '[' || text.back() != ']') return {std::string(unquoted(text))};
   std::vector<std::string> out;
   text = text.substr(1, text.size() - 2);
   while (!text.empty()) {
      auto const comma = text.find(',');
      auto const one = trimmed(text.substr(0, comma), blanks);
      if (!one.empty()) out.emplace_back(unquoted(one));
      text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
   }
   return out;
}

inline void read_hints(std::string_view comment, form_field& field) {
   while (!comment.empty()) {
      auto const next = comment.find('#');
      auto const hint = trimmed(comment.substr(0, next), blanks);
      comment = next == std::string_view::npos ? std::string_view() : comment.substr(next + 1);
      auto const equals = hint.find('=');
      auto const name = trimmed(hint.substr(0, equals), blanks);
      auto const value =
          equals == std::string_view::npos ? std::string_view() : trimmed(hint.substr(equals + 1), blanks);
      if (name == "ui:secret") field.secret = true;
      if (value.empty()) continue;
      if (name == "ui:enum") field.kind = "enum", field.options = options_of(value);
      if (name == "ui:credential") field.credential_glob = std::string(unquoted(value));
      if (name == "ui:description") field.description = std::string(unquoted(value));
   }
}

inline char const* kind_of(json const& v) {
   if (v.is_boolean()) return "boolean";
   if (v.is_integer()) return "integer";
   if (v.is_number()) return "number";
   if (v.is_null()) return "null";
   if (v.is_object()) return "object";
   return v.is_array() ? "array" : "string";
}

inline form_field read_field(yaml_node const& key, yaml_node const& value) {
   form_field out;
   out.name = key.is_null() ? "null" : key.text;
   out.initial = to_json(value);
   out.kind = kind_of(out.initial);
   if (value.is_mapping()) {
      auto& children = out.children.emplace();
      for (auto const& [name, child] : value.entries) children.push_back(read_field(*name, *child));
   }
   return out;
}

inline std::vector<std::string_view> lines_of(std::string_view text) {
   std::vector<std::string_view> out;
   while (true) {
      auto const end = text.find('\n');
      out.push_back(text.substr(0, end));
      if (end == std::string_view::npos) return out;
      text.remove_prefix(end + 1);
   }
}

/// The line that the key begins; nothing when other things stand before it, as in `workload: {a: 1}`.
inline std::optional<std::string_view> line_begun_by(yaml_node const& key, std::vector<std::string_view> const& lines) {
   if (key.line == 0 || key.line > lines.size()) return std::nullopt;
   auto const line = lines[key.line - 1];
   auto const first = line.find_first_not_of(" \t");
   // Only blanks may stand before the key. Columns of the YAML reader count bytes, as positions here do.
   if (first == std::string_view::npos || first + 1 != key.column) return std::nullopt;
   return line.substr(first);
}

inline std::optional<std::string> text_at(yaml_node const& n, std::string_view key) {
   auto const* found = n.find(key);
   if (found == nullptr || !is_real_string(*found)) return std::nullopt;
   return found->text;
}

} // namespace detail::forms

workload_form read_workload_form(std::string_view yaml) {
   workload_form out;
   detail::yaml_ptr root;
   try {
      root = detail::read_yaml(yaml);
   } catch (detail::not_yaml const&) {
      return out; // such a document has no form; reading it as a playbook says what is wrong
   }
   if (!root) return out;
   if (auto const* metadata = root->find("metadata")) {
      out.title = detail::forms::text_at(*metadata, "name");
      out.description = detail::forms::text_at(*metadata, "description");
      auto const* exposed = metadata->find("exposed_in_ui");
      out.exposed_in_ui = exposed && exposed->is_scalar() && detail::scalar_value(*exposed) == true;
   }
   auto const* workload = root->find("workload");
   if (workload == nullptr) return out;
   auto const lines = detail::forms::lines_of(yaml);
   for (auto const& [key, value] : workload->entries) {
      auto field = detail::forms::read_field(*key, *value);
      if (auto const line = detail::forms::line_begun_by(*key, lines))
         detail::forms::read_hints(detail::forms::comment_of(*line), field);
      out.fields.push_back(std::move(field));
   }
   return out;
}

} // namespace noetl::workflow
