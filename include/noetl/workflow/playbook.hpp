// workflow/playbook.hpp: a playbook as a value: what workflow/playbook_parser.hpp reads and workflow/decide.hpp walks.
// Knows JSON values; no YAML, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <tao/json/value.hpp>

namespace noetl::workflow {

class template_engine;

/// How many of a step's arcs are taken: the first true one, or every true one.
enum class route_mode : std::uint8_t { exclusive, inclusive };

/// One outgoing arc.
struct arc {
   std::string step;                ///< name of the target
   std::optional<std::string> when; ///< condition; absent is true
   tao::json::value set;            ///< variables written when the arc is taken: an object, or null
   tao::json::value args;  ///< legacy targets only: merged unrendered into the target's context; object or null
   std::size_t target = 0; ///< index of the target in playbook::workflow
};

/// Outgoing arcs of a step. A step without arcs (absent `next`, or zero arcs: L-12) is a leaf.
struct router {
   route_mode mode = route_mode::exclusive;
   std::vector<arc> arcs;
};

/// What a step runs: one tool, or a pipeline of labelled tools that one worker runs in order.
struct tool_spec {
   bool pipeline = false;
   std::string kind; ///< command kind: the tool's kind, `task_sequence` for pipelines
   /// Single: the keys of the tool without `kind`, with `input` under the name `args`. Pipeline: the wire form, an
   /// array of
   /// `{label: spec}` with `args` under the name `input`.
   tao::json::value config;
   /// Pipelines: names that only the worker will know: labels, variables set by the tasks, `output` and the like.
   /// Sorted.
   std::vector<std::string> task_names;
};

enum class loop_mode : std::uint8_t { sequential, parallel, cursor };

struct cursor_spec {
   std::string kind = "postgres";
   std::optional<std::string> auth;
   std::string claim;
   tao::json::value max_rows = 1;        ///< integer >= 1, or a template (L-40)
   tao::json::value row_concurrency = 1; ///< integer >= 1, or a template (L-40)
};

struct loop_spec {
   std::string in; ///< template of the collection; empty in cursor mode
   std::string iterator;
   loop_mode mode = loop_mode::sequential;
   tao::json::value max_in_flight; ///< null (no window), integer >= 1, or a template (L-26, L-40)
   std::optional<cursor_spec> cursor;
};

struct step {
   std::string name;
   std::optional<std::string> when;
   tao::json::value set;  ///< object, or null
   tao::json::value args; ///< object, or null; sent as written
   tool_spec tool;
   std::optional<loop_spec> loop;
   router next;
   std::size_t line = 0; ///< line of the step in its YAML, from 1
};

/// A parsed and validated playbook. Immutable after parsing and then safe to share between threads; it owns a bounded
/// cache of compiled templates, which locks for itself.
struct playbook {
   std::string name;
   std::optional<std::string> path; ///< `metadata.path`, which selects the worker pool; not the catalog path
   tao::json::value metadata;
   tao::json::value workload; ///< defaults below the payload; anything but an object has no effect
   std::vector<step> workflow;
   std::unordered_map<std::string, std::size_t> index; ///< step name to position in `workflow`
   std::size_t start = 0;
   std::vector<std::vector<std::size_t>> upstream; ///< per step: distinct steps with an arc to it
   std::vector<bool> reachable;                    ///< per step: can be reached from `start`
   std::shared_ptr<template_engine> templates;

   /// \return null when no step has that name
   [[nodiscard]] step const* find(std::string_view step_name) const {
      auto const found = index.find(std::string(step_name));
      return found == index.end() ? nullptr : &workflow[found->second];
   }
};

} // namespace noetl::workflow
