// What tests of templates share: a workload, and rendering as text, value and condition in one line.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow {

struct row {
   char const* source;
   char const* wanted;
};

class templates : public ::testing::Test {
protected:
   templates() {
      workload = *detail::parse_json(
          R"({"n":3,"f":1.0,"s":"text","id":"007","big":9007199254740993,"z":null,"yes":true,"no":false,"e":"",)"
          R"("el":[],"eo":{},"o":{"a":null,"b":[1,"q\"x",1.5]},"l":[3,1,2],"words":["b","A","c"],)"
          R"("rows":[{"k":"x","v":1},{"k":"y","v":2},{"k":"x","v":3}],"deep":{"a":{"b":{"c":5}}},)"
          R"("tree":[{"n":"a","c":[{"n":"b","c":[]}]},{"n":"d","c":[]}],"pairs":[[1,[2,3]],[4,[5,6]]],)"
          R"("wide":18446744073709551615,"huge":"9223372036854775808","u":"äöü"})");
      vars.layer(workload);
   }
   std::string text(std::string_view t) {
      auto r = engine.render_text(t, vars);
      return r ? *r : "error: " + r.error().message;
   }
   std::string value(std::string_view t, literals rule = literals::as_written) {
      auto r = engine.render_value(std::string(t), vars, rule);
      return r ? detail::json_text(*r) : "error: " + r.error().message;
   }
   std::string condition(std::string_view t) {
      auto r = engine.evaluate_condition(t, vars);
      return r ? (*r ? "true" : "false") : "error: " + r.error().message;
   }
   bool refuses(std::string_view t) { return !engine.render_text(t, vars); }

   tao::json::value workload;
   context vars;
   template_engine engine;
};

} // namespace noetl::workflow
