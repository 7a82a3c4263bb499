// workflow/detail/template_operators.hpp: arithmetic of template values, in 128-bit integers and doubles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_ast.hpp>
#include <noetl/workflow/detail/template_print.hpp>

namespace noetl::workflow::detail {

inline std::string_view symbol_of(op kind) {
   switch (kind) {
   case op::add: return "+";
   case op::subtract: return "-";
   case op::multiply: return "*";
   case op::divide: return "/";
   case op::floor_divide: return "//";
   case op::modulo: return "%";
   default: return "**";
   }
}

namespace arithmetic {

inline bool integral(var const& v) {
   return v.is_integer() || v.is_bool();
}
inline wide_integer integer(var const& v) {
   return v.is_bool() ? wide_integer{*v.as<bool>()} : v.integer();
}
inline double real(var const& v) {
   return v.is_float() ? *v.as<double>() : static_cast<double>(integer(v));
}
inline bool numeric(var const& v) {
   return v.is_number() || v.is_bool();
}

/// \return false when it does not fit 128 bits or the exponent is negative
inline bool power(wide_integer base, wide_integer exponent, wide_integer& out) {
   if (exponent < 0) return false;
   out = 1;
   if (base == 1 || exponent == 0) return true;
   if (base == 0 || base == -1) {
      out = base == 0 ? 0 : (exponent % 2 == 0 ? 1 : -1);
      return true;
   }
   for (; exponent > 0; --exponent)
      if (__builtin_mul_overflow(out, base, &out)) return false;
   return true;
}

/// \return nothing when there is no such integer
inline std::optional<var> integers(op kind, wide_integer a, wide_integer b) {
   wide_integer out = 0;
   bool wrong = false;
   switch (kind) {
   case op::add: wrong = __builtin_add_overflow(a, b, &out); break;
   case op::subtract: wrong = __builtin_sub_overflow(a, b, &out); break;
   case op::multiply: wrong = __builtin_mul_overflow(a, b, &out); break;
   case op::divide: return var(static_cast<double>(a) / static_cast<double>(b));
   case op::floor_divide:
   case op::modulo:
      if (b == 0 || (b == -1 && __builtin_sub_overflow(wide_integer{0}, a, &out))) return std::nullopt;
      // Euclidean, as in the reference's engine: the remainder is never negative
      out = b == -1 ? 0 : a % b;
      if (out < 0) out += b < 0 ? -b : b;
      if (kind == op::floor_divide) out = (a - out) / b;
      break;
   default: wrong = !power(a, b, out);
   }
   if (wrong) return std::nullopt;
   return var::of_integer(out);
}

inline var reals(op kind, double a, double b) {
   switch (kind) {
   case op::add: return a + b;
   case op::subtract: return a - b;
   case op::multiply: return a * b;
   case op::divide: return a / b;
   case op::floor_divide: {
      double const q = std::trunc(a / b);
      return std::fmod(a, b) < 0 ? (b > 0 ? q - 1 : q + 1) : q;
   }
   case op::modulo: return std::fmod(a, b);
   default: return std::pow(a, b);
   }
}

} // namespace arithmetic

inline var concatenate(var const& a, var const& b, budget& left) {
   std::string out;
   print(out, a, left);
   print(out, b, left);
   return out;
}

/// `'ab' * 3` and `[1] * 3`.
inline var repeated(var const& what, var const& count, budget& left) {
   auto const times = as_index(count);
   if (!times || *times < 0) throw template_failure("a repetition needs a count that is not negative");
   auto const n = static_cast<std::size_t>(*times);
   auto const each = what.is_text() ? what.text().size() : what.size();
   if (each != 0 && n > SIZE_MAX / 2 / each) left.bytes(SIZE_MAX);
   if (what.is_text()) {
      left.bytes(n * each);
      std::string out;
      out.reserve(n * each);
      if (n != 0) out = what.text();
      while (out.size() < n * each) out.append(out, 0, std::min(out.size(), n * each - out.size()));
      return out;
   }
   left.spend(n * each);
   list out;
   out.reserve(n * each);
   for (std::size_t i = 0; i < n && each != 0; ++i)
      for (std::size_t k = 0; k < each; ++k) out.push_back(what.at(k));
   return out;
}

inline var calculate(op kind, var const& a, var const& b, budget& left) {
   using namespace arithmetic;
   if (numeric(a) && numeric(b)) {
      if (!integral(a) || !integral(b)) return reals(kind, real(a), real(b));
      if (auto out = integers(kind, integer(a), integer(b))) return std::move(*out);
      auto const zero = integer(b) == 0 && (kind == op::floor_divide || kind == op::modulo);
      auto const negative = kind == op::power && integer(b) < 0;
      throw template_failure(zero       ? "division by zero"
                             : negative ? "an integer to a negative power; write 2.0 ** -1"
                                        : "integer overflow in '" + std::string(symbol_of(kind)) + "'");
   }
   if (kind == op::add && a.is_text() && b.is_text()) return concatenate(a, b, left);
   if (kind == op::add && a.is_sequence() && b.is_sequence()) {
      list out;
      left.spend(a.size() + b.size());
      out.reserve(a.size() + b.size());
      for (std::size_t i = 0, n = a.size(); i < n; ++i) out.push_back(a.at(i));
      for (std::size_t i = 0, n = b.size(); i < n; ++i) out.push_back(b.at(i));
      return out;
   }
   if (kind == op::multiply && (a.is_text() || a.is_sequence()) && b.is_number()) return repeated(a, b, left);
   if (kind == op::multiply && (b.is_text() || b.is_sequence()) && a.is_number()) return repeated(b, a, left);
   std::string hint;
   if (kind == op::add && (a.is_text() || b.is_text())) hint = "; '~' joins values as texts";
   throw template_failure("cannot apply '" + std::string(symbol_of(kind)) + "' to " + std::string(kind_name(a)) +
                          " and " + std::string(kind_name(b)) + hint);
}

} // namespace noetl::workflow::detail
