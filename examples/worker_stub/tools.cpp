// tools.cpp: from a command to its tool, and the tools without a world of their own.
#include "tools.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stub {

namespace asio = boost::asio;

std::optional<json> read_python_results(std::string const& path) {
   if (path.empty()) return std::nullopt;
   std::ifstream file(path);
   auto const found = parsed(std::string{std::istreambuf_iterator<char>(file), {}});
   if (!found || !found->is_object())
      throw std::invalid_argument("--python-stub " + path + ": not a JSON object of results by step");
   return found;
}

asio::awaitable<tool_result> tools::perform(tool_input what) {
   try {
      auto known = co_await keychain(what.config, what);
      if (known.is_object()) { // the server left what needs it to us
         what.variables["keychain"] = std::move(known);
         if (what.kind != "task_sequence")
            what.config = templates_.render_those_with({"keychain"}, what.config, what.variables);
      }
      if (what.kind == "task_sequence") co_return co_await run(std::move(what));
      bool const has_policy = at(at(what.config, "spec"), "policy").is_object() || at(what.config, "set").is_object();
      if (has_policy) co_return co_await single_with_policy(std::move(what));
   } catch (template_error const& e) {
      throw tool_error{e.text};
   }
   co_return co_await run(std::move(what));
}

asio::awaitable<tool_result> tools::run(tool_input what) {
   if (!settings_.kinds.contains(what.kind)) throw tool_error{"tool not found: " + what.kind};
   auto const begin = std::chrono::steady_clock::now();
   if (what.kind != "task_sequence" && what.kind != "noop")
      what.config = co_await with_credentials(std::move(what.config), what.kind, what);
   auto out = co_await dispatch(std::move(what));
   auto const ms =
       std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
   if (!out.context.find("duration_ms")) out.context["duration_ms"] = static_cast<std::int64_t>(ms);
   co_return out;
}

asio::awaitable<tool_result> tools::dispatch(tool_input what) {
   auto const& kind = what.kind;
   if (kind == "noop" || kind == "sleep" || kind == "bulk") {
      if (kind != "noop") { // the same work under a name of its own
         json extra = at(what.config, "args").is_object() ? at(what.config, "args") : json(tao::json::empty_object);
         extra["kind"] = kind;
         what.config["args"] = {{"stub", std::move(extra)}};
      }
      co_return co_await noop(std::move(what.config));
   }
   if (kind == "python" && settings_.python_results) co_return python_stub(what.step);
   if ((kind == "shell" || kind == "python") && !settings_.allow_shell)
      throw tool_error{kind + " is not allowed: the worker was started without --allow-shell"};
   if (kind == "shell") co_return co_await shell(std::move(what.config));
   if (kind == "python") co_return co_await python(std::move(what.config));
   if (kind == "http") co_return co_await http(std::move(what.config));
   if (kind == "postgres") co_return co_await postgres(std::move(what.config));
   if (kind == "playbook") co_return co_await playbook(std::move(what));
   if (kind == "task_sequence") co_return co_await sequence(std::move(what));
   throw tool_error{"tool not found: " + kind};
}

asio::awaitable<void> tools::pause(std::chrono::milliseconds time) {
   asio::steady_timer timer(executor_, time);
   co_await timer.async_wait(asio::use_awaitable);
}

/// With `args.stub: {kind: sleep, ms}` or `{kind: bulk, bytes}` it does these.
asio::awaitable<tool_result> tools::noop(json config) {
   auto const& extra = at(at(config, "args"), "stub");
   auto const kind = text(at(extra, "kind"));
   json data;
   if (kind == "sleep") {
      auto const ms = whole(at(extra, "ms"), 0);
      co_await pause(std::chrono::milliseconds(ms));
      data = {{"slept_ms", static_cast<std::int64_t>(ms)}};
   } else if (kind == "bulk") {
      data = {{"bulk", std::string(static_cast<std::size_t>(whole(at(extra, "bytes"), 0)), 'x')}};
   } else if (auto const* result = config.find("result")) {
      data = *result;
   } else {
      data = {{"status", "ok"}, {"message", text(at(config, "message"), "noop")}};
   }
   json context = {{"data", data}};
   co_return finished("success", std::move(context));
}

} // namespace stub
