// tests/workflow/hostile.hpp: texts that ask for more than anybody should get. They are refused (tests), quickly
// (benchmarks/templates.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace workflow_test {

inline std::string repeated(std::string_view what, int times) {
   std::string out;
   for (int i = 0; i < times; ++i) out += what;
   return out;
}

/// What the templates are rendered with.
inline constexpr char hostile_variables[] = R"({"tree":[{"c":[]}],"rows":[{"k":"x"}]})";

/// Templates that never end, or that make more than memory holds.
inline std::vector<std::string> hostile_templates() {
   std::string const grow =
       "{% set ns = namespace(a=[1]) %}{% for i in range(90) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}";
   return {
       "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
       "{{ range(10 ** 9) }}",
       "{{ 'x' * 10 ** 9 }}",
       "{{ [1] * 10 ** 9 }}",
       "{{ ['x' * 4000000] * 9 }}",
       "{% set ns = namespace(a='xxxxxxxxxxxxxxxx') %}{% for i in range(40) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
       "{% set ns = namespace(a=[1]) %}{% for i in range(40) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
       "{% set ns = namespace(a=[1]) %}{% for i in range(100000) %}{% set ns.a = [ns.a] %}{% endfor %}",
       grow + "{{ ns.a }}",
       grow + "{{ ns.a | tojson }}",
       grow + "{{ ns.a | pprint }}",
       grow + "{{ ns.a == ns.a }}",
       grow + "{{ [ns.a, ns.a] | sort }}",
       "{% macro m(a) %}{{ m(a) }}{% endmacro %}{{ m(1) }}",
       "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
       "{% for x in tree recursive %}{{ loop(tree) }}{% endfor %}",
       "{% block b %}{{ self.b() }}{% endblock %}",
       "{% set b = 'a' * 4000000 %}{% set c = 'a' * 4000000 %}{% for i in range(100000) %}{% if b == c %}{% endif %}{% "
       "endfor %}",
       "{% set b = 'a' * 2000000 %}{% set c = 'a' * 1000000 ~ 'b' %}{% for i in range(9) %}{% if c in b %}{% endif "
       "%}{% endfor %}",
       "{% set k = 'k' * 4000000 %}{% set d = {k: 1} %}{% for i in range(100000) %}{% set x = d[k] %}{% endfor %}",
       "{% for i in range(100000) %}{% set x = ctx | tojson %}{% endfor %}",
       "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
       "{{ ('a\n' * 100000) | indent(10000) }}",
       "{{ 'a' | indent(10 ** 12) }}",
       "{{ [1] | batch(10 ** 9, 0) }}",
       "{{ [1] | slice(10 ** 9) }}",
       "{{ ('a' * 4000000) | list }}",
       "{{ ('[' * 300 ~ ']' * 300) | fromjson }}",
       "{{ range(100000) | unique }}",
       "{{ 10 ** 99 }}",
       "{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}",
       "{{ " + repeated("[", 5000) + "1" + repeated("]", 5000) + " }}",
       "{{ 1" + repeated("+1", 5000) + " }}",
       "{{ a" + repeated(".a", 5000) + " }}",
       "{{ a" + repeated("|upper", 5000) + " }}",
       "{{ " + repeated("not ", 5000) + "1 }}",
       "{{ 1" + repeated(" if 1 else 1", 5000) + " }}",
       "{{ [" + repeated("1,", 200'000) + "] }}",
       repeated("{% if 1 %}", 500),
       repeated("{{ a }}", 70'000),
       "{{ '" + std::string(600'000, 'a') + "' }}",
       "{{ " + std::string(300, 'a') + " }}",
   };
}

/// Ten lists, each ten times the one before it.
inline std::string yaml_bomb() {
   std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
   for (int i = 1; i < 10; ++i) {
      auto const before = "*a" + std::to_string(i - 1);
      bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
      for (int k = 1; k < 10; ++k) bomb += "," + before;
      bomb += "]\n";
   }
   return bomb;
}

/// Documents that are more than they look.
inline std::vector<std::string> hostile_documents() {
   return {
       yaml_bomb(),
       std::string(200, '[') + std::string(200, ']'),
       std::string(100'000, '['),
       "a: &a '" + std::string(1'000'000, 'x') + "'\nb: [" + repeated("*a,", 17) + "]",
       "a: [" + repeated("x,", 300'000) + "]",
       "a: &a [*a]",
   };
}

} // namespace workflow_test
