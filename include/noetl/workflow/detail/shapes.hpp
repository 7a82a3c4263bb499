// workflow/detail/shapes.hpp: asks a YAML node for the shape that a key must have. All throw `misshapen` otherwise.
// Knows the YAML tree and findings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>

namespace noetl::workflow::detail::shapes {

/// \return null when the key is absent or its value is null
inline yaml_node const* present(yaml_node const& n, std::string_view key) {
   auto const* found = n.find(key);
   return found == nullptr || found->is_null() ? nullptr : found;
}
/// Path of a key: `loop` and `in` give `loop.in`.
inline std::string below(std::string const& path, std::string const& key) {
   return path.empty() ? key : path + "." + key;
}
/// Never null: a reference would look to compilers as if it could be a part of the texts.
inline yaml_node const* required(yaml_node const& n, std::string const& path, std::string const& key) {
   auto const* found = present(n, key);
   if (found == nullptr) wrong(n, below(path, key), "is missing");
   return found;
}
inline void mapping(yaml_node const& n, std::string const& path) {
   if (!n.is_mapping()) wrong(n, path, "must be a mapping");
}
inline void list(yaml_node const& n, std::string const& path) {
   if (!n.is_sequence()) wrong(n, path, "must be a list");
}
/// Text in the lenient zone: any scalar's source text.
inline std::string const& source(yaml_node const& n, std::string const& path) {
   if (!n.is_scalar()) wrong(n, path, "must be a string");
   return n.text;
}
/// Text in the strict zone: no number, no bool.
inline std::string const& real_string(yaml_node const& n, std::string const& path) {
   if (!is_real_string(n)) wrong(n, path, "must be a string");
   return n.text;
}
inline std::string text(yaml_node const& n, std::string const& path, std::string const& key) {
   return source(*required(n, path, key), below(path, key));
}
inline std::optional<std::string> optional_text(yaml_node const& n, std::string const& path, std::string const& key) {
   auto const* found = present(n, key);
   if (found == nullptr) return std::nullopt;
   return source(*found, below(path, key));
}
/// \return the mapping's value, or null
inline json optional_mapping(yaml_node const& n, std::string const& path, std::string const& key) {
   auto const* found = present(n, key);
   if (found == nullptr) return tao::json::null;
   mapping(*found, below(path, key));
   return to_json(*found);
}
inline void optional_texts(yaml_node const& n, std::string const& path, std::string const& key) {
   auto const* found = present(n, key);
   if (found == nullptr) return;
   mapping(*found, below(path, key));
   for (auto const& [name, value] : found->entries)
      if (!value->is_scalar() && !value->is_null())
         wrong(*value, below(path, key) + "." + name->text, "must be a string");
}
inline void optional_bool(yaml_node const& n, std::string const& path, std::string const& key) {
   auto const* found = present(n, key);
   if (found != nullptr && !(found->is_scalar() && scalar_value(*found).is_boolean()))
      wrong(*found, below(path, key), "must be true or false");
}

} // namespace noetl::workflow::detail::shapes
