// What is wrong with a template is said in words, with line and column; what costs too much is refused (goals 13).
#include <noetl/workflow/template.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "workflow/hostile.hpp"

using namespace noetl::workflow;
using namespace workflow_test;

namespace {

struct misuse {
   std::string source;
   std::string message;
};

std::string refusal(template_engine& engine, std::string_view source, context const& vars) {
   auto const r = engine.render_text(source, vars);
   return r ? "rendered: " + r->substr(0, 60) : r.error().message;
}

} // namespace

TEST(template_errors, errors_name_what_was_expected_and_where) {
   template_engine engine;
   auto const variables = *detail::parse_json(R"({"n":3,"s":"text","o":{"a":1},"l":[1]})");
   context vars;
   vars.layer(variables);
   for (auto const& r : {
            misuse{"a\n{{ n ! }}", "expected an operator, a filter or '}}', found '!' (line 2, column 6)"},
            misuse{"{{ }}", "expected an expression, found '}}' (line 1, column 4)"},
            misuse{"{{ n + }}", "expected an expression, found '}}' (line 1, column 8)"},
            misuse{"{{ (1 }}", "expected ',' or ')', found '}}' (line 1, column 7)"},
            misuse{"{{ l[3is] }}", "expected a blank or an operator after the number, found 'is' (line 1, column 7)"},
            misuse{"{{ [1 }}", "expected ',' or ']', found '}}' (line 1, column 7)"},
            misuse{"{{ {'a' 1} }}", "expected ':', found '1' (line 1, column 9)"},
            misuse{"{{ 'a }}", "expected the closing quote ', found the end of the template (line 1, column 9)"},
            misuse{"{{ n | }}", "expected the name of a filter, found '}}' (line 1, column 8)"},
            misuse{"{{ n is }}", "expected the name of a test, found '}}' (line 1, column 9)"},
            misuse{"{{ n. }}", "expected the name of an attribute, found '}}' (line 1, column 7)"},
            misuse{"{{ ä }}", "expected an expression, found 'ä' (line 1, column 4)"},
            misuse{"ä {{ n n }}", "expected an operator, a filter or '}}', found 'n' (line 1, column 8)"},
            misuse{"{% for x l %}{% endfor %}", "expected 'in', found 'l' (line 1, column 10)"},
            misuse{"{% for %}", "expected a name to assign to, found '%}' (line 1, column 8)"},
            misuse{"{% macro %}", "expected the name of the macro, found '%}' (line 1, column 10)"},
            misuse{"{% if n %}\n{{ n }}", "no 'endif' for the block that begins here (line 1, column 7)"},
            misuse{"{% for x in l %}{% endif %}", "expected 'endfor', found 'endif' (line 1, column 20)"},
            misuse{"{% endif %}{{ n }}", "endif without its beginning (line 1, column 4)"},
            misuse{"{% else %}{{ n }}", "else without if or for (line 1, column 1)"},
            misuse{"{# open {{ n }}",
                   "expected '#}' at the end of the comment, found the end of the template (line 1, column 16)"},
            misuse{"{% foo %}", "unknown statement foo (line 1, column 4)"},
            misuse{"{% include 'x' %}",
                   "include is not supported: a template stands alone, there is nothing to load others from "
                   "(line 1, column 4)"},
            misuse{"{{ '\\u12' }}", "bad escape: 4 hexadecimal digits are needed (line 1, column 5)"},
            misuse{"{{ n | nope }}", "unknown filter: nope (line 1, column 8)"},
            misuse{"a\nb {{ n is nope }}", "unknown test: nope (line 2, column 11)"},
            misuse{"{{ n + s }}",
                   "cannot apply '+' to number and string; '~' joins values as texts (line 1, column 4)"},
            misuse{"{{ o.get('a') }}", "map has no method get; write x | get(key) (line 1, column 6)"},
            misuse{"{{ s.strip() }}", "string has no method strip; write x | trim (line 1, column 6)"},
            misuse{"{{ nope(1) }}",
                   "unknown function: nope; there are range, dict, namespace, debug (line 1, column 4)"},
            misuse{"{{ n(1) }}", "n is a number, not callable (line 1, column 4)"},
            misuse{"{{ s | trim(1) }}", "filter trim takes no argument at most (line 1, column 8)"},
            misuse{"{{ l | sort(by=1) }}", "filter sort has no argument called by (line 1, column 8)"},
            misuse{"{{ missing | int }}", "cannot convert undefined to an integer (line 1, column 14)"},
        })
      EXPECT_EQ(refusal(engine, r.source, vars), "Template render error: " + r.message) << r.source;
}

TEST(template_errors, errors_do_not_tell_values) {
   template_engine engine;
   auto const variables = *detail::parse_json(R"({"secret":"hunter2"})");
   context vars;
   vars.layer(variables);
   for (char const* bad :
        {"{{ secret | int }}", "{{ secret + 1 }}", "{{ secret | fromjson }}", "{{ secret | b64decode }}",
         "{{ secret.x() }}", "{{ secret() }}", "{% for a, b in secret %}{% endfor %}"}) {
      auto const message = refusal(engine, bad, vars);
      EXPECT_EQ(message.find("rendered"), std::string::npos) << bad;
      EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
   }
}

TEST(template_errors, endless_templates_are_refused) {
   template_engine engine;
   auto const variables = *detail::parse_json(hostile_variables);
   context vars;
   vars.layer(variables);
   for (auto const& bad : hostile_templates()) EXPECT_FALSE(engine.render_text(bad, vars)) << bad.substr(0, 100);
}

TEST(template_errors, the_texts_of_one_value_share_a_budget) {
   template_engine engine;
   context vars;
   std::string const dear = "{% for i in range(100000) %}{% endfor %}";
   tao::json::value many = tao::json::empty_array;
   for (int i = 0; i < 200; ++i) many.emplace_back(dear);
   auto const refused = engine.render_value(many, vars);
   ASSERT_FALSE(refused);
   EXPECT_NE(refused.error().message.find("too many steps"), std::string::npos) << refused.error().message;
   tao::json::value few = tao::json::empty_array;
   for (int i = 0; i < 10; ++i) few.emplace_back(dear);
   EXPECT_TRUE(engine.render_value(few, vars)) << "each may take its own";
   tao::json::value keys = tao::json::empty_object;
   for (int i = 0; i < 200; ++i) keys.try_emplace(dear + std::to_string(i), i);
   EXPECT_FALSE(engine.render_value(keys, vars));
}

TEST(template_errors, what_people_write_is_within_the_limits) {
   template_engine engine;
   context vars;
   std::pair<std::string, std::size_t> const all[] = {
       {"{% for i in range(20000) %}{{ i }},{% endfor %}", 108'890},
       {"{% for i in range(1000) %}{% for j in range(20) %}x{% endfor %}{% endfor %}", 20'000},
       {"{{ ('x' * 1000000) | upper | length }}", 7},
       {"{{ 1" + repeated(" ~ 1", 300) + " }}", 301},
       {"{{ ('x' * 1000000)[10:20] }}", 10},
       {"{{ " + repeated("(", 30) + "1" + repeated(")", 30) + " }}", 1},
   };
   for (auto const& [source, bytes] : all) {
      auto const r = engine.render_text(source, vars);
      ASSERT_TRUE(r) << r.error().message;
      EXPECT_EQ(r->size(), bytes) << source.substr(0, 80);
   }
}
