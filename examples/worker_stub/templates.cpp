// templates.cpp: the only file of the worker that includes the template engine.
#include "templates.hpp"

#include <algorithm>

#include <noetl/workflow/template.hpp>

namespace stub {

namespace {
noetl::workflow::context over(json const& variables) {
   noetl::workflow::context out;
   out.layer(variables);
   return out;
}
} // namespace

struct templates::engine {
   noetl::workflow::template_engine jinja;
};

templates::templates() : engine_(std::make_unique<engine>()) {}
templates::~templates() = default;

json templates::render(json const& value, json const& variables) {
   auto rendered = engine_->jinja.render_value(value, over(variables));
   if (!rendered) throw template_error{rendered.error().message};
   return *std::move(rendered);
}

json templates::render_those_with(std::set<std::string> const& names, json const& value, json const& variables) {
   if (value.is_string_type()) {
      std::set<std::string> needed;
      add_names(value, needed);
      bool const any = std::any_of(needed.begin(), needed.end(), [&](auto const& one) { return names.contains(one); });
      return any ? render(value, variables) : value;
   }
   if (value.is_array()) {
      json out = tao::json::empty_array;
      for (auto const& item : value.get_array()) out.emplace_back(render_those_with(names, item, variables));
      return out;
   }
   if (value.is_object()) {
      json out = tao::json::empty_object;
      for (auto const& [key, item] : value.get_object()) out[key] = render_those_with(names, item, variables);
      return out;
   }
   return value;
}

bool templates::holds(std::string const& condition, json const& variables) {
   auto const outcome = engine_->jinja.evaluate_condition(condition, over(variables));
   if (!outcome) throw template_error{outcome.error().message};
   return *outcome;
}

void templates::add_names(json const& value, std::set<std::string>& names) {
   if (value.is_string_type()) {
      auto const found = engine_->jinja.names(std::string(value.get_string_type()));
      if (found) names.insert(found->begin(), found->end());
   } else if (value.is_array()) {
      for (auto const& item : value.get_array()) add_names(item, names);
   } else if (value.is_object()) {
      for (auto const& [key, item] : value.get_object()) add_names(item, names);
   }
}

} // namespace stub
