// workflow/detail/playbook_checks.hpp: what a well-shaped playbook must also mean (orchestration.md 1.14), and its
// graph.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <noetl/workflow/detail/tool_reader.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/playbook.hpp>

namespace noetl::workflow::detail {

/// Findings of the shape pass that are reported later, one entry per step.
struct step_faults {
   std::vector<std::string> pipeline;
   std::vector<std::string> warnings;
};

inline void refuse_case_blocks(yaml_node const& root) {
   auto const* workflow = root.find("workflow");
   if (workflow == nullptr || !workflow->is_sequence()) return;
   for (auto const& item : workflow->items) {
      auto const* block = item->is_mapping() ? item->find("case") : nullptr;
      if (block == nullptr) continue;
      auto const* name = item->find("step");
      throw refused("step '" + (name ? name->text : std::string("?")) +
                        "': 'case' is not supported; use next.arcs with 'when'" + at_line(*block),
                    true);
   }
}

/// Syntax of a condition (1.10): not blank, and `{{` when there is a brace at all.
inline bool plausible_condition(std::string_view text) {
   if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return false;
   return text.find("{{") != std::string_view::npos || text.find('{') == std::string_view::npos;
}

inline void check_eval(json const& tool, std::string const& where) {
   static constexpr std::array actions{std::string_view{"continue"}, std::string_view{"retry"},
                                       std::string_view{"break"}, std::string_view{"jump"}, std::string_view{"fail"}};
   auto const* entries = member(&tool, "eval");
   if (entries == nullptr || !entries->is_array()) return;
   for (auto const& entry : entries->get_array()) {
      auto const* otherwise = member(&entry, "else");
      auto const action = as_text(otherwise ? member(otherwise, "do") : member(&entry, "do"));
      if (!action || !one_of(actions, *action))
         throw refused(where + ": eval needs 'do' as one of continue, retry, break, jump, fail, not '" +
                           std::string(action.value_or("")) + "'",
                       true);
      if (auto const expression = as_text(member(&entry, "expr")); expression && !plausible_condition(*expression))
         throw refused(where + ": bad expression in eval: '" + std::string(*expression) + "'", true);
   }
}

inline void check_step(playbook const& book, step const& s, std::string const& pipeline_fault) {
   auto const where = "step '" + s.name + "' (line " + std::to_string(s.line) + ")";
   auto const demand = [&](bool holds, std::string const& what) {
      if (!holds) throw refused(where + ": " + what, true);
   };
   if (!pipeline_fault.empty()) throw refused(pipeline_fault, true);
   if (s.tool.pipeline) {
      for (auto const& item : s.tool.config.get_array())
         for (auto const& [label, spec] : item.get_object()) check_eval(spec, where);
   } else {
      check_eval(s.tool.config, where);
   }
   if (s.loop) {
      auto const blank = [](std::string const& t) { return t.find_first_not_of(" \t\r\n") == std::string::npos; };
      demand(!blank(s.loop->iterator), "loop.iterator is empty");
      if (s.loop->mode == loop_mode::cursor)
         demand(s.loop->cursor.has_value(), "loop.spec.mode cursor needs loop.cursor");
      else
         demand(!blank(s.loop->in), "loop.in is missing or blank");
   }
   if (s.when) demand(plausible_condition(*s.when), "bad 'when': '" + *s.when + "'");
   for (auto const& a : s.next.arcs) {
      demand(book.index.contains(a.step), "next: unknown step '" + a.step + "'");
      if (a.when) demand(plausible_condition(*a.when), "arc to '" + a.step + "': bad 'when': '" + *a.when + "'");
   }
}

inline void check_playbook(playbook& book, std::string const& api_version, std::string const& kind,
                           step_faults const& faults) {
   if (api_version != "noetl.io/v2")
      throw refused("Unsupported API version: " + api_version + ". Expected noetl.io/v2", true);
   if (kind != "Playbook") throw refused("Unsupported kind: " + kind + ". Expected Playbook", true);
   auto const start =
       std::find_if(book.workflow.begin(), book.workflow.end(), [](step const& s) { return s.name == "start"; });
   if (start == book.workflow.end()) throw refused("Workflow must have a step named 'start'", true);
   book.start = static_cast<std::size_t>(start - book.workflow.begin());
   for (std::size_t i = 0; i < book.workflow.size(); ++i) {
      auto const& s = book.workflow[i];
      auto const [first, fresh] = book.index.emplace(s.name, i);
      if (!fresh)
         throw refused("Duplicate step name: '" + s.name + "' (lines " +
                           std::to_string(book.workflow[first->second].line) + " and " + std::to_string(s.line) + ")",
                       true);
   }
   for (std::size_t i = 0; i < book.workflow.size(); ++i) check_step(book, book.workflow[i], faults.pipeline[i]);
}

/// Fills targets, upstream lists and reachability.
inline void connect(playbook& book) {
   auto const n = book.workflow.size();
   book.upstream.assign(n, {});
   book.reachable.assign(n, false);
   for (std::size_t i = 0; i < n; ++i) {
      for (auto& a : book.workflow[i].next.arcs) {
         a.target = book.index.at(a.step);
         auto& from = book.upstream[a.target];
         if (from.empty() || from.back() != i) from.push_back(i);
      }
   }
   std::vector<std::size_t> open{book.start};
   book.reachable[book.start] = true;
   while (!open.empty()) {
      auto const at = open.back();
      open.pop_back();
      for (auto const& a : book.workflow[at].next.arcs) {
         if (book.reachable[a.target]) continue;
         book.reachable[a.target] = true;
         open.push_back(a.target);
      }
   }
}

} // namespace noetl::workflow::detail
