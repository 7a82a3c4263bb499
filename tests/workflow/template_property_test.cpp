// Random templates: whatever they are made of, they end within their limits with a text or an error, twice the same.
#include <noetl/workflow/template.hpp>

#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

using namespace noetl::workflow;

namespace {

/// Writes templates that are nearly right.
class writer {
public:
   explicit writer(std::uint64_t seed) : random_(seed) {}

   std::string source() {
      std::string out;
      for (auto n = pick(4) + 1; n > 0; --n) out += piece(3);
      // now and then a byte goes wrong
      if (pick(4) == 0 && !out.empty()) out[pick(out.size())] = static_cast<char>(pick(256));
      return out;
   }

private:
   std::size_t pick(std::size_t below) { return random_() % below; }
   template <std::size_t N>
   std::string_view one_of(std::string_view const (&all)[N]) {
      return all[pick(N)];
   }
   std::string name() {
      static constexpr std::string_view all[] = {"n",       "f", "s",  "u",   "l",    "o", "rows",
                                                 "missing", "x", "ns", "ctx", "loop", "m"};
      return std::string(one_of(all));
   }
   std::string expression(int depth) {
      static constexpr std::string_view atoms[] = {"1",    "0",    "-3", "2.5", "'a'",   "'äöü'",
                                                   "true", "none", "[]", "{}",  "1e300", "9223372036854775807",
                                                   "''",   "99999"};
      static constexpr std::string_view binary[] = {" + ",  " - ", " * ",  " / ",  " // ",     " % ",   " ** ", " ~ ",
                                                    " == ", " < ", " >= ", " in ", " not in ", " and ", " or "};
      if (depth == 0) return pick(2) ? name() : std::string(one_of(atoms));
      auto const inner = [&] { return expression(depth - 1); };
      switch (pick(10)) {
      case 0: return inner() + std::string(one_of(binary)) + inner();
      case 1: return "(" + inner() + std::string(one_of(binary)) + inner() + ")";
      case 2:
         return inner() + " | " + std::string(detail::all_filters[pick(detail::all_filters.size())].name) +
                arguments(depth);
      case 3: return inner() + " is " + std::string(detail::all_tests[pick(27)].name);
      case 4: return "[" + inner() + ", " + inner() + "]";
      case 5: return "{'k': " + inner() + "}";
      case 6: return inner() + "[" + inner() + (pick(2) ? ":" + inner() : "") + "]";
      case 7: return inner() + " if " + inner() + (pick(2) ? " else " + inner() : "");
      case 8: return "range(" + inner() + ")";
      default: return inner() + "." + name();
      }
   }
   std::string arguments(int depth) {
      if (pick(2)) return "";
      std::string out = "(" + expression(depth - 1);
      if (pick(3) == 0) out += ", " + expression(depth - 1);
      return out + ")";
   }
   std::string piece(int depth) {
      auto const e = [&] { return expression(static_cast<int>(pick(4))); };
      auto const body = [&] { return depth == 0 ? std::string("t") : piece(depth - 1); };
      switch (pick(9)) {
      case 0: return "{% for x in " + e() + " %}" + body() + body() + "{% endfor %}";
      case 1: return "{% if " + e() + " %}" + body() + "{% else %}" + body() + "{% endif %}";
      case 2:
         return "{% set ns = namespace(a=" + e() +
                ") %}{% for x in range(40) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}";
      case 3: return "{% set x = " + e() + " %}";
      case 4:
         return "{% macro m(x) %}" + body() + "{{ caller() }}{% endmacro %}{% call m(" + e() + ") %}" + body() +
                "{% endcall %}";
      case 5: return "{% with x = " + e() + " %}" + body() + "{% endwith %}";
      case 6: return "{% filter upper %}" + body() + "{% endfilter %}";
      case 7: return "{% for x in rows recursive %}{{ loop(" + e() + ") }}{% endfor %}";
      default: return "{{ " + e() + " }}";
      }
   }

   std::mt19937_64 random_;
};

} // namespace

TEST(template_properties, random_templates_end_within_their_limits) {
   auto const seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
   RecordProperty("seed", std::to_string(seed));
   SCOPED_TRACE("seed " + std::to_string(seed));
   auto const variables =
       *detail::parse_json(R"({"n":3,"f":2.5,"s":"text","u":"äöü","l":[3,1,2],"o":{"a":null,"b":[1,"q"]},)"
                           R"("rows":[{"k":"x","c":[]},{"k":"y"}]})");
   context vars;
   vars.layer(variables);
   template_engine engine({.max_steps = 20'000, .max_output_bytes = 1 << 16, .max_cached_templates = 100});
   writer write(seed);
   int rendered = 0;
   for (int i = 0; i < 3'000; ++i) {
      auto const source = write.source();
      auto const first = engine.render_text(source, vars), second = engine.render_text(source, vars);
      ASSERT_EQ(first.has_value(), second.has_value()) << source;
      if (first) {
         ++rendered;
         EXPECT_EQ(*first, *second) << source;
         EXPECT_TRUE(first->size() <= 1u << 16 || !template_engine::is_template(source)) << source;
      } else {
         EXPECT_TRUE(first.error().message.starts_with("Template render error: ")) << source;
         EXPECT_EQ(first.error().message, second.error().message) << source;
      }
      auto const ends_well = [](auto const& r) {
         return r.has_value() || r.error().message.starts_with("Template render error: ");
      };
      EXPECT_TRUE(ends_well(engine.render_value(source, vars, literals::coerced))) << source;
      EXPECT_TRUE(ends_well(engine.evaluate_condition(source, vars))) << source;
   }
   EXPECT_GT(rendered, 100);
}
