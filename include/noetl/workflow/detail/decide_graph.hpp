// workflow/detail/decide_graph.hpp: where a run stands in its graph: what is in front, what is live, which joins wait
// (orchestration.md 5.1).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

#include <noetl/workflow/playbook.hpp>
#include <noetl/workflow/state.hpp>

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

/// The graph of a playbook with the places of one run. Not thread-safe; the playbook must outlive it.
class route_graph {
public:
   static constexpr std::size_t nowhere = SIZE_MAX;

   route_graph(playbook const& p, workflow_state const& state) : book(p), places(p.workflow.size()) {
      for (std::size_t i = 0; i < places.size(); ++i) {
         auto const found = state.steps.find(book.workflow[i].name);
         if (found == state.steps.end()) continue;
         auto const& s = found->second;
         auto& at = places[i];
         at.folded = &s;
         at.phase = s.phase;
         at.running = s.phase == step_phase::running || (s.expected && !s.cursor && s.issued > s.ended);
         at.entered = s.entered_order;
         at.done = s.done_order;
         at.completion = s.completion;
         at.decided = s.decided == s.completion && s.completion != 0;
         if (!at.decided) continue;
         // The log may hold indexes that this playbook does not have; what cannot be followed was never taken.
         auto const arcs = book.workflow[i].next.arcs.size();
         std::ranges::copy_if(s.arcs, std::back_inserter(at.arcs), [&](std::size_t a) { return a < arcs; });
      }
   }

   playbook const& book;
   std::vector<place> places;

   [[nodiscard]] bool pending(std::size_t i) const { return pending_[i]; }
   [[nodiscard]] bool idle() const {
      return std::none_of(places.begin(), places.end(), [](place const& p) { return p.running; });
   }

   /// Steps that can still be entered, seen from everything in front; `without` is neither entered nor passed.
   [[nodiscard]] std::vector<bool> live(std::size_t without, bool also_failed) const {
      std::vector<bool> seen(places.size(), false);
      std::vector<std::size_t> open;
      for (std::size_t i = 0; i < places.size(); ++i) {
         bool const front = places[i].running || pending_[i] || (also_failed && places[i].phase == step_phase::failed);
         if (front && i != without) open.push_back(i), seen[i] = true;
      }
      while (!open.empty()) {
         auto const at = open.back();
         open.pop_back();
         for (auto const& a : book.workflow[at].next.arcs) {
            if (seen[a.target] || a.target == without) continue;
            seen[a.target] = true;
            open.push_back(a.target);
         }
      }
      return seen;
   }
   /// Finds the targets of taken arcs that are not entered yet.
   void find_pending() {
      pending_.assign(places.size(), false);
      for (std::size_t i = 0; i < places.size(); ++i) pending_[i] = has_new_arc(i);
   }
   /// A join waits for upstreams that may still come without passing through the join.
   [[nodiscard]] bool must_wait(std::size_t target) const {
      auto const& from = book.upstream[target];
      auto const unfinished = [&](std::size_t u) {
         auto const& p = places[u];
         return p.running || pending_[u] || p.phase == step_phase::pending;
      };
      if (std::none_of(from.begin(), from.end(), [&](std::size_t u) { return u != target && unfinished(u); }))
         return false;
      auto const reachable = live(target, false);
      return std::any_of(from.begin(), from.end(),
                         [&](std::size_t u) { return u != target && reachable[u] && unfinished(u); });
   }

private:
   /// True when a taken arc to `target` is newer than the last time it was entered.
   ///
   /// A step that was entered before is entered again only over an arc that closes a cycle.
   [[nodiscard]] bool has_new_arc(std::size_t target) const {
      auto const& t = places[target];
      for (auto const from : book.upstream[target]) {
         auto const& f = places[from];
         if (!f.decided || f.done <= t.entered) continue;
         bool const points_here = std::any_of(f.arcs.begin(), f.arcs.end(), [&](std::size_t i) {
            return book.workflow[from].next.arcs[i].target == target;
         });
         if (!points_here) continue;
         if (t.entered == 0 || t.phase == step_phase::skipped || from == target || reaches(target, from)) return true;
      }
      return false;
   }
   [[nodiscard]] bool reaches(std::size_t from, std::size_t to) const {
      std::vector<bool> seen(places.size(), false);
      std::vector<std::size_t> open{from};
      while (!open.empty()) {
         auto const at = open.back();
         open.pop_back();
         for (auto const& a : book.workflow[at].next.arcs) {
            if (a.target == to) return true;
            if (!seen[a.target]) seen[a.target] = true, open.push_back(a.target);
         }
      }
      return false;
   }

   std::vector<bool> pending_;
};

} // namespace noetl::workflow::detail
