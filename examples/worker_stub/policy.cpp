// policy.cpp: rules and variables of pipelines.
#include "policy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace stub {

namespace {

/// Longest wait before a retry: a slip of the pen must not stop a worker for ever.
constexpr double max_delay_seconds = 3600;

std::chrono::milliseconds delay_of(json const& then, int attempt) {
   auto const base = number(at(then, "delay"), 1.0);
   auto const backoff = text(at(then, "backoff"));
   double seconds = base;
   if (backoff == "none")
      seconds = 0;
   else if (backoff == "linear")
      seconds = base * attempt;
   else if (backoff == "exponential")
      seconds = base * std::pow(2.0, std::min(attempt - 1, 60));
   return std::chrono::milliseconds(static_cast<long long>(std::clamp(seconds, 0.0, max_delay_seconds) * 1000));
}

/// \return the `then` of the first rule that holds, null when none does
json chosen(json const& rules, json const& variables, templates& engine) {
   if (!rules.is_array()) return tao::json::null;
   for (auto const& rule : rules.get_array()) {
      if (auto const& otherwise = at(rule, "else"); !otherwise.is_null()) {
         auto const& then = at(otherwise, "then");
         return then.is_null() ? otherwise : then; // {else: {do: ...}} is meant the same way
      }
      auto const& when = at(rule, "when");
      bool const holds = when.is_null()      ? true
                         : when.is_boolean() ? when.get_boolean()
                                             : engine.holds(text(when), variables);
      if (holds) return at(rule, "then");
   }
   return tao::json::null;
}

void put(json& object, std::string_view path, json const& value) {
   if (!object.is_object()) object = tao::json::empty_object;
   auto const dot = path.find('.');
   auto& member = object[std::string(path.substr(0, dot))];
   if (dot == path.npos)
      member = value;
   else
      put(member, path.substr(dot + 1), value);
}

} // namespace

json output_of(task_outcome const& outcome) {
   json out = {{"status", outcome.good ? "success" : "error"}};
   out["data"] = outcome.data;
   out["error"] = {{"retryable", false}};
   if (!outcome.good) out["error"]["message"] = outcome.error;
   return out;
}

verdict judge(json const& spec, task_outcome const& outcome, int attempt, json const& variables, templates& engine) {
   verdict out;
   out.what = outcome.good ? next_move::go_on : next_move::fail;
   auto const then = chosen(at(at(at(spec, "spec"), "policy"), "rules"), variables, engine);
   if (!then.is_object()) return out;
   auto const what = text(at(then, "do"), "continue");
   out.set = at(then, "set");
   if (what == "retry") {
      if (attempt >= whole(at(then, "attempts"), 3)) {
         out.set = tao::json::null;
         return out;
      }
      out.what = next_move::retry;
      out.delay = delay_of(then, attempt);
   } else if (what == "jump") {
      out.what = next_move::jump;
      out.to = text(at(then, "to"));
   } else if (what == "break") {
      out.what = next_move::end;
   } else if (what == "fail") {
      out.what = next_move::fail;
   } else {
      out.what = next_move::go_on; // also for unknown words
   }
   return out;
}

task_variables::task_variables(json all) : all_(std::move(all)) {
   if (!all_.is_object()) all_ = tao::json::empty_object;
}

void task_variables::bind(std::string const& name, json value) {
   all_[name] = std::move(value);
}

void task_variables::bind_label(std::string const& label, json const& data) {
   auto shown = data;
   if (shown.is_object() && !shown.find("data")) shown["data"] = data;
   bind(label, std::move(shown));
}

void task_variables::set(json const& entries, templates& engine) {
   if (!entries.is_object()) return;
   for (auto const& [key, value] : entries.get_object()) {
      auto const rendered = engine.render(value, all_);
      auto const [scope, path] = noetl::workflow::written_key(key);
      put(all_, path, rendered);
      if (!scope.empty()) put(all_[std::string(scope)], path, rendered);
      std::string const name(path.substr(0, path.find('.')));
      if (!updates_.is_object()) updates_ = tao::json::empty_object;
      updates_[name] = all_.at(name);
   }
}

} // namespace stub
