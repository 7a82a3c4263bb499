// workflow/detail/step_reader.hpp: the shape of one step: guard, loop, tool, arcs (orchestration.md 1.6 to 1.12).
// Knows shapes and the tool reader.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/shapes.hpp>
#include <noetl/workflow/detail/template_filters.hpp>
#include <noetl/workflow/detail/tool_reader.hpp>
#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow::detail {

/// Where a step and its parts stand.
struct step_source {
   yaml_node const* node = nullptr;
   std::vector<yaml_node const*> arcs{}; ///< beside router::arcs; names stand for themselves
   std::vector<tool_source> tools{};
   std::vector<late_fault> faults{};
};

namespace loops {

inline bool is_templated(json const& value) {
   return value.is_string() && template_engine::is_template(value.get_string());
}

/// An integer that is not negative, or a template that becomes one (L-40).
inline json count(yaml_node const& n, std::string const& path) {
   auto value = to_json(n);
   bool const integer = value.is_integer() && !(value.is_signed() && value.get_signed() < 0);
   if (!integer && !is_templated(value)) wrong(n, path, "must be an integer, not negative, or a template");
   return value;
}

inline loop_mode mode_of(yaml_node const& n, std::string const& path) {
   auto const& word = shapes::source(n, path);
   if (word == "sequential") return loop_mode::sequential;
   if (word == "parallel") return loop_mode::parallel;
   if (word == "cursor") return loop_mode::cursor;
   wrong(n, path, "unknown mode " + shown(word) + "; there are sequential, parallel, cursor");
}

/// Numbers of a frame that nobody reads must be numbers all the same.
inline void check_frame(yaml_node const& frame) {
   shapes::mapping(frame, "loop.spec.frame");
   for (char const* key : {"max_seconds", "max_bytes", "lease_seconds", "heartbeat_seconds"}) {
      auto const* found = shapes::present(frame, key);
      if (found == nullptr) continue;
      auto const value = to_json(*found);
      if (!value.is_number() && !is_templated(value))
         wrong(*found, std::string("loop.spec.frame.") + key, "must be a number or a template");
   }
}

inline loop_spec read(yaml_node const& n) {
   shapes::mapping(n, "loop");
   loop_spec out;
   out.max_in_flight = tao::json::null;
   out.in = shapes::optional_text(n, "loop", "in").value_or("");
   out.iterator = shapes::text(n, "loop", "iterator");
   json max_rows = 1, row_concurrency = 1;
   if (auto const* spec = shapes::present(n, "spec")) {
      shapes::mapping(*spec, "loop.spec");
      if (auto const* mode = shapes::present(*spec, "mode")) out.mode = mode_of(*mode, "loop.spec.mode");
      if (auto const* limit = shapes::present(*spec, "max_in_flight"))
         out.max_in_flight = count(*limit, "loop.spec.max_in_flight");
      if (auto const* frame = shapes::present(*spec, "frame")) {
         check_frame(*frame);
         if (auto const* rows = shapes::present(*frame, "max_rows"))
            max_rows = count(*rows, "loop.spec.frame.max_rows");
         if (auto const* rows = shapes::present(*frame, "row_concurrency"))
            row_concurrency = count(*rows, "loop.spec.frame.row_concurrency");
      }
   }
   auto const* cursor = shapes::present(n, "cursor");
   if (cursor == nullptr) return out;
   shapes::mapping(*cursor, "loop.cursor");
   cursor_spec c;
   c.kind = shapes::optional_text(*cursor, "loop.cursor", "kind").value_or("postgres");
   c.auth = shapes::optional_text(*cursor, "loop.cursor", "auth");
   c.claim = shapes::text(*cursor, "loop.cursor", "claim");
   c.max_rows = std::move(max_rows);
   c.row_concurrency = std::move(row_concurrency);
   out.cursor = std::move(c);
   return out;
}

} // namespace loops

namespace routers {

inline bool is_mode(std::string_view word, std::string_view name) {
   auto const small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
   return std::ranges::equal(word, name, {}, small);
}
inline route_mode mode_of(std::string_view word) {
   return is_mode(word, "inclusive") ? route_mode::inclusive : route_mode::exclusive;
}

inline arc named(yaml_node const& n, std::string const& path) {
   return {shapes::real_string(n, path), {}, tao::json::null, tao::json::null};
}

inline arc read_arc(yaml_node const& n, std::string const& path, bool legacy) {
   shapes::mapping(n, path);
   auto out = named(*shapes::required(n, path, "step"), path + ".step");
   if (auto const* when = shapes::present(n, "when")) out.when = shapes::real_string(*when, path + ".when");
   (legacy ? out.args : out.set) = shapes::optional_mapping(n, path, legacy ? "args" : "set");
   return out;
}

/// Path of an item: `next.arcs[2]`.
inline std::string at(std::string_view path, std::size_t i) {
   return std::string(path).append("[").append(std::to_string(i)).append("]");
}

/// \param next_mode  `spec.next_mode` of the step: for lists of targets, and for routers without a mode
inline router read(yaml_node const& n, std::string const& next_mode, std::vector<yaml_node const*>& places) {
   router out;
   out.mode = mode_of(next_mode);
   if (n.is_scalar()) {
      out.arcs.push_back(named(n, "next"));
      places.push_back(&n);
   } else if (n.is_sequence()) {
      bool const targets = !n.items.empty() && n.items.front()->is_mapping();
      for (std::size_t i = 0; i < n.items.size(); ++i) {
         auto const& item = *n.items[i];
         if (item.is_mapping() != targets) wrong(item, at("next", i), "names and targets cannot be mixed");
         out.arcs.push_back(targets ? read_arc(item, at("next", i), true) : named(item, at("next", i)));
         places.push_back(&item);
      }
      if (!targets) out.mode = route_mode::inclusive; // plain names are all taken
   } else {
      if (auto const* spec = shapes::present(n, "spec")) {
         shapes::mapping(*spec, "next.spec");
         if (auto const* mode = shapes::present(*spec, "mode"))
            out.mode = mode_of(shapes::real_string(*mode, "next.spec.mode"));
      }
      auto const* arcs = shapes::present(n, "arcs");
      if (arcs == nullptr) return out;
      shapes::list(*arcs, "next.arcs");
      for (std::size_t i = 0; i < arcs->items.size(); ++i) {
         out.arcs.push_back(read_arc(*arcs->items[i], at("next.arcs", i), false));
         places.push_back(arcs->items[i].get());
      }
   }
   return out;
}

} // namespace routers

/// Reads all of a step but its name. Parts that are misshapen become findings; the others are read all the same.
/// \return whether all parts were well shaped
inline bool read_step(yaml_node const& n, step& s, step_source& source, findings& out) {
   bool ok = true;
   auto const part = [&](auto read) { ok = out.attempt(read) && ok; };
   source.node = &n;
   s.line = n.line;
   part([&] {
      static_cast<void>(shapes::optional_text(n, "", "desc"));
      s.when = shapes::optional_text(n, "", "when");
   });
   part([&] { s.args = shapes::optional_mapping(n, "", "args"); });
   part([&] { s.set = shapes::optional_mapping(n, "", "set"); });
   part([&] { static_cast<void>(shapes::optional_mapping(n, "", "vars")); });
   std::string next_mode;
   part([&] {
      auto const* spec = shapes::present(n, "spec");
      if (spec == nullptr) return;
      shapes::mapping(*spec, "spec");
      next_mode = shapes::optional_text(*spec, "spec", "next_mode").value_or("");
      static_cast<void>(shapes::optional_text(*spec, "spec", "timeout"));
      static_cast<void>(shapes::optional_text(*spec, "spec", "on_error"));
   });
   part([&] {
      auto tool = read_step_tool(*shapes::required(n, "", "tool"));
      s.tool = std::move(tool.tool);
      source.tools = std::move(tool.sources);
      source.faults = std::move(tool.faults);
   });
   part([&] {
      if (auto const* loop = shapes::present(n, "loop")) s.loop = loops::read(*loop);
   });
   part([&] {
      std::vector<yaml_node const*> arcs;
      if (auto const* next = shapes::present(n, "next")) s.next = routers::read(*next, next_mode, arcs);
      source.arcs = std::move(arcs); // only now, so that both are of one length
   });
   return ok;
}

} // namespace noetl::workflow::detail
