// workflow/detail/template_eval.hpp: evaluates expressions of the syntax tree over a context. Statements are in
// template_render.hpp, calls in template_calls.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_filter_table.hpp>
#include <noetl/workflow/detail/template_hints.hpp>
#include <noetl/workflow/detail/template_scopes.hpp>

namespace noetl::workflow::detail {

/// One rendering. Not thread-safe; the tree and the context must outlive it and the values it returns.
class evaluator {
public:
   evaluator(compiled_template const& tree, context const& variables, budget left, std::size_t max_depth)
       : tree_(tree), variables_(variables), left_(left), max_depth_(max_depth), globals_(scopes_) {
      flat_.source = &variables;
   }
   evaluator(evaluator const&) = delete;
   evaluator& operator=(evaluator const&) = delete;

   [[nodiscard]] budget& left() noexcept { return left_; }
   /// Byte of the template that is being evaluated, for error texts.
   [[nodiscard]] std::size_t at() const noexcept { return at_; }

   var evaluate(expr const& e) {
      left_.spend();
      at_ = e.at;
      switch (e.kind) {
      case op::literal: return e.value;
      case op::name: return look_up(e.text);
      case op::attribute: {
         level_guard const level(depth_, max_depth_);
         return attribute_of(evaluate(*e.children[0]), e.text);
      }
      case op::logical_and:
      case op::logical_or: {
         level_guard const level(depth_, max_depth_);
         auto first = evaluate(*e.children[0]);
         return truth(first) == (e.kind == op::logical_and) ? evaluate(*e.children[1]) : first;
      }
      default: return evaluate_deep(e);
      }
   }

   /// Statements, appended to `out` (template_render.hpp).
   void render(std::vector<node> const& nodes, std::string& out);

private:
   var evaluate_deep(expr const& e) {
      level_guard const level(depth_, max_depth_);
      switch (e.kind) {
      case op::list_literal: return all(e.children, 0);
      case op::dict_literal: return dictionary(e);
      case op::item: {
         auto const subject = evaluate(*e.children[0]);
         return item_of(subject, evaluate(*e.children[1]), left_);
      }
      case op::slice: return sliced(e);
      case op::call: return call(e);
      case op::filter: {
         auto const subject = evaluate(*e.children[0]);
         auto const given = arguments(e);
         at_ = e.at;
         return run_filter(e.filter, e.text, subject, given);
      }
      case op::test: {
         auto const subject = evaluate(*e.children[0]);
         auto const given = arguments(e);
         at_ = e.at;
         return run_test(e.test, e.text, subject, given);
      }
      case op::negate: {
         auto const v = evaluate(*e.children[0]);
         at_ = e.at;
         if (!v.is_number()) throw template_failure("cannot negate " + std::string(kind_name(v)));
         return v.is_float() ? var(-*v.as<double>()) : calculate(op::subtract, std::int64_t{0}, v, left_);
      }
      case op::logical_not: return !truth(evaluate(*e.children[0]));
      case op::conditional: return truth(evaluate(*e.children[0])) ? evaluate(*e.children[1]) : optional(e.children[2]);
      case op::compare: return compared(e);
      default: {
         auto const a = evaluate(*e.children[0]);
         auto const b = evaluate(*e.children[1]);
         at_ = e.at;
         return e.kind == op::concat ? concatenate(a, b, left_) : calculate(e.kind, a, b, left_);
      }
      }
   }

   var look_up(std::string_view name) {
      if (auto const* found = scopes_.find(name, left_)) return *found;
      if (auto const* found = variables_.find(name)) return var::of(*found);
      if (name == "ctx" || name == "workload") return &flat_; // 2.7: copies of the flat map
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
         auto key = printed(evaluate(*e.children[i]), left_);
         out.insert_or_assign(std::move(key), evaluate(*e.children[i + 1]));
      }
      return out;
   }
   var sliced(expr const& e) {
      auto const subject = evaluate(*e.children[0]);
      auto const start = optional(e.children[1]), stop = optional(e.children[2]), step = optional(e.children[3]);
      at_ = e.at;
      return slice(subject, start, stop, step, left_);
   }
   call_arguments arguments(expr const& e) {
      call_arguments out{{}, {}, left_};
      out.positional.reserve(e.children.size() - 1);
      auto const keyword = [&](std::string_view key, var value) {
         if (!out.named.emplace(std::string(key), std::move(value)).second)
            throw template_failure("argument " + std::string(key) + " is given twice");
      };
      for (std::size_t i = 1; i < e.children.size(); ++i) {
         auto const& child = *e.children[i];
         if (child.kind == op::splat) {
            for (auto& item : iterate(evaluate(*child.children[0]), left_)) out.positional.push_back(std::move(item));
         } else if (child.kind == op::splat_dict) {
            auto const map = evaluate(*child.children[0]);
            if (!map.is_mapping()) throw template_failure("** needs a map, not " + std::string(kind_name(map)));
            left_.spend(map.size());
            map.each(keyword);
         } else {
            out.positional.push_back(evaluate(child));
         }
      }
      for (auto const& [key, value] : e.named) keyword(key, evaluate(*value));
      return out;
   }

   bool related(relation r, var const& a, var const& b) {
      switch (r) {
      case relation::equal: return equal(a, b, left_);
      case relation::not_equal: return !equal(a, b, left_);
      case relation::less: return compare(a, b, left_) < 0;
      case relation::less_equal: return compare(a, b, left_) <= 0;
      case relation::greater: return compare(a, b, left_) > 0;
      case relation::greater_equal: return compare(a, b, left_) >= 0;
      case relation::in: return contains(b, a, left_);
      default: return !contains(b, a, left_);
      }
   }
   bool compared(expr const& e) {
      auto left = evaluate(*e.children[0]);
      for (std::size_t i = 0; i < e.relations.size(); ++i) {
         auto right = evaluate(*e.children[i + 1]);
         at_ = e.at;
         if (!related(e.relations[i], left, right)) return false;
         left = std::move(right);
      }
      return true;
   }

   // ---- template_calls.hpp
   var call(expr const& e);
   var call_name(expr const& e, std::string_view name, call_arguments const& given);
   var call_method(expr const& callee, call_arguments const& given);
   var call_loop(loop_info const& loop, call_arguments const& given);
   var call_macro(macro_ref const& macro, call_arguments const& given);
   var range(call_arguments const& given);
   var dictionary_of(call_arguments const& given, bool changeable);
   var debug(call_arguments const& given);

   // ---- template_render.hpp
   void render(node const& n, std::string& out);
   var block(node const& n);
   void assign(target const& to, var const& value);
   void set(node const& n, var const& value);
   void loop(node const& n, var const& items, std::size_t depth, std::string& out);
   macro_ref macro_of(node const& n) const { return {&n, scopes_.top(), scopes_.serial()}; }

   compiled_template const& tree_;
   context const& variables_;
   budget left_;
   std::size_t max_depth_;
   std::size_t depth_ = 0;
   std::size_t at_ = 0;
   flat_context flat_;
   scopes scopes_;
   scopes::open globals_;
};

} // namespace noetl::workflow::detail
