// templates.hpp: what the worker renders itself, by the engine that the server renders with (noetl/workflow).
#pragma once

#include <memory>
#include <set>
#include <string>

#include "values.hpp"

namespace stub {

/// Raised for a template that cannot be rendered; the text names the place, not the values.
struct template_error {
   std::string text;
};

/// Variables are a JSON object: names and values. Thread-safe.
class templates {
public:
   templates();
   ~templates();
   templates(templates const&) = delete;
   templates& operator=(templates const&) = delete;

   /// Renders all strings of `value`; a lone expression keeps its type, an unknown name is empty. \throws
   /// template_error
   json render(json const& value, json const& variables);
   /// As render, but only strings that need one of `names`; others stay as they are. \throws template_error
   json render_those_with(std::set<std::string> const& names, json const& value, json const& variables);
   /// A condition of a playbook. \throws template_error
   bool holds(std::string const& condition, json const& variables);
   /// Adds the names that the strings of `value` take from their variables. What is no template, or no valid one, has
   /// none.
   void add_names(json const& value, std::set<std::string>& names);

private:
   struct engine;
   std::unique_ptr<engine> engine_;
};

} // namespace stub
