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
#include <noetl/workflow/detail/decide_loops.hpp>

namespace noetl::workflow::detail {

/// A step as the pass sees it: the folded state plus what the pass itself has done.
struct place {
   step_phase phase = step_phase::pending;
   bool running = false; ///< has work outside: it will produce another fact
   std::uint64_t entered = 0, done = 0;
   std::int64_t completion = 0; ///< 0: inside this pass
   bool decided = false;
   std::vector<std::size_t> arcs{};
   step_state const* folded = nullptr;
};

/// Arcs that need no values to be decided: unconditional ones, and those behind the first unconditional one.
inline std::optional<std::vector<std::size_t>> constant_arcs(router const& next) {
   std::vector<std::size_t> all;
   for (std::size_t i = 0; i < next.arcs.size(); ++i) {
      if (next.arcs[i].when) return std::nullopt;
      all.push_back(i);
      if (next.mode == route_mode::exclusive) break;
   }
   return all;
}

inline std::string event_result(std::string_view status, json const* context = nullptr) {
   std::string out = "{";
   if (context != nullptr) {
      out += "\"context\":";
      append_json(out, *context);
      out += ',';
   }
   out += "\"status\":\"";
   out += status;
   out += "\"}";
   return out;
}

class decide_pass {
public:
   decide_pass(playbook const& book, workflow_state const& state)
       : book_(book), state_(state), context_(book, state), tick_(state.applied), places_(book.workflow.size()),
         entered_(book.workflow.size(), false) {
      for (std::size_t i = 0; i < places_.size(); ++i) {
         auto const found = state.steps.find(book.workflow[i].name);
         if (found == state.steps.end()) continue;
         auto const& s = found->second;
         auto& p = places_[i];
         p.folded = &s;
         p.phase = s.phase;
         p.running = s.phase == step_phase::running || (s.expected && !s.cursor && s.issued > s.ended);
         p.entered = s.entered_order;
         p.done = s.done_order;
         p.completion = s.completion;
         p.decided = s.decided == s.completion && s.completion != 0;
         if (p.decided) p.arcs = s.arcs;
      }
   }

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
            if (!constant) {
               json record = tao::json::empty_object;
               record.try_emplace("gen", p.completion);
               record.try_emplace("arcs", arc_list(p.arcs));
               records_.get_object().insert_or_assign(s.name, std::move(record));
            }
         }
         if (!values.get_object().empty()) context_updated(s.name, p.completion, std::move(values));
      }
   }

   static json arc_list(std::vector<std::size_t> const& arcs) {
      json out = tao::json::empty_array;
      for (auto const a : arcs) out.emplace_back(static_cast<std::int64_t>(a));
      return out;
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
      auto name = variable_name(key);
      context_.update(name, value);
      values.get_object().insert_or_assign(std::move(name), value);
   }
   /// Renders one `set` block; all its values see the variables from before it.
   void rendered_values(step const& s, json const& set, json& values) {
      auto const depth = push_output(s, {});
      std::vector<std::pair<std::string, json>> rendered;
      for (auto const& [key, value] : set.get_object()) {
         auto r = context_.templates().render_value(value, context_.vars);
         if (!r)
            out_.warnings.push_back("step '" + s.name + "': set " + key + " is kept unrendered: " + r.error().message);
         rendered.emplace_back(key, r ? std::move(*r) : value);
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

   void context_updated(std::string const& name, std::int64_t gen, json values) {
      json context = tao::json::empty_object;
      if (gen != 0) context.try_emplace("gen", gen);
      context.try_emplace("step", name);
      context.try_emplace("values", std::move(values));
      planned_event e;
      e.event_type = "ctx.updated";
      e.status = "CONTEXT";
      e.result = raw_json(event_result(e.status, &context));
      updates_.push_back({std::move(e), {}});
   }

   // ---- where things go next
   [[nodiscard]] bool has_new_arc(std::size_t target) const {
      auto const& t = places_[target];
      for (auto const from : book_.upstream[target]) {
         auto const& f = places_[from];
         if (!f.decided || f.done <= t.entered) continue;
         bool const points_here = std::any_of(f.arcs.begin(), f.arcs.end(), [&](std::size_t i) {
            return i < book_.workflow[from].next.arcs.size() && book_.workflow[from].next.arcs[i].target == target;
         });
         if (!points_here) continue;
         if (t.entered == 0 || t.phase == step_phase::skipped || from == target || reaches(target, from)) return true;
      }
      return false;
   }
   /// Steps that can still be entered, seen from everything in front; `without` is neither entered nor passed.
   [[nodiscard]] std::vector<bool> live(std::size_t without, bool also_failed) const {
      std::vector<bool> seen(places_.size(), false);
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < places_.size(); ++i) {
         bool const front =
             places_[i].running || pending_[i] || (also_failed && places_[i].phase == step_phase::failed);
         if (front && i != without) open.push_back(i), seen[i] = true;
      }
      while (!open.empty()) {
         auto const at = open.back();
         open.pop_back();
         for (auto const& a : book_.workflow[at].next.arcs) {
            if (seen[a.target] || a.target == without) continue;
            seen[a.target] = true;
            open.push_back(a.target);
         }
      }
      return seen;
   }
   [[nodiscard]] bool reaches(std::size_t from, std::size_t to) const {
      std::vector<bool> seen(places_.size(), false);
      std::vector<std::size_t> open{from};
      while (!open.empty()) {
         auto const at = open.back();
         open.pop_back();
         for (auto const& a : book_.workflow[at].next.arcs) {
            if (a.target == to) return true;
            if (!seen[a.target]) seen[a.target] = true, open.push_back(a.target);
         }
      }
      return false;
   }
   static constexpr std::size_t nowhere = SIZE_MAX;

   void find_pending() {
      pending_.assign(places_.size(), false);
      for (std::size_t i = 0; i < places_.size(); ++i) pending_[i] = has_new_arc(i);
   }
   /// A join waits for upstreams that may still come without passing through the join.
   [[nodiscard]] bool must_wait(std::size_t target) const {
      auto const& from = book_.upstream[target];
      auto const unfinished = [&](std::size_t u) {
         auto const& p = places_[u];
         return p.running || pending_[u] || p.phase == step_phase::pending;
      };
      if (std::none_of(from.begin(), from.end(), [&](std::size_t u) { return u != target && unfinished(u); }))
         return false;
      auto const reachable = live(target, false);
      return std::any_of(from.begin(), from.end(),
                         [&](std::size_t u) { return u != target && reachable[u] && unfinished(u); });
   }

   /// Enters targets until nothing more can be entered. Each step is entered at most once in a pass.
   void dispatch() {
      for (bool progress = true; progress;) {
         progress = false;
         find_pending();
         std::size_t stuck = nowhere;
         for (std::size_t i = 0; i < places_.size(); ++i) {
            if (!pending_[i] || places_[i].running || entered_[i]) continue;
            if (must_wait(i)) {
               if (stuck == nowhere) stuck = i;
               continue;
            }
            progress = true;
            enter(i);
            find_pending();
         }
         // joins on cycles can wait for each other; when nothing else moves, the first of them goes
         bool const idle = std::none_of(places_.begin(), places_.end(), [](place const& p) { return p.running; });
         if (!progress && idle && stuck != nowhere) {
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
         if (!starting_) step_enter(s, legacy);
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
   void step_enter(step const& s, json const& context) {
      planned_event e;
      e.event_type = "step.enter";
      e.node = s.name;
      e.status = "ENTERED";
      e.result = raw_json(event_result(e.status, context.get_object().empty() ? nullptr : &context));
      entries_.push_back({std::move(e), {}});
   }

   /// The guard is false: the step counts as passed and its arcs decide where to go on (C-29).
   void skip_by_guard(std::size_t target) {
      auto& p = places_[target];
      p.phase = step_phase::skipped;
      p.entered = p.done = ++tick_;
      p.completion = 0;
      decide_inside(target);
      planned_event e;
      e.event_type = "step.skipped";
      e.node = book_.workflow[target].name;
      e.status = "SKIPPED";
      e.result = raw_json(event_result(e.status));
      entries_.push_back({std::move(e), own_record(target)});
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
      if (!values.get_object().empty()) context_updated(s.name, 0, std::move(values));
   }
   [[nodiscard]] json own_record(std::size_t target) const {
      json record = tao::json::empty_object;
      record.try_emplace("arcs", arc_list(places_[target].arcs));
      record.try_emplace("set", true);
      json out = tao::json::empty_object;
      out.try_emplace(book_.workflow[target].name, std::move(record));
      return out;
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
      planned_event e;
      e.event_type = "step.exit";
      e.node = s.name;
      e.status = "COMPLETED";
      e.result = raw_json(event_result(e.status, context));
      entries_.push_back({std::move(e), own_record(target)});
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
      step_enter(s, context);
      mark_running(places_[target]);
      if (starting_) started_items_ = static_cast<std::size_t>(items.size());
      if (items.size() == 0) return exit_inside(target, tao::json::empty_array, nullptr); // W11, L-08
      issue(s, items, 0, std::min(window(s), items.size()), items.size());
   }
   void issue(step const& s, loop_items const& items, std::int64_t from, std::int64_t to, std::int64_t total) {
      iteration_commands commands(context_, s);
      for (auto i = from; i < to; ++i) out_.commands.push_back(commands.make(items.at(i), i, total));
   }
   /// Refills the windows of running loops.
   void continue_loops() {
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
         issue(s, items_of(s), f->issued, std::min(*f->expected, f->issued + room), *f->expected);
      }
   }
   void enter_cursor(std::size_t target) {
      auto const& s = book_.workflow[target];
      if (starting_) throw evaluate_failure{"a cursor loop cannot be on 'start'", error_code::validation};
      json context = tao::json::empty_object;
      context.try_emplace("__cursor_loop", true);
      step_enter(s, context);
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
      find_pending();
      auto const reachable = live(nowhere, true);
      for (std::size_t i = 0; i < places_.size(); ++i) {
         if (places_[i].phase != step_phase::pending || places_[i].entered != 0 || reachable[i] || !book_.reachable[i])
            continue;
         places_[i].phase = step_phase::skipped;
         planned_event e;
         e.event_type = "step.skipped";
         e.node = book_.workflow[i].name;
         e.status = "SKIPPED";
         e.result = raw_json(event_result(e.status));
         skips_.push_back({std::move(e), {}});
      }
   }
   void finish() {
      for (std::size_t i = 0; i < places_.size(); ++i) {
         if (places_[i].running || pending_[i]) return;
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
      std::vector<draft> all;
      for (auto* part : {&updates_, &skips_, &entries_}) std::move(part->begin(), part->end(), std::back_inserter(all));
      bool const decided = !records_.get_object().empty();
      if (decided && all.empty()) {
         planned_event e;
         e.event_type = "step.routed";
         e.node = records_.get_object().begin()->first;
         e.status = "ROUTED";
         e.result = raw_json(event_result(e.status));
         all.push_back({std::move(e), {}});
      }
      for (std::size_t i = 0; i < all.size(); ++i) {
         json routed = all[i].record.is_object() ? std::move(all[i].record) : json(tao::json::empty_object);
         if (i == 0 && decided)
            for (auto const& [name, record] : records_.get_object()) routed.get_object().try_emplace(name, record);
         std::string meta = "{\"emitted_by\":\"orchestrator\"";
         if (!routed.get_object().empty()) meta += ",\"routed\":" + json_text(routed);
         all[i].event.meta = raw_json(meta + "}");
         out_.events.push_back(std::move(all[i].event));
      }
      out_.commands_generated = started_items_.value_or(out_.commands.size());
      return std::move(out_);
   }

   struct draft {
      planned_event event;
      json record;
   };

   playbook const& book_;
   workflow_state const& state_;
   pass_context context_;
   std::uint64_t tick_;
   std::vector<place> places_;
   std::vector<bool> pending_;
   std::vector<bool> entered_; ///< in this pass
   std::map<std::pair<std::size_t, std::size_t>, json> arc_sets_;
   json records_ = tao::json::empty_object;
   std::vector<draft> updates_, skips_, entries_;
   decision out_;
   std::optional<std::size_t> started_items_;
   bool starting_ = false;
};

} // namespace noetl::workflow::detail

namespace noetl::workflow {

inline result<decision> decide(playbook const& book, workflow_state const& state) {
   if (!state.started() || state.terminal()) return decision{};
   if (book.workflow.empty() || !book.templates)
      return fail(error_code::internal, "decide needs a playbook that parse_playbook() made");
   try {
      return detail::decide_pass(book, state).run();
   } catch (detail::evaluate_failure const& e) {
      decision out;
      out.end = planned_end{run_status::failed, "Orchestrator evaluate failed: " + e.message, {}, true, e.code};
      return out;
   }
}

} // namespace noetl::workflow
