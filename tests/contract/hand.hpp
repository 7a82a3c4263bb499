// tests/contract/hand.hpp: a worker's traffic made by hand, in the words of the real one (worker-protocol.md section
// 8), and the playbooks it works on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "contract/site.hpp"

namespace noetl::test {

/// An event id of the 41/10/12 layout with a node number of its own, as workers mint them.
inline std::string minted_id() {
   using namespace std::chrono;
   static std::atomic<std::int64_t> last{0};
   auto const ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count() - 1'704'067'200'000;
   auto const candidate = (ms << 22) | (std::int64_t{900} << 12);
   auto before = last.load();
   while (!last.compare_exchange_weak(before, std::max(before + 1, candidate))) {
   }
   return std::to_string(std::max(before + 1, candidate));
}

/// A name that no other test uses.
inline std::string fresh(std::string const& prefix) {
   static int count = 0;
   return prefix + "-" + std::to_string(++count);
}

/// `{"content": <yaml>}`
inline std::string content_of(std::string const& yaml) {
   json_value const body = {{"content", yaml}};
   return text(body);
}

/// A playbook with this path, workload and steps (YAML, indented by two).
inline std::string playbook(std::string const& path, std::string const& workflow, std::string const& workload = "{}") {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: test, path: " + path + "}\nworkload: " + workload +
          "\nworkflow:\n" + workflow;
}

/// start → end
inline std::string linear(std::string const& path) {
   return playbook(path,
                   "  - step: start\n"
                   "    tool: {kind: python, args: {x: \"{{ workload.a }}\"}, code: \"result = x\"}\n"
                   "    next: [{step: end}]\n"
                   "  - step: end\n"
                   "    tool: {kind: noop}\n",
                   "{a: 1}");
}

/// Registers. \return the catalog id
inline std::string enroll(site& at, std::string const& yaml) {
   auto const got = at.post("/api/catalog/register", content_of(yaml));
   if (got.status != 200) throw std::runtime_error("register: " + got.body);
   return got.at("catalog_id").get_string();
}

/// Starts. `more` is put into the request: `,"payload":{}`. \return the execution id
inline std::string execute(site& at, std::string const& path, std::string const& more = {}) {
   auto const got = at.post("/api/execute", R"({"path":")" + path + "\"" + more + "}");
   if (got.status != 200) throw std::runtime_error("execute: " + got.body);
   return got.at("execution_id").get_string();
}

/// Registers start → end under a fresh path and starts it. \return the execution id
inline std::string start_linear(site& at) {
   auto const path = fresh("linear/run");
   enroll(at, linear(path));
   return execute(at, path);
}

/// The log as `type(node)` in the order of the answer; `playbook_started` and `playbook.*` without node.
inline std::vector<std::string> log_of(site& at, std::string const& execution) {
   std::vector<std::string> out;
   auto const got = at.get("/api/executions/" + execution);
   for (auto const& event : got.at("events").get_array()) {
      auto const type = event.at("event_type").get_string();
      auto const& node = event.at("node_name");
      out.push_back(type.starts_with("playbook") || node.is_null() ? type : type + "(" + node.get_string() + ")");
   }
   return out;
}

/// Id of the newest command.issued event of a step; waits for it. \throws when it does not come
inline std::string issued(site& at, std::string const& execution, std::string const& step) {
   std::string id;
   auto const there = soon([&] {
      auto const got = at.get("/api/executions/" + execution);
      if (got.status != 200) return false;
      for (auto const& event : got.at("events").get_array())
         if (event.at("event_type").get_string() == "command.issued" && event.at("node_name").get_string() == step)
            id = number(event.at("event_id"));
      return !id.empty();
   });
   if (!there) throw std::runtime_error("no command for " + step + " of " + execution);
   return id;
}

inline reply claim(site& at, std::string const& event_id, std::string const& worker = "w-1") {
   return at.post("/api/commands/" + event_id + "/claim", R"({"worker_id":")" + worker + "\"}");
}

/// What tells one report from another.
struct report {
   std::string execution, type, step, status;
   std::string context; ///< JSON object
   std::string event_id = minted_id();
   std::string worker = "w-1";

   /// The body exactly as the real worker writes it.
   [[nodiscard]] std::string body() const {
      return R"({"execution_id":)" + execution + R"(,"event_type":")" + type + R"(","step":")" + step +
             R"(","status":")" + status + R"(","created_at":"2026-06-17T22:15:00.123456789Z","context":)" + context +
             R"(,"event_id":)" + event_id + R"(,"worker_id":")" + worker + R"(","meta":{"attempts":0}})";
   }
};
inline reply send(site& at, report const& what) {
   return at.post("/api/events", what.body());
}

/// `{"command_id":"…"` without the closing brace.
inline std::string about(std::string const& command_id) {
   return R"({"command_id":")" + command_id + "\"";
}
inline std::string command_id(std::string const& execution, std::string const& step, std::string const& event_id) {
   return execution + ":" + step + ":" + event_id;
}

/// One command from claim to completion. \throws when the server refuses anything
inline void work(site& at, std::string const& execution, std::string const& step, std::string const& data = "{}") {
   auto const id = issued(at, execution, step);
   auto const name = about(command_id(execution, step, id));
   auto const must = [&](reply const& got) {
      if (got.status != 200) throw std::runtime_error(step + ": " + std::to_string(got.status) + " " + got.body);
   };
   must(claim(at, id));
   must(send(at, {execution, "command.started", step, "STARTED", name + "}"}));
   must(send(at, {execution, "call.done", step, "COMPLETED",
                  name + R"(,"call_index":0,"result":{"status":"success","context":{"status":"success","data":)" +
                      data + "}}}"}));
   must(send(at, {execution, "command.completed", step, "success", name + R"(,"status":"success"})"}));
}

/// Waits for the end. \return the last status seen
inline std::string ending(site& at, std::string const& execution) {
   std::string status;
   soon([&] {
      auto const got = at.get("/api/executions/" + execution + "/status");
      if (got.status != 200) return false;
      status = got.at("status").get_string();
      return status != "RUNNING";
   });
   return status;
}

} // namespace noetl::test
