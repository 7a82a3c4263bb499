// workflow/detail/playbook_lint.hpp: what a playbook may say but hardly means: warnings of check_playbook().
// Knows drafts, findings and the template engine.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/key_lint.hpp>
#include <noetl/workflow/detail/known_words.hpp>
#include <noetl/workflow/detail/playbook_checks.hpp>
#include <noetl/workflow/detail/shapes.hpp>
#include <noetl/workflow/detail/template_lint.hpp>

namespace noetl::workflow::detail {

/// \return the node at a path of keys, or null
template <class... Keys>
yaml_node const* node_at(yaml_node const* n, Keys... path) {
   static_cast<void>(((n = n != nullptr && n->is_mapping() ? n->find(path) : nullptr) && ...));
   return n;
}

inline void lint_policy(tool_source const& tool, std::set<std::string_view> const& labels, findings& out) {
   static constexpr std::array<std::string_view, 5> actions{"continue", "retry", "break", "jump", "fail"};
   auto const* policy = node_at(tool.node, "spec", "policy");
   auto const path = tool.key + ".spec.policy";
   lint_keys(policy, path, {keys::policy, {}}, out);
   auto const* rules = node_at(policy, "rules");
   if (rules == nullptr) return;
   if (!rules->is_sequence()) return out.warning(*rules, path + ".rules", "is no list, has no effect");
   for (std::size_t i = 0; i < rules->items.size(); ++i) {
      auto const* rule = rules->items[i].get();
      auto const at = routers::at(path + ".rules", i);
      lint_keys(rule, at, {keys::rule, {}}, out);
      auto const* then = node_at(rule, "else") ? node_at(rule, "else", "then") : node_at(rule, "then");
      if (then == nullptr) {
         out.warning(*rule, at, "a rule without 'then' means continue");
         continue;
      }
      lint_keys(then, at + ".then", {keys::then, {}}, out);
      auto const* action = node_at(then, "do");
      if (action != nullptr && action->is_scalar() && !one_of(actions, action->text))
         out.warning(*action, at + ".then.do",
                     "unknown action " + shown(action->text) + " counts as continue" +
                         suggestion(actions, action->text));
      if (action == nullptr || action->text != "jump") continue;
      auto const* to = node_at(then, "to");
      if (to == nullptr || !to->is_scalar())
         out.warning(*action, at + ".then.to", "jump needs the label of a task");
      else if (to->text != "previous" && to->text != "prev" && !labels.contains(to->text) &&
               !template_engine::is_template(to->text))
         out.warning(*to, at + ".then.to", "no task has the label " + shown(to->text) + suggestion(labels, to->text));
   }
}

inline void lint_tools(step const& s, step_source const& source, findings& out) {
   std::set<std::string_view> labels;
   for (auto const& tool : source.tools) {
      if (auto const* entries = shapes::present(*tool.node, "eval"))
         out.warning(*entries, tool.key + ".eval", "has no effect; use spec.policy.rules of a pipeline task");
      if (!s.tool.pipeline) continue;
      if (tool.label.empty())
         out.warning(*tool.node, tool.key, "a pipeline task without name: later tasks cannot read its result");
      else if (!labels.insert(tool.label).second)
         out.warning(*tool.node, tool.key, "two tasks have the label " + shown(tool.label));
   }
   for (auto const& tool : source.tools) lint_policy(tool, labels, out);
}

inline void lint_loop(step const& s, yaml_node const& node, draft const& d, findings& out) {
   static constexpr std::array<std::string_view, 10> reserved{
       "ctx", "workload", "iter", "output", "event", "steps", "_index", "_total", "execution_id", "keychain"};
   auto const& loop = *s.loop;
   auto const* spec = node_at(&node, "spec");
   lint_keys(&node, "loop", {keys::loop, keys::loop_ignored}, out);
   lint_keys(spec, "loop.spec", {keys::loop_spec, keys::loop_spec_ignored}, out);
   lint_keys(node_at(spec, "frame"), "loop.spec.frame", {keys::frame, keys::frame_ignored}, out);
   lint_keys(node_at(&node, "cursor"), "loop.cursor", {keys::cursor, {}}, out);
   auto const clash = [&](char const* with) {
      out.warning(*node.find("iterator"), "loop.iterator",
                  shown(loop.iterator) + " is also " + with + ", which it hides");
   };
   if (d.book.index.contains(loop.iterator)) clash("the name of a step");
   if (member(&d.book.workload, loop.iterator) != nullptr) clash("a key of workload");
   if (one_of(reserved, loop.iterator)) clash("a name of the context");
   auto const no_effect = [&](yaml_node const* at, char const* key, char const* unless) {
      if (at != nullptr) out.warning(*at, key, std::string("has no effect unless loop.spec.mode is ") + unless);
   };
   if (loop.mode != loop_mode::parallel)
      no_effect(node_at(spec, "max_in_flight"), "loop.spec.max_in_flight", "parallel");
   if (loop.mode != loop_mode::cursor) {
      no_effect(node_at(spec, "frame"), "loop.spec.frame", "cursor");
      no_effect(node_at(&node, "cursor"), "loop.cursor", "cursor");
   } else if (auto const* in = shapes::present(node, "in")) {
      out.warning(*in, "loop.in", "has no effect when loop.spec.mode is cursor");
   }
}

inline void lint_next(step const& s, step_source const& source, findings& out) {
   auto const* next = shapes::present(*source.node, "next");
   if (next == nullptr) return;
   auto const* mode = next->is_mapping() ? node_at(next, "spec", "mode") : nullptr;
   if (mode == nullptr) mode = node_at(source.node, "spec", "next_mode");
   if (mode != nullptr && mode->is_scalar() && !routers::is_mode(mode->text, "inclusive") &&
       !routers::is_mode(mode->text, "exclusive"))
      out.warning(*mode, "next.spec.mode", "unknown mode " + shown(mode->text) + " counts as exclusive");
   if (next->is_mapping()) {
      if (auto const* name = next->find("step"); name && name->is_scalar() && s.next.arcs.empty())
         out.warning(*next, "next",
                     "'next: {step: " + name->text.substr(0, 80) + "}' has no arcs, the step is a leaf; write 'next: " +
                         name->text.substr(0, 80) + "' or 'next: {arcs: [...]}'");
      lint_keys(next, "next", {keys::next, keys::next_ignored}, out);
      lint_keys(node_at(next, "spec"), "next.spec", {keys::next_spec, {}}, out);
   }
   if (s.next.arcs.empty()) out.warning(*next, "next", "has no arcs: the step is a leaf");
   bool taken = false;
   for (std::size_t i = 0; i < source.arcs.size(); ++i) {
      auto const* at = source.arcs[i];
      auto const path = next->is_mapping() ? routers::at("next.arcs", i) : routers::at("next", i);
      if (next->is_mapping())
         lint_keys(at, path, {keys::arc, keys::arc_ignored}, out);
      else
         lint_keys(at, path, {keys::target, keys::target_ignored}, out);
      if (taken) out.warning(*at, path, "is never taken: an earlier arc without 'when' always matches first");
      taken = taken || (s.next.mode == route_mode::exclusive && !s.next.arcs[i].when);
   }
}

inline void lint_step_templates(step_source const& source, template_lint& templates) {
   auto const* n = source.node;
   templates.condition(n->find("when"), "when");
   templates.value(n->find("set"), "set");
   templates.value(node_at(n, "loop", "in"), "loop.in"); // plain text is a list of words, no expression
   templates.value(node_at(n, "loop", "spec"), "loop.spec");
   templates.value(node_at(n, "loop", "cursor", "claim"), "loop.cursor.claim");
   for (auto const& tool : source.tools) templates.value(tool.node, tool.key);
   for (std::size_t i = 0; i < source.arcs.size(); ++i) {
      auto const path = routers::at("next", i);
      templates.condition(node_at(source.arcs[i], "when"), path + ".when");
      templates.value(node_at(source.arcs[i], "set"), path + ".set");
   }
}

inline void lint_step(draft const& d, std::size_t i, template_lint& templates, findings& out) {
   auto const& s = d.book.workflow[i];
   auto const& source = d.sources[i];
   out.enter(s.name);
   lint_keys(source.node, "", {keys::step, keys::step_ignored}, out);
   lint_keys(node_at(source.node, "spec"), "spec", {keys::step_spec, keys::step_spec_ignored}, out);
   if (auto const* vars = shapes::present(*source.node, "vars")) out.warning(*vars, "vars", "has no effect; use 'set'");
   if (s.name == "start" && s.when) out.warning(*source.node->find("when"), "when", "is not evaluated for 'start'");
   lint_tools(s, source, out);
   if (s.loop) lint_loop(s, *source.node->find("loop"), d, out);
   lint_next(s, source, out);
   lint_step_templates(source, templates);
}

/// Steps that never run, and runs that never see `end` (L-13).
inline void lint_graph(draft const& d, findings& out) {
   auto const& book = d.book;
   if (!book.index.contains("start")) return;
   auto const end = book.index.find("end");
   for (std::size_t i = 0; i < book.workflow.size(); ++i) {
      auto const& s = book.workflow[i];
      out.enter(s.name);
      if (!book.reachable[i])
         out.warning(*d.sources[i].node, "", "is not reachable from 'start'");
      else if (s.next.arcs.empty() && s.name != "end" && end != book.index.end())
         out.warning(*d.sources[i].node, "", "has no way on: a run that ends here does not go through 'end'");
   }
   out.enter({});
   if (end == book.index.end())
      out.warning(*d.workflow, "workflow", "no step 'end': the run ends when nothing is left to do");
   else if (!book.reachable[end->second])
      out.warning(*d.workflow, "workflow", "no way leads from 'start' to 'end'");
}

inline void lint_root(yaml_node const& root, findings& out) {
   lint_keys(&root, "", {keys::root, keys::root_ignored}, out);
   if (auto const* vars = shapes::present(root, "vars")) out.warning(*vars, "vars", "has no effect; use 'workload'");
   auto const* workload = shapes::present(root, "workload");
   if (workload != nullptr && !workload->is_mapping())
      out.warning(*workload, "workload", "only a mapping has an effect");
   auto const* items = root.find("workbook");
   if (items == nullptr) return;
   std::set<std::string_view> names;
   for (std::size_t i = 0; i < items->items.size(); ++i) {
      auto const* item = items->items[i].get();
      lint_keys(item, routers::at("workbook", i), {keys::item, keys::item_ignored}, out);
      auto const* name = node_at(item, "name");
      if (name != nullptr && !names.insert(name->text).second)
         out.warning(*name, "workbook", "two items have the name " + shown(name->text) + "; the last one counts");
   }
}

inline void lint_playbook(yaml_node const& root, draft const& d, findings& out) {
   out.enter({});
   lint_root(root, out);
   merge_key_lint(out).walk(root);
   template_lint templates(out);
   for (std::size_t i = 0; i < d.book.workflow.size(); ++i) lint_step(d, i, templates, out);
   lint_graph(d, out);
}

} // namespace noetl::workflow::detail
