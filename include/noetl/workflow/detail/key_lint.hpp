// workflow/detail/key_lint.hpp: which keys mean something at each level of a playbook, and which are accepted without
// effect (orchestration.md 1.2 to 1.13, L-20, L-21). Knows findings.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/known_words.hpp>
#include <noetl/workflow/detail/shapes.hpp>
#include <noetl/workflow/detail/yaml_tree.hpp>

namespace noetl::workflow::detail {

/// The keys of one level.
struct level_keys {
   std::span<std::string_view const> used;
   std::span<std::string_view const> ignored; ///< known from documents and older playbooks; nobody reads them
};

namespace keys {

template <std::size_t N>
using words = std::array<std::string_view, N>;

inline constexpr words<8> root{"apiVersion", "kind",     "metadata", "workload",
                               "keychain",   "workbook", "workflow", "vars"};
inline constexpr words<3> root_ignored{"executor", "spec", "tracing"};
inline constexpr words<10> step{"step", "desc", "when", "spec", "args", "set", "loop", "tool", "next", "vars"};
inline constexpr words<4> step_ignored{"input", "output", "retry", "sink"};
inline constexpr words<1> step_spec{"next_mode"};
inline constexpr words<3> step_spec_ignored{"timeout", "on_error", "policy"};
inline constexpr words<4> loop{"in", "iterator", "spec", "cursor"};
inline constexpr words<1> loop_ignored{"mode"};
inline constexpr words<3> loop_spec{"mode", "max_in_flight", "frame"};
inline constexpr words<1> loop_spec_ignored{"policy"};
inline constexpr words<2> frame{"max_rows", "row_concurrency"};
inline constexpr words<5> frame_ignored{"max_seconds", "max_bytes", "lease_seconds", "heartbeat_seconds", "process"};
inline constexpr words<3> cursor{"kind", "auth", "claim"};
inline constexpr words<2> next{"spec", "arcs"};
inline constexpr words<1> next_ignored{"step"};
inline constexpr words<1> next_spec{"mode"};
inline constexpr words<3> arc{"step", "when", "set"};
inline constexpr words<3> arc_ignored{"args", "spec", "cond"};
inline constexpr words<3> target{"step", "when", "args"};
inline constexpr words<3> target_ignored{"set", "spec", "cond"};
inline constexpr words<2> item{"name", "tool"};
inline constexpr words<1> item_ignored{"sink"};
inline constexpr words<1> policy{"rules"};
inline constexpr words<3> rule{"when", "then", "else"};
inline constexpr words<6> then{"do", "attempts", "backoff", "delay", "to", "set"};

} // namespace keys

/// Warns of keys that mean nothing here. \param n  null and anything but a mapping have no keys
inline void lint_keys(yaml_node const* n, std::string const& path, level_keys const& level, findings& out) {
   if (n == nullptr || !n->is_mapping()) return;
   auto const nearest = [&](std::string const& name) {
      return out.keeps_warnings() ? suggestion(level.used, name) : std::string();
   };
   for (auto const& [key, value] : n->entries) {
      auto const& name = key->text;
      if (one_of(level.used, name) || name == "<<" || name.starts_with("x-")) continue;
      auto const where = shapes::below(path, name.substr(0, 80));
      if (one_of(level.ignored, name))
         out.warning(*key, where, "has no effect");
      else
         out.warning(*key, where, "unknown key, has no effect" + nearest(name));
   }
}

/// Warns of merge keys, which stay what they are: a key of that name (1.1).
class merge_key_lint {
public:
   explicit merge_key_lint(findings& out) : out_(out) {}
   void walk(yaml_node const& n) {
      if (n.is_scalar() || n.is_null() || !seen_.insert(&n).second) return;
      for (auto const& item : n.items) walk(*item);
      for (auto const& [key, value] : n.entries) {
         if (key->text == "<<" && key->plain) out_.warning(*key, "<<", "merge keys are not expanded");
         walk(*value);
      }
   }

private:
   findings& out_;
   std::unordered_set<yaml_node const*> seen_;
};

} // namespace noetl::workflow::detail
