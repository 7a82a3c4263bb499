// workflow/detail/template_names.hpp: names that a template takes from its context. Names bound inside a template are
// left out only where that is certain: a name too many does no harm.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <noetl/workflow/detail/template_ast.hpp>

namespace noetl::workflow::detail {

inline void collect_names(expr const* e, std::set<std::string>& found) {
   if (e == nullptr) return;
   if (e->kind == op::name && e->text != block_text) found.insert(e->text);
   for (auto const& c : e->children) collect_names(c.get(), found);
   for (auto const& [key, value] : e->named) collect_names(value.get(), found);
}

inline void erase_bound(target const& t, std::set<std::string>& found) {
   found.erase(t.name);
   for (auto const& part : t.parts) erase_bound(part, found);
}

inline void collect_names(std::vector<node> const& nodes, std::set<std::string>& found) {
   for (auto const& n : nodes) {
      std::set<std::string> inner;
      collect_names(n.body, inner);
      if (n.kind == node_kind::loop) {
         inner.erase("loop");
         for (auto const& t : n.targets) erase_bound(t, inner);
      }
      if (n.kind == node_kind::macro || n.kind == node_kind::call_block)
         for (auto const& bound : n.names) inner.erase(bound);
      if (n.kind == node_kind::macro) inner.erase("caller");
      found.merge(inner);
      collect_names(n.value.get(), found);
      collect_names(n.condition.get(), found);
      for (auto const& v : n.values) collect_names(v.get(), found);
      for (auto const& [condition, body] : n.arms) {
         collect_names(condition.get(), found);
         collect_names(body, found);
      }
      collect_names(n.otherwise, found);
   }
}

} // namespace noetl::workflow::detail
