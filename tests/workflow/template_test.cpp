// The template dialect: orchestration.md section 2, as tables of template, value.
#include <noetl/workflow/template.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

using namespace noetl::workflow;
using detail::json_text;
using detail::parse_json;

namespace {

struct row {
   char const* source;
   char const* wanted;
};

class templates : public ::testing::Test {
protected:
   templates() {
      workload = *parse_json(
          R"({"n":3,"f":1.0,"s":"text","id":"007","big":9007199254740993,"z":null,"yes":true,"no":false,"e":"","el":[],"eo":{},)"
          R"("o":{"a":null,"b":[1,"q\"x",1.5]},"l":[3,1,2],"words":["b","A","c"],"rows":[{"k":"x","v":1},{"k":"y","v":2},{"k":"x","v":3}],)"
          R"("deep":{"a":{"b":{"c":5}}},"huge":"9223372036854775808","u":"äöü"})");
      vars.layer(workload);
   }
   std::string text(std::string_view t) {
      auto r = engine.render_text(t, vars);
      return r ? *r : "error: " + r.error().message;
   }
   std::string value(std::string_view t, literals rule = literals::as_written) {
      auto r = engine.render_value(std::string(t), vars, rule);
      return r ? json_text(*r) : "error: " + r.error().message;
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

} // namespace

TEST_F(templates, expressions_print_as_in_the_dialect) {
   for (auto const& r : {
            row{"{{ n }}", "3"},
            row{"{{ f }}", "1.0"},
            row{"{{ yes }}", "true"},
            row{"{{ none }}", "none"},
            row{"{{ None }}", "none"},
            row{"{{ True }}{{ false }}", "truefalse"},
            row{"a{{ missing }}b", "ab"},
            row{"a{{ z }}b", "ab"},
            row{"{{ missing.x.y[3] }}", ""},
            row{"{{ o }}", R"({"a": undefined, "b": [1, "q\"x", 1.5]})"},
            row{"{{ deep.a['b'].c }}", "5"},
            row{"{{ l[0] }}{{ l[-1] }}{{ l[9] }}", "32"},
            row{"{{ l.0 }}", "3"},
            row{"{{ [1, 'a', none, missing] }}", R"([1, "a", none, undefined])"},
            row{"{{ {'a': 1, 'b': [2]} }}", R"({"a": 1, "b": [2]})"},
            row{"{{ (1, 2) }}{{ (1,) }}{{ () }}{{ (1) }}", "[1, 2][1][]1"},
            row{"{{ big }}", "9007199254740993"},
            row{"{{ 1e20 }}", "100000000000000000000.0"},
            row{"{{ 1_000 + 1 }}", "1001"},
            row{"{{ 'a' \"b\" }}", "ab"},
            row{R"({{ 'it\'s \n' }})", "it's \n"},
            row{R"({{ 'é😀' }})", "é😀"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
}

TEST_F(templates, operators_follow_the_engine) {
   for (auto const& r : {
            row{"{{ 1 + 2 * 3 }}", "7"},
            row{"{{ (1 + 2) * 3 }}", "9"},
            row{"{{ 7 / 2 }}", "3.5"},
            row{"{{ 6 / 2 }}", "3.0"},
            row{"{{ 7 // 2 }}", "3"},
            row{"{{ -7 // 2 }}", "-4"},
            row{"{{ -7 % 3 }}", "2"},
            row{"{{ 7.5 % 2 }}", "1.5"},
            row{"{{ 2 ** 10 }}", "1024"},
            row{"{{ 2.0 ** -1 }}", "0.5"},
            row{"{{ -2 ** 2 }}", "4"},
            row{"{{ 'a' ~ 1 ~ missing ~ 'b' }}", "a1b"},
            row{"{{ 'a' + 'b' }}", "ab"},
            row{"{{ [1] + [2] }}", "[1, 2]"},
            row{"{{ 'ab' * 2 }}", "abab"},
            row{"{{ 1 < 2 and 2 <= 2 and 3 > 2 and 3 >= 3 and 1 != 2 and 1 == 1.0 }}", "true"},
            row{"{{ 'a' < 'b' }}", "true"},
            row{"{{ missing > 5 }}", "false"},
            row{"{{ not yes }}", "false"},
            row{"{{ e or 'x' }}", "x"},
            row{"{{ s and n }}", "3"},
            row{"{{ 2 in l }}{{ 9 not in l }}", "truetrue"},
            row{"{{ 'ex' in s }}{{ 'a' in o }}{{ 'b' in o }}{{ 1 in missing }}", "truefalsetruefalse"},
            row{"{{ not 2 in l }}", "false"},
            row{"{{ 'y' if n > 2 else 'n' }}", "y"},
            row{"{{ 'y' if n > 9 }}", ""},
            row{"{{ 1 if no else 2 if no else 3 }}", "3"},
            row{"{{ l[1:] }}{{ l[:1] }}{{ l[::-1] }}{{ l[-2:] }}{{ s[1:3] }}", "[1, 2][3][2, 1, 3][1, 2]ex"},
            row{"{{ missing[1:] }}", "[]"},
            row{"{{ u[0:1] }}", "ä"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad : {"{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}",
                           "{{ 2 ** -1 }}", "{{ l[::0] }}", "{{ 2 ** 999 }}", "{{ 1 in 5 }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
}

TEST_F(templates, statements_work) {
   for (auto const& r : {
            row{"{% if n > 5 %}a{% elif n > 2 %}b{% else %}c{% endif %}", "b"},
            row{"{% if no %}a{% endif %}", ""},
            row{"{% for x in l %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "3,1,2"},
            row{"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
            row{"{% for x in l if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}", "1:3 2:2 "},
            row{"{% for k, v in o|items %}{{ k }}{% endfor %}", "ab"},
            row{"{% for k in deep %}{{ k }}{% endfor %}", "a"},
            row{"{% for x in missing %}a{% endfor %}", ""},
            row{"{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.length }}{{ loop.previtem "
                "}}{{ loop.nextitem }} {% endfor %}",
                "03true31 12false332 21false31 "},
            row{"{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "aba"},
            row{"{% set a = 1 %}{% set b, c = [2, 3] %}{{ a }}{{ b }}{{ c }}", "123"},
            row{"{% set a %}x{{ n }}{% endset %}{{ a }}", "x3"},
            row{"{% set a | upper %}x{% endset %}{{ a }}", "X"},
            row{"{% set ns = namespace(t=0) %}{% for x in l %}{% set ns.t = ns.t + x %}{% endfor %}{{ ns.t }}", "6"},
            row{"{% set a = 1 %}{% for x in l %}{% set a = 2 %}{% endfor %}{{ a }}", "1"},
            row{"{% with a = 5, b = 6 %}{{ a + b }}{% endwith %}{{ a }}", "11"},
            row{"{% filter upper %}a{{ s }}{% endfilter %}", "ATEXT"},
            row{"{% macro m(a, b=2) %}<{{ a }}|{{ b }}>{% endmacro %}{{ m(1) }}{{ m(1, b=5) }}", "<1|2><1|5>"},
            row{"{% raw %}{{ x }}{% endraw %}{{ n }}", "{{ x }}3"},
            row{"a {#- c -#} b{{ n }}", "ab3"},
            row{"a  {{- n -}}  b", "a3b"},
            row{"a {%- if yes -%} b {%- endif %} c", "ab c"},
            row{"{{ n }}\n", "3"},
            row{"{{ n }}\n\n", "3\n"},
            row{"{{ range(3) }}{{ range(1, 7, 3) }}{{ range(3, 0, -1) }}", "[0, 1, 2][1, 4][3, 2, 1]"},
            row{"{{ dict(a=1).a }}{{ {'a': 1}.a }}", "11"},
            row{"{ {{ n }} }", "{ 3 }"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
}

TEST_F(templates, filters_of_the_reference_keep_its_rules) {
   for (auto const& r : {
            row{"{{ z | default(1) | int }}", "1"},
            row{"{{ missing | default }}|", "|"},
            row{"{{ e | default('x') }}|", "|"},
            row{"{{ none | default('x') }}", "x"},
            row{"{{ '3.9' | int }}{{ 3.9 | int }}{{ ' 4 ' | int }}", "334"},
            row{"{{ '9007199254740993' | int }}", "9007199254740993"},
            row{"{{ '1.5' | float }}{{ n | float }}", "1.53.0"},
            row{"{{ n | string | length }}", "1"},
            row{"{{ 'Ab' | lower }}{{ 'Ab' | upper }}{{ ' a ' | trim }}", "abABa"},
            row{"{{ 'a b' | split }}{{ 'a,b' | split(',') }}", R"(["a", "b"]["a", "b"])"},
            row{"{{ l | join('-') }}{{ l | join }}", "3-1-2312"},
            row{"{{ l | first }}{{ l | last }}", "32"},
            row{"{{ u | length }}{{ l | length }}{{ o | length }}", "632"},
            row{"{{ u | count }}", "3"},
            row{"{{ o | keys }}{{ deep.a | values }}{{ {'a': 1} | items }}", R"(["a", "b"][{"c": 5}][["a", 1]])"},
            row{"{{ deep | get('a') }}{{ deep | get('x') }}", R"({"b": {"c": 5}})"},
            row{"{{ 'hé' | b64encode }}{{ 'aMOp' | b64decode }}", "aMOphé"},
            row{"{{ 1.5 | tojson }}", "1.5"},
            row{"{{ o | tojson }}", R"({"a":null,"b":[1,"q\"x",1.5]})"},
            row{"{{ missing | tojson }}", "null"},
            row{"{{ '{\"a\":[1]}' | fromjson }}", R"({"a": [1]})"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad :
        {"{{ '' | int }}", "{{ missing | int }}", "{{ 'x' | float }}", "{{ s | trim('t') }}", "{{ n | int(0) }}",
         "{{ n | default(1, true) }}", "{{ [] | first }}", "{{ missing | first }}", "{{ missing | length }}",
         "{{ n | length }}", "{{ l | keys }}", "{{ '!' | b64decode }}", "{{ '/w==' | b64decode }}",
         "{{ 'x' | fromjson }}", "{{ n | urlencode }}", "{{ n | nothing }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
}

TEST_F(templates, filters_of_the_engine_work) {
   for (auto const& r : {
            row{"{{ -3 | abs }}{{ (-3) | abs }}", "33"},
            row{"{{ [1,2,3] | batch(2) }}", "[[1, 2], [3]]"},
            row{"{{ [1,2,3] | batch(2, 0) }}", "[[1, 2], [3, 0]]"},
            row{"{{ 'x' | bool }}", "true"},
            row{"{{ 'aB' | capitalize }}", "Ab"},
            row{"{{ 'a bc' | title }}", "A Bc"},
            row{"{{ e | d('x', true) }}", "x"},
            row{"{{ {'b': 1, 'a': 2} | dictsort }}", R"([["a", 2], ["b", 1]])"},
            row{"{{ '<a>' | e }}", "&lt;a&gt;"},
            row{"{% for k, g in rows | groupby('k') %}{{ k }}{{ g | length }}{% endfor %}", "x2y1"},
            row{"{{ 'a\nb' | indent(2) }}", "a\n  b"},
            row{"{{ 'a\nb' | lines }}", R"(["a", "b"])"},
            row{"{{ 'ab' | list }}", R"(["a", "b"])"},
            row{"{{ rows | map(attribute='v') | sum }}", "6"},
            row{"{{ words | map('upper') | join }}", "BAC"},
            row{"{{ l | max }}{{ l | min }}{{ l | sum }}", "316"},
            row{"{{ l | select('odd') | list }}{{ l | reject('odd') | list }}", "[3, 1][2]"},
            row{"{{ rows | selectattr('k', 'eq', 'x') | map(attribute='v') | list }}{{ rows | rejectattr('k', 'eq', "
                "'x') | length }}",
                "[1, 3]1"},
            row{"{{ 'aXa' | replace('a', 'b') }}", "bXb"},
            row{"{{ l | reverse }}{{ 'abc' | reverse }}", "[2, 1, 3]cba"},
            row{"{{ 2.567 | round(2) }}{{ 2.5 | round }}", "2.573.0"},
            row{"{{ [1,2,3] | slice(2) }}", "[[1, 2], [3]]"},
            row{"{{ l | sort }}{{ l | sort(reverse=true) }}{{ words | sort }}", R"([1, 2, 3][3, 2, 1]["A", "b", "c"])"},
            row{"{{ rows | sort(attribute='k') | map(attribute='v') | list }}", "[1, 3, 2]"},
            row{"{{ [1,2,1] | unique }}", "[1, 2]"},
            row{"{{ [1,2] | zip(['a','b']) }}", R"([[1, "a"], [2, "b"]])"},
            row{"{{ [1] | chain([2]) }}", "[1, 2]"},
            row{"{{ 's' | attr('x') }}|", "|"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
}

TEST_F(templates, tests_know_undefined_from_none) {
   for (char const* yes : {"missing is undefined",
                           "z is undefined",
                           "z is not none",
                           "none is none",
                           "n is defined",
                           "n is number",
                           "f is float",
                           "n is integer",
                           "s is string",
                           "l is sequence",
                           "o is mapping",
                           "yes is boolean",
                           "yes is true",
                           "no is false",
                           "4 is even",
                           "n is odd",
                           "9 is divisibleby 3",
                           "9 is divisibleby(3)",
                           "s is startingwith 'te'",
                           "s is endingwith 'xt'",
                           "s is lower",
                           "'A' is upper",
                           "2 is in l",
                           "n is eq 3",
                           "n is ne 4",
                           "n is lt 4",
                           "n is ge 3",
                           "n is gt 2",
                           "n is le 3",
                           "'upper' is filter",
                           "'odd' is test",
                           "l is iterable",
                           "not n is string",
                           "n is sameas 3"})
      EXPECT_EQ(condition(yes), "true") << yes;
   EXPECT_TRUE(refuses("{{ n is nothing }}"));
}

TEST_F(templates, typed_rendering_follows_2_4_C11_C12) {
   for (auto const& r : {row{"{{ n }}", "3"},
                         row{"{{ o }}", R"({"a":null,"b":[1,"q\"x",1.5]})"},
                         row{"{{ missing.x.y }}", "null"},
                         row{"a{{ missing }}b", R"("ab")"},
                         row{"{{ id }}", "7"},
                         row{"+{{ n }}", "3"},
                         row{"{{ n }}e2", "300.0"},
                         row{".{{ n }}", "0.3"},
                         row{" {{ s }} ", R"(" text ")"},
                         row{"{{ yes }}", "true"},
                         row{"{{ 'null' }}", "null"},
                         row{"{{ 'None' }}", "null"},
                         row{"{{ none }}", R"("none")"},
                         row{"{{ e }}", "null"},
                         row{"[{{ n }}, 4]", "[3,4]"},
                         row{"{{ '[1' }}]", "[1]"},
                         row{"[{{ s }}]", R"("[text]")"},
                         row{"{{ o | tojson }}", R"({"a":null,"b":[1,"q\"x",1.5]})"},
                         row{"{{ f }}", "1.0"},
                         row{"{{ huge }}", "9223372036854775808.0"},
                         row{"{{ 'inf' }}", R"("inf")"},
                         row{"{{ 'True' }}", R"("True")"},
                         row{"1{{ e }}0", "10"},
                         row{"{{ '+-1' }}", R"("+-1")"}})
      EXPECT_EQ(value(r.source), r.wanted) << r.source;
}

TEST_F(templates, text_without_template_syntax_is_kept_or_coerced_as_asked_L28) {
   for (auto const& r : {row{"007", "7"}, row{"", "null"}, row{"1e3", "1000.0"}, row{"12", "12"}, row{"true", "true"},
                         row{"a", R"("a")"}, row{"{# c #}", R"("{# c #}")"}}) {
      EXPECT_EQ(value(r.source, literals::coerced), r.wanted) << r.source;
      EXPECT_EQ(value(r.source), "\"" + std::string(r.source) + "\"") << r.source;
   }
}

TEST_F(templates, objects_render_with_their_keys) {
   auto const r = engine.render_value(*parse_json(R"({"{{ s }}":["{{ n }}",1,null,{"x":"{{ f }}"}]})"), vars);
   ASSERT_TRUE(r);
   EXPECT_EQ(json_text(*r), R"({"text":[3,1,null,{"x":1.0}]})");
}

TEST_F(templates, conditions_follow_2_6_C13) {
   for (char const* no : {"'off'", "'0'", "el", "eo", "missing", "e", "{{ 'No' }}", "'none'", "none", "0", "no",
                          "{% if yes %}null{% endif %}", "' FALSE '", "n > 5"})
      EXPECT_EQ(condition(no), "false") << no;
   for (char const* yes :
        {"'0.0'", "0.0", "'req-1'", "yes and s", "n == 3", "{{ n == 3 }}", "o", "{% if yes %}x{% endif %}"})
      EXPECT_EQ(condition(yes), "true") << yes;
   EXPECT_EQ(condition("n ==").substr(0, 30), "error: Template render error: ");
}

TEST_F(templates, values_have_no_methods) {
   for (char const* bad :
        {"{{ o.get('a') }}", "{{ o.items() }}", "{{ s.split() }}", "{{ s.strip() }}", "{{ nothing() }}", "{{ n() }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
}

TEST_F(templates, ctx_and_workload_are_the_flat_variables) {
   EXPECT_EQ(text("{{ ctx.n }}{{ workload.n }}{{ ctx['s'] }}"), "33text");
   EXPECT_EQ(text("{{ ctx | length }}"), std::to_string(workload.get_object().size()));
   vars.bind("workload", *parse_json(R"({"n":4})"));
   EXPECT_EQ(text("{{ workload.n }}{{ ctx.n }}"), "43");
}

TEST_F(templates, later_layers_win_and_null_hides) {
   auto const over = *parse_json(R"({"n":9,"s":null})");
   vars.layer(over);
   EXPECT_EQ(text("{{ n }}{{ s }}"), "9");
}

TEST_F(templates, syntax_errors_name_line_and_column) {
   EXPECT_EQ(text("a\n{{ n ! }}"), "error: Template render error: expected an operator, a filter or '}}', found '!' (line 2, column 6)");
   for (char const* bad :
        {"{{ n }", "{% if n %}a {{ n }}", "{% endif %}{{ n }}", "{{ }}", "{{ 'a }}", "{% for x %}{% endfor %}",
         "{% include 'x' %}{{ n }}", "{% break %}", "{{ a b }}", "{% else %}{{ n }}", "{{ (1 }}", "{{ '\\u12' }}"})
      EXPECT_FALSE(engine.check(bad).has_value() && template_engine::is_template(bad)) << bad;
}

TEST_F(templates, cost_is_bounded) {
   for (std::string const& bad :
        {std::string("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
         std::string("{{ range(1000000) }}"), std::string("{{ 'x' * 100000000 }}"),
         std::string("{% set ns = namespace(a='xxxxxxxxxxxxxxxx') %}{% for i in range(40) %}{% set ns.a = ns.a ~ ns.a "
                     "%}{% endfor %}{{ ns.a }}"),
         std::string("{% set ns = namespace(a=[1]) %}{% for i in range(40) %}{% set ns.a = ns.a + ns.a %}{% endfor "
                     "%}{{ ns.a }}"),
         std::string("{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}"),
         "{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}",
         "{{ 1" +
             [] {
                std::string s;
                for (int i = 0; i < 5000; ++i) s += "+1";
                return s;
             }() +
             " }}",
         "{{ a" +
             [] {
                std::string s;
                for (int i = 0; i < 5000; ++i) s += ".a";
                return s;
             }() +
             " }}",
         "{{ " +
             [] {
                std::string s;
                for (int i = 0; i < 5000; ++i) s += "not ";
                return s;
             }() +
             "1 }}",
         [] {
            std::string s;
            for (int i = 0; i < 500; ++i) s += "{% if 1 %}";
            return s;
         }(),
         "{{ '" + std::string(600'000, 'a') + "' }}"})
      EXPECT_TRUE(refuses(bad)) << bad.substr(0, 60);
   EXPECT_FALSE(refuses("{% for i in range(1000) %}{{ i }}{% endfor %}"));
}

TEST_F(templates, names_are_what_the_context_must_supply) {
   auto const names =
       engine.names("{{ a.b + c['d'] }}{% for x in rows if x.k == lim %}{{ x.v }}{{ loop.index }}{% endfor %}");
   ASSERT_TRUE(names);
   EXPECT_EQ(*names, (std::vector<std::string>{"a", "c", "lim", "rows", "x"}));
}

TEST_F(templates, the_cache_is_bounded_and_shared_between_threads) {
   template_engine small({.max_cached_templates = 8});
   std::vector<std::thread> threads;
   std::atomic<int> wrong = 0;
   for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
         for (int i = 0; i < 400; ++i) {
            auto const r = small.render_text("{{ n }}-" + std::to_string(i % 20), vars);
            if (!r || *r != "3-" + std::to_string(i % 20)) ++wrong;
         }
      });
   for (auto& t : threads) t.join();
   EXPECT_EQ(wrong, 0);
   EXPECT_LE(small.cached(), 8u);
}
