// workflow/detail/decide_pass.hpp: body of workflow/decide.hpp: one pass over the graph.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/decide.hpp>
#include <noetl/workflow/detail/decide_context.hpp>
#include <noetl/workflow/detail/decide_drafts.hpp>
#include <noetl/workflow/detail/decide_graph.hpp>
#include <noetl/workflow/detail/decide_loops.hpp>
#include <noetl/workflow/task_names.hpp>

namespace noetl::workflow::detail {

class decide_pass {
public:
   decide_pass(playbook const& book, workflow_state const& state, loop_memo* memo)
       : book_(book), state_(state), memo_(memo), context_(book, state), graph_(book, state), places_(graph_.places),
         tick_(state.applied), entered_(book.workflow.size(), false) {}

   decision run() {
      bool const fresh = std::all_of(places_.begin(), places_.end(), [](place const& p) { return p.entered == 0; });
      if (fresh) {
         starting_ = true;
         enter(book_.start);
         starting_ = false;
         decide_completions();
      } else {
         continue_loops();
         decide_completions();
      }
      dispatch();
      skip_dead();
      finish();
      return assemble();
   }

private:
   // ---- what a completion causes
   /// Decides the arcs of every completion that is not decided yet, oldest first.
   void decide_completions() {
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < places_.size(); ++i)
         if (places_[i].phase == step_phase::completed && !places_[i].running && places_[i].completion != 0)
            order.push_back(i);
      std::sort(order.begin(), order.end(), [&](auto a, auto b) { return places_[a].done < places_[b].done; });
      for (auto const i : order) {
         auto& p = places_[i];
         auto const& s = book_.workflow[i];
         bool const set_due = p.folded->set_applied != p.completion;
         if (p.decided && !set_due) continue;
         json values = tao::json::empty_object;
         if (set_due) step_values(s, values);
         if (!p.decided) {
            auto const constant = constant_arcs(s.next);
            p.arcs = constant ? *constant : evaluate_arcs(s);
            p.decided = true;
            if (set_due) arc_values(i, values);
            if (!constant) drafts_.decided(s.name, p.completion, p.arcs);
         }
         if (!values.get_object().empty()) drafts_.context_updated(s.name, p.completion, std::move(values));
      }
   }

   /// Adds the variables a completing condition or `set` sees; returns the depth to go back to.
   std::size_t push_output(step const& s, std::string_view condition) {
      auto const depth = context_.vars.depth();
      if (auto const* fresh = context_.data_of(s.name))
         context_.vars.borrow("output", *fresh);
      else if (auto const* data = member(&state_.data, s.name))
         context_.vars.borrow("output", *data);
      // a loop is done once, a step is done: either name is known, and so is the old `call.done` (L-29)
      std::string name = s.loop ? "loop.done" : "step.done";
      for (std::string_view const alias : {"step.done", "call.done"})
         if (condition.find(alias) != std::string_view::npos && condition.find(name) == std::string_view::npos)
            name = alias;
      json event = tao::json::empty_object;
      event.try_emplace("name", name);
      context_.vars.bind("event", std::move(event));
      return depth;
   }

   std::vector<std::size_t> evaluate_arcs(step const& s) {
      std::vector<std::size_t> taken;
      for (std::size_t i = 0; i < s.next.arcs.size(); ++i) {
         auto const& a = s.next.arcs[i];
         bool yes = true;
         if (a.when) {
            auto const depth = push_output(s, *a.when);
            yes = context_.holds(*a.when);
            context_.vars.shrink(depth);
         }
         if (!yes) continue;
         taken.push_back(i);
         if (s.next.mode == route_mode::exclusive) break;
      }
      return taken;
   }

   /// Variables written by the worker and by the step's `set`.
   void step_values(step const& s, json& values) {
      auto const* data = member(&state_.data, s.name);
      if (auto const* updates = member(data, "_context_updates"); updates && updates->is_object())
         for (auto const& [key, value] : updates->get_object()) keep(values, key, value);
      if (s.set.is_object()) rendered_values(s, s.set, values);
   }
   void keep(json& values, std::string_view key, json const& value) {
      std::string name(written_key(key).path);
      context_.update(name, value);
      values.get_object().insert_or_assign(std::move(name), value);
   }
   /// Renders one `set` block; all its values see the variables from before it.
   void rendered_values(step const& s, json const& set, json& values) {
      auto const depth = push_output(s, {});
      std::vector<std::pair<std::string, json>> rendered;
      for (auto const& [key, value] : set.get_object()) {
         auto r = context_.templates().render_value(value, context_.vars);
         if (r) {
            rendered.emplace_back(key, std::move(*r));
         } else {
            out_.warnings.push_back("step '" + s.name + "': set " + key + " is kept unrendered: " + r.error().message);
            rendered.emplace_back(key, value);
         }
      }
      context_.vars.shrink(depth);
      for (auto const& [key, value] : rendered) keep(values, key, value);
   }
   /// `set` of the arcs taken, each kept for its own target and all of them written (L-24).
   void arc_values(std::size_t from, json& values) {
      auto const& s = book_.workflow[from];
      for (auto const i : places_[from].arcs) {
         if (!s.next.arcs[i].set.is_object()) continue;
         json own = tao::json::empty_object;
         rendered_values(s, s.next.arcs[i].set, own);
         for (auto const& [key, value] : own.get_object()) values.get_object().insert_or_assign(key, value);
         arc_sets_.insert_or_assign({from, i}, std::move(own));
      }
   }

   // ---- where things go next
   /// Enters targets until nothing more can be entered. Each step is entered at most once in a pass.
   void dispatch() {
      for (bool progress = true; progress;) {
         progress = false;
         graph_.find_pending();
         std::size_t stuck = route_graph::nowhere;
         for (std::size_t i = 0; i < places_.size(); ++i) {
            if (!graph_.pending(i) || places_[i].running || entered_[i]) continue;
            if (graph_.must_wait(i)) {
               if (stuck == route_graph::nowhere) stuck = i;
               continue;
            }
            progress = true;
            enter(i);
            graph_.find_pending();
         }
         // joins on cycles can wait for each other; when nothing else moves, the first of them goes
         if (!progress && graph_.idle() && stuck != route_graph::nowhere) {
            progress = true;
            enter(stuck);
         }
      }
   }

   /// Enters one step, or skips it when its guard says so.
   void enter(std::size_t target) {
      auto const& s = book_.workflow[target];
      auto& p = places_[target];
      entered_[target] = true;
      auto const depth = context_.vars.depth();
      json legacy = tao::json::empty_object;
      for (auto const from : book_.upstream[target]) add_arc_variables(from, target, legacy);
      context_.vars.layer(legacy);
      if (s.when && !starting_ && !context_.holds(*s.when)) {
         skip_by_guard(target);
      } else if (s.loop && s.loop->mode == loop_mode::cursor) {
         enter_cursor(target);
      } else if (s.loop) {
         enter_loop(target, legacy);
      } else {
         if (!starting_) drafts_.entered(s.name, legacy);
         out_.commands.push_back(plain_command(context_, s));
         mark_running(p);
      }
      context_.vars.shrink(depth);
   }
   void add_arc_variables(std::size_t from, std::size_t target, json& legacy) {
      auto const& f = places_[from];
      if (!f.decided || f.done <= places_[target].entered) return;
      for (auto const i : f.arcs) {
         auto const& a = book_.workflow[from].next.arcs[i];
         if (a.target != target) continue;
         if (a.args.is_object())
            for (auto const& [key, value] : a.args.get_object()) legacy.get_object().insert_or_assign(key, value);
         if (auto const own = arc_sets_.find({from, i}); own != arc_sets_.end()) context_.vars.layer(own->second);
      }
   }
   void mark_running(place& p) {
      p.phase = step_phase::running;
      p.running = true;
      p.entered = ++tick_;
   }
   /// The guard is false: the step counts as passed and its arcs decide where to go on (C-29).
   void skip_by_guard(std::size_t target) {
      auto& p = places_[target];
      p.phase = step_phase::skipped;
      p.entered = p.done = ++tick_;
      p.completion = 0;
      decide_inside(target);
      auto const& name = book_.workflow[target].name;
      drafts_.ended(drafted("step.skipped", name, "SKIPPED"), name, p.arcs);
   }
   /// Decides a step that ends inside this pass; its record travels on the event that ends it.
   void decide_inside(std::size_t target) {
      auto& p = places_[target];
      auto const& s = book_.workflow[target];
      auto const constant = constant_arcs(s.next);
      p.arcs = constant ? *constant : evaluate_arcs(s);
      // a step is entered once in a pass: an arc back to it would spin without any work done (L-39)
      std::erase_if(p.arcs, [&](std::size_t i) { return entered_[s.next.arcs[i].target]; });
      p.decided = true;
      json values = tao::json::empty_object;
      if (p.phase == step_phase::completed && s.set.is_object()) rendered_values(s, s.set, values);
      arc_values(target, values);
      if (!values.get_object().empty()) drafts_.context_updated(s.name, 0, std::move(values));
   }
   /// Ends a step inside this pass with a step.exit.
   void exit_inside(std::size_t target, json data, json const* context) {
      auto& p = places_[target];
      auto const& s = book_.workflow[target];
      p.phase = step_phase::completed;
      p.running = false;
      p.done = ++tick_;
      p.completion = 0;
      context_.add_data(s.name, std::move(data));
      decide_inside(target);
      drafts_.ended(drafted("step.exit", s.name, "COMPLETED", context), s.name, p.arcs);
   }

   // ---- loops
   loop_items items_of(step const& s) {
      auto value = context_.render(s.loop->in, literals::coerced);
      if (starting_ && !value.is_array())
         throw evaluate_failure{"start step loop.in must resolve to a JSON array, got: " +
                                    std::string(tao::json::to_string(value.type())),
                                error_code::validation};
      return {std::move(value), s.name};
   }
   /// How many iterations of a loop may be open at once.
   std::int64_t window(step const& s) {
      if (s.loop->mode == loop_mode::sequential) return 1;
      return context_.count(s.loop->max_in_flight, max_open_iterations,
                            "step '" + s.name + "': loop.spec.max_in_flight");
   }
   void enter_loop(std::size_t target, json const& legacy) {
      auto const& s = book_.workflow[target];
      auto const items = items_of(s);
      json context = legacy;
      context.get_object().insert_or_assign("iterations_expected", items.size());
      context.get_object().insert_or_assign("iterator_var", s.loop->iterator);
      drafts_.entered(s.name, context);
      mark_running(places_[target]);
      if (starting_) started_items_ = static_cast<std::size_t>(items.size());
      if (items.size() == 0) return exit_inside(target, tao::json::empty_array, nullptr); // W11, L-08
      issue(s, items, 0, std::min(window(s), items.size()), items.size());
   }
   /// Every command carries all variables, so a window of iterations may be too much for one append.
   void issue(step const& s, loop_items const& items, std::int64_t from, std::int64_t to, std::int64_t total) {
      iteration_commands commands(context_, s);
      for (auto i = from; i < to; ++i) {
         if (i != from && command_bytes_ >= most_command_bytes) return; // the rest when some of these have ended
         auto const& made = out_.commands.emplace_back(commands.make(items.at(i), i, total));
         command_bytes_ += made.tool_config.text.size() + made.args.text.size() + made.render_context.text.size();
      }
   }
   /// Items of a loop that runs, as the variables are now.
   loop_items current_items(step const& s, step_state const& f) {
      if (memo_ == nullptr || context_.written()) return items_of(s);
      if (auto kept = memo_->find(s.name, f.visit, state_.changes)) return loop_items(std::move(kept));
      auto items = items_of(s);
      memo_->keep(s.name, f.visit, state_.changes, items.kept());
      return items;
   }
   void forget_ended_loops() {
      if (memo_ == nullptr || memo_->size() == 0) return;
      memo_->drop_if([&](std::string const& name) {
         auto const found = state_.steps.find(name);
         return found == state_.steps.end() || found->second.phase != step_phase::running;
      });
   }
   /// Refills the windows of running loops.
   void continue_loops() {
      forget_ended_loops();
      for (std::size_t i = 0; i < places_.size(); ++i) {
         auto const& s = book_.workflow[i];
         auto const* f = places_[i].folded;
         if (f == nullptr || !s.loop || f->phase != step_phase::running || f->failures != 0) continue;
         if (f->cursor) {
            continue_cursor(i);
            continue;
         }
         if (!f->expected || f->issued >= *f->expected) continue;
         auto const room = window(s) - (f->issued - f->ended);
         if (room <= 0) continue;
         issue(s, current_items(s, *f), f->issued, std::min(*f->expected, f->issued + room), *f->expected);
      }
   }
   void enter_cursor(std::size_t target) {
      auto const& s = book_.workflow[target];
      if (starting_) throw evaluate_failure{"a cursor loop cannot be on 'start'", error_code::validation};
      json context = tao::json::empty_object;
      context.try_emplace("__cursor_loop", true);
      drafts_.entered(s.name, context);
      mark_running(places_[target]);
      out_.commands.push_back(claim_command(context_, s, 0));
   }
   void continue_cursor(std::size_t target) {
      auto const& s = book_.workflow[target];
      auto const next = next_cursor_move(context_, s, *places_[target].folded);
      for (auto const& c : next.commands) out_.commands.push_back(c);
      if (!next.drained) return;
      json context = tao::json::empty_object;
      context.try_emplace("__cursor_drained", true);
      exit_inside(target, next.result, &context);
   }

   // ---- the end of the pass
   /// Steps that can no longer be reached are skipped, their successors with them. Behind a failed step nothing is
   /// said.
   void skip_dead() {
      graph_.find_pending();
      auto const reachable = graph_.live(route_graph::nowhere, true);
      for (std::size_t i = 0; i < places_.size(); ++i) {
         if (places_[i].phase != step_phase::pending || places_[i].entered != 0 || reachable[i] || !book_.reachable[i])
            continue;
         places_[i].phase = step_phase::skipped;
         drafts_.skipped(book_.workflow[i].name);
      }
   }
   void finish() {
      for (std::size_t i = 0; i < places_.size(); ++i) {
         if (places_[i].running || graph_.pending(i)) return;
      }
      planned_end end;
      for (std::size_t i = 0; i < places_.size(); ++i)
         if (places_[i].phase == step_phase::failed) end.failed_steps.push_back(book_.workflow[i].name);
      if (!end.failed_steps.empty()) {
         end.status = run_status::failed;
         end.error = "Failed steps: ";
         for (auto const& name : end.failed_steps) end.error += (name == end.failed_steps.front() ? "" : ", ") + name;
      }
      out_.end = std::move(end);
   }
   decision assemble() {
      out_.events = drafts_.take();
      out_.commands_generated = started_items_.value_or(out_.commands.size());
      return std::move(out_);
   }

   playbook const& book_;
   workflow_state const& state_;
   loop_memo* memo_;
   pass_context context_;
   route_graph graph_;
   std::vector<place>& places_;
   std::uint64_t tick_;
   std::vector<bool> entered_; ///< in this pass
   std::map<std::pair<std::size_t, std::size_t>, json> arc_sets_;
   event_drafts drafts_;
   decision out_;
   std::optional<std::size_t> started_items_;
   std::size_t command_bytes_ = 0; ///< text of the iterations issued in this pass
   bool starting_ = false;
};

} // namespace noetl::workflow::detail

namespace noetl::workflow {

result<decision> decide(playbook const& book, workflow_state const& state, loop_memo* memo) {
   if (!state.started() || state.terminal()) return decision{};
   if (book.workflow.empty() || !book.templates)
      return fail(error_code::internal, "decide needs a playbook that parse_playbook() made");
   try {
      return detail::decide_pass(book, state, memo).run();
   } catch (detail::evaluate_failure const& e) {
      decision out;
      out.end = planned_end{run_status::failed, "Orchestrator evaluate failed: " + e.message, {}, true, e.code};
      return out;
   }
}

} // namespace noetl::workflow
