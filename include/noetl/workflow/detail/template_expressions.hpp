// workflow/detail/template_expressions.hpp: builds expressions of the syntax tree while the grammar matches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_ast.hpp>
#include <noetl/workflow/detail/template_filter_table.hpp>
#include <noetl/workflow/detail/template_literals.hpp>

namespace noetl::workflow::detail {

/// Expressions are built on a stack: a rule takes its operands from the top and leaves its result there.
class expression_builder {
public:
   static constexpr unsigned max_expression_depth = 400;

   static constexpr std::size_t max_parts = 20'000;
   static constexpr std::size_t max_name_bytes = 256;

   /// A token begins at that byte of the template.
   void begin_token(std::size_t at) { at_ = static_cast<std::uint32_t>(at); }
   [[nodiscard]] std::size_t token() const noexcept { return at_; }

   // ---- expressions
   void push(expr_ptr e) {
      count_part();
      if (e->text.size() > max_name_bytes) throw template_failure("name is too long");
      unsigned deepest = 0;
      auto const look = [&](expr_ptr const& c) {
         if (c && c->depth > deepest) deepest = c->depth;
      };
      for (auto const& c : e->children) look(c);
      for (auto const& [key, value] : e->named) look(value);
      e->depth = deepest + 1;
      if (e->depth > max_expression_depth) throw template_failure("expression nests too deeply");
      stack_.push_back(std::move(e));
   }
   void name_reference(std::string_view name) {
      auto e = make(op::name);
      e->text = name;
      push(std::move(e));
   }
   void block_reference() { name_reference(block_text); }
   void literal(var value) {
      auto e = make(op::literal);
      e->value = std::move(value);
      push(std::move(e));
   }
   void literal_none() { literal(none_t{}); }
   void literal_bool(bool v) { literal(v); }
   void float_literal(std::string_view digits) { literal(read_float(digits)); }
   void integer_literal(std::string_view digits) { literal(var::of_integer(read_integer(digits))); }
   void quoted(std::string_view escaped) { append_unescaped(pending_, escaped); }
   void quoted_done() { literal(std::exchange(pending_, {})); }
   void absent() { stack_.push_back(nullptr); }
   expr_ptr pop() {
      auto e = std::move(stack_.back());
      stack_.pop_back();
      return e;
   }
   void unary(op kind) {
      auto e = make(kind);
      e->at = stack_.back()->at;
      e->children.push_back(pop());
      push(std::move(e));
   }
   void binary(op kind) {
      auto e = make(kind);
      auto right = pop();
      e->at = stack_.back()->at;
      e->children.push_back(pop());
      e->children.push_back(std::move(right));
      push(std::move(e));
   }
   /// `a < b` and, going on, `a < b < c`.
   void compare(relation r) {
      auto right = pop();
      auto left = pop();
      if (left->kind == op::compare && !left->closed) {
         left->relations.push_back(r);
         left->children.push_back(std::move(right));
         return push(std::move(left));
      }
      auto e = make(op::compare);
      e->at = left->at;
      e->relations.push_back(r);
      e->children.push_back(std::move(left));
      e->children.push_back(std::move(right));
      push(std::move(e));
   }
   /// On the stack: then, condition[, else].
   void conditional(bool with_else) {
      auto e = make(op::conditional);
      auto otherwise = with_else ? pop() : nullptr;
      auto condition = pop();
      auto then = pop();
      e->children.push_back(std::move(condition));
      e->children.push_back(std::move(then));
      e->children.push_back(std::move(otherwise));
      push(std::move(e));
   }
   void attribute(std::string_view name) {
      auto e = make(op::attribute);
      e->children.push_back(pop());
      e->text = name;
      push(std::move(e));
   }
   /// On the stack: subject, start, stop, step.
   void slice() {
      auto e = make(op::slice);
      e->at = stack_[stack_.size() - 4]->at;
      for (std::size_t i = stack_.size() - 4; i < stack_.size(); ++i) e->children.push_back(std::move(stack_[i]));
      stack_.resize(stack_.size() - 4);
      push(std::move(e));
   }

   /// Everything pushed after a mark belongs to one list of arguments or items.
   void mark(std::string_view text) { marks_.push_back({stack_.size(), at_, std::string(text), {}}); }
   void begin() { mark({}); }
   void keyword(std::string_view name) { marks_.back().keyword = name; }
   void keyword_done() { marks_.back().named.emplace_back(std::move(marks_.back().keyword), pop()); }
   void collect(op kind) {
      auto e = make(kind);
      auto& m = marks_.back();
      e->at = m.at;
      e->text = std::move(m.text);
      if (kind == op::filter) e->filter = find_filter(e->text);
      if (kind == op::test) e->test = find_test(e->text);
      for (std::size_t i = m.from; i < stack_.size(); ++i) e->children.push_back(std::move(stack_[i]));
      e->named = std::move(m.named);
      stack_.resize(m.from);
      marks_.pop_back();
      push(std::move(e));
   }
   /// Subject below the mark becomes the first child.
   void collect_with_subject(op kind) {
      --marks_.back().from;
      collect(kind);
   }
   /// `(x)` is x, `(x,)` and `(x, y)` are lists.
   void parenthesis(bool comma) {
      if (!comma && stack_.size() == marks_.back().from + 1) {
         marks_.pop_back();
         stack_.back()->closed = true;
         return;
      }
      collect(op::list_literal);
   }

protected:
   [[nodiscard]] expr_ptr make(op kind) const {
      auto e = std::make_unique<expr>();
      e->kind = kind;
      e->at = at_;
      return e;
   }
   void count_part() {
      if (++parts_ > max_parts) throw template_failure("template has too many parts");
   }

   std::vector<expr_ptr> stack_;
   std::uint32_t at_ = 0;
   std::size_t parts_ = 0;

private:
   struct mark_state {
      std::size_t from;
      std::uint32_t at;
      std::string text;
      std::vector<std::pair<std::string, expr_ptr>> named;
      std::string keyword{};
   };
   std::vector<mark_state> marks_;
   std::string pending_;
};

} // namespace noetl::workflow::detail
