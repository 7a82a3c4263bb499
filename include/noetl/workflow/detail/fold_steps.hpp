// workflow/detail/fold_steps.hpp: what an event does to a step: its visits, the results stored for it, its end.
// Knows the state and event bodies.
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include <noetl/core/time.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/workflow/detail/event_body.hpp>
#include <noetl/workflow/detail/fold_facts.hpp>
#include <noetl/workflow/detail/fold_ranges.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow::detail {

/// One event on its way into one state, and the changes to a step that the rules for events are made of.
class folding_steps {
protected:
   folding_steps(workflow_state& state, event const& e) : state_(state), e_(e), body_(e) {}

   /// As the database keeps it, so that a state folded live equals one that is read back.
   timestamp happened_at() const {
      return std::chrono::time_point_cast<timestamp::duration>(
          std::chrono::floor<std::chrono::microseconds>(e_.created_at));
   }

   // ---- visits
   void open_visit(step_state& s) {
      s.visit += 1;
      s.phase = step_phase::running;
      s.entered_order = state_.applied;
      s.entered_at = happened_at();
      s.completed_at.reset();
      s.command_seen = s.has_result = s.cursor = s.drained = false;
      s.error.clear();
      s.expected.reset();
      s.issued = s.ended = s.failures = s.claims_issued = 0;
      s.finished.clear();
      s.iteration_data.clear();
      s.frames.clear();
      // commands of earlier visits can change nothing any more
      forget([&](command_record const& c) { return c.visit < s.visit; });
   }

   /// Drops issued commands of this event's step.
   template <class Old>
   void forget(Old old) {
      auto const prefix = std::to_string(state_.execution_id.value) + ":" + *e_.node_name + ":";
      for (auto at = state_.commands.lower_bound(prefix); at != state_.commands.end() && at->first.starts_with(prefix);)
         at = at->second.issued && at->second.step == *e_.node_name && old(at->second) ? state_.commands.erase(at)
                                                                                       : std::next(at);
   }

   // ---- its end
   void skip(step_state& s) {
      if (s.phase == step_phase::running) return;
      open_visit(s);
      leave(s, step_phase::skipped);
   }
   void complete(step_state& s, std::string const& name) {
      if (s.phase != step_phase::running) return;
      leave(s, step_phase::completed);
      if (s.expected && !s.cursor) {
         json all = tao::json::empty_array;
         for (std::int64_t i = 0; i < *s.expected; ++i) {
            auto const found = s.iteration_data.find(i);
            all.emplace_back(found == s.iteration_data.end() ? json(tao::json::null) : std::move(found->second));
         }
         s.iteration_data.clear();
         store(s, name, std::move(all));
      }
   }
   void fail_step(step_state& s, std::string error) {
      if (s.phase != step_phase::running) return;
      leave(s, step_phase::failed);
      s.error = std::move(error);
   }

   // ---- its results
   void store(step_state& s, std::string const& name, json envelope) {
      s.has_result = true;
      ++state_.changes;
      state_.data.get_object().insert_or_assign(name, exposed(user_data(envelope)));
      state_.results.get_object().insert_or_assign(name, std::move(envelope));
   }
   void deliver(step_state& s, command_record const& c, json envelope) {
      if (c.visit != s.visit) return;
      if (c.cursor_phase == "claim") {
         auto const data = user_data(envelope);
         auto const* rows = member(&data, "rows");
         s.frames[c.frame].answered = true;
         if (rows != nullptr && rows->is_array()) s.frames[c.frame].rows = *rows;
      } else if (c.index && (s.expected || s.cursor)) {
         if (!s.cursor) s.iteration_data[*c.index] = user_data(envelope);
      } else {
         store(s, c.step, std::move(envelope));
      }
   }

   // ---- its commands
   /// A command of a known visit has ended: what that means for its step.
   void settle(step_state& s, command_record& c) {
      if (c.visit != s.visit || (c.parked && !c.called)) return;
      bool const bad = c.phase == command_phase::failed;
      if (s.cursor) {
         auto& f = s.frames[c.frame];
         if (bad) {
            ++s.failures;
            s.error = c.error;
         }
         if (c.cursor_phase == "claim")
            f.claimed = true;
         else
            ++f.body_completed;
         if (s.failures != 0 && f.body_completed >= f.body_issued) fail_step(s, std::string(s.error));
         return;
      }
      if (c.index && s.expected) {
         ++s.ended;
         if (*c.index >= 0 && *c.index < *s.expected && !holds(s.finished, *c.index)) insert(s.finished, *c.index);
         if (bad) {
            ++s.failures;
            if (s.error.empty()) s.error = "iteration " + std::to_string(*c.index) + ": " + c.error;
         }
         if (s.failures != 0) {
            if (s.ended >= s.issued) fail_step(s, std::string(s.error));
         } else if (s.ended >= *s.expected) {
            complete(s, c.step);
         }
         return;
      }
      if (bad) return fail_step(s, c.error);
      if (!s.has_result && s.phase == step_phase::running && fact_of(e_.event_type) == fact::completed)
         store(s, c.step, body_.result());
      complete(s, c.step);
   }

   /// As settle(), for a step whose end names no command.
   void end_without_command(step_state& s, bool bad, std::string error) {
      if (s.cursor || s.expected) return; // an iteration without its id cannot be counted
      if (s.phase == step_phase::pending) open_visit(s);
      if (s.phase != step_phase::running) return;
      if (bad) return fail_step(s, std::move(error));
      if (!s.has_result) store(s, *e_.node_name, body_.result());
      complete(s, *e_.node_name);
   }

   workflow_state& state_;
   event const& e_;
   event_body body_;

private:
   void leave(step_state& s, step_phase how) {
      s.phase = how;
      s.done_order = state_.applied;
      s.completed_at = happened_at();
      s.completion = e_.event_id.value;
   }
};

} // namespace noetl::workflow::detail
