// tests/workflow/simulator.hpp: runs a playbook to its end without a server: appends decisions, plays the worker, keeps
// the log.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/commands.hpp>
#include <noetl/workflow/decide.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/fold.hpp>
#include <noetl/workflow/playbook_parser.hpp>

namespace noetl::workflow::testing {

using json = tao::json::value;

inline json parsed(std::string_view text) {
   return detail::parse_json(text).value_or(json(tao::json::null));
}

/// One command as a worker sees it.
struct order {
   std::string id, step, kind;
   json tool_config, args, render_context, meta;
};

class simulator {
public:
   /// \param start_meta  `meta` of the start event
   explicit simulator(std::string_view yaml, std::string_view payload = "{}",
                      std::string_view start_meta = "{\"emitter\":\"control_plane\"}") {
      auto read = parse_playbook(yaml);
      if (!read) throw std::runtime_error("playbook refused: " + read.error().message);
      book = std::move(*read);
      json workload = book.workload.is_object() ? book.workload : json(tao::json::empty_object);
      auto const overlay = parsed(payload);
      for (auto const& [key, value] : overlay.get_object()) workload.get_object().insert_or_assign(key, value);
      event e;
      e.event_type = "playbook_started";
      e.node_name = "demo/path";
      e.status = "STARTED";
      json context = tao::json::empty_object;
      context.try_emplace("path", "demo/path");
      context.try_emplace("workload", std::move(workload));
      e.context = raw_json(detail::json_text(context));
      e.meta = raw_json(std::string(start_meta));
      append(std::move(e));
      pass();
   }

   playbook book;
   workflow_state state;
   loop_memo memo;
   std::vector<event> log;
   std::deque<order> open; ///< commands not yet worked on
   std::vector<std::string>
       trace; ///< what passes appended: "enter a", "issue a", "skip b", "set a", "exit a", "end COMPLETED"
   std::map<std::string, int> issued; ///< commands per step
   decision last;                     ///< of the newest pass
   std::size_t most_open = 0;

   /// Decides once and appends.
   void pass() {
      auto decided = decide(book, state, &memo);
      if (!decided) throw std::runtime_error("decide failed: " + decided.error().message);
      last = *decided;
      run_identity const run(state);
      auto const parent = state.last_event;
      for (auto const& e : last.events) {
         note(e);
         append(to_event(e, run, mint(), parent, {}));
      }
      for (auto const& c : last.commands) {
         auto e = to_event(c, run, mint(), parent, {});
         trace.push_back("issue " + c.step + (c.iteration ? ":" + std::to_string(c.iteration->index) : ""));
         ++issued[c.step];
         auto const context = parsed(e.context.text);
         auto const meta = parsed(e.meta.text);
         open.push_back({std::string(*detail::as_text(detail::member(&meta, "command_id"))), c.step, c.tool_kind,
                         *detail::member(&context, "tool_config"), *detail::member(&context, "args"),
                         *detail::member(&context, "render_context"), meta});
         append(std::move(e));
      }
      most_open = std::max(most_open, open.size());
      if (last.end) {
         trace.push_back("end " + std::string(to_text(last.end->status)) +
                         (last.end->error.empty() ? "" : ": " + last.end->error));
         append(to_event(*last.end, run, mint(), parent, {}));
      }
   }

   void append(event e) {
      if (e.event_id.value == 0) e.event_id = mint();
      e.execution_id = noetl::execution_id(7001);
      e.catalog_id = noetl::catalog_id(5);
      e.stream_version = static_cast<std::int64_t>(log.size()) + 1;
      log.push_back(e);
      apply(state, e);
   }
   noetl::event_id mint() { return noetl::event_id(++last_id_); }

   static event worker_event(order const& o, std::string const& type, std::string const& status,
                             std::string const& more) {
      event e;
      e.event_type = type;
      e.node_id = o.step;
      e.node_name = o.step;
      e.status = status;
      std::string id;
      detail::append_quoted(id, o.id);
      e.result = raw_json("{\"status\":\"" + status + "\",\"context\":{\"command_id\":" + id + more + "}}");
      e.meta = raw_json("{\"actionable\":true}");
      return e;
   }
   /// Events of one command that returned `data`.
   static std::vector<event> success(order const& o, std::string const& data) {
      return {worker_event(o, "command.started", "STARTED", ""),
              worker_event(
                  o, "call.done", "COMPLETED",
                  ",\"call_index\":0,\"result\":{\"status\":\"success\",\"context\":{\"status\":\"success\",\"data\":" +
                      data + "}}"),
              worker_event(o, "command.completed", "success", ",\"status\":\"success\"")};
   }
   static std::vector<event> failure(order const& o, std::string const& error) {
      return {worker_event(o, "command.started", "STARTED", ""),
              worker_event(o, "call.error", "FAILED", ",\"error\":\"" + error + "\""),
              worker_event(o, "command.failed", "FAILED", ",\"error\":\"" + error + "\"")};
   }

   order take(std::string_view step) {
      for (auto o = open.begin(); o != open.end(); ++o) {
         if (o->step != step) continue;
         auto out = std::move(*o);
         open.erase(o);
         return out;
      }
      throw std::runtime_error("no open command of step " + std::string(step));
   }
   /// Ends one open command of `step`, then decides.
   void complete(std::string_view step, std::string const& data = "{}") {
      auto const o = take(step);
      for (auto& e : success(o, data)) append(std::move(e));
      pass();
   }
   void fail(std::string_view step, std::string const& error = "boom") {
      auto const o = take(step);
      for (auto& e : failure(o, error)) append(std::move(e));
      pass();
   }
   /// Plays the worker until nothing is open; `work` gives each command's data. At most 1000 commands.
   void run(std::function<std::string(order const&)> const& work = [](order const&) { return std::string("{}"); }) {
      for (int i = 0; i < 1000 && !open.empty(); ++i) {
         auto const o = open.front();
         open.pop_front();
         for (auto& e : success(o, work(o))) append(std::move(e));
         pass();
      }
   }

   [[nodiscard]] std::string traced() const {
      std::string out;
      for (auto const& t : trace) out += (out.empty() ? "" : ", ") + t;
      return out;
   }
   /// Traces since the last call.
   std::string news() {
      std::string out;
      for (; reported_ < trace.size(); ++reported_) out += (out.empty() ? "" : ", ") + trace[reported_];
      return out;
   }

private:
   void note(planned_event const& e) {
      std::string const node = e.node.value_or("");
      if (e.event_type == "step.enter")
         trace.push_back("enter " + node);
      else if (e.event_type == "step.skipped")
         trace.push_back("skip " + node);
      else if (e.event_type == "step.exit")
         trace.push_back("exit " + node);
      else if (e.event_type == "ctx.updated")
         trace.push_back("set " +
                         detail::json_text(*detail::member(&(held_ = parsed(e.result.text)), "context", "values")));
      else if (e.event_type == "step.routed")
         trace.push_back("routed " + node);
      else
         trace.push_back(e.event_type);
   }
   std::int64_t last_id_ = 1000;
   std::size_t reported_ = 0;
   json held_;
};

/// A playbook of these steps, `workload` and steps as YAML text.
inline std::string playbook_text(std::string const& steps, std::string const& workload = "{}") {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: demo, path: demo/path}\nworkload: " + workload +
          "\nworkflow:\n" + steps;
}

/// A step: name, then what stands beside the noop tool.
inline std::string step_text(std::string const& name, std::string const& more = "") {
   return "- {step: " + name + ", tool: {kind: noop}" + (more.empty() ? "" : ", " + more) + "}\n";
}
inline std::string arcs(std::string const& list, std::string const& mode = "exclusive") {
   return "next: {spec: {mode: " + mode + "}, arcs: [" + list + "]}";
}
inline std::string text_of(tao::json::value const& v) {
   return detail::json_text(v);
}

} // namespace noetl::workflow::testing
