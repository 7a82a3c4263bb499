// tools.cpp: the tool kinds of the stub.
#include "tools.hpp"

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>

#include "process.hpp"
#include "python_wrapper.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {

/// A member's value, null when absent.
json const& at(json const& object, std::string const& key) {
   static json const none = tao::json::null;
   auto const* found = object.is_object() ? object.find(key) : nullptr;
   return found ? *found : none;
}
std::string text(json const& value, std::string fallback = {}) {
   if (value.is_string_type()) return value.as<std::string>();
   return value.is_null() ? std::move(fallback) : tao::json::to_string(value);
}
long long whole(json const& value, long long fallback) {
   if (value.is_double()) return static_cast<long long>(value.get_double());
   return value.is_integer() ? value.as<std::int64_t>() : fallback;
}
std::chrono::milliseconds timeout_of(json const& config, long long fallback_seconds) {
   auto const& given = at(config, "timeout_seconds");
   return std::chrono::seconds(whole(given.is_null() ? at(config, "timeout") : given, fallback_seconds));
}
std::optional<json> parsed(std::string const& body) {
   try {
      return tao::json::from_string(body);
   } catch (std::exception const&) {
      return std::nullopt; // no JSON: the caller keeps the text
   }
}
tool_result finished(std::string status, json context) {
   context["status"] = status;
   return {std::move(status), std::move(context)};
}

/// Runs a program on the pool's threads and comes back to the executor.
asio::awaitable<process_outcome> run_on(asio::thread_pool& pool, process_request request) {
   auto const work = [](process_request r) -> asio::awaitable<process_outcome> { co_return run_process(r); };
   auto job = work(std::move(request));
   auto outcome = co_await asio::co_spawn(pool, std::move(job), asio::use_awaitable);
   co_return outcome;
}

json channels(process_outcome const& p) {
   return {{"stdout", storable(p.out)},
           {"stderr", storable(p.error)},
           {"exit_code", p.exit_code},
           {"duration_ms", static_cast<std::int64_t>(p.duration.count())}};
}

bool is_loopback(std::string const& url) {
   auto const scheme = url.find("://");
   auto const host = scheme == url.npos ? url : url.substr(scheme + 3);
   return host.starts_with("127.") || host.starts_with("localhost:") || host.starts_with("localhost/") ||
          host == "localhost" || host.starts_with("[::1]");
}

std::string percent_encoded(std::string const& plain) {
   std::string out;
   for (char const c : plain) {
      bool const safe = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                        c == '_' || c == '.' || c == '~';
      auto const byte = static_cast<unsigned char>(c);
      if (safe)
         out += c;
      else
         (out += '%') += {"0123456789ABCDEF"[byte >> 4U], "0123456789ABCDEF"[byte & 15U]};
   }
   return out;
}

} // namespace

std::optional<json> read_python_results(std::string const& path) {
   if (path.empty()) return std::nullopt;
   std::ifstream file(path);
   auto const found = parsed({std::istreambuf_iterator<char>(file), {}});
   if (!found || !found->is_object())
      throw std::invalid_argument("--python-stub " + path + ": not a JSON object of results by step");
   return found;
}

asio::awaitable<tool_result> tools::run(tool_input what) {
   if (!settings_.kinds.contains(what.kind)) throw tool_error{"tool not found: " + what.kind};
   bool const stand_in = what.kind == "python" && settings_.python_results;
   if ((what.kind == "shell" || what.kind == "python") && !stand_in && !settings_.allow_shell)
      throw tool_error{what.kind + " is not allowed: the worker was started without --allow-shell"};
   auto const begin = std::chrono::steady_clock::now();
   tool_result out;
   if (what.kind == "noop")
      out = co_await noop(std::move(what.config));
   else if (what.kind == "shell")
      out = co_await shell(std::move(what.config));
   else if (stand_in)
      out = python_stub(what.step);
   else if (what.kind == "python")
      out = co_await python(std::move(what.config));
   else if (what.kind == "http")
      out = co_await http(std::move(what.config));
   else if (what.kind == "task_sequence")
      out = co_await sequence(std::move(what.config), std::move(what.variables));
   else
      throw tool_error{"tool not found: " + what.kind};
   auto const ms =
       std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
   if (!out.context.find("duration_ms")) out.context["duration_ms"] = static_cast<std::int64_t>(ms);
   co_return out;
}

/// With `args.stub: {kind: sleep, ms}` or `{kind: bulk, bytes}` it does these.
asio::awaitable<tool_result> tools::noop(json config) {
   auto const& extra = at(at(config, "args"), "stub");
   auto const kind = text(at(extra, "kind"));
   json data;
   if (kind == "sleep") {
      auto const ms = whole(at(extra, "ms"), 0);
      asio::steady_timer timer(executor_, std::chrono::milliseconds(ms));
      co_await timer.async_wait(asio::use_awaitable);
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

asio::awaitable<tool_result> tools::shell(json config) {
   process_request request;
   auto const& command = at(config, "command").is_null() ? at(config, "cmd") : at(config, "command");
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
   auto const ended = co_await run_on(programs_, std::move(request));
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
   auto const& code = at(config, "code").is_null() ? at(config, "script") : at(config, "code");
   if (!code.is_string_type()) throw tool_error{"python: code is missing"};
   json const job = {{"code", code},
                     {"args", at(config, "args").is_object() ? at(config, "args") : json(tao::json::empty_object)}};
   process_request request;
   request.command = {settings_.python, "-c", python_wrapper};
   request.input = tao::json::to_string(job);
   request.timeout = timeout_of(config, 300);
   request.result_channel = true;
   auto const ended = co_await run_on(programs_, std::move(request));
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

asio::awaitable<tool_result> tools::http(json config) {
   http_request request;
   request.url = text(at(config, "url"), text(at(config, "endpoint")));
   request.method = text(at(config, "method"), "GET");
   request.timeout = timeout_of(config, 30);
   if (!is_loopback(request.url))
      throw tool_error{"http: the stub speaks to loopback addresses only, not to " + request.url};
   if (auto const& params = at(config, "params"); params.is_object())
      for (auto const& [name, value] : params.get_object())
         request.url += (request.url.find('?') == request.url.npos ? '?' : '&') + percent_encoded(name) + '=' +
                        percent_encoded(text(value));
   if (auto const& body = at(config, "json"); !body.is_null()) {
      request.body = tao::json::to_string(body);
      request.headers.emplace_back("Content-Type", "application/json");
   } else if (auto const& form = at(config, "form"); form.is_object()) {
      for (auto const& [name, value] : form.get_object())
         request.body += (request.body.empty() ? "" : "&") + percent_encoded(name) + '=' + percent_encoded(text(value));
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
   } else {
      request.body = text(at(config, "body"));
   }
   if (auto const& headers = at(config, "headers"); headers.is_object())
      for (auto const& [name, value] : headers.get_object()) request.headers.emplace_back(name, text(value));

   auto const got = co_await http_.fetch(std::move(request));
   if (got.status == 0) throw tool_error{"http: " + got.body};
   json headers = tao::json::empty_object;
   for (auto const& [name, value] : got.headers) headers[name] = storable(value);
   auto const body = storable(got.body);
   json data = {{"status_code", got.status}, {"headers", headers}, {"body", parsed(body).value_or(json(body))}};
   json context = {{"data", data}, {"stdout", body}};
   if (got.ok()) co_return finished("success", std::move(context));
   context["error"] = "HTTP status " + std::to_string(got.status);
   context["exit_code"] = 1;
   co_return finished("error", std::move(context));
}

/// Items in order; each sees the variables and the data of the items before it, under their labels.
asio::awaitable<tool_result> tools::sequence(json config, json variables) {
   auto const& items = at(config, "tool_config");
   if (!items.is_array()) throw tool_error{"task_sequence: the configuration is not a list"};
   json results = tao::json::empty_object;
   json updates = tao::json::empty_object;
   for (auto const& item : items.get_array()) {
      bool const flat = item.find("kind") != nullptr;
      if (!item.is_object() || item.get_object().empty()) throw tool_error{"task_sequence: an item is not an object"};
      auto const label = flat ? text(at(item, "name")) : item.get_object().begin()->first;
      json spec = flat ? item : item.get_object().begin()->second;
      for (auto const* key : {"command", "input", "args"})
         if (auto* member = spec.find(key)) *member = render(*member, variables);
      auto const& given = at(spec, "input").is_null() ? at(spec, "args") : at(spec, "input");
      if (given.is_object()) {
         json const copy = given; // `given` is a member of what changes next
         for (auto const& [name, value] : copy.get_object()) variables[name] = value;
         spec["args"] = copy;
      }
      tool_input one{text(at(spec, "kind")), spec, variables, label};
      tool_result done;
      try {
         done = co_await run(std::move(one));
      } catch (tool_error const& e) {
         done = finished("error", {{"error", e.text}});
      }
      json data = done.context.find("data")
                      ? done.context.at("data")
                      : json({{"stdout", at(done.context, "stdout")}, {"exit_code", at(done.context, "exit_code")}});
      results[label] = data;
      variables[label] = data;
      if (done.status != "success") {
         json failed = {{"data", {{"labeled_results", results}, {"failed_task", label}}},
                        {"error", text(at(done.context, "error"), "the task reported " + done.status)}};
         co_return finished("error", std::move(failed));
      }
      if (auto const& set = at(spec, "set"); set.is_object()) {
         for (auto const& [key, value] : set.get_object()) {
            auto const dot = key.find('.');
            auto const scope = key.substr(0, dot);
            auto const name =
                scope == "ctx" || scope == "iter" || scope == "step" ? key.substr(dot == key.npos ? 0 : dot + 1) : key;
            variables[name] = updates[name] = render(value, variables);
         }
      }
   }
   if (!updates.get_object().empty()) results["_context_updates"] = updates;
   json context = {{"data", results}};
   co_return finished("success", std::move(context));
}

} // namespace stub
