// workflow/detail/template_tests.hpp: `is` tests (2.10).
#pragma once

#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_filters.hpp>

namespace noetl::workflow::detail {

bool is_filter(std::string_view name);

struct test_entry {
   std::string_view name;
   bool (*call)(var const&, call_arguments const&);
   std::size_t arguments;
};

namespace tests {
using args = call_arguments const&;

inline bool remainder_is(var const& v, std::int64_t divisor, std::int64_t wanted) {
   if (divisor == 0) throw template_failure("division by zero");
   if (!arithmetic::integral(v)) return false;
   auto const r = divisor == -1 ? 0 : arithmetic::integer(v) % divisor;
   return (r < 0 ? -r : r) == wanted;
}
inline bool same_case(var const& v, bool upper) {
   auto const text = printed(v);
   return v.is_text() && !text.empty() && filters::changed_case(text, upper) == text;
}
} // namespace tests

bool is_test(std::string_view name);

inline constexpr test_entry all_tests[] = {
    {"defined", [](var const& v, tests::args) { return !v.is_undefined(); }, 0},
    {"undefined", [](var const& v, tests::args) { return v.is_undefined(); }, 0},
    {"none", [](var const& v, tests::args) { return v.is_none(); }, 0},
    {"string", [](var const& v, tests::args) { return v.is_text(); }, 0},
    {"number", [](var const& v, tests::args) { return v.is_number(); }, 0},
    {"sequence", [](var const& v, tests::args) { return v.is_sequence(); }, 0},
    {"mapping", [](var const& v, tests::args) { return v.is_mapping(); }, 0},
    {"boolean", [](var const& v, tests::args) { return v.is_bool(); }, 0},
    {"integer", [](var const& v, tests::args) { return v.is_integer(); }, 0},
    {"float", [](var const& v, tests::args) { return v.is_float(); }, 0},
    {"iterable", [](var const& v, tests::args) { return v.is_container() || v.is_text(); }, 0},
    {"true", [](var const& v, tests::args) { return v.is_bool() && *v.as<bool>(); }, 0},
    {"false", [](var const& v, tests::args) { return v.is_bool() && !*v.as<bool>(); }, 0},
    {"odd", [](var const& v, tests::args) { return tests::remainder_is(v, 2, 1); }, 0},
    {"even", [](var const& v, tests::args) { return tests::remainder_is(v, 2, 0); }, 0},
    {"divisibleby", [](var const& v, tests::args a) { return tests::remainder_is(v, a.integer(0, 0), 0); }, 1},
    {"startingwith", [](var const& v, tests::args a) { return printed(v).starts_with(a.text(0, "")); }, 1},
    {"endingwith", [](var const& v, tests::args a) { return printed(v).ends_with(a.text(0, "")); }, 1},
    {"lower", [](var const& v, tests::args) { return tests::same_case(v, false); }, 0},
    {"upper", [](var const& v, tests::args) { return tests::same_case(v, true); }, 0},
    {"safe", [](var const&, tests::args) { return false; }, 0},
    {"in", [](var const& v, tests::args a) { return contains(a.get(0), v, a.left); }, 1},
    {"eq", [](var const& v, tests::args a) { return equal(v, a.get(0)); }, 1},
    {"equalto", [](var const& v, tests::args a) { return equal(v, a.get(0)); }, 1},
    {"sameas", [](var const& v, tests::args a) { return kind_name(v) == kind_name(a.get(0)) && equal(v, a.get(0)); },
     1},
    {"ne", [](var const& v, tests::args a) { return !equal(v, a.get(0)); }, 1},
    {"lt", [](var const& v, tests::args a) { return compare(v, a.get(0)) < 0; }, 1},
    {"lessthan", [](var const& v, tests::args a) { return compare(v, a.get(0)) < 0; }, 1},
    {"le", [](var const& v, tests::args a) { return compare(v, a.get(0)) <= 0; }, 1},
    {"gt", [](var const& v, tests::args a) { return compare(v, a.get(0)) > 0; }, 1},
    {"greaterthan", [](var const& v, tests::args a) { return compare(v, a.get(0)) > 0; }, 1},
    {"ge", [](var const& v, tests::args a) { return compare(v, a.get(0)) >= 0; }, 1},
    {"filter", [](var const& v, tests::args) { return v.is_text() && is_filter(v.text()); }, 0},
    {"test", [](var const& v, tests::args) { return v.is_text() && is_test(v.text()); }, 0},
};

inline test_entry const* find_test(std::string_view name) {
   for (auto const& one : all_tests)
      if (one.name == name) return &one;
   return nullptr;
}
inline bool is_test(std::string_view name) {
   return find_test(name) != nullptr;
}

inline bool run_test(std::string_view name, var const& v, call_arguments const& arguments) {
   auto const* test = find_test(name);
   if (test == nullptr) throw template_failure("unknown test: " + std::string(name));
   if (arguments.positional.size() != test->arguments || !arguments.named.empty())
      throw template_failure("wrong number of arguments for test " + std::string(name));
   return test->call(v, arguments);
}

} // namespace noetl::workflow::detail
