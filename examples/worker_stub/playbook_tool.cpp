// playbook_tool.cpp: the playbook tool: starts another execution and, when wanted, waits for its end (spec
// worker-protocol.md 10, orchestration.md 1.13).
#include <algorithm>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/http/percent.hpp>

#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {
constexpr int children_are_known_for = 86'400; // seconds; longer than a command is offered again

bool ended(json const& status) {
   auto const word = text(at(status, "status"));
   return word == "COMPLETED" || word == "FAILED" || word == "CANCELLED" || yes(at(status, "is_cancelled"));
}
} // namespace

asio::awaitable<json> tools::resolve(std::string server, std::string ref) {
   auto const got =
       co_await http_.call(server, "GET", "/api/result/resolve?ref=" + noetl::http::percent_encode(ref), {});
   json none = tao::json::null;
   co_return got.ok() ? parsed(got.body).value_or(none) : none;
}

/// Null when it cannot be told now.
asio::awaitable<json> tools::child_status(std::string server, std::string child) {
   auto got = co_await http_.call(server, "GET", "/api/executions/" + child + "/status", {});
   if (!got.ok()) got = co_await http_.call(server, "GET", "/api/executions/" + child, {});
   json none = tao::json::null;
   co_return got.ok() ? parsed(got.body).value_or(none) : none;
}

/// What a step of the child left last; an empty name means the step that reported last.
asio::awaitable<json> tools::child_data(std::string server, std::string child, std::string step) {
   auto const got = co_await http_.call(server, "GET", "/api/executions/" + child, {});
   auto const detail = parsed(got.body).value_or(json(tao::json::null));
   json found = tao::json::null;
   if (auto const& events = at(detail, "events"); got.ok() && events.is_array())
      for (auto const& event : events.get_array())
         if (text(at(event, "event_type")) == "call.done" && (step.empty() || text(at(event, "node_name")) == step))
            found = at(at(at(event, "result"), "context"), "result");
   if (auto const ref = text(at(at(found, "reference"), "ref")); !ref.empty()) {
      auto const document = co_await resolve(server, ref);
      co_return at(document, "data");
   }
   co_return at(at(found, "context"), "data");
}

asio::awaitable<tool_result> tools::playbook(tool_input what) {
   auto const& config = what.config;
   json body = {{"parent_execution_id", what.execution_id}};
   auto const path = text(at(config, "path"));
   if (!path.empty())
      body["path"] = path;
   else if (auto const& id = at(config, "catalog_id"); !id.is_null())
      body["catalog_id"] = id;
   else
      throw tool_error{"playbook: path or catalog_id is missing"};
   if (auto const& version = at(config, "version"); !version.is_null()) body["version"] = version;
   auto const& args = at(config, "args");
   bool const given = args.is_object() && !args.get_object().empty();
   body["payload"] = given ? args : at(config, "payload");
   if (!body.at("payload").is_object()) body["payload"] = tao::json::empty_object;
   // The answer may be what gets lost, and the command may be offered again: the key finds the child that there is.
   auto const key = std::to_string(what.started->command) + "/" + std::to_string(++what.started->started);
   body["dedup"] = {{"key", key}, {"window_secs", children_are_known_for}};
   auto const note = "\"parent_execution_id\":" + std::to_string(what.execution_id);
   auto const unanswered = [](reply const& got) { return got.status == 0; };
   auto const started =
       co_await http_.call_patiently(what.server, "POST", "/api/execute", tao::json::to_string(body), note, unanswered);
   auto const answer = parsed(started.body).value_or(json(tao::json::null));
   auto const child = text(at(answer, "execution_id"));
   if (!started.ok() || child.empty())
      throw tool_error{"playbook: " + (path.empty() ? std::string("the catalog entry") : "'" + path + "'") +
                       (started.status ? " was not started: " + std::to_string(started.status) + " "
                                       : std::string(" may have been started or not: ")) + // 0: no answer
                       storable(started.body.substr(0, 200))};

   bool const wants_result = yes(at(config, "return_result"));
   if (!wants_result && at(config, "return_step").is_null()) {
      json data = {{"status", "started"}, {"execution_id", child}, {"async", true}};
      data["path"] = at(config, "path");
      json context = {{"data", std::move(data)}};
      co_return finished("success", std::move(context));
   }
   auto const limit = timeout_of(config, wants_result ? 180 : 300);
   auto const every =
       std::chrono::milliseconds(static_cast<long long>(1000 * std::max(0.1, number(at(config, "poll_interval"), 2))));
   auto const end = std::chrono::steady_clock::now() + limit;
   while (true) {
      auto status = co_await child_status(what.server, child);
      if (ended(status)) {
         if (!wants_result) {
            json context = {{"data", std::move(status)}};
            co_return finished("success", std::move(context));
         }
         auto data = co_await child_data(what.server, child, text(at(config, "result_step")));
         json context = {{"data", std::move(data)}};
         auto const word = text(at(status, "status"));
         if (word == "COMPLETED") co_return finished("success", std::move(context));
         context["error"] = "execution " + child + " ended " + word;
         co_return finished("error", std::move(context));
      }
      if (std::chrono::steady_clock::now() + every > end) break;
      co_await pause(every);
   }
   json data = {{"status", "timeout"}, {"execution_id", child}};
   data["timeout_seconds"] = static_cast<std::int64_t>(limit.count() / 1000);
   json context = {{"data", std::move(data)}};
   co_return finished("success", std::move(context));
}

} // namespace stub
