// docs/templates.md: every line with an arrow is rendered, every filter and test is named.
#include <noetl/workflow/template.hpp>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

using namespace noetl::workflow;

namespace {

std::string page() {
   std::ifstream in(NOETL_SOURCE_DIR "/docs/templates.md");
   std::stringstream all;
   all << in.rdbuf();
   return all.str();
}

template <class T, class F>
std::string shown(noetl::result<T> const& r, F show) {
   return r ? show(*r) : "error: " + r.error().message.substr(std::string_view("Template render error: ").size());
}

} // namespace

TEST(template_page, every_line_with_an_arrow_is_true) {
   std::stringstream text(page());
   std::string line, fence, json;
   tao::json::value variables;
   template_engine engine;
   int checked = 0;
   while (std::getline(text, line)) {
      if (line.starts_with("```")) {
         if (fence == "json") variables = detail::parse_json(json).value();
         fence = fence.empty() ? line.substr(3) : "";
         continue;
      }
      if (fence == "json") json += line;
      std::string_view const arrow = " → ";
      auto const at = line.rfind(arrow);
      if (fence.empty() || fence == "json" || at == std::string::npos) continue;
      auto const source = line.substr(0, at), wanted = line.substr(at + arrow.size());
      context vars;
      vars.layer(variables);
      std::string got;
      if (fence == "template")
         got = shown(engine.render_text(source, vars), [](std::string const& s) { return s; });
      else if (fence == "value")
         got = shown(engine.render_value(source, vars), [](tao::json::value const& v) { return detail::json_text(v); });
      else if (fence == "condition")
         got = shown(engine.evaluate_condition(source, vars), [](bool b) { return std::string(b ? "true" : "false"); });
      if (wanted.starts_with("error: ") && got.size() > wanted.size()) got.resize(wanted.size());
      EXPECT_EQ(got, wanted) << fence << ": " << source;
      ++checked;
   }
   EXPECT_GT(checked, 100);
}

TEST(template_page, every_filter_test_and_function_is_named) {
   auto const text = page();
   auto const named = [&](std::string_view name) {
      return text.find("`" + std::string(name) + "`") != std::string::npos ||
             text.find("`" + std::string(name) + "(") != std::string::npos;
   };
   std::set<std::string_view> names;
   for (auto const& filter : detail::all_filters) names.insert(filter.name);
   for (auto const& test : detail::all_tests) names.insert(test.name);
   for (std::string_view const function : {"range", "dict", "namespace", "debug"}) names.insert(function);
   for (auto const name : names) EXPECT_TRUE(named(name)) << name;
   // 2.9 and 2.10 of the specification
   for (std::string_view const filter :
        {"default",   "int",        "float",    "string", "lower",  "upper",      "trim",    "safe",       "split",
         "join",      "first",      "last",     "length", "keys",   "values",     "items",   "get",        "b64encode",
         "b64decode", "tojson",     "fromjson", "abs",    "attr",   "batch",      "bool",    "capitalize", "chain",
         "count",     "d",          "dictsort", "e",      "escape", "groupby",    "indent",  "lines",      "list",
         "map",       "max",        "min",      "pprint", "reject", "rejectattr", "replace", "reverse",    "round",
         "select",    "selectattr", "slice",    "sort",   "sum",    "title",      "unique",  "zip"})
      EXPECT_NE(detail::find_filter(filter), nullptr) << filter;
   for (std::string_view const test :
        {"defined",     "undefined",  "none",    "string",       "number", "sequence", "mapping", "boolean",
         "divisibleby", "endingwith", "eq",      "even",         "false",  "filter",   "float",   "ge",
         "gt",          "in",         "integer", "iterable",     "le",     "lower",    "lt",      "ne",
         "odd",         "safe",       "sameas",  "startingwith", "test",   "true",     "upper"})
      EXPECT_NE(detail::find_test(test), nullptr) << test;
   EXPECT_EQ(detail::find_filter("urlencode"), nullptr);
}
