// sequence.cpp: pipelines, and single tools with a policy: tasks one after the other, each followed by its rules.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/workflow/task_names.hpp>

#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {

/// Task runs of one pipeline, so that a jump cannot go round for ever.
constexpr long long max_task_runs = 1'000'000;

struct item {
   std::string label;
   json spec;
};

std::vector<item> items_of(json const& list) {
   if (!list.is_array()) throw tool_error{"task_sequence: the configuration is not a list"};
   std::vector<item> out;
   for (auto const& one : list.get_array()) {
      if (!one.is_object() || one.get_object().empty())
         throw tool_error{"task_sequence: an item is not an object with one label"};
      bool const flat = noetl::workflow::is_flat_task(one);
      auto const& first = *one.get_object().begin();
      out.push_back(flat ? item{text(at(one, "name")), one} : item{first.first, first.second});
   }
   return out;
}

json data_of(tool_result const& done) {
   if (auto const* data = done.context.find("data")) return *data;
   if (done.context.find("stdout"))
      return {{"stdout", at(done.context, "stdout")}, {"exit_code", at(done.context, "exit_code")}};
   return tao::json::null;
}

/// `jump` to a label, or to the task before this one. \return items.size() when there is no such task
std::size_t target_of(std::string const& to, std::vector<item> const& items, std::size_t here) {
   if (to == "previous" || to == "prev") return here > 0 ? here - 1 : 0;
   std::size_t i = 0;
   while (i < items.size() && items[i].label != to) ++i;
   return i;
}

} // namespace

/// What a task left when no retry is due any more.
struct tools::task_end {
   tool_result result;
   task_outcome outcome;
   verdict decided;
   bool raised = false;
};

/// One task with its retries. Its strings that need one of `names` are rendered, each time again; so are `input` and
/// `command`.
asio::awaitable<tools::task_end> tools::task(tool_input one, task_variables& variables,
                                             std::set<std::string> const& names) {
   auto const written = std::move(one.config);
   for (int attempt = 1;; ++attempt) {
      task_end end;
      variables.bind("_attempt", attempt);
      try {
         json spec = tao::json::empty_object;
         auto const& input = at(written, "input", "args");
         if (!input.is_null()) {
            auto const resolved = templates_.render(input, variables.all());
            if (resolved.is_object())
               for (auto const& [name, value] : resolved.get_object()) variables.bind(name, value);
            variables.bind("input", resolved);
            spec["args"] = resolved;
         }
         for (auto const& [key, value] : written.get_object()) {
            if (key == "input" || key == "args") continue;
            if (key == "set" || key == "spec" || key == "kind" || key == "name")
               spec[key] = value;
            else if (key == "command")
               spec[key] = templates_.render(value, variables.all());
            else
               spec[key] = templates_.render_those_with(names, value, variables.all());
         }
         auto now = one;
         now.config = std::move(spec);
         now.variables = variables.all();
         end.result = co_await run(std::move(now));
         end.outcome = {end.result.status == "success", data_of(end.result),
                        text(at(end.result.context, "error"), "the task reported " + end.result.status)};
      } catch (tool_error const& e) {
         end.raised = true;
         end.outcome = {false, tao::json::null, e.text};
         end.result = finished("error", {{"error", e.text}});
      } catch (template_error const& e) {
         end.outcome = {false, tao::json::null, e.text};
         end.result = finished("error", {{"error", e.text}});
      }
      try {
         variables.bind("output", output_of(end.outcome));
         variables.bind("_prev", end.outcome.data);
         if (!one.step.empty()) variables.bind_label(one.step, end.outcome.data);
         if (end.outcome.good) variables.set(at(written, "set"), templates_);
         end.decided = judge(written, end.outcome, attempt, variables.all(), templates_);
         variables.set(end.decided.set, templates_);
      } catch (template_error const& e) {
         end.outcome.error = e.text;
         end.decided.what = next_move::fail;
      }
      if (end.decided.what != next_move::retry) co_return end;
      co_await pause(end.decided.delay);
   }
}

/// Items in order, unless their rules say otherwise; each sees the variables and the data of the items before it.
asio::awaitable<tool_result> tools::sequence(tool_input what) {
   auto const items = items_of(at(what.config, "tool_config"));
   auto const names = task_names(at(what.config, "tool_config"));
   task_variables variables(std::move(what.variables));
   what.config = what.variables = tao::json::null; // what is left is common to all tasks
   json results = tao::json::empty_object;
   auto const failed = [&](std::string const& label, std::string const& error) {
      json data = {{"failed_task", label}};
      data["labeled_results"] = results;
      json context = {{"data", std::move(data)}, {"error", error}};
      return finished("error", std::move(context));
   };
   long long runs = 0;
   for (std::size_t i = 0; i < items.size();) {
      auto const& [label, spec] = items[i];
      if (++runs > max_task_runs)
         co_return failed(label, "the pipeline ran a million tasks and has not come to an end");
      if (runs % 64 == 0) co_await asio::post(executor_, asio::use_awaitable); // others want to run, too
      if (!spec.is_object()) throw tool_error{"task_sequence: item '" + label + "' is not an object"};
      tool_input one = what;
      one.kind = text(at(spec, "kind"));
      one.config = spec;
      one.step = label;
      auto const end = co_await task(std::move(one), variables, names);
      results[label] = end.outcome.data;
      if (end.decided.what == next_move::fail)
         co_return failed(label, end.outcome.good ? "the policy of task '" + label + "' failed it" : end.outcome.error);
      if (end.decided.what == next_move::end) break;
      if (end.decided.what == next_move::jump) {
         i = target_of(end.decided.to, items, i);
         if (i == items.size()) co_return failed(label, "jump to a task that does not exist: '" + end.decided.to + "'");
         continue;
      }
      ++i;
   }
   if (variables.updates().is_object()) results["_context_updates"] = variables.updates();
   json context = {{"data", std::move(results)}};
   co_return finished("success", std::move(context));
}

/// The tool's own result, with what its rules wrote under `_context_updates`. Its configuration came rendered but for
/// `set` and `spec` (L-23). A jump has nowhere to go and counts as `continue`.
asio::awaitable<tool_result> tools::single_with_policy(tool_input what) {
   static std::set<std::string> const none; // what the server rendered is data by now
   task_variables variables(std::move(what.variables));
   auto const& args = at(what.config, "args");
   if (args.is_object()) {
      for (auto const& [name, value] : args.get_object()) variables.bind(name, value);
      variables.bind("input", args);
   }
   auto const written = what.config;
   for (int attempt = 1;; ++attempt) {
      tool_input one = what;
      for (auto const* key : {"set", "spec"}) one.config.get_object().erase(key);
      bool raised = false;
      tool_result done;
      task_outcome outcome;
      try {
         done = co_await run(std::move(one));
         outcome = {done.status == "success", data_of(done),
                    text(at(done.context, "error"), "the tool reported " + done.status)};
      } catch (tool_error const& e) {
         raised = true;
         outcome = {false, tao::json::null, e.text};
         done = finished("error", {{"error", e.text}});
      }
      variables.bind("_attempt", attempt);
      variables.bind("output", output_of(outcome));
      if (outcome.good) variables.set(at(written, "set"), templates_);
      auto const decided = judge(written, outcome, attempt, variables.all(), templates_);
      variables.set(decided.set, templates_);
      if (decided.what == next_move::retry) {
         co_await pause(decided.delay);
         continue;
      }
      if (decided.what == next_move::fail) {
         if (raised) throw tool_error{outcome.error};
         if (outcome.good) done.context["error"] = "the policy failed it";
         done = finished(outcome.good ? "error" : done.status, std::move(done.context));
      } else {
         done = finished("success", std::move(done.context));
      }
      if (variables.updates().is_object()) {
         auto data = data_of(done);
         if (!data.is_object()) data = {{"data", data}};
         data["_context_updates"] = variables.updates();
         done.context["data"] = std::move(data);
      }
      co_return done;
   }
}

} // namespace stub
