// command.cpp: one command, from its notification to its last event (spec worker-protocol.md 4 to 9).
#include <algorithm>
#include <charconv>
#include <cstdio>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

#include "worker.hpp"

namespace stub {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

std::string id_text(json const& value, std::string fallback) {
   if (value.is_string_type()) return value.as<std::string>();
   return value.is_integer() ? tao::json::to_string(value) : std::move(fallback);
}

/// What templates see: the render context, itself again under `ctx` and `workload`, and what is being run.
json variables_of(json variables, std::string const& action, std::string const& step) {
   if (!variables.is_object()) variables = tao::json::empty_object;
   if (!variables.find("ctx")) {
      auto const copy = variables;
      if (!variables.find("workload")) variables["workload"] = copy;
      variables["ctx"] = copy;
   }
   if (!variables.find("action")) variables["action"] = action;
   if (!variables.find("node_name")) variables["node_name"] = step;
   return variables;
}

} // namespace

asio::awaitable<void> worker::handle(notice incoming) {
   try {
      co_await execute(std::move(incoming));
   } catch (std::exception const& e) {
      note("command.abandoned", e.what());
   }
}

asio::awaitable<void> worker::execute(notice incoming) {
   // However this ends, the place becomes free.
   struct place {
      worker* self;
      bool finished = false;
      ~place() { self->give_back_slots(1, finished); }
   } place{this};

   auto const about = decode(incoming);
   if (!about) {
      note("notification.undecodable", storable(std::string(incoming.data().substr(0, 200))));
      incoming.term();
      co_return;
   }
   faults_.die("die-before-claim", about->step);
   auto won = co_await claim(*about, incoming);
   // A message comes again by itself; a line is tried again until the worker stops.
   while (!won && incoming.again && incoming.is_line() && !stopping()) {
      co_await pause(1s);
      incoming.again = false;
      won = co_await claim(*about, incoming);
   }
   if (!won) co_return;
   faults_.die("die-after-claim", about->step);
   if (!faults_.hit("drop-ack", about->step))
      if (auto const acked = incoming.ack(); !acked) note("notification.not_acked", acked.error().message);
   co_await report(*won);
   place.finished = true;
}

std::optional<worker::notification> worker::decode(notice const& incoming) const {
   notification out;
   if (incoming.is_line()) { // the rest comes with the claim
      auto const text = incoming.data();
      auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out.event_id);
      if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
      out.server_url = options_.server_url;
      return out;
   }
   try {
      auto const body = tao::json::from_string(incoming.data());
      out.execution_id = body.at("execution_id").as<std::int64_t>();
      out.event_id = body.at("event_id").as<std::int64_t>();
      out.step = body.at("step").as<std::string>();
      out.server_url = body.at("server_url").as<std::string>();
      auto const& id = body.at("command_id");
      if (!body.at("execution_id").is_integer() || !(id.is_string_type() || id.is_integer())) return std::nullopt;
      while (out.server_url.ends_with('/')) out.server_url.pop_back();
      return out;
   } catch (std::exception const&) {
      return std::nullopt;
   }
}

/// \return the command when it is ours now; otherwise the notification has been dealt with
asio::awaitable<std::optional<worker::command>> worker::claim(notification const& about, notice& incoming) {
   auto const target = "/api/commands/" + std::to_string(about.event_id) + "/claim";
   json const mine = {{"worker_id", options_.worker_id}};
   auto const body = tao::json::to_string(mine);
   auto const log_note = "\"execution_id\":" + std::to_string(about.execution_id) +
                         ",\"command_event_id\":" + std::to_string(about.event_id);
   auto answer = co_await api_.call(about.server_url, "POST", target, body, log_note);
   if (faults_.hit("claim-twice", about.step)) {
      auto const again = co_await api_.call(about.server_url, "POST", target, body, log_note);
      if (again.status != answer.status || again.body != answer.body) {
         note("claim.repeated_differently", std::to_string(again.status));
         violation_ = true;
      }
   }
   if (faults_.hit("claim-other", about.step)) {
      json const another = {{"worker_id", options_.worker_id + "-other"}};
      auto const text = tao::json::to_string(another);
      auto const other = co_await api_.call(about.server_url, "POST", target, text, log_note);
      if (other.status != 409) {
         note("claim.given_twice", std::to_string(other.status));
         violation_ = true;
      }
   }
   if (answer.status == 200 || answer.status == 201) {
      auto won = read_claim(about, answer.body);
      if (won) co_return won;
      note("claim.undecodable", std::to_string(answer.body.size()) + " bytes");
      violation_ = true;
      incoming.nak(1s);
      co_return std::nullopt;
   }
   if (answer.status == 409) {
      (void)incoming.ack(); // somebody else's, or over
      co_return std::nullopt;
   }
   note("claim.refused", std::to_string(answer.status) + " " + storable(answer.body.substr(0, 200)));
   incoming.nak(1s);
   co_return std::nullopt;
}

/// Section 6: from the claim's answer to the input of a tool.
std::optional<worker::command> worker::read_claim(notification const& about, std::string const& body) const {
   try {
      auto const claim = tao::json::from_string(body);
      command c;
      c.server = about.server_url;
      c.execution_id = claim.at("execution_id").as<std::int64_t>();
      c.step = claim.at("node_name").as<std::string>();
      c.input.step = c.step;
      auto const action = claim.at("action").as<std::string>();
      auto const& context = claim.at("context");
      auto const& meta = claim.at("meta");
      c.command_id = id_text(at(meta, "command_id"), std::to_string(c.execution_id) + ":" + c.step + ":unknown");
      if (auto const attempts = at(meta, "attempts"); attempts.is_integer()) c.attempts = attempts.as<std::int64_t>();

      auto config = at(context, "tool_config");
      if (config.is_array()) config = json({{"tool_config", config}});
      if (!config.is_object()) config = tao::json::empty_object;
      if (!config.find("args")) config["args"] = at(context, "args");
      auto const kind = at(config, "kind");
      c.input.kind = kind.is_string_type() ? kind.as<std::string>() : action;
      c.input.config = std::move(config);
      c.input.server = c.server;
      c.input.execution_id = c.execution_id;
      c.input.started->command = about.event_id;
      // Variables can be large: they are looked at only when something is left to be rendered here.
      auto const& settings = c.input.config;
      if (c.input.kind == "task_sequence" || settings.find("set") || settings.find("spec") ||
          body.find("keychain.") != body.npos) {
         c.input.variables = variables_of(at(context, "render_context"), action, c.step);
         auto& variables = c.input.variables;
         if (auto const& cursor = at(meta, "cursor"); cursor.is_object()) {
            variables["__cursor_frame"] = at(cursor, "frame");
            variables["__cursor_row"] = at(cursor, "row");
         }
         // Of the stub only: an effect can say by which attempt of which command it was made.
         variables["__command_id"] = c.command_id;
         variables["__attempt"] = whole(at(meta, "attempt"), 1);
      }
      return c;
   } catch (std::exception const&) {
      return std::nullopt;
   }
}

/// The events of one command, each awaited before the next; a lost one ends the report (section 8).
asio::awaitable<void> worker::report(command& c) {
   json const id = {{"command_id", c.command_id}};
   if (faults_.hit("bad-event", c.step)) {
      auto const bad = "{\"execution_id\":\"x\",\"event_type\":7,\"step\":" + tao::json::to_string(json(c.step)) + "}";
      auto const answer = co_await api_.call(c.server, "POST", "/api/events", bad);
      note("event.bad", std::to_string(answer.status));
   }
   if (!co_await post(c, "command.started", "STARTED", id)) co_return;
   faults_.die("die-after-started", c.step);
   if (options_.crash_after && finished() >= *options_.crash_after) _exit(exit_killed);

   co_await resolve_references(c);
   std::string error;
   auto done = co_await run_tool(c, error);
   if (auto const late = faults_.hit("late", c.step)) co_await pause(std::chrono::milliseconds(*late));
   if (!done) {
      json failed = {{"command_id", c.command_id}, {"call_index", 0}, {"error", error}};
      if (!co_await post(c, "call.error", "FAILED", failed)) co_return;
      json last = {{"command_id", c.command_id}, {"error", error}};
      co_await post(c, "command.failed", "FAILED", last);
      co_return;
   }
   auto result = co_await envelope(c, *done);
   json call = {{"command_id", c.command_id}, {"call_index", 0}};
   call["result"] = std::move(result);
   json end = {{"command_id", c.command_id}, {"status", done->status}};
   if (faults_.hit("reorder", c.step)) {
      if (co_await post(c, "command.completed", done->status, end)) co_await post(c, "call.done", "COMPLETED", call);
      co_return;
   }
   if (!co_await post(c, "call.done", "COMPLETED", std::move(call))) co_return;
   faults_.die("die-after-call", c.step);
   faults_.die("die-before-completed", c.step);
   if (!co_await post(c, "command.completed", done->status, end)) co_return;
   if (faults_.hit("dup-event-new-id", c.step)) co_await post(c, "command.completed", done->status, end);
}

/// \return nothing when the tool raised; then `error` says why
asio::awaitable<std::optional<tool_result>> worker::run_tool(command& c, std::string& error) {
   if (auto const slow = faults_.hit("slow", c.step)) co_await pause(std::chrono::milliseconds(*slow));
   while (faults_.hit("hang", c.step)) co_await pause(1h);
   if (faults_.hit("raise", c.step)) {
      error = "raised on request";
      co_return std::nullopt;
   }
   if (faults_.hit("error", c.step))
      co_return tool_result{"error", {{"status", "error"}, {"error", "failed on request"}}};
   if (auto const bytes = faults_.hit("oversize", c.step)) {
      json data = {{"bulk", std::string(static_cast<std::size_t>(*bytes), 'x')}};
      co_return tool_result{"success", {{"status", "success"}, {"data", data}}};
   }
   auto const kind = c.input.kind;
   auto input = std::move(c.input);
   std::optional<tool_result> done;
   try {
      done = co_await tools_.perform(std::move(input));
   } catch (tool_error const& e) {
      error = e.text;
   } catch (std::exception const& e) {
      error = kind + ": " + e.what();
   }
   co_return done;
}

} // namespace stub
