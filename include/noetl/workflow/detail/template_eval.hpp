// workflow/detail/template_eval.hpp: evaluates the syntax tree over a context.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_list_filters.hpp>

namespace noetl::workflow::detail {

/// One rendering. Not thread-safe; the tree and the context must outlive it and the values it returns.
class evaluator {
public:
   evaluator(context const& variables, budget left) : variables_(variables), left_(left) {}

   var evaluate(expr const& e) {
      left_.spend();
      switch (e.kind) {
      case op::literal: return e.value;
      case op::name: return look_up(e.text);
      case op::list_literal: return all(e.children, 0);
      case op::dict_literal: return dictionary(e);
      case op::attribute: return attribute_of(evaluate(*e.children[0]), e.text);
      case op::item: return item_of(evaluate(*e.children[0]), evaluate(*e.children[1]));
      case op::slice:
         return slice(evaluate(*e.children[0]), optional(e.children[1]), optional(e.children[2]),
                      optional(e.children[3]), left_);
      case op::call: return call(e);
      case op::filter: return run_filter(e.text, evaluate(*e.children[0]), arguments(e));
      case op::test: return run_test(e.text, evaluate(*e.children[0]), arguments(e));
      case op::negate: return calculate(op::subtract, std::int64_t{0}, evaluate(*e.children[0]), left_);
      case op::logical_not: return !truth(evaluate(*e.children[0]));
      case op::logical_and: {
         auto const left = evaluate(*e.children[0]);
         return truth(left) ? evaluate(*e.children[1]) : left;
      }
      case op::logical_or: {
         auto const left = evaluate(*e.children[0]);
         return truth(left) ? left : evaluate(*e.children[1]);
      }
      case op::conditional: return truth(evaluate(*e.children[0])) ? evaluate(*e.children[1]) : optional(e.children[2]);
      default: return binary(e);
      }
   }

   void render(std::vector<node> const& nodes, std::string& out) {
      for (auto const& n : nodes) {
         left_.spend();
         render(n, out);
         left_.bytes(out.size());
      }
   }

private:
   static constexpr int max_macro_depth = 24;

   var look_up(std::string_view name) {
      for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
         if (auto const found = scope->find(name); found != scope->end()) return found->second;
      }
      if (auto const* found = variables_.find(name)) return var::of(*found);
      if (name == "ctx" || name == "workload") return &variables_; // 2.7: copies of the flat map
      return {};
   }

   list all(std::vector<expr_ptr> const& expressions, std::size_t from) {
      list out;
      out.reserve(expressions.size() - from);
      for (std::size_t i = from; i < expressions.size(); ++i) out.push_back(evaluate(*expressions[i]));
      return out;
   }
   var optional(expr_ptr const& e) { return e ? evaluate(*e) : var(); }
   var dictionary(expr const& e) {
      dict out;
      for (std::size_t i = 0; i + 1 < e.children.size(); i += 2) {
         auto key = printed(evaluate(*e.children[i]));
         out.insert_or_assign(std::move(key), evaluate(*e.children[i + 1]));
      }
      return out;
   }
   call_arguments arguments(expr const& e) {
      call_arguments a{all(e.children, 1), {}, left_};
      for (auto const& [key, value] : e.named) a.named.insert_or_assign(key, evaluate(*value));
      return a;
   }

   var binary(expr const& e) {
      auto const a = evaluate(*e.children[0]);
      auto const b = evaluate(*e.children[1]);
      switch (e.kind) {
      case op::equal: return equal(a, b);
      case op::not_equal: return !equal(a, b);
      case op::less: return compare(a, b) < 0;
      case op::less_equal: return compare(a, b) <= 0;
      case op::greater: return compare(a, b) > 0;
      case op::greater_equal: return compare(a, b) >= 0;
      case op::in: return contains(b, a, left_);
      case op::not_in: return !contains(b, a, left_);
      case op::concat: return concatenate(a, b, left_);
      default: return calculate(e.kind, a, b, left_);
      }
   }

   // ---- calls: globals, macros, loop.cycle; values have no methods (2.2)
   var call(expr const& e) {
      auto const& callee = *e.children[0];
      auto const given = arguments(e);
      if (callee.kind == op::attribute) {
         auto const object = evaluate(*callee.children[0]);
         if (auto const* loop = object.as<loop_info>(); loop && callee.text == "cycle" && !given.positional.empty())
            return given.positional[loop->index0 % given.positional.size()];
         throw template_failure(std::string(kind_name(object)) + " has no method named " + callee.text);
      }
      if (callee.kind != op::name) throw template_failure("value is not callable");
      auto const value = look_up(callee.text);
      if (auto const* macro = value.as<macro_ref>()) return call_macro(*macro->definition, given);
      if (!value.is_undefined()) throw template_failure(callee.text + " is not callable");
      if (callee.text == "range") return range(given);
      if (callee.text == "dict" || callee.text == "namespace") return dictionary_of(given, callee.text == "namespace");
      if (callee.text == "debug") return std::string();
      throw template_failure("unknown function: " + callee.text);
   }
   var range(call_arguments const& a) {
      auto const count = a.positional.size();
      if (count == 0 || count > 3) throw template_failure("range takes one to three arguments");
      auto const from = count == 1 ? 0 : a.integer(0, 0), to = a.integer(count == 1 ? 0 : 1, 0), step = a.integer(2, 1);
      if (step == 0) throw template_failure("range step must not be 0");
      list out;
      for (auto at = from; step > 0 ? at < to : at > to;) {
         left_.spend();
         if (out.size() >= 100'000) throw template_failure("range has too many elements");
         out.emplace_back(at);
         if (__builtin_add_overflow(at, step, &at)) break;
      }
      return out;
   }
   static var dictionary_of(call_arguments const& a, bool changeable) {
      dict entries;
      if (!a.positional.empty()) {
         a.positional[0].each(
             [&](std::string_view key, var const& v) { entries.insert_or_assign(std::string(key), v); });
      }
      for (auto const& [key, value] : a.named) entries.insert_or_assign(key, value);
      if (!changeable) return entries;
      auto out = std::make_shared<name_space>();
      out->entries = std::move(entries);
      return out;
   }
   var call_macro(node const& macro, call_arguments const& a) {
      if (++macro_depth_ > max_macro_depth) throw template_failure("macros call each other too deeply");
      if (a.positional.size() > macro.names.size())
         throw template_failure("too many arguments for macro " + macro.text);
      dict scope;
      for (std::size_t i = 0; i < macro.names.size(); ++i) {
         auto value = a.get(i, macro.names[i]);
         if (value.is_undefined()) value = optional(macro.values[i]);
         scope.insert_or_assign(macro.names[i], std::move(value));
      }
      scopes_.push_back(std::move(scope));
      std::string out;
      render(macro.body, out);
      scopes_.pop_back();
      --macro_depth_;
      return out;
   }

   // ---- statements
   void render(node const& n, std::string& out) {
      switch (n.kind) {
      case node_kind::text: out += n.text; break;
      case node_kind::output: print(out, evaluate(*n.value)); break;
      case node_kind::branch:
         for (auto const& [condition, body] : n.arms) {
            if (condition && !truth(evaluate(*condition))) continue;
            render(body, out);
            break;
         }
         break;
      case node_kind::loop: loop(n, out); break;
      case node_kind::set: assign(n, evaluate(*n.value)); break;
      case node_kind::set_block: assign(n, block(n)); break;
      case node_kind::filter_block: print(out, block(n)); break;
      case node_kind::with: {
         dict scope;
         for (std::size_t i = 0; i < n.names.size(); ++i) scope.insert_or_assign(n.names[i], evaluate(*n.values[i]));
         scopes_.push_back(std::move(scope));
         render(n.body, out);
         scopes_.pop_back();
         break;
      }
      case node_kind::macro: bind(n.text, macro_ref{&n}); break;
      }
   }
   /// Text of a block after the block's filters.
   var block(node const& n) {
      std::string text;
      scopes_.emplace_back();
      render(n.body, text);
      scopes_.back().insert_or_assign(block_text, var(std::move(text)));
      auto out = evaluate(*n.value);
      scopes_.pop_back();
      return out;
   }
   void bind(std::string const& name, var value) {
      if (scopes_.empty()) scopes_.emplace_back();
      scopes_.back().insert_or_assign(name, std::move(value));
   }
   void unpack(std::vector<std::string> const& names, var const& value) {
      if (names.size() == 1) return bind(names[0], value);
      auto const parts = iterate(value, left_);
      if (parts.size() != names.size())
         throw template_failure("cannot unpack " + std::to_string(parts.size()) + " values into " +
                                std::to_string(names.size()) + " names");
      for (std::size_t i = 0; i < names.size(); ++i) bind(names[i], parts[i]);
   }
   void assign(node const& n, var const& value) {
      if (!n.attribute) return unpack(n.names, value);
      auto const target = look_up(n.names[0]);
      auto const* space = target.as<std::shared_ptr<name_space>>();
      if (space == nullptr) throw template_failure("can only assign to attributes of a namespace");
      (*space)->entries.insert_or_assign(n.names[1], value);
   }
   void loop(node const& n, std::string& out) {
      auto items = iterate(evaluate(*n.value), left_);
      scopes_.emplace_back();
      if (n.condition) {
         list kept;
         for (auto& item : items) {
            unpack(n.names, item);
            if (truth(evaluate(*n.condition))) kept.push_back(std::move(item));
         }
         items = std::move(kept);
      }
      auto const shared = std::make_shared<list const>(std::move(items));
      ++loop_depth_;
      for (std::size_t i = 0; i < shared->size(); ++i) {
         left_.spend();
         scopes_.back().clear();
         bind("loop", loop_info{i, shared, loop_depth_});
         unpack(n.names, (*shared)[i]);
         render(n.body, out);
      }
      --loop_depth_;
      scopes_.pop_back();
      if (shared->empty()) render(n.otherwise, out);
   }

   context const& variables_;
   budget left_;
   std::vector<dict> scopes_;
   std::size_t loop_depth_ = 0;
   int macro_depth_ = 0;
};

} // namespace noetl::workflow::detail
