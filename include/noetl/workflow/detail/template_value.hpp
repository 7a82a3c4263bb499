// workflow/detail/template_value.hpp: what a template computes with: values that borrow from the context where they
// can. Knows JSON values and contexts.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <tao/json/value.hpp>

#include <noetl/workflow/context.hpp>
#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail {

/// Why a rendering stopped. Thrown inside the engine only; template_engine turns it into a result.
class template_failure : public std::exception {
public:
   explicit template_failure(std::string message) : message_(std::move(message)) {}
   char const* what() const noexcept override { return message_.c_str(); }

private:
   std::string message_;
};

class var;
using list = std::vector<var>;
using dict = std::map<std::string, var, std::less<>>;

/// Text that is borrowed from the context or shared.
struct text_ref {
   std::string_view view;
   std::shared_ptr<std::string const> owner;
};

struct undefined_t {};
struct none_t {};
/// `namespace()`: the one thing a template can change in place.
struct name_space {
   dict entries;
};
/// `loop` inside a for.
struct loop_info {
   std::size_t index0 = 0;
   std::shared_ptr<list const> items;
   std::size_t depth = 1;
};
struct node; // syntax tree, template_ast.hpp
struct macro_ref {
   node const* definition;
};

/// A value at run time.
class var {
public:
   using state =
       std::variant<undefined_t, none_t, bool, std::int64_t, double, text_ref, json const*, std::shared_ptr<list const>,
                    std::shared_ptr<dict const>, std::shared_ptr<name_space>, context const*, loop_info, macro_ref>;

   var() = default;
   var(none_t v) : state_(v) {}
   var(bool v) : state_(v) {}
   var(std::int64_t v) : state_(v) {}
   var(double v) : state_(v) {}
   var(std::string v) {
      auto owner = std::make_shared<std::string const>(std::move(v));
      std::string_view const view = *owner;
      state_ = text_ref{view, std::move(owner)};
   }
   var(text_ref v) : state_(std::move(v)) {}
   var(list v) : state_(std::make_shared<list const>(std::move(v))) {}
   var(dict v) : state_(std::make_shared<dict const>(std::move(v))) {}
   var(std::shared_ptr<name_space> v) : state_(std::move(v)) {}
   var(context const* v) : state_(v) {}
   var(loop_info v) : state_(std::move(v)) {}
   var(macro_ref v) : state_(v) {}
   var(char const*) = delete;

   /// A value of the context; null is undefined, containers and texts are borrowed.
   static var of(json const& value) {
      auto const& v = value.skip_value_ptr();
      switch (v.type()) {
      case tao::json::type::BOOLEAN: return v.get_boolean();
      case tao::json::type::SIGNED: return v.get_signed();
      case tao::json::type::UNSIGNED:
         if (v.get_unsigned() <= INT64_MAX) return static_cast<std::int64_t>(v.get_unsigned());
         return static_cast<double>(v.get_unsigned());
      case tao::json::type::DOUBLE: return v.get_double();
      case tao::json::type::STRING:
      case tao::json::type::STRING_VIEW: return text_ref{v.get_string_type(), nullptr};
      case tao::json::type::ARRAY:
      case tao::json::type::OBJECT: {
         var out;
         out.state_ = &v;
         return out;
      }
      default: return {};
      }
   }

   template <class T>
   [[nodiscard]] T const* as() const noexcept {
      return std::get_if<T>(&state_);
   }
   [[nodiscard]] state const& get() const noexcept { return state_; }

   [[nodiscard]] bool is_undefined() const noexcept { return as<undefined_t>() != nullptr; }
   [[nodiscard]] bool is_none() const noexcept { return as<none_t>() != nullptr; }
   [[nodiscard]] bool is_bool() const noexcept { return as<bool>() != nullptr; }
   [[nodiscard]] bool is_integer() const noexcept { return as<std::int64_t>() != nullptr; }
   [[nodiscard]] bool is_float() const noexcept { return as<double>() != nullptr; }
   [[nodiscard]] bool is_number() const noexcept { return is_integer() || is_float(); }
   [[nodiscard]] bool is_text() const noexcept { return as<text_ref>() != nullptr; }
   [[nodiscard]] std::string_view text() const { return std::get<text_ref>(state_).view; }

   [[nodiscard]] bool is_sequence() const noexcept {
      if (auto const* j = as<json const*>()) return (*j)->is_array();
      return as<std::shared_ptr<list const>>() != nullptr;
   }
   [[nodiscard]] bool is_mapping() const noexcept {
      if (auto const* j = as<json const*>()) return (*j)->is_object();
      return as<std::shared_ptr<dict const>>() || as<std::shared_ptr<name_space>>() || as<context const*>();
   }
   [[nodiscard]] bool is_container() const noexcept { return is_sequence() || is_mapping(); }

   /// Entries of a sequence or mapping.
   [[nodiscard]] std::size_t size() const {
      if (auto const* j = as<json const*>()) {
         return (*j)->is_array() ? (*j)->get_array().size() : (*j)->get_object().size();
      }
      if (auto const* l = as<std::shared_ptr<list const>>()) return (*l)->size();
      if (auto const* d = as<std::shared_ptr<dict const>>()) return (*d)->size();
      if (auto const* n = as<std::shared_ptr<name_space>>()) return (*n)->entries.size();
      if (auto const* c = as<context const*>()) return (*c)->flat().size();
      return 0;
   }
   /// \pre is_sequence() and i < size()
   [[nodiscard]] var at(std::size_t i) const {
      if (auto const* j = as<json const*>()) return of((*j)->get_array()[i]);
      return (**as<std::shared_ptr<list const>>())[i];
   }
   /// Entry of a mapping, undefined when there is none.
   [[nodiscard]] var get(std::string_view key) const {
      if (auto const* j = as<json const*>()) {
         auto const* found = member(*j, key);
         return found == nullptr ? var() : of(*found);
      }
      if (auto const* c = as<context const*>()) {
         auto const* found = (*c)->find(key);
         return found == nullptr ? var() : of(*found);
      }
      dict const* entries = nullptr;
      if (auto const* d = as<std::shared_ptr<dict const>>()) entries = d->get();
      if (auto const* n = as<std::shared_ptr<name_space>>()) entries = &(*n)->entries;
      if (entries == nullptr) return {};
      auto const found = entries->find(key);
      return found == entries->end() ? var() : found->second;
   }
   /// Calls `f(key, value)` for each entry of a mapping, in key order.
   template <class F>
   void each(F f) const {
      if (auto const* j = as<json const*>(); j && (*j)->is_object()) {
         for (auto const& [key, value] : (*j)->get_object()) f(std::string_view(key), of(value));
      } else if (auto const* d = as<std::shared_ptr<dict const>>()) {
         for (auto const& [key, value] : **d) f(std::string_view(key), value);
      } else if (auto const* n = as<std::shared_ptr<name_space>>()) {
         for (auto const& [key, value] : (*n)->entries) f(std::string_view(key), value);
      } else if (auto const* c = as<context const*>()) {
         for (auto const& [key, value] : (*c)->flat()) f(key, of(*value));
      }
   }

private:
   state state_;
};

inline std::string_view kind_name(var const& v) {
   if (v.is_undefined()) return "undefined";
   if (v.is_none()) return "none";
   if (v.is_bool()) return "bool";
   if (v.is_number()) return "number";
   if (v.is_text()) return "string";
   if (v.is_sequence()) return "sequence";
   if (v.is_mapping()) return "map";
   return "object";
}

/// Order of kinds when values of different kinds are compared.
inline int kind_rank(var const& v) {
   if (v.is_undefined()) return 0;
   if (v.is_none()) return 1;
   if (v.is_bool() || v.is_number()) return 2;
   if (v.is_text()) return 3;
   if (v.is_sequence()) return 4;
   return 5;
}

inline bool truth(var const& v) {
   if (v.is_undefined() || v.is_none()) return false;
   if (auto const* b = v.as<bool>()) return *b;
   if (auto const* i = v.as<std::int64_t>()) return *i != 0;
   if (auto const* d = v.as<double>()) return *d != 0.0;
   if (v.is_text()) return !v.text().empty();
   if (v.is_container()) return v.size() != 0;
   return true;
}

/// Float as printed: never an exponent, always a point (2.5).
inline std::string float_text(double d) {
   if (std::isnan(d)) return "NaN";
   if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
   char buffer[400];
   auto const end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
   std::string out(buffer, end);
   if (out.find('.') == std::string::npos) out += ".0";
   return out;
}

/// Prints as `{{ v }}` does; texts inside containers are quoted (2.5).
inline void print(std::string& out, var const& v, bool nested = false) {
   if (v.is_undefined()) {
      if (nested) out += "undefined";
   } else if (v.is_none()) {
      out += "none";
   } else if (auto const* b = v.as<bool>()) {
      out += *b ? "true" : "false";
   } else if (auto const* integer = v.as<std::int64_t>()) {
      append_number(out, *integer);
   } else if (auto const* d = v.as<double>()) {
      out += float_text(*d);
   } else if (v.is_text()) {
      nested ? append_quoted(out, v.text()) : void(out += v.text());
   } else if (v.is_sequence()) {
      out += '[';
      for (std::size_t i = 0, n = v.size(); i < n; ++i) {
         if (i != 0) out += ", ";
         print(out, v.at(i), true);
      }
      out += ']';
   } else if (v.is_mapping()) {
      out += '{';
      bool first = true;
      v.each([&](std::string_view key, var const& value) {
         if (!first) out += ", ";
         first = false;
         append_quoted(out, key);
         out += ": ";
         print(out, value, true);
      });
      out += '}';
   } else if (v.as<loop_info>()) {
      out += "<loop>";
   } else {
      out += "<macro>";
   }
}

inline std::string printed(var const& v) {
   if (v.is_text()) return std::string(v.text());
   std::string out;
   print(out, v);
   return out;
}

/// undefined, none, NaN and infinity are null.
inline json to_json(var const& v) {
   if (auto const* j = v.as<json const*>()) return **j;
   if (auto const* b = v.as<bool>()) return *b;
   if (auto const* i = v.as<std::int64_t>()) return *i;
   if (auto const* d = v.as<double>()) return std::isfinite(*d) ? json(*d) : json(tao::json::null);
   if (v.is_text()) return std::string(v.text());
   if (v.is_sequence()) {
      json out = tao::json::empty_array;
      for (std::size_t i = 0, n = v.size(); i < n; ++i) out.emplace_back(to_json(v.at(i)));
      return out;
   }
   if (v.is_mapping()) {
      json out = tao::json::empty_object;
      v.each([&](std::string_view key, var const& value) { out.try_emplace(std::string(key), to_json(value)); });
      return out;
   }
   return tao::json::null;
}

/// \return negative, zero or positive; values of different kinds are ordered by kind, so nothing is unordered but NaN
inline int compare(var const& a, var const& b) {
   auto const sign = [](auto const& x, auto const& y) { return x < y ? -1 : (y < x ? 1 : 0); };
   int const ra = kind_rank(a), rb = kind_rank(b);
   if (ra != rb) return ra < rb ? -1 : 1;
   if (ra == 2) {
      auto const integer = [](var const& v) -> std::int64_t {
         return v.is_bool() ? std::int64_t{*v.as<bool>()} : *v.as<std::int64_t>();
      };
      if (!a.is_float() && !b.is_float()) return sign(integer(a), integer(b));
      auto const real = [&](var const& v) { return v.is_float() ? *v.as<double>() : static_cast<double>(integer(v)); };
      return sign(real(a), real(b));
   }
   if (ra == 3) return sign(a.text(), b.text());
   if (ra == 4) {
      std::size_t const na = a.size(), nb = b.size();
      for (std::size_t i = 0; i < na && i < nb; ++i)
         if (int const c = compare(a.at(i), b.at(i)); c != 0) return c;
      return sign(na, nb);
   }
   if (a.is_mapping() && b.is_mapping()) {
      std::vector<std::pair<std::string, var>> left, right;
      a.each([&](std::string_view k, var const& v) { left.emplace_back(std::string(k), v); });
      b.each([&](std::string_view k, var const& v) { right.emplace_back(std::string(k), v); });
      for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
         if (int const c = sign(left[i].first, right[i].first); c != 0) return c;
         if (int const c = compare(left[i].second, right[i].second); c != 0) return c;
      }
      return sign(left.size(), right.size());
   }
   return 0;
}

inline bool equal(var const& a, var const& b) {
   return compare(a, b) == 0 && (kind_rank(a) != 5 || a.is_mapping() == b.is_mapping());
}

} // namespace noetl::workflow::detail
