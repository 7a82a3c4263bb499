// workflow/detail/template_lint.hpp: syntax of the templates in a document, with their places.
// Knows the YAML tree, findings and the template engine.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow::detail {

/// Looks at each node once, however many aliases lead to it, and at a bounded number of templates.
class template_lint {
public:
   static constexpr std::size_t most = 5'000;

   explicit template_lint(findings& out) : out_(out) {}

   /// All texts of a value, and the keys of its mappings.
   void value(yaml_node const* n, std::string const& path) {
      if (n == nullptr) return;
      path_ = path;
      walk(*n);
   }

   /// A text that is one expression when it holds no template.
   void condition(yaml_node const* n, std::string const& path) {
      if (n == nullptr || !n->is_scalar()) return;
      path_ = path;
      if (template_engine::is_template(n->text)) return walk(*n);
      if (n->text.find("{{") != std::string::npos) return out_.warning(*n, path_, "'{{' without '}}'");
      look(*n, "{{ " + n->text + " }}");
   }

private:
   void walk(yaml_node const& n) {
      if (!seen_.insert(&n).second) return;
      if (n.is_scalar()) return look(n, n.text);
      auto const length = path_.size();
      for (std::size_t i = 0; i < n.items.size(); ++i) {
         path_ += "[" + std::to_string(i) + "]";
         walk(*n.items[i]);
         path_.resize(length);
      }
      for (auto const& [key, item] : n.entries) {
         path_.append(".").append(key->text, 0, 80);
         look(*key, key->text);
         walk(*item);
         path_.resize(length);
      }
   }
   void look(yaml_node const& n, std::string const& text) {
      if (!template_engine::is_template(text)) return;
      if (looked_ > most) return;
      if (++looked_ > most)
         return out_.warning(n, path_, "only the first " + std::to_string(most) + " templates were looked at");
      if (auto const checked = engine_.check(text); !checked) out_.warning(n, path_, checked.error().message);
   }

   findings& out_;
   template_engine engine_{{.max_cached_templates = 16}};
   std::unordered_set<yaml_node const*> seen_;
   std::string path_;
   std::size_t looked_ = 0;
};

} // namespace noetl::workflow::detail
