// The template dialect: orchestration.md section 2, as tables of template, value.
#include "templates.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace noetl::workflow;
using detail::json_text;
using detail::parse_json;

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
            row{"{% macro m(l) %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) m([1, 2]) %}[{{ x "
                "}}]"
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
   for (char const* bad : {"{% for a, b in [1] %}{% endfor %}",
                           "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
                           "{% for x in 5 %}{% endfor %}",
                           "{% for x in [1] %}{{ loop([]) }}{% endfor %}",
                           "{% set a.b = 1 %}",
                           "{% set loop = 1 %}",
                           "{% macro m(a, b=2, c) %}{% endmacro %}",
                           "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
                           "{% macro m(a) %}{% endmacro %}{{ m(b=3) }}",
                           "{% macro m(a) %}{% endmacro %}{{ m(1, a=3) }}",
                           "{% macro m() %}{% endmacro %}{% call m() %}x{% endcall %}",
                           "{% call n() %}{% endcall %}",
                           "{% set ns = namespace() %}{% set ns.a = ns %}",
                           "{% set ns = namespace() %}{% set ns.a = [ns] %}",
                           "{% set ns = namespace() %}{% for x in [ns] %}{% set ns.l = loop %}{% endfor %}",
                           "{% set ns = namespace() %}{% for x in [1] %}{% macro q() %}{% endmacro %}{% set ns.q = q "
                           "%}{% endfor %}{{ ns.q() }}",
                           "{% block b %}{% endblock c %}",
                           "{% block b %}{% endblock %}{% block b %}{% endblock %}",
                           "{% block b %}{{ super() }}{% endblock %}",
                           "{% do n %}",
                           "{% filter nope %}{% endfilter %}"})
      EXPECT_TRUE(refuses(bad)) << bad;
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
                         row{"{{ 2 ** 70 }}", "1180591620717411303424.0"},
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
