// policy.hpp: what happens after a task of a pipeline: its rules, and the variables that tasks write (spec
// orchestration.md 1.13). No I/O: the caller runs tasks and waits.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <noetl/workflow/task_names.hpp>

#include "templates.hpp"

namespace stub {

/// What a task left, as its rules see it.
struct task_outcome {
   bool good = true;
   json data = tao::json::null;
   std::string error{};
};

enum class next_move { go_on, retry, jump, end, fail };

struct verdict {
   next_move what = next_move::go_on;
   std::chrono::milliseconds delay{0}; ///< before a retry
   std::string to{};                   ///< label of a jump; `previous` is resolved by the caller
   json set = tao::json::null;         ///< `then.set`, unrendered; null: none
};

/// `output` for rules and `set`: `{status, data, error}`.
json output_of(task_outcome const& outcome);

/// The first rule of `spec.policy.rules` that holds decides; without one an error fails and a success goes on. A retry
/// whose attempts are used up counts as no rule.
/// \param variables  with `output`, `_attempt` and all else that rules may see
/// \param attempt    tries so far, from 1
/// \throws template_error for a condition that cannot be evaluated
verdict judge(json const& spec, task_outcome const& outcome, int attempt, json const& variables, templates& engine);

/// The variables of a pipeline and what it writes back.
class task_variables {
public:
   explicit task_variables(json all);

   [[nodiscard]] json const& all() const noexcept { return all_; }
   /// Makes a name known to later tasks only.
   void bind(std::string const& name, json value);
   /// The data of a task under its label, with itself under `data` when it has no such member.
   void bind_label(std::string const& label, json const& data);
   /// Renders and stores each entry. A scope (`ctx.`, `iter.`, `step.`) before the name is dropped, and has the
   /// value, too; further dots make nested objects. \throws template_error
   void set(json const& entries, templates& engine);
   /// Top-level variables written by `set`, null when none was.
   [[nodiscard]] json const& updates() const noexcept { return updates_; }

private:
   json all_;
   json updates_ = tao::json::null;
};

/// The names that the server has left to us.
using noetl::workflow::task_names;

} // namespace stub
