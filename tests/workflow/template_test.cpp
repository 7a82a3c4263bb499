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
          R"("tree":[{"n":"a","c":[{"n":"b","c":[]}]},{"n":"d","c":[]}],"pairs":[[1,[2,3]],[4,[5,6]]],"wide":18446744073709551615,)"
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

TEST_F(templates, values_print_as_2_5_says_C12) {
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
            row{"{{ 1e23 }}", "100000000000000000000000.0"},
            row{"{{ 1e-7 }} {{ 5e-1 }} {{ -0.25 }}", "0.0000001 0.5 -0.25"},
            row{"{{ 123456789.123456789 }}", "123456789.12345679"},
            row{"{{ 1e308 * 10 }} {{ -1 / 0 }} {{ 0 / 0 }}", "inf -inf NaN"},
            row{"{{ 0x1f }} {{ 0b101 }} {{ 0o17 }}", "31 5 15"},
            row{R"({{ '\x41\u00e9\101\q\ud83d\ude00' }})", "AéA\\q😀"},
            row{"{{ {'k': 'a\tb'} }}", R"({"k": "a\tb"})"},
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
            row{"{{ u[0:1] }}{{ u[-1] }}{{ u[::-1] }}", "äüüöä"},
            row{"{{ 9223372036854775807 + 1 }}", "9223372036854775808"},
            row{"{{ 18446744073709551615 * 2 }}", "36893488147419103230"},
            row{"{{ 2 ** 126 }}", "85070591730234615865843651857942052864"},
            row{"{{ 170141183460469231731687303715884105727 }}", "170141183460469231731687303715884105727"},
            row{"{{ 7 // -2 }} {{ 7 % -3 }} {{ -7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 // -2 }}", "-3 1 -4.0 -1.5 -3.0"},
            row{"{{ (-2) ** 3 }} {{ 0 ** 0 }} {{ true + 1 }}", "-8 1 2"},
            row{"{{ [1] * 2 }} {{ 3 * 'a' }}", "[1, 1] aaa"},
            row{"{{ 3 > 2 > 2 }} {{ 1 < 3 > 2 }} {{ (3 > 2) == true }} {{ 1 < 3 == 3 }}", "false true true true"},
            row{"{{ missing < 5 }} {{ 'a' > 5 }} {{ none < 1 }} {{ [1] < 2 }}", "true true true false"},
            row{"{{ [1, 2] == [1, 2.0] }} {{ {'a': 1} == {'a': 1.0} }} {{ [] == {} }}", "true true false"},
            row{"{{ n is divisibleby -1 }} {{ 'a' is eq 'a' ~ 'b' }}", "true trueb"},
            row{"{{ dict(**{'a': 1}) }} {{ range(*[1, 3]) }}", R"({"a": 1} [1, 2])"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad : {"{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}",
                           "{{ 170141183460469231731687303715884105727 + 1 }}", "{{ 2 ** 127 }}", "{{ -'a' }}",
                           "{{ 340282366920938463463374607431768211456 }}", "{{ 'a' * -1 }}", "{{ 1 in none }}",
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
            row{"{% for x in tree recursive %}{{ x.n }}{{ loop.depth }}({{ loop(x.c) }}){% endfor %}", "a1(b2())d1()"},
            row{"{% for a, (b, c) in pairs %}{{ a + b + c }} {% endfor %}", "6 15 "},
            row{"{% for a, in [[1], [2]] %}{{ a }}{% endfor %}", "12"},
            row{"{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}", "true false true "},
            row{"{% for i in [1, 2] %}{% for j in [1] %}{{ loop.depth }}{% endfor %}{% endfor %}", "11"},
            row{"{% set x = 1, 2 %}{{ x }}{% set (a, b) = x %}{{ b }}", "[1, 2]2"},
            row{"{% set ns = namespace() %}{% set ns.x %}a{{ n }}{% endset %}{{ ns.x }}", "a3"},
            row{"{% if yes %}{% set q = 5 %}{% endif %}{{ q }}", "5"},
            row{"{% with a = 1, b = a %}{{ b }}{% endwith %}{% with (c, d) = [1, 2] %}{{ d }}{% endwith %}", "12"},
            row{"{% macro m(a) %}<{{ caller() }}{{ a }}>{% endmacro %}{% call m(1) %}in{% endcall %}", "<in1>"},
            row{"{% macro m(l) %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) m([1, 2]) %}[{{ x }}]"
                "{% endcall %}",
                "[1][2]"},
            row{"{% macro m() %}{{ y }}{% endmacro %}{% with y = 1 %}{{ m() }}{% endwith %}|", "|"},
            row{"{% macro m() %}{{ q }}{% endmacro %}{% set q = 3 %}{{ m() }}", "3"},
            row{"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "B"},
            row{"{% for x in [1, 2] %}{% macro q() %}{{ x }}{% endmacro %}{{ q() }}{% endfor %}", "12"},
            row{"{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 1, 'b': 2}) }}", "1212"},
            row{"{% block b %}x{% set z = 1 %}{% endblock b %}{{ z }}{{ self.b() }}", "xx"},
            row{"{% filter upper | replace('A', 'b') %}a{{ n }}{% endfilter %}", "b3"},
            row{"{% do namespace(a=1) %}x{{ n }}", "x3"},
            row{"{%- raw -%} {{ x }} {%- endraw -%} y", "{{ x }}y"},
            row{"{%+ if yes +%} a{% endif %}", " a"},
            row{"{{ namespace({'b': 1}) }}{{ debug(n, s) }}", R"({"b": 1}3 "text")"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad :
        {"{% for a, b in [1] %}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{% endfor %}", "{% for x in 5 %}{% endfor %}",
         "{% for x in [1] %}{{ loop([]) }}{% endfor %}", "{% set a.b = 1 %}", "{% set loop = 1 %}",
         "{% macro m(a, b=2, c) %}{% endmacro %}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
         "{% macro m(a) %}{% endmacro %}{{ m(b=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=3) }}",
         "{% macro m() %}{% endmacro %}{% call m() %}x{% endcall %}", "{% call n() %}{% endcall %}",
         "{% set ns = namespace() %}{% set ns.a = ns %}", "{% set ns = namespace() %}{% set ns.a = [ns] %}",
         "{% set ns = namespace() %}{% for x in [ns] %}{% set ns.l = loop %}{% endfor %}",
         "{% set ns = namespace() %}{% for x in [1] %}{% macro q() %}{% endmacro %}{% set ns.q = q %}{% endfor %}{{ ns.q() }}",
         "{% block b %}{% endblock c %}", "{% block b %}{% endblock %}{% block b %}{% endblock %}",
         "{% block b %}{{ super() }}{% endblock %}", "{% do n %}", "{% filter nope %}{% endfilter %}"})
      EXPECT_TRUE(refuses(bad)) << bad;
}

TEST_F(templates, filters_of_the_reference_keep_its_rules_C15_C17) {
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
            row{"{{ [1.0, 0.1, wide, 2 ** 70] | tojson }}", "[1.0,0.1,18446744073709551615,1180591620717411303424]"},
            row{"{{ 'straße' | upper }}{{ 'ÄΣ' | lower }}{{ 'ΑΣ' | lower }}", "STRASSEäςας"},
            row{"{{ '\u00a0x\u2003' | trim }}|", "x|"},
            row{"{{ 'a b  c' | split }}{{ 'aä' | split('') }}", R"(["a", "b", "", "c"]["a", "ä"])"},
            row{"{{ {'a': 1} | join }}{{ 'abc' | join('-') }}{{ missing | join }}", "aa-b-c"},
            row{"{{ 'äb' | first }}{{ 'aä' | last }}", "ää"},
            row{"{{ '{\"a\":[1]}' | fromjson }}", R"({"a": [1]})"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad :
        {"{{ '' | int }}", "{{ missing | int }}", "{{ 'x' | float }}", "{{ s | trim('t') }}", "{{ n | int(0) }}",
         "{{ n | default(1, true) }}", "{{ [] | first }}", "{{ missing | first }}", "{{ missing | length }}",
         "{{ n | length }}", "{{ l | keys }}", "{{ '!' | b64decode }}", "{{ '/w==' | b64decode }}",
         "{{ 'x' | fromjson }}", "{{ n | urlencode }}", "{{ n | nothing }}", "{{ s | split(',', 1) }}",
         "{{ s | upper(1) }}", "{{ s | lower(a=1) }}", "{{ o | get }}", "{{ 5 | first }}"})
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
            row{"{{ 'éa' | capitalize }}{{ \"it's a-b\" | title }}", "ÉaIt'S A-B"},
            row{"{{ missing | d }}|{{ none | d('x') }}|{{ e | d('x') }}", "|none|"},
            row{"{{ {'b': 1, 'a': 2} | dictsort(by='value') }}", R"([["b", 1], ["a", 2]])"},
            row{"{{ [{'k': 'B'}, {'k': 'a'}, {'k': 'b'}] | groupby('k') | length }}", "2"},
            row{"{% for g in rows | groupby('k') %}{{ g.grouper }}{{ g.list | length }}{% endfor %}", "x2y1"},
            row{"{{ rows | groupby(attribute='q', default='z') | map(attribute=0) | join }}", "z"},
            row{"{{ 'a\nb\n\nc\n' | indent(1) }}|{{ 'a\n\nb' | indent(1, true, true) }}", "a\n b\n\n c| a\n \n b"},
            row{"{{ pairs | map(attribute='1.0') }}{{ rows | map(attribute='q', default=0) }}", "[2, 5][0, 0, 0]"},
            row{"{{ [1, [2], {}] | pprint }}", "[\n    1,\n    [\n        2,\n    ],\n    {},\n]"},
            row{"{{ l | select('>', 1) }}{{ l | select('in', [1]) }}{{ [0, 1, ''] | select }}", "[3, 2][1][1]"},
            row{"{{ 'abc' | replace('', '-') }}{{ 121 | replace(1, 3) }}", "-a-b-c-323"},
            row{"{{ 123.4 | round(-1) }} {{ -2.5 | round }} {{ 5 | round(1) }}", "120.0 -3.0 5"},
            row{"{{ rows | sort(attribute='k,v', reverse=true) | map(attribute='v') }}", "[2, 3, 1]"},
            row{"{{ ['a', 'A', 'b'] | unique }}{{ ['a', 'A'] | unique(case_sensitive=true) }}", R"(["a", "b"]["a", "A"])"},
            row{"{{ [3, 'a', none, 1.5, true, [1]] | sort }}", R"([none, true, 1.5, 3, "a", [1]])"},
            row{"{{ missing | sum }}{{ missing | sort }}{{ missing | reverse }}{{ none | list }}", "0[][]"},
        })
      EXPECT_EQ(text(r.source), r.wanted) << r.source;
   for (char const* bad : {"{{ true | abs }}", "{{ l | batch(0) }}", "{{ l | batch }}", "{{ n | count }}", "{{ l | dictsort }}",
                           "{{ {'a': 1} | dictsort('value') }}", "{{ rows | groupby }}", "{{ 1 | lines }}", "{{ 5 | list }}",
                           "{{ rows | map }}", "{{ rows | map('nope') }}", "{{ rows | map('upper', attribute='k') }}",
                           "{{ rows | max(attribute='v') }}", "{{ l | select('nope') }}", "{{ l | select('odd', 3) }}",
                           "{{ 'a' | replace('a') }}", "{{ 'a' | replace('a', 'b', 1) }}", "{{ 5 | reverse }}",
                           "{{ 'a' | round }}", "{{ l | sort(true) }}", "{{ ['a'] | sum }}", "{{ rows | sum(attribute='v') }}",
                           "{{ rows | unique('k') }}", "{{ 1 | zip([1]) }}", "{{ 'x' | indent(-1) }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
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
                           "n is sameas 3",
                           "not 1 is sameas 1.0",
                           "l is sameas l",
                           "[1] is not sameas [1]",
                           "4.0 is divisibleby(2)",
                           "1.5 is not odd and 'a' is not odd",
                           "123 is startingwith 12",
                           "'' is lower",
                           "'a1' is not lower",
                           "'É' is upper",
                           "missing is iterable",
                           "true is not number",
                           "1 is int",
                           "1 is lessthan 2 and 1 is equalto 1",
                           "s is not safe"})
      EXPECT_EQ(condition(yes), "true") << yes;
   for (char const* bad : {"{{ 1 is divisibleby(0) }}", "{{ 1 is lower }}", "{{ 1 is eq }}", "{{ 1 is defined(1) }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
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
                         row{"{{ wide }}", "18446744073709551615"},
                         row{"{{ 2 ** 70 }}", "1.1805916207174113e+21"},
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

TEST_F(templates, values_have_no_methods_C16) {
   for (char const* bad :
        {"{{ o.get('a') }}", "{{ o.items() }}", "{{ s.split() }}", "{{ s.strip() }}", "{{ nothing() }}", "{{ n() }}"})
      EXPECT_TRUE(refuses(bad)) << bad;
}

TEST_F(templates, ctx_and_workload_are_the_flat_variables_C14) {
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
