// workflow/detail/playbook_reader.hpp: bodies of workflow/playbook_parser.hpp: shape first, meaning after
// (orchestration.md 1.14).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/playbook_checks.hpp>
#include <noetl/workflow/detail/template_filters.hpp>
#include <noetl/workflow/detail/tool_reader.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow {

namespace detail {

/// Reads the typed parts; every refusal here is bad_request.
class playbook_reader {
public:
   explicit playbook_reader(yaml_node const& root) : root_(root) {}

   /// Header values that are checked after the shape.
   std::string api_version, kind;
   step_faults faults;
   std::map<std::string, json> workbook;

   playbook read() {
      api_version = text(root_, "apiVersion", "playbook");
      kind = text(root_, "kind", "playbook");
      playbook book;
      auto const& metadata = required(root_, "metadata", "playbook");
      mapping(metadata, "metadata");
      book.metadata = to_json(metadata);
      book.name = text(metadata, "name", "metadata");
      book.path = optional_text(metadata, "path", "metadata");
      static_cast<void>(optional_text(metadata, "description", "metadata"));
      if (auto const* labels = present(metadata, "labels")) {
         mapping(*labels, "metadata.labels");
         for (auto const& [key, value] : labels->entries)
            static_cast<void>(source(*value, "metadata.labels." + key->text));
      }
      if (auto const* workload = root_.find("workload"))
         book.workload = to_json(*workload);
      else
         book.workload = tao::json::null;
      if (auto const* vars = present(root_, "vars")) mapping(*vars, "vars");
      if (auto const* keychain = present(root_, "keychain")) {
         list(*keychain, "keychain");
         for (auto const& entry : keychain->items) {
            mapping(*entry, "keychain entry");
            static_cast<void>(text(*entry, "name", "keychain entry"));
         }
      }
      read_workbook();
      auto const& workflow = required(root_, "workflow", "playbook");
      list(workflow, "workflow");
      for (auto const& item : workflow.items) book.workflow.push_back(read_step(*item));
      return book;
   }

private:
   [[noreturn]] static void wrong(yaml_node const& at, std::string const& what) {
      throw refused(what + at_line(at), false);
   }
   static yaml_node const* present(yaml_node const& n, std::string_view key) {
      auto const* found = n.find(key);
      return found == nullptr || found->is_null() ? nullptr : found;
   }
   static yaml_node const& required(yaml_node const& n, std::string const& key, std::string const& where) {
      auto const* found = n.find(key);
      if (found == nullptr || found->is_null()) wrong(n, where + ": missing '" + key + "'");
      return *found;
   }
   static void mapping(yaml_node const& n, std::string const& where) {
      if (!n.is_mapping()) wrong(n, where + " must be a mapping");
   }
   static void list(yaml_node const& n, std::string const& where) {
      if (!n.is_sequence()) wrong(n, where + " must be a list");
   }
   static std::string const& source(yaml_node const& n, std::string const& where) {
      if (!n.is_scalar()) wrong(n, where + " must be a string");
      return n.text;
   }
   static std::string text(yaml_node const& n, std::string const& key, std::string const& where) {
      return source(required(n, key, where), where + "." + key);
   }
   static std::optional<std::string> optional_text(yaml_node const& n, std::string const& key,
                                                   std::string const& where) {
      auto const* found = present(n, key);
      if (found == nullptr) return std::nullopt;
      return source(*found, where + "." + key);
   }
   static json optional_mapping(yaml_node const& n, std::string const& key, std::string const& where) {
      auto const* found = present(n, key);
      if (found == nullptr) return tao::json::null;
      mapping(*found, where + "." + key);
      return to_json(*found);
   }
   static std::string const& real_string(yaml_node const& n, std::string const& where) {
      if (!is_real_string(n)) wrong(n, where + " must be a string");
      return n.text;
   }

   void read_workbook() {
      auto const* items = present(root_, "workbook");
      if (items == nullptr) return;
      list(*items, "workbook");
      for (auto const& item : items->items) {
         mapping(*item, "workbook item");
         auto const name = text(*item, "name", "workbook item");
         auto const where = "workbook item '" + name + "'";
         workbook[name] = read_tool(required(*item, "tool", where), zone::lenient, where, "args");
      }
   }

   step read_step(yaml_node const& n) {
      mapping(n, "workflow item");
      step s;
      s.name = text(n, "step", "workflow item");
      s.line = n.line;
      auto const where = "step '" + s.name + "'";
      static_cast<void>(optional_text(n, "desc", where));
      s.when = optional_text(n, "when", where);
      s.args = optional_mapping(n, "args", where);
      s.set = optional_mapping(n, "set", where);
      static_cast<void>(optional_mapping(n, "vars", where));
      std::string next_mode;
      if (auto const* spec = present(n, "spec")) {
         mapping(*spec, where + ".spec");
         next_mode = optional_text(*spec, "next_mode", where + ".spec").value_or("");
         if (auto const* policy = present(*spec, "policy"); policy && policy->is_mapping() && policy->find("admit"))
            faults.warnings.push_back(where + ": spec.policy.admit has no effect" + at_line(*policy));
      }
      for (char const* ignored : {"input", "output"})
         if (auto const* key = n.find(ignored))
            faults.warnings.push_back(where + ": '" + ignored + "' has no effect" + at_line(*key));
      auto tool = read_step_tool(required(n, "tool", where), where);
      s.tool = std::move(tool.tool);
      faults.pipeline.push_back(std::move(tool.semantic_fault));
      if (auto const* loop = present(n, "loop")) s.loop = read_loop(*loop, where);
      if (auto const* next = present(n, "next")) s.next = read_next(*next, next_mode, where);
      return s;
   }

   /// An integer, or a template that becomes one (L-40).
   static json count(yaml_node const& n, std::string const& where) {
      auto value = to_json(n);
      bool const templated = value.is_string() && template_engine::is_template(value.get_string());
      if (!value.is_integer() && !templated) wrong(n, where + " must be an integer or a template");
      return value;
   }

   static loop_spec read_loop(yaml_node const& n, std::string const& step_where) {
      auto const where = step_where + ".loop";
      mapping(n, where);
      loop_spec out;
      out.max_in_flight = tao::json::null;
      out.in = optional_text(n, "in", where).value_or("");
      out.iterator = source(required(n, "iterator", where), where + ".iterator");
      if (auto const* spec = present(n, "spec")) {
         mapping(*spec, where + ".spec");
         auto const mode = optional_text(*spec, "mode", where + ".spec").value_or("sequential");
         if (mode == "parallel")
            out.mode = loop_mode::parallel;
         else if (mode == "cursor")
            out.mode = loop_mode::cursor;
         else if (mode != "sequential")
            wrong(*spec->find("mode"), where + ".spec.mode: unknown mode '" + mode + "'");
         if (auto const* limit = present(*spec, "max_in_flight"))
            out.max_in_flight = count(*limit, where + ".spec.max_in_flight");
         if (auto const* frame = present(*spec, "frame")) mapping(*frame, where + ".spec.frame");
      }
      auto const* cursor = present(n, "cursor");
      if (cursor == nullptr) return out;
      mapping(*cursor, where + ".cursor");
      cursor_spec c;
      c.kind = optional_text(*cursor, "kind", where + ".cursor").value_or("postgres");
      c.auth = optional_text(*cursor, "auth", where + ".cursor");
      c.claim = source(required(*cursor, "claim", where + ".cursor"), where + ".cursor.claim");
      auto const* spec = present(n, "spec");
      if (auto const* frame = spec ? present(*spec, "frame") : nullptr) {
         auto const at = where + ".spec.frame.";
         if (auto const* rows = present(*frame, "max_rows")) c.max_rows = count(*rows, at + "max_rows");
         if (auto const* rows = present(*frame, "row_concurrency"))
            c.row_concurrency = count(*rows, at + "row_concurrency");
      }
      out.cursor = std::move(c);
      return out;
   }

   static route_mode mode_of(std::string_view word) {
      return word.size() == 9 && filters::changed_case(word, false) == "inclusive" ? route_mode::inclusive
                                                                                   : route_mode::exclusive;
   }

   router read_next(yaml_node const& n, std::string const& next_mode, std::string const& where) {
      router out;
      out.mode = mode_of(next_mode);
      if (n.is_scalar()) {
         out.arcs.push_back({real_string(n, where + ".next"), {}, tao::json::null, tao::json::null});
         return out;
      }
      if (n.is_sequence()) {
         bool texts = false, targets = false;
         for (auto const& item : n.items) {
            (item->is_mapping() ? targets : texts) = true;
            if (texts && targets) wrong(*item, where + ".next mixes names and targets");
            if (item->is_mapping())
               out.arcs.push_back(read_arc(*item, where, true));
            else
               out.arcs.push_back({real_string(*item, where + ".next"), {}, tao::json::null, tao::json::null});
         }
         if (texts) out.mode = route_mode::inclusive; // plain names are all taken
         return out;
      }
      if (auto const* spec = present(n, "spec")) {
         mapping(*spec, where + ".next.spec");
         if (auto const* mode = present(*spec, "mode"))
            out.mode = mode_of(real_string(*mode, where + ".next.spec.mode"));
      }
      if (auto const* arcs = present(n, "arcs")) {
         list(*arcs, where + ".next.arcs");
         for (auto const& item : arcs->items) out.arcs.push_back(read_arc(*item, where, false));
      }
      if (n.find("step"))
         faults.warnings.push_back(where + ": 'next: {step: ...}' has no arcs; the step is a leaf" + at_line(n));
      return out;
   }

   arc read_arc(yaml_node const& n, std::string const& where, bool legacy) {
      mapping(n, where + ": an arc");
      arc out{real_string(required(n, "step", where + ": an arc"), where + ": arc 'step'"),
              {},
              tao::json::null,
              tao::json::null};
      if (auto const* when = present(n, "when")) out.when = real_string(*when, where + ": arc 'when'");
      if (!legacy) {
         out.set = optional_mapping(n, "set", where + ": arc");
         if (auto const* args = n.find("args"))
            faults.warnings.push_back(where + ": 'args' of a router arc has no effect" + at_line(*args));
      } else {
         out.args = optional_mapping(n, "args", where + ": arc");
      }
      return out;
   }

   yaml_node const& root_;
};

/// Workbook references become the tools they name (1.5).
inline void expand_workbook(playbook& book, std::map<std::string, json> const& workbook) {
   for (auto& s : book.workflow) {
      if (s.tool.pipeline || s.tool.kind != "workbook") continue;
      auto const where = "step '" + s.name + "' (line " + std::to_string(s.line) + ")";
      auto const name = as_text(member(&s.tool.config, "name"));
      if (!name) throw refused(where + ": tool kind workbook needs the 'name' of a workbook item", true);
      auto const found = workbook.find(std::string(*name));
      if (found == workbook.end()) {
         std::string known;
         for (auto const& [item, tool] : workbook) known += (known.empty() ? "" : ", ") + item;
         throw refused(where + ": unknown workbook item '" + std::string(*name) +
                           "'; available: " + (known.empty() ? "none" : known),
                       true);
      }
      json config = found->second;
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
   }
}

} // namespace detail

result<tao::json::value> yaml_to_json(std::string_view yaml) {
   try {
      auto const root = detail::read_yaml(yaml);
      return root ? detail::to_json(*root) : tao::json::value(tao::json::null);
   } catch (detail::refused const& e) {
      return fail(error_code::bad_request, e.what());
   }
}

result<playbook> parse_playbook(std::string_view yaml) {
   try {
      auto const root = detail::read_yaml(yaml);
      if (!root || !root->is_mapping()) throw detail::refused("a playbook must be a YAML mapping", false);
      detail::refuse_case_blocks(*root);
      detail::playbook_reader reader(*root);
      auto book = reader.read();
      detail::expand_workbook(book, reader.workbook);
      detail::check_playbook(book, reader.api_version, reader.kind, reader.faults);
      detail::connect(book);
      book.warnings = std::move(reader.faults.warnings);
      if (book.find("end") == nullptr)
         book.warnings.push_back("no step 'end': the run ends when nothing is left to do");
      book.templates = std::make_shared<template_engine>();
      return book;
   } catch (detail::refused const& e) {
      return fail(e.semantic ? error_code::validation : error_code::bad_request, e.what());
   }
}

} // namespace noetl::workflow
