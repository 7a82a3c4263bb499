// workflow/detail/template_tests.hpp: `is` tests (2.10).
#pragma once

#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_filters.hpp>

namespace noetl::workflow::detail {

bool is_filter(std::string_view name);
bool is_test(std::string_view name);

struct test_entry {
   std::string_view name;
   bool (*call)(var const&, call_arguments const&);
   std::size_t arguments;
};

namespace tests {
using args = call_arguments const&;

/// An integer, also one written as a float; nothing for anything else.
inline std::optional<wide_integer> whole(var const& v) {
   if (arithmetic::integral(v)) return arithmetic::integer(v);
   if (auto const n = as_index(v)) return *n;
   return std::nullopt;
}
inline bool odd(var const& v) {
   auto const n = whole(v);
   return n && *n % 2 != 0;
}
inline bool even(var const& v) {
   auto const n = whole(v);
   return n && *n % 2 == 0;
}
inline bool divisible(var const& v, args a) {
   auto const n = whole(v), by = whole(a.get(0));
   if (by && *by == 0) throw template_failure("division by zero");
   return n && by && (*by == -1 || *n % *by == 0);
}
inline bool cased(var const& v, args a, bool upper) {
   if (!v.is_text()) throw template_failure("the test needs a string, not " + std::string(kind_name(v)));
   a.left.work(v.text().size());
   bool yes = true;
   std::string rest;
   each_letter(v.text(), rest,
               [&](char32_t c, std::size_t) { yes = yes && (upper ? is_upper_letter(c) : is_lower_letter(c)); });
   return yes && rest.empty();
}
inline bool same(var const& v, var const& other, budget& left) {
   if (v.is_container() || other.is_container()) return v.identity() == other.identity();
   return v.is_float() == other.is_float() && kind_name(v) == kind_name(other) && equal(v, other, left);
}
inline bool edge(var const& v, args a, bool front) {
   printed_view const text(v, a.left), what(a.get(0), a.left);
   return front ? text.view().starts_with(what) : text.view().ends_with(what);
}
inline bool known(var const& v, bool (*check)(std::string_view)) {
   if (!v.is_text()) throw template_failure("the test needs a name, not " + std::string(kind_name(v)));
   return check(v.text());
}

inline bool eq(var const& v, args a) {
   return equal(v, a.get(0), a.left);
}
inline bool ne(var const& v, args a) {
   return !equal(v, a.get(0), a.left);
}
inline bool lt(var const& v, args a) {
   return compare(v, a.get(0), a.left) < 0;
}
inline bool le(var const& v, args a) {
   return compare(v, a.get(0), a.left) <= 0;
}
inline bool gt(var const& v, args a) {
   return compare(v, a.get(0), a.left) > 0;
}
inline bool ge(var const& v, args a) {
   return compare(v, a.get(0), a.left) >= 0;
}
inline bool whole_number(var const& v, args) {
   return v.is_integer();
}
inline bool never(var const&, args) {
   return false;
}
} // namespace tests

inline constexpr test_entry all_tests[] = {
    {"defined", [](var const& v, tests::args) { return !v.is_undefined(); }, 0},
    {"undefined", [](var const& v, tests::args) { return v.is_undefined(); }, 0},
    {"none", [](var const& v, tests::args) { return v.is_none(); }, 0},
    {"string", [](var const& v, tests::args) { return v.is_text(); }, 0},
    {"number", [](var const& v, tests::args) { return v.is_number(); }, 0},
    {"sequence", [](var const& v, tests::args) { return v.is_sequence(); }, 0},
    {"mapping", [](var const& v, tests::args) { return v.is_mapping(); }, 0},
    {"boolean", [](var const& v, tests::args) { return v.is_bool(); }, 0},
    {"integer", tests::whole_number, 0},
    {"int", tests::whole_number, 0},
    {"float", [](var const& v, tests::args) { return v.is_float(); }, 0},
    {"iterable", [](var const& v, tests::args) { return v.is_container() || v.is_text() || v.is_undefined(); }, 0},
    {"true", [](var const& v, tests::args) { return v.is_bool() && *v.as<bool>(); }, 0},
    {"false", [](var const& v, tests::args) { return v.is_bool() && !*v.as<bool>(); }, 0},
    {"odd", [](var const& v, tests::args) { return tests::odd(v); }, 0},
    {"even", [](var const& v, tests::args) { return tests::even(v); }, 0},
    {"divisibleby", tests::divisible, 1},
    {"startingwith", [](var const& v, tests::args a) { return tests::edge(v, a, true); }, 1},
    {"endingwith", [](var const& v, tests::args a) { return tests::edge(v, a, false); }, 1},
    {"lower", [](var const& v, tests::args a) { return tests::cased(v, a, false); }, 0},
    {"upper", [](var const& v, tests::args a) { return tests::cased(v, a, true); }, 0},
    {"safe", tests::never, 0},
    {"escaped", tests::never, 0},
    {"in", [](var const& v, tests::args a) { return contains(a.get(0), v, a.left); }, 1},
    {"sameas", [](var const& v, tests::args a) { return tests::same(v, a.get(0), a.left); }, 1},
    {"filter", [](var const& v, tests::args) { return tests::known(v, is_filter); }, 0},
    {"test", [](var const& v, tests::args) { return tests::known(v, is_test); }, 0},
    {"eq", tests::eq, 1},
    {"equalto", tests::eq, 1},
    {"==", tests::eq, 1},
    {"ne", tests::ne, 1},
    {"!=", tests::ne, 1},
    {"lt", tests::lt, 1},
    {"lessthan", tests::lt, 1},
    {"<", tests::lt, 1},
    {"le", tests::le, 1},
    {"<=", tests::le, 1},
    {"gt", tests::gt, 1},
    {"greaterthan", tests::gt, 1},
    {">", tests::gt, 1},
    {"ge", tests::ge, 1},
    {">=", tests::ge, 1},
};

inline test_entry const* find_test(std::string_view name) {
   for (auto const& one : all_tests)
      if (one.name == name) return &one;
   return nullptr;
}
inline bool is_test(std::string_view name) {
   return find_test(name) != nullptr;
}

inline bool run_test(test_entry const* test, std::string_view name, var const& v, call_arguments const& arguments) {
   if (test == nullptr) throw template_failure("unknown test: " + std::string(name));
   if (arguments.positional.size() != test->arguments || !arguments.named.empty())
      throw template_failure("test " + std::string(name) + " takes " +
                             (test->arguments == 0 ? "no argument" : "one argument"));
   arguments.left.spend();
   return test->call(v, arguments);
}

} // namespace noetl::workflow::detail
