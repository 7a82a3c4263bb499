// programs.cpp: the tools that run a program: shell and python.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "process.hpp"
#include "python_wrapper.hpp"
#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {
json channels(process_outcome const& p) {
   return {{"stdout", storable(p.out)},
           {"stderr", storable(p.error)},
           {"exit_code", p.exit_code},
           {"duration_ms", static_cast<std::int64_t>(p.duration.count())}};
}
} // namespace

/// Runs on the pool's threads and comes back to the executor.
asio::awaitable<process_outcome> tools::run_program(process_request request) {
   request.withheld = settings_.secret_variables;
   auto const work = [](process_request r) -> asio::awaitable<process_outcome> { co_return run_process(r); };
   auto job = work(std::move(request));
   auto outcome = co_await asio::co_spawn(threads_, std::move(job), asio::use_awaitable);
   co_return outcome;
}

asio::awaitable<tool_result> tools::shell(json config) {
   process_request request;
   auto const& command = at(config, "command", "cmd");
   if (command.is_array()) {
      std::string joined;
      for (auto const& line : command.get_array()) joined += text(line) + "\n";
      request.command = {text(at(config, "shell"), "sh"), "-c", joined};
   } else if (command.is_null()) {
      throw tool_error{"shell: command is missing"};
   } else {
      request.command = {text(at(config, "shell"), "sh"), "-c", text(command)};
   }
   request.folder = text(at(config, "cwd"));
   request.timeout = timeout_of(config, 300);
   if (auto const& env = at(config, "env"); env.is_object())
      for (auto const& [name, value] : env.get_object()) request.environment.emplace_back(name, text(value));
   auto const ended = co_await run_program(std::move(request));
   if (!ended.started) throw tool_error{"shell: " + ended.problem};
   auto context = channels(ended);
   if (ended.timed_out) {
      context["error"] = "the command took too long and was killed";
      co_return finished("timeout", std::move(context));
   }
   if (ended.exit_code == 0) co_return finished("success", std::move(context));
   context["error"] = "exit code " + std::to_string(ended.exit_code);
   co_return finished("error", std::move(context));
}

asio::awaitable<tool_result> tools::python(json config) {
   auto const& code = at(config, "code", "script");
   if (!code.is_string_type()) throw tool_error{"python: code is missing"};
   json const job = {{"code", code},
                     {"args", at(config, "args").is_object() ? at(config, "args") : json(tao::json::empty_object)}};
   process_request request;
   request.command = {settings_.python, "-c", python_wrapper};
   request.input = tao::json::to_string(job);
   request.timeout = timeout_of(config, 300);
   request.result_channel = true;
   auto const ended = co_await run_program(std::move(request));
   if (!ended.started) throw tool_error{"python: " + ended.problem};
   auto context = channels(ended);
   if (ended.timed_out) {
      context["error"] = "the code took too long and was killed";
      co_return finished("timeout", std::move(context));
   }
   auto answer = parsed(ended.result).value_or(json(tao::json::empty_object));
   if (auto const* data = answer.find("data"))
      context["data"] = *data;
   else
      context["data"] = {{"stdout", storable(ended.out)}, {"stderr", storable(ended.error)}};
   if (ended.exit_code == 0 && !answer.find("error")) co_return finished("success", std::move(context));
   context["error"] = text(at(answer, "error"), "exit code " + std::to_string(ended.exit_code));
   co_return finished("error", std::move(context));
}

/// The same members as a real run; no code is looked at.
tool_result tools::python_stub(std::string const& step) const {
   auto const* data = settings_.python_results->find(step);
   if (data == nullptr) throw tool_error{"python: the file of --python-stub has no result of " + step};
   json context = {{"data", *data}, {"stdout", ""}, {"stderr", ""}, {"exit_code", 0}};
   return finished("success", std::move(context));
}

} // namespace stub
