// workflow/task_names.hpp: what only the worker knows while a pipeline runs. The server leaves templates that need it
// as they are, and the worker renders those and no others, so both ask here. Knows JSON values.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <tao/json/value.hpp>

#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow {

/// A key of `set`: `ctx.x`, `iter.x` and `step.x` all write x, for variables are one flat namespace (1.8).
struct written_key {
   std::string_view scope; ///< ctx, iter, step, or empty
   std::string_view path;  ///< the rest, which may have dots

   explicit constexpr written_key(std::string_view key) : path(key) {
      for (std::string_view const one : {"ctx", "iter", "step"}) {
         if (!key.starts_with(one) || !key.substr(one.size()).starts_with('.')) continue;
         scope = one;
         path = key.substr(one.size() + 1);
      }
   }
};

namespace detail {

/// Names that a key of `set` makes known: its scope, if any, and its variable up to a dot.
inline void add_written_name(written_key key, std::set<std::string>& names) {
   if (!key.scope.empty()) names.emplace(key.scope);
   names.emplace(key.path.substr(0, key.path.find('.')));
   names.insert("ctx");
}

inline void add_task_names(json const& spec, std::set<std::string>& names) {
   auto const add_written = [&](json const* entries) {
      if (entries == nullptr || !entries->is_object()) return;
      for (auto const& [key, value] : entries->get_object()) add_written_name(written_key(key), names);
   };
   add_written(member(&spec, "set"));
   auto const* input = member(&spec, "input");
   if (input == nullptr || input->is_null()) input = member(&spec, "args");
   if (input != nullptr && input->is_object())
      for (auto const& [key, value] : input->get_object()) names.insert(key);
   auto const* rules = member(&spec, "spec", "policy", "rules");
   if (rules == nullptr || !rules->is_array()) return;
   for (auto const& rule : rules->get_array()) {
      add_written(member(&rule, "then", "set"));
      add_written(member(&rule, "else", "then", "set"));
      add_written(member(&rule, "else", "set")); // {else: {set: ...}} is meant the same way
   }
}

} // namespace detail

/// Whether an item of a pipeline is a spec itself, with its label under `name`, and not `{label: spec}`.
/// \pre item is an object
inline bool is_flat_task(tao::json::value const& item) {
   auto const* kind = detail::member(&item, "kind");
   return kind != nullptr && !kind->is_object();
}

/// Labels, inputs, variables that tasks write, `output` and the like.
/// \param items  `{label: spec}` each, or a spec with its label under `name`; what is neither has no names
inline std::set<std::string> task_names(tao::json::value const& items) {
   std::set<std::string> names{"output", "_attempt", "_prev", "input", "keychain"};
   if (!items.is_array()) return names;
   for (auto const& item : items.get_array()) {
      if (!item.is_object()) continue;
      if (is_flat_task(item)) {
         names.emplace(detail::as_text(detail::member(&item, "name")).value_or(""));
         detail::add_task_names(item, names);
         continue;
      }
      for (auto const& [label, spec] : item.get_object()) {
         names.insert(label);
         detail::add_task_names(spec, names);
      }
   }
   names.erase(""); // no label
   return names;
}

} // namespace noetl::workflow
