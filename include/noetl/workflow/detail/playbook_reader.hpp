// workflow/detail/playbook_reader.hpp: bodies of workflow/playbook_parser.hpp and of check_playbook(): shape first,
// meaning after (orchestration.md 1.14).
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/playbook_checks.hpp>
#include <noetl/workflow/detail/playbook_lint.hpp>
#include <noetl/workflow/detail/shapes.hpp>
#include <noetl/workflow/detail/step_reader.hpp>
#include <noetl/workflow/document_report.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow {

namespace detail {

inline void read_metadata(yaml_node const& root, playbook& book) {
   auto const& metadata = *shapes::required(root, "", "metadata");
   shapes::mapping(metadata, "metadata");
   book.metadata = to_json(metadata);
   book.name = shapes::text(metadata, "metadata", "name");
   book.path = shapes::optional_text(metadata, "metadata", "path");
   static_cast<void>(shapes::optional_text(metadata, "metadata", "description"));
   shapes::optional_texts(metadata, "metadata", "labels");
}

inline void check_keychain_entry(yaml_node const& entry, std::string const& path) {
   shapes::mapping(entry, path);
   static_cast<void>(shapes::text(entry, path, "name"));
   for (char const* key : {"credential", "token_type", "scope", "provider", "auth", "region", "residency"})
      static_cast<void>(shapes::optional_text(entry, path, key));
   shapes::optional_texts(entry, path, "map");
   if (auto const* regions = shapes::present(entry, "allowed_regions")) {
      shapes::list(*regions, path + ".allowed_regions");
      for (auto const& region : regions->items) static_cast<void>(shapes::source(*region, path + ".allowed_regions"));
   }
   for (char const* key : {"no_broker_fallback", "auto_renew"}) shapes::optional_bool(entry, path, key);
}

inline void check_keychain(yaml_node const& root, findings& out) {
   auto const* keychain = shapes::present(root, "keychain");
   if (keychain == nullptr) return;
   if (!out.attempt([&] { shapes::list(*keychain, "keychain"); })) return;
   for (std::size_t i = 0; i < keychain->items.size(); ++i)
      out.attempt([&] { check_keychain_entry(*keychain->items[i], routers::at("keychain", i)); });
}

inline void read_workbook(yaml_node const& root, draft& d, findings& out) {
   auto const* items = shapes::present(root, "workbook");
   if (items == nullptr) return;
   if (!out.attempt([&] { shapes::list(*items, "workbook"); })) return;
   for (std::size_t i = 0; i < items->items.size(); ++i) {
      auto const& item = *items->items[i];
      auto const path = routers::at("workbook", i);
      out.attempt([&] {
         shapes::mapping(item, path);
         auto const name = shapes::text(item, path, "name");
         auto const& tool = *shapes::required(item, path, "tool");
         d.workbook[name] = {read_tool(tool, zone::lenient, path + ".tool", "args"), &tool};
      });
   }
}

inline void read_workflow(yaml_node const& root, draft& d, findings& out) {
   bool const listed = out.attempt([&] {
      auto const& workflow = *shapes::required(root, "", "workflow");
      shapes::list(workflow, "workflow");
      d.workflow = &workflow;
   });
   if (!listed) return;
   for (std::size_t i = 0; i < d.workflow->items.size(); ++i) {
      auto const& item = *d.workflow->items[i];
      step s;
      out.enter({});
      bool const named = out.attempt([&] {
         auto const path = routers::at("workflow", i);
         shapes::mapping(item, path);
         s.name = shapes::text(item, path, "step");
      });
      if (!named) continue;
      out.enter(s.name);
      step_source source;
      read_step(item, s, source, out);
      d.book.workflow.push_back(std::move(s));
      d.sources.push_back(std::move(source));
   }
   out.enter({});
}

/// Reads the shape of all parts, then checks the meaning of those that could be read.
inline draft read_playbook(yaml_node const& root, findings& out) {
   draft d;
   refuse_case_blocks(root, out);
   auto const header = [&](char const* key, yaml_node const*& at) {
      out.attempt([&] {
         auto const& found = *shapes::required(root, "", key);
         static_cast<void>(shapes::source(found, key));
         at = &found;
      });
   };
   header("apiVersion", d.api_version);
   header("kind", d.kind);
   out.attempt([&] { read_metadata(root, d.book); });
   auto const* workload = root.find("workload");
   d.book.workload = workload ? to_json(*workload) : json(tao::json::null);
   out.attempt([&] { static_cast<void>(shapes::optional_mapping(root, "", "vars")); });
   check_keychain(root, out);
   read_workbook(root, d, out);
   read_workflow(root, d, out);
   check_meaning(d, out);
   connect(d.book);
   return d;
}

/// The document's root when it is a mapping, else an error and null.
inline yaml_ptr read_mapping(std::string_view yaml, char const* what, findings& out) {
   auto root = read_document(yaml, out);
   if (!out.report.valid || (root && root->is_mapping())) return root;
   misshapen m{"", std::string(what) + " must be a YAML mapping", root ? root->line : 0, root ? root->column : 0};
   out.shape_error(std::move(m));
   return nullptr;
}

} // namespace detail

result<tao::json::value> yaml_to_json(std::string_view yaml) {
   detail::findings out(detail::findings::wanted::first_error);
   try {
      auto const root = detail::read_document(yaml, out);
      return root ? detail::to_json(*root) : tao::json::value(tao::json::null);
   } catch (detail::refused const& e) {
      return fail(error_code::bad_request, detail::sentence(e.first));
   }
}

result<playbook> parse_playbook(std::string_view yaml) {
   detail::findings out(detail::findings::wanted::first_error);
   try {
      auto const root = detail::read_mapping(yaml, "a playbook", out);
      auto draft = detail::read_playbook(*root, out);
      draft.book.templates = std::make_shared<template_engine>();
      return std::move(draft.book);
   } catch (detail::refused const& e) {
      return fail(e.semantic ? error_code::validation : error_code::bad_request, detail::sentence(e.first));
   }
}

document_report check_playbook(std::string_view yaml) {
   detail::findings out(detail::findings::wanted::all);
   auto const root = detail::read_mapping(yaml, "a playbook", out);
   if (!root || !root->is_mapping()) return std::move(out.report);
   auto const draft = detail::read_playbook(*root, out);
   detail::lint_playbook(*root, draft, out);
   return std::move(out.report);
}

} // namespace noetl::workflow
