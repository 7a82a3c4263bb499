// workflow/detail/decide_loops.hpp: cursor loops (orchestration.md 1.12, 4.5): claims, frames and their rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <noetl/workflow/decision.hpp>
#include <noetl/workflow/detail/decide_context.hpp>

namespace noetl::workflow::detail {

/// Iterations of a parallel loop that are open at once when it names no limit. More follow as they end.
inline constexpr std::int64_t max_open_iterations = 1'000;

/// Text of the iterations that one decision issues: beyond it the next ones wait until some have ended.
inline constexpr std::size_t most_command_bytes = 8U << 20U;

inline raw_json cursor_meta(std::string const& phase, std::string const& step_name, std::int64_t frame,
                            std::optional<std::int64_t> row) {
   json out = tao::json::empty_object;
   out.try_emplace("frame", frame);
   out.try_emplace("phase", phase);
   if (row) out.try_emplace("row", *row);
   out.try_emplace("step", step_name);
   return raw_json(json_text(out));
}

/// A claim that needs the keychain waits for the worker, which has every other name of it, too (L-31).
inline std::string claim_text(pass_context& pass, std::string const& claim) {
   auto const names = evaluated(pass.templates().names(claim));
   bool const later =
       pass.vars.find("keychain") == nullptr && std::find(names.begin(), names.end(), "keychain") != names.end();
   return later ? claim : evaluated(pass.templates().render_text(claim, pass.vars));
}

/// The claim of one frame: the only command whose variables hold `ctx` and `workload` copies and `__frame_max_rows`.
inline planned_command claim_command(pass_context& pass, step const& s, std::int64_t frame) {
   auto const& cursor = *s.loop->cursor;
   auto const where = "step '" + s.name + "': loop.spec.frame.";
   auto const rows = pass.count(cursor.max_rows, 1, where + "max_rows");
   auto const flat = pass.open_context_text({"ctx", "__frame_max_rows"});
   auto const depth = pass.vars.depth();
   pass.vars.bind("__frame_max_rows", rows);
   json config = tao::json::empty_object;
   config.try_emplace("command", claim_text(pass, cursor.claim));
   if (cursor.auth) config.try_emplace("auth", *cursor.auth);
   pass.vars.shrink(depth);
   planned_command c;
   c.step = s.name;
   c.tool_kind = cursor.kind;
   c.tool_config = raw_json(json_text(config));
   c.args = raw_json("{}");
   bool const no_workload = pass.vars.find("workload") == nullptr;
   std::string text = flat;
   if (text.size() > 1) text += ',';
   text += "\"__frame_max_rows\":" + std::to_string(rows) + ",\"ctx\":" + flat + "}";
   if (no_workload) text += ",\"workload\":" + flat + "}";
   c.render_context = raw_json(text + "}");
   c.cursor = cursor_meta("claim", s.name, frame, std::nullopt);
   return c;
}

struct cursor_move {
   std::vector<planned_command> commands;
   bool drained = false;
   json result = tao::json::null;
};

/// What a running cursor loop does next; only one frame is in flight.
inline cursor_move next_cursor_move(pass_context& pass, step const& s, step_state const& folded) {
   cursor_move out;
   if (folded.frames.empty()) {
      out.commands.push_back(claim_command(pass, s, 0));
      return out;
   }
   auto const& [number, frame] = *folded.frames.rbegin();
   if (!frame.claimed || !frame.answered) return out;
   if (!frame.rows.is_array()) throw evaluate_failure{"step '" + s.name + "': the claim returned no array 'rows'"};
   auto const& rows = frame.rows.get_array();
   if (rows.empty()) {
      out.drained = true;
      out.result = tao::json::empty_object;
      out.result.try_emplace("cursor", "drained");
      out.result.try_emplace("frames", number);
      return out;
   }
   if (frame.body_completed >= rows.size()) {
      out.commands.push_back(claim_command(pass, s, number + 1));
      return out;
   }
   auto const at_once = static_cast<std::size_t>(
       pass.count(s.loop->cursor->row_concurrency, 1, "step '" + s.name + "': loop.spec.frame.row_concurrency"));
   auto const open = frame.body_issued - frame.body_completed;
   iteration_commands commands(pass, s);
   auto const to = std::min(rows.size(), frame.body_issued + (at_once > open ? at_once - open : 0));
   for (auto row = frame.body_issued; row < to; ++row) {
      auto const index = static_cast<std::int64_t>(row);
      auto c = commands.make(rows[row], index, static_cast<std::int64_t>(rows.size()));
      c.cursor = cursor_meta("body", s.name, number, index);
      out.commands.push_back(std::move(c));
   }
   return out;
}

} // namespace noetl::workflow::detail
