// workflow/detail/fold_rules.hpp: body of workflow/fold.hpp: what each event means. Knows what it may do to a step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/event_body.hpp>
#include <noetl/workflow/detail/fold_facts.hpp>
#include <noetl/workflow/detail/fold_ranges.hpp>
#include <noetl/workflow/detail/fold_steps.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/fold.hpp>

namespace noetl::workflow {

namespace detail {

/// Applies one event to one state.
class folding : folding_steps {
public:
   folding(workflow_state& state, event const& e) : folding_steps(state, e) {}

   void run() {
      if (e_.stream_version > 0) {
         if (e_.stream_version <= state_.version) return;
         state_.version = e_.stream_version;
      } else {
         if (e_.event_id <= state_.last_unversioned) return;
         state_.last_unversioned = e_.event_id;
         ++state_.unversioned;
         ++state_.version; // a row of an older server: adoption numbers them in this order
      }
      ++state_.applied;
      state_.last_event = e_.event_id;
      if (state_.execution_id.value == 0) state_.execution_id = e_.execution_id;
      if (state_.catalog_id.value == 0) state_.catalog_id = e_.catalog_id;
      auto const what = fact_of(e_.event_type);
      if (what == fact::none) return;
      switch (what) {
      case fact::started: return started();
      case fact::ended: return ended();
      default: break;
      }
      if (what == fact::context_updated) {
         context_updated();
      } else if (e_.node_name && !e_.node_name->empty()) {
         step_fact(what);
      }
      if (e_.meta.text.find("\"routed\"") != std::string::npos) routed();
   }

private:
   static constexpr std::size_t max_unmatched = 1'000;

   // ---- the run
   void started() {
      if (state_.run != run_status::initial) return;
      state_.run = run_status::running;
      state_.started_at = happened_at();
      state_.parent_execution_id = e_.parent_execution_id;
      auto const context = parse_stored(e_.context.text).value_or(tao::json::null);
      if (auto const path = as_text(member(&context, "path"))) state_.path = std::string(*path);
      auto const* workload = member(&context, "workload");
      state_.workload = workload != nullptr ? *workload : json(tao::json::null);
      if (auto const pool = body_.meta_text(meta_member::execution_pool); pool && !pool->empty())
         state_.execution_pool = *pool;
      auto const strict = body_.meta(meta_member::strict_tool_status);
      state_.strict_tool_status = strict.is_boolean() && strict.get_boolean();
      state_.trace = body_.meta(meta_member::trace);
   }
   void ended() {
      if (state_.terminal()) return; // the first end stays
      auto const status = terminal_status(e_.event_type);
      state_.run = status == "COMPLETED" ? run_status::completed
                   : status == "FAILED"  ? run_status::failed
                                         : run_status::cancelled;
      state_.completed_at = happened_at();
      if (e_.error)
         state_.error = *e_.error;
      else if (auto text = body_.meta_text(meta_member::error))
         state_.error = *std::move(text);
   }
   void context_updated() {
      auto const p = body_.payload();
      if (auto const* values = member(&p, "values"); values && values->is_object()) {
         ++state_.changes;
         for (auto const& [key, value] : values->get_object()) state_.ctx.get_object().insert_or_assign(key, value);
      }
      auto const name = as_text(member(&p, "step"));
      auto const gen = as_integer(member(&p, "gen"));
      if (name && gen) state_.steps[std::string(*name)].set_applied = *gen;
   }

   // ---- steps
   void step_fact(fact what) {
      auto& s = state_.steps[*e_.node_name];
      switch (what) {
      case fact::entered: return entered(s);
      case fact::skipped: return skip(s);
      case fact::issued: return issued(s);
      case fact::claimed: return progressed(command_phase::claimed);
      case fact::command_started: state_.current_step = *e_.node_name; return progressed(command_phase::started);
      case fact::called: return called(s);
      case fact::completed:
      case fact::failed: return command_ended(s, what);
      case fact::exited: return exited(s);
      default: return;
      }
   }

   void entered(step_state& s) {
      state_.current_step = *e_.node_name;
      auto const p = body_.payload();
      auto const expected = as_integer(member(&p, "iterations_expected"));
      auto const* cursor = member(&p, "__cursor_loop");
      bool const is_cursor = cursor != nullptr && cursor->is_boolean() && cursor->get_boolean();
      // an enter that no orchestrator wrote counts only where the reference's execute writes one: for a loop on a fresh
      // step
      bool const ours = body_.meta_text(meta_member::emitted_by) == "orchestrator";
      if (!ours && (s.phase != step_phase::pending || (!expected && !is_cursor))) return;
      open_visit(s);
      s.expected = expected;
      s.cursor = is_cursor;
   }

   // ---- commands
   void issued(step_state& s) {
      auto const id = body_.command_id().value_or(std::to_string(e_.execution_id.value) + ":" + *e_.node_name + ":" +
                                                  std::to_string(e_.event_id.value));
      auto const placed = body_.meta(meta_member::cursor);
      auto const cursor = as_text(member(&placed, "phase"));
      auto const number = body_.meta(meta_member::iteration_index);
      auto const index = as_integer(&number);
      if (auto const known = state_.commands.find(id); known != state_.commands.end() && known->second.issued) return;
      if (is_finished(s, id)) return;
      bool const part_of_loop = (index && s.expected) || (cursor && s.cursor);
      if (!part_of_loop && (s.phase != step_phase::running || s.command_seen)) open_visit(s);
      auto const [place, fresh] = state_.commands.try_emplace(id);
      auto& c = place->second;
      if (!fresh) --state_.unmatched;
      c.issued = true;
      c.step = *e_.node_name;
      c.visit = s.visit;
      c.index = index;
      if (cursor) c.cursor_phase = std::string(*cursor);
      c.frame = as_integer(member(&placed, "frame")).value_or(0);
      if (e_.node_type == "container") c.outside = true; // such a job is started and runs on without its worker (L-42)
      c.parked = c.parked || (c.outside && c.phase == command_phase::completed && !c.called);
      s.command_seen = true;
      if (cursor == "claim") {
         ++s.claims_issued;
         s.frames[c.frame];
         // a frame is claimed when the one before it has ended
         s.frames.erase(s.frames.begin(), s.frames.lower_bound(c.frame));
         forget([&](command_record const& other) { return other.cursor_phase && other.frame < c.frame; });
      } else if (cursor) {
         ++s.frames[c.frame].body_issued;
      } else if (index) {
         ++s.issued;
      }
      if (c.phase == command_phase::unknown) c.phase = command_phase::issued;
      if (c.called) deliver(s, c, std::exchange(c.early_result, tao::json::null));
      if (is_terminal(c.phase)) settle(s, c);
      drop_if_finished(s, id);
   }
   /// A finished iteration leaves its number only, so that a loop of any length keeps few records. One whose result has
   /// not come yet stays until then.
   void drop_if_finished(step_state const& s, std::string const& id) {
      auto const place = state_.commands.find(id);
      if (place == state_.commands.end()) return;
      auto const& c = place->second;
      bool const complete = c.called || c.phase == command_phase::failed;
      if (c.issued && c.visit == s.visit && complete && is_finished(s, id)) state_.commands.erase(place);
   }
   static bool is_finished(step_state const& s, std::string_view id) {
      if (s.finished.empty()) return false;
      auto const index = iteration_of(id);
      return index && holds(s.finished, *index);
   }
   void progressed(command_phase phase) {
      auto const id = body_.command_id();
      auto const known = id ? state_.commands.find(*id) : state_.commands.end();
      if (known != state_.commands.end()) known->second.phase = std::max(known->second.phase, phase);
   }
   /// The record of a command id, made when the command is not issued yet. Null when too many of those wait already:
   /// ids that nobody issued must not fill the memory.
   command_record* remembered(step_state const& s, std::string const& id) {
      auto const known = state_.commands.find(id);
      if (known != state_.commands.end()) return &known->second;
      if (state_.unmatched >= max_unmatched || is_finished(s, id)) return nullptr;
      ++state_.unmatched;
      auto& c = state_.commands[id];
      c.step = *e_.node_name;
      return &c;
   }
   void called(step_state& s) {
      auto id = body_.command_id();
      if (!id) id = parked_command(s);
      if (!id) {
         if (!s.expected && !s.cursor) store(s, *e_.node_name, body_.result());
         return;
      }
      auto* record = remembered(s, *id);
      if (record == nullptr) return;
      auto& c = *record;
      if (body_.waits_for_callback()) {
         c.outside = true; // the worker has only started it
         return;
      }
      bool const waited_for = c.parked && !c.called;
      c.called = true;
      if (!c.issued) {
         c.early_result = body_.result();
         return;
      }
      deliver(s, c, body_.result());
      if (waited_for) {
         if (state_.strict_tool_status && is_bad_status(e_.status)) {
            c.phase = command_phase::failed;
            c.error = "the callback reported " + e_.status;
         }
         settle(s, c);
      }
      drop_if_finished(s, *id);
   }
   /// The command that a callback without an id must mean: the first one that waits for it.
   std::optional<std::string> parked_command(step_state const& s) const {
      auto const prefix = std::to_string(state_.execution_id.value) + ":" + *e_.node_name + ":";
      std::optional<std::string> found;
      std::int64_t lowest = 0;
      for (auto at = state_.commands.lower_bound(prefix); at != state_.commands.end() && at->first.starts_with(prefix);
           ++at) {
         auto const& c = at->second;
         if (!c.issued || c.step != *e_.node_name || c.visit != s.visit || c.called || !(c.parked || c.outside))
            continue;
         if (found && c.index.value_or(0) >= lowest) continue;
         found = at->first;
         lowest = c.index.value_or(0);
      }
      return found;
   }
   void command_ended(step_state& s, fact what) {
      auto const error_text = [&] {
         if (e_.error && !e_.error->empty()) return *e_.error;
         if (auto text = text_of(body_.result(result_member::error))) return *std::move(text);
         bool const given_up = e_.event_type == "command.cancelled"; // by its worker: a step that waits would hang
         return text_of(body_.reported(reported_member::error)).value_or(given_up ? "cancelled" : "failed");
      };
      auto const id = body_.command_id();
      if (!id)
         return what == fact::failed ? end_without_command(s, true, error_text()) : end_without_command(s, false, {});
      auto* record = remembered(s, *id);
      if (record == nullptr || is_terminal(record->phase)) return;
      auto& c = *record;
      bool const refused = what == fact::completed && state_.strict_tool_status && is_bad_status(tool_status());
      c.phase = what == fact::failed || refused ? command_phase::failed : command_phase::completed;
      c.end_event = e_.event_id.value;
      if (what == fact::failed) c.error = error_text();
      if (refused) {
         c.error = "the tool reported " + tool_status();
         auto const* kept = s.has_result ? member(&state_.results, *e_.node_name) : nullptr;
         if (auto const text = as_text(member(kept, "context", "result", "context", "error")))
            c.error += ": " + std::string(*text);
      }
      c.parked = c.phase == command_phase::completed && !c.called &&
                 (c.outside || is_set(body_.reported(reported_member::pending_callback)) ||
                  is_set(body_.reported(reported_member::parked)));
      if (c.issued) settle(s, c);
      drop_if_finished(s, *id);
   }
   std::string tool_status() { return text_of(body_.reported(reported_member::status)).value_or(e_.status); }
   void exited(step_state& s) {
      auto const p = body_.payload();
      auto const* drained = member(&p, "__cursor_drained");
      if (s.cursor && drained != nullptr && drained->is_boolean() && drained->get_boolean()) {
         s.drained = true;
         if (!s.has_result) {
            json data = tao::json::empty_object;
            data.try_emplace("cursor", "drained");
            data.try_emplace("frames", s.frames.empty() ? std::int64_t{0} : s.frames.rbegin()->first);
            store(s, *e_.node_name, std::move(data));
         }
         return complete(s, *e_.node_name);
      }
      if (s.expected == 0) return complete(s, *e_.node_name);
      end_without_command(s, false, {});
   }

   void routed() {
      if (body_.meta_text(meta_member::emitted_by) != "orchestrator") return;
      auto const records = body_.meta(meta_member::routed);
      if (!records.is_object()) return;
      for (auto const& [name, record] : records.get_object()) {
         auto const found = state_.steps.find(name);
         if (found == state_.steps.end()) continue;
         auto& s = found->second;
         auto const gen = as_integer(member(&record, "gen")).value_or(e_.event_id.value);
         if (gen != s.completion) continue;
         if (auto const* arcs = member(&record, "arcs"); arcs && arcs->is_array()) {
            s.decided = gen;
            s.arcs.clear();
            for (auto const& a : arcs->get_array())
               if (auto const index = as_integer(&a); index && *index >= 0)
                  s.arcs.push_back(static_cast<std::size_t>(*index));
         }
         if (auto const* set = member(&record, "set"); set && set->is_boolean() && set->get_boolean())
            s.set_applied = gen;
      }
   }
};

} // namespace detail

inline void apply(workflow_state& state, event const& e) {
   detail::folding(state, e).run();
}

} // namespace noetl::workflow
