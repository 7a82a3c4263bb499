// workflow/detail/playbook_checks.hpp: what a well-shaped playbook must also mean, in the order of orchestration.md
// 1.14, and its graph. Knows the readers.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/known_words.hpp>
#include <noetl/workflow/detail/step_reader.hpp>
#include <noetl/workflow/detail/tool_reader.hpp>
#include <noetl/workflow/playbook.hpp>

namespace noetl::workflow::detail {

/// A tool of the workbook and where it stands.
struct workbook_item {
   json tool;
   yaml_node const* node;
};
using workbook_items = std::map<std::string, workbook_item, std::less<>>;

/// A playbook on its way from the shape to the meaning.
struct draft {
   playbook book{};
   std::vector<step_source> sources{}; ///< beside book.workflow
   workbook_items workbook{};
   yaml_node const* api_version = nullptr; ///< null when its shape was wrong
   yaml_node const* kind = nullptr;
   yaml_node const* workflow = nullptr;
};

inline void refuse_case_blocks(yaml_node const& root, findings& out) {
   auto const* workflow = root.find("workflow");
   if (workflow == nullptr || !workflow->is_sequence()) return;
   for (auto const& item : workflow->items) {
      auto const* block = item->is_mapping() ? item->find("case") : nullptr;
      if (block == nullptr) continue;
      auto const* name = item->find("step");
      out.enter(name ? name->text : std::string());
      out.error(*block, "case", "is not supported; use next.arcs with 'when'");
   }
   out.enter({});
}

inline bool is_blank(std::string_view text) {
   return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Syntax of a condition (1.10): not blank, and `{{` when there is a brace at all.
inline bool plausible_condition(std::string_view text) {
   return !is_blank(text) && (text.find("{{") != std::string_view::npos || text.find('{') == std::string_view::npos);
}

/// A collection is written like a condition, or is JSON text.
inline bool plausible_collection(std::string_view text) {
   return plausible_condition(text) || parse_json(text).has_value();
}

/// Names of workbook items, not too many.
inline std::string available(workbook_items const& items) {
   constexpr std::size_t most = 20;
   std::string out;
   std::size_t count = 0;
   for (auto const& [name, item] : items) {
      if (++count > most) return out + ", ...";
      out.append(out.empty() ? "" : ", ").append(name, 0, 80);
   }
   return out.empty() ? "none" : out;
}

/// Workbook references become the tools they name (1.5). Each gets a copy, so these are bounded like aliases.
inline void expand_workbook(draft& d, findings& out) {
   std::size_t values = 0, bytes = 0;
   for (std::size_t i = 0; i < d.book.workflow.size(); ++i) {
      auto& s = d.book.workflow[i];
      if (s.tool.pipeline || s.tool.kind != "workbook") continue;
      out.enter(s.name);
      auto const& node = *d.sources[i].tools.at(0).node;
      auto const name = as_text(member(&s.tool.config, "name"));
      if (!name) {
         out.error(node, "tool.name", "kind workbook needs the 'name' of a workbook item");
         continue;
      }
      auto const found = d.workbook.find(*name);
      if (found == d.workbook.end()) {
         out.error(*node.find("name"), "tool.name",
                   "unknown workbook item " + shown(*name) + "; available: " + available(d.workbook));
         continue;
      }
      values += found->second.node->values;
      bytes += found->second.node->bytes;
      if (values > yaml_limits::values || bytes > yaml_limits::expanded_bytes) {
         out.error(node, "tool",
                   "the workbook items that steps refer to come to more than " + std::to_string(yaml_limits::values) +
                       " values or " + std::to_string(yaml_limits::expanded_bytes) + " bytes");
         break;
      }
      json config = found->second.tool;
      if (auto const* given = member(&s.tool.config, "args")) {
         auto& args = config.get_object().emplace("args", tao::json::null).first->second;
         if (args.is_object() && given->is_object()) {
            for (auto const& [key, value] : given->get_object()) args.get_object().insert_or_assign(key, value);
         } else {
            args = *given;
         }
      }
      s.tool.kind = config.at("kind").get_string();
      config.get_object().erase("kind");
      s.tool.config = std::move(config);
      d.sources[i].tools = {{found->second.node, "tool"}};
   }
   out.enter({});
}

inline void check_eval(tool_source const& tool, findings& out) {
   static constexpr std::array<std::string_view, 5> actions{"continue", "retry", "break", "jump", "fail"};
   auto const* entries = shapes::present(*tool.node, "eval");
   if (entries == nullptr || !entries->is_sequence()) return;
   for (auto const& entry : entries->items) {
      auto const* otherwise = entry->find("else");
      auto const& body = otherwise ? *otherwise : *entry;
      auto const* action = body.find("do");
      if (action == nullptr || !one_of(actions, action->text))
         out.error(action ? *action : body, tool.key + ".eval.do",
                   "must be one of " + listed(actions) + ", not " + shown(action ? action->text : ""));
      auto const* expression = entry->find("expr");
      if (expression && !expression->is_null() && !plausible_condition(expression->text))
         out.error(*expression, tool.key + ".eval.expr", "bad expression " + shown(expression->text));
   }
}

inline void check_loop(loop_spec const& loop, yaml_node const& node, findings& out) {
   auto const place = [&](char const* key) -> yaml_node const& {
      auto const* found = node.find(key);
      return found ? *found : node;
   };
   if (!is_blank(loop.in) && !plausible_collection(loop.in))
      out.error(place("in"), "loop.in", "bad expression " + shown(loop.in) + ": '{' without '{{'");
   if (is_blank(loop.iterator)) out.error(place("iterator"), "loop.iterator", "is empty");
   if (loop.mode == loop_mode::cursor) {
      if (!loop.cursor) out.error(node, "loop.cursor", "is missing; loop.spec.mode cursor needs it");
   } else if (is_blank(loop.in)) {
      out.error(place("in"), "loop.in", "is missing or blank");
   }
}

inline void check_step(draft const& d, std::size_t i, findings& out) {
   auto const& s = d.book.workflow[i];
   auto const& source = d.sources[i];
   auto const condition = [&](std::string const& text, yaml_node const& at, std::string const& key) {
      if (!plausible_condition(text))
         out.error(at, key, is_blank(text) ? "is blank" : "bad condition " + shown(text) + ": '{' without '{{'");
   };
   out.enter(s.name);
   for (auto const& fault : source.faults) out.error(*fault.node, fault.key, fault.what);
   for (auto const& tool : source.tools) check_eval(tool, out);
   if (s.loop) check_loop(*s.loop, *source.node->find("loop"), out);
   if (s.when) condition(*s.when, *source.node->find("when"), "when");
   std::vector<std::string_view> names;
   for (std::size_t k = 0; k < s.next.arcs.size(); ++k) {
      auto const& a = s.next.arcs[k];
      auto const& at = *source.arcs[k];
      if (!d.book.index.contains(a.step)) {
         bool const look = d.book.workflow.size() <= 1'000 && out.keeps_errors();
         if (look && names.empty())
            for (auto const& other : d.book.workflow) names.push_back(other.name);
         auto const* target = at.find("step");
         out.error(target ? *target : at, "next",
                   "unknown step " + shown(a.step) + (look ? suggestion(names, a.step) : std::string()));
      }
      if (a.when) condition(*a.when, *at.find("when"), "next, arc to " + shown(a.step) + ", when");
   }
}

inline void check_header(draft const& d, findings& out) {
   if (d.api_version && d.api_version->text != "noetl.io/v2")
      out.error(*d.api_version, "",
                "Unsupported API version: " + d.api_version->text.substr(0, 80) + ". Expected noetl.io/v2");
   if (d.kind && d.kind->text != "Playbook")
      out.error(*d.kind, "", "Unsupported kind: " + d.kind->text.substr(0, 80) + ". Expected Playbook");
}

inline void check_names(draft& d, findings& out) {
   auto& book = d.book;
   auto const earlier = [&](std::size_t i) { return book.index.at(book.workflow[i].name); };
   for (std::size_t i = 0; i < book.workflow.size(); ++i) book.index.emplace(book.workflow[i].name, i);
   auto const start = book.index.find("start");
   if (start != book.index.end())
      book.start = start->second;
   else if (d.workflow != nullptr)
      out.error(*d.workflow, "workflow", "Workflow must have a step named 'start'");
   for (std::size_t i = 0; i < book.workflow.size(); ++i) {
      if (earlier(i) == i) continue;
      out.enter(book.workflow[i].name);
      out.error(*d.sources[i].node, "",
                "Duplicate step name, also in line " + std::to_string(book.workflow[earlier(i)].line));
   }
}

inline void check_meaning(draft& d, findings& out) {
   out.enter({});
   expand_workbook(d, out);
   check_header(d, out);
   check_names(d, out);
   for (std::size_t i = 0; i < d.book.workflow.size(); ++i) check_step(d, i, out);
   out.enter({});
}

/// Fills targets, upstream lists and reachability. Arcs to nowhere are left out of the graph.
inline void connect(playbook& book) {
   auto const n = book.workflow.size();
   book.upstream.assign(n, {});
   book.reachable.assign(n, false);
   if (n == 0) return;
   for (std::size_t i = 0; i < n; ++i) {
      for (auto& a : book.workflow[i].next.arcs) {
         auto const found = book.index.find(a.step);
         if (found == book.index.end()) continue;
         a.target = found->second;
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
         if (book.reachable[a.target] || !book.index.contains(a.step)) continue;
         book.reachable[a.target] = true;
         open.push_back(a.target);
      }
   }
}

} // namespace noetl::workflow::detail
