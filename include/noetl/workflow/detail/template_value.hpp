// workflow/detail/template_value.hpp: what a template computes with: values that borrow from the context where they
// can. Knows JSON values and contexts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <tao/json/value.hpp>

#include <noetl/workflow/context.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/detail/template_budget.hpp>

namespace noetl::workflow::detail {

__extension__ typedef __int128 wide_integer; // integers of templates have 128 bits, as in the reference's engine

class var;
using list = std::vector<var>;
using dict = std::map<std::string, var, std::less<>>;

/// Containers that a template builds nest at most this deep: values are printed, compared and destroyed by recursion.
inline constexpr unsigned max_value_depth = 100;

/// How deep a value nests, and whether a namespace is somewhere inside.
struct nesting {
   unsigned depth = 0;
   bool changeable = false;

   void add(nesting inner) {
      depth = std::max(depth, inner.depth + 1);
      changeable = changeable || inner.changeable;
      if (depth > max_value_depth) throw template_failure("values nest too deeply");
   }
};

/// Text that is borrowed from the context or shared.
struct text_ref {
   std::string_view view;
   std::shared_ptr<std::string const> owner;
};

struct undefined_t {};
struct none_t {};
struct boxed_list;
struct boxed_dict;
/// `namespace()`: the one thing a template can change in place.
struct name_space {
   dict entries;
   nesting level{1, true};
};
struct node; // syntax tree, template_ast.hpp
/// What the iterations of a for share.
struct loop_state {
   std::shared_ptr<boxed_list const> items;
   node const* definition = nullptr;
   std::size_t depth = 0;              ///< of `loop(...)` calls
   std::shared_ptr<list const> last{}; ///< arguments of the last `loop.changed(...)`
};
/// `loop` inside a for.
struct loop_info {
   std::size_t index0 = 0;
   std::shared_ptr<loop_state> state;
};
/// A macro or `caller`: what it says, and the scope it was written in. A scope that has ended is recognised by its
/// serial.
struct macro_ref {
   node const* definition;
   std::ptrdiff_t scope;
   std::uint64_t serial;
};
/// `ctx` when nobody defined one: all variables, flat. Lives as long as the rendering.
struct flat_context {
   context const* source = nullptr;
   mutable std::optional<std::map<std::string_view, json const*>> names{};

   [[nodiscard]] std::map<std::string_view, json const*> const& all() const {
      if (!names) names = source->flat();
      return *names;
   }
};

/// A value at run time.
class var {
public:
   using state = std::variant<undefined_t, none_t, bool, std::int64_t, wide_integer, double, text_ref, json const*,
                              std::shared_ptr<boxed_list const>, std::shared_ptr<boxed_dict const>,
                              std::shared_ptr<name_space>, flat_context const*, loop_info, macro_ref>;

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
   var(list v);
   var(dict v);
   var(std::shared_ptr<boxed_list const> v) : state_(std::move(v)) {}
   var(std::shared_ptr<name_space> v) : state_(std::move(v)) {}
   var(flat_context const* v) : state_(v) {}
   var(loop_info v) : state_(std::move(v)) {}
   var(macro_ref v) : state_(v) {}
   var(char const*) = delete;

   /// An integer in its only form: 64 bits when it fits.
   static var of_integer(wide_integer v) {
      if (v >= INT64_MIN && v <= INT64_MAX) return static_cast<std::int64_t>(v);
      var out;
      out.state_ = v;
      return out;
   }
   /// A value of the context; null is undefined, containers and texts are borrowed.
   static var of(json const& value) {
      auto const& v = value.skip_value_ptr();
      switch (v.type()) {
      case tao::json::type::BOOLEAN: return v.get_boolean();
      case tao::json::type::SIGNED: return v.get_signed();
      case tao::json::type::UNSIGNED: return of_integer(v.get_unsigned());
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

   [[nodiscard]] bool is_undefined() const noexcept { return as<undefined_t>() != nullptr; }
   [[nodiscard]] bool is_none() const noexcept { return as<none_t>() != nullptr; }
   [[nodiscard]] bool is_nothing() const noexcept { return is_undefined() || is_none(); }
   [[nodiscard]] bool is_bool() const noexcept { return as<bool>() != nullptr; }
   [[nodiscard]] bool is_integer() const noexcept { return as<std::int64_t>() || as<wide_integer>(); }
   [[nodiscard]] bool is_float() const noexcept { return as<double>() != nullptr; }
   [[nodiscard]] bool is_number() const noexcept { return is_integer() || is_float(); }
   [[nodiscard]] bool is_text() const noexcept { return as<text_ref>() != nullptr; }
   [[nodiscard]] std::string_view text() const { return std::get<text_ref>(state_).view; }
   /// \pre is_integer()
   [[nodiscard]] wide_integer integer() const {
      auto const* narrow = as<std::int64_t>();
      return narrow ? *narrow : std::get<wide_integer>(state_);
   }

   [[nodiscard]] bool is_sequence() const noexcept {
      if (auto const* j = as<json const*>()) return (*j)->is_array();
      return as<std::shared_ptr<boxed_list const>>() != nullptr;
   }
   [[nodiscard]] bool is_mapping() const noexcept {
      if (auto const* j = as<json const*>()) return (*j)->is_object();
      return as<std::shared_ptr<boxed_dict const>>() || as<std::shared_ptr<name_space>>() || as<flat_context const*>();
   }
   [[nodiscard]] bool is_container() const noexcept { return is_sequence() || is_mapping(); }

   /// Entries of a sequence or mapping.
   [[nodiscard]] std::size_t size() const;
   /// \pre is_sequence() and i < size()
   [[nodiscard]] var at(std::size_t i) const;
   /// Entry of a mapping, undefined when there is none.
   [[nodiscard]] var get(std::string_view key) const;
   /// Calls `f(key, value)` for each entry of a mapping, in key order.
   template <class F>
   void each(F f) const;

   [[nodiscard]] nesting level() const;
   /// The same object in memory, which only containers have.
   [[nodiscard]] void const* identity() const;

private:
   state state_;
};

struct boxed_list {
   list items;
   nesting level{1, false};
   bool group = false; ///< made by groupby: `.grouper` and `.list`

   explicit boxed_list(list v, bool is_group = false) : items(std::move(v)), group(is_group) {
      for (auto const& item : items) level.add(item.level());
   }
};
struct boxed_dict {
   dict entries;
   nesting level{1, false};

   explicit boxed_dict(dict v) : entries(std::move(v)) {
      for (auto const& [key, value] : entries) level.add(value.level());
   }
};

inline var::var(list v) : state_(std::make_shared<boxed_list const>(std::move(v))) {}
inline var::var(dict v) : state_(std::make_shared<boxed_dict const>(std::move(v))) {}

inline nesting var::level() const {
   if (auto const* l = as<std::shared_ptr<boxed_list const>>()) return (*l)->level;
   if (auto const* d = as<std::shared_ptr<boxed_dict const>>()) return (*d)->level;
   if (auto const* n = as<std::shared_ptr<name_space>>()) return (*n)->level;
   if (auto const* l = as<loop_info>()) return {l->state->items->level.depth + 1, true};
   return {is_container() ? 1u : 0u, false};
}
inline void const* var::identity() const {
   if (auto const* j = as<json const*>()) return *j;
   if (auto const* l = as<std::shared_ptr<boxed_list const>>()) return l->get();
   if (auto const* d = as<std::shared_ptr<boxed_dict const>>()) return d->get();
   if (auto const* n = as<std::shared_ptr<name_space>>()) return n->get();
   if (auto const* c = as<flat_context const*>()) return *c;
   return nullptr;
}
inline std::size_t var::size() const {
   if (auto const* j = as<json const*>()) {
      return (*j)->is_array() ? (*j)->get_array().size() : (*j)->get_object().size();
   }
   if (auto const* l = as<std::shared_ptr<boxed_list const>>()) return (*l)->items.size();
   if (auto const* d = as<std::shared_ptr<boxed_dict const>>()) return (*d)->entries.size();
   if (auto const* n = as<std::shared_ptr<name_space>>()) return (*n)->entries.size();
   if (auto const* c = as<flat_context const*>()) return (*c)->all().size();
   return 0;
}
inline var var::at(std::size_t i) const {
   if (auto const* j = as<json const*>()) return of((*j)->get_array()[i]);
   return (**as<std::shared_ptr<boxed_list const>>()).items[i];
}
inline var var::get(std::string_view key) const {
   json const* found = nullptr;
   if (auto const* j = as<json const*>()) found = member(*j, key);
   if (auto const* c = as<flat_context const*>()) found = (*c)->source->find(key);
   if (found != nullptr) return of(*found);
   dict const* entries = nullptr;
   if (auto const* d = as<std::shared_ptr<boxed_dict const>>()) entries = &(*d)->entries;
   if (auto const* n = as<std::shared_ptr<name_space>>()) entries = &(*n)->entries;
   if (entries == nullptr) return {};
   auto const entry = entries->find(key);
   return entry == entries->end() ? var() : entry->second;
}
template <class F>
void var::each(F f) const {
   if (auto const* j = as<json const*>(); j && (*j)->is_object()) {
      for (auto const& [key, value] : (*j)->get_object()) f(std::string_view(key), of(value));
   } else if (auto const* d = as<std::shared_ptr<boxed_dict const>>()) {
      for (auto const& [key, value] : (*d)->entries) f(std::string_view(key), value);
   } else if (auto const* n = as<std::shared_ptr<name_space>>()) {
      for (auto const& [key, value] : (*n)->entries) f(std::string_view(key), value);
   } else if (auto const* c = as<flat_context const*>()) {
      for (auto const& [key, value] : (*c)->all()) f(key, of(*value));
   }
}

inline std::string_view kind_name(var const& v) {
   if (v.is_undefined()) return "undefined";
   if (v.is_none()) return "none";
   if (v.is_bool()) return "bool";
   if (v.is_number()) return "number";
   if (v.is_text()) return "string";
   if (v.is_sequence()) return "sequence";
   if (v.is_mapping()) return "map";
   return v.as<loop_info>() ? "loop" : "macro";
}

inline bool truth(var const& v) {
   if (v.is_nothing()) return false;
   if (auto const* b = v.as<bool>()) return *b;
   if (v.is_integer()) return v.integer() != 0;
   if (auto const* d = v.as<double>()) return *d != 0.0;
   if (v.is_text()) return !v.text().empty();
   if (v.is_container()) return v.size() != 0;
   return true;
}

/// A number without a fraction that fits, also when it is written as a float: what can count or index.
inline std::optional<std::int64_t> as_index(var const& v) {
   if (auto const* narrow = v.as<std::int64_t>()) return *narrow;
   if (auto const* d = v.as<double>(); d && std::trunc(*d) == *d && std::abs(*d) < 9.0e18)
      return static_cast<std::int64_t>(*d);
   return std::nullopt;
}

} // namespace noetl::workflow::detail
