// workflow/detail/template_builder.hpp: builds the syntax tree while the grammar matches. A stack for expressions, a
// stack of open blocks for statements.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_ast.hpp>

namespace noetl::workflow::detail {

class template_builder {
public:
   static constexpr unsigned max_expression_depth = 400;
   static constexpr std::size_t max_open_blocks = 64;

   // ---- expressions
   void push(expr_ptr e) {
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
      auto e = std::make_unique<expr>();
      e->kind = op::name;
      e->text = name;
      push(std::move(e));
   }
   void block_reference() { name_reference(block_text); }
   void literal(var value) {
      auto e = std::make_unique<expr>();
      e->value = std::move(value);
      push(std::move(e));
   }
   void literal_none() { literal(none_t{}); }
   void literal_bool(bool v) { literal(v); }
   void float_literal(std::string_view digits) {
      auto const s = without_underscores(digits);
      double v = 0;
      std::from_chars(s.data(), s.data() + s.size(), v);
      literal(v);
   }
   void integer_literal(std::string_view digits) {
      auto const s = without_underscores(digits);
      std::int64_t v = 0;
      if (std::from_chars(s.data(), s.data() + s.size(), v).ec == std::errc()) return literal(v);
      float_literal(digits);
   }
   void quoted(std::string_view escaped);
   void quoted_done() { literal(std::exchange(pending_, {})); }
   void absent() { stack_.push_back(nullptr); }
   expr_ptr pop() {
      auto e = std::move(stack_.back());
      stack_.pop_back();
      return e;
   }
   void unary(op kind) {
      auto e = std::make_unique<expr>();
      e->kind = kind;
      e->children.push_back(pop());
      push(std::move(e));
   }
   void binary(op kind) {
      auto e = std::make_unique<expr>();
      e->kind = kind;
      auto right = pop();
      e->children.push_back(pop());
      e->children.push_back(std::move(right));
      push(std::move(e));
   }
   /// On the stack: then, condition[, else].
   void conditional(bool with_else) {
      auto e = std::make_unique<expr>();
      e->kind = op::conditional;
      auto otherwise = with_else ? pop() : nullptr;
      auto condition = pop();
      auto then = pop();
      e->children.push_back(std::move(condition));
      e->children.push_back(std::move(then));
      e->children.push_back(std::move(otherwise));
      push(std::move(e));
   }
   void attribute(std::string_view name) {
      unary(op::attribute);
      stack_.back()->text = name;
   }
   /// On the stack: subject, start, stop, step.
   void slice() {
      auto e = std::make_unique<expr>();
      e->kind = op::slice;
      for (std::size_t i = stack_.size() - 4; i < stack_.size(); ++i) e->children.push_back(std::move(stack_[i]));
      stack_.resize(stack_.size() - 4);
      push(std::move(e));
   }

   /// Everything pushed after a mark belongs to one list of arguments or items.
   void mark(std::string_view text) { marks_.push_back({stack_.size(), std::string(text), {}}); }
   void begin() { mark({}); }
   void keyword(std::string_view name) { marks_.back().keyword = name; }
   void keyword_done() { marks_.back().named.emplace_back(std::move(marks_.back().keyword), pop()); }
   void collect(op kind) {
      auto e = std::make_unique<expr>();
      e->kind = kind;
      auto& m = marks_.back();
      e->text = std::move(m.text);
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
         return;
      }
      collect(op::list_literal);
   }

   // ---- text and blocks
   void text(std::string_view t) {
      std::string piece(t);
      if (trim_next_) piece.erase(0, std::min(piece.find_first_not_of(" \t\r\n"), piece.size()));
      trim_next_ = false;
      if (piece.empty()) return;
      node n;
      n.text = std::move(piece);
      n.body.clear();
      body().push_back(std::move(n));
      last_is_text_ = true;
   }
   /// A tag begins; with `-` the text before it loses its trailing blanks.
   void open_tag(bool trim) {
      if (trim && last_is_text_ && !body().empty() && body().back().kind == node_kind::text) {
         auto& t = body().back().text;
         t.erase(t.find_last_not_of(" \t\r\n") + 1);
      }
      last_is_text_ = false;
      trim_next_ = false;
   }
   void close_tag(bool trim) { trim_next_ = trim; }

   void output() {
      node n;
      n.kind = node_kind::output;
      n.value = pop();
      body().push_back(std::move(n));
   }

   void names_begin() { names_.clear(); }
   void name(std::string_view n) { names_.emplace_back(n); }

   void open_if() {
      node n;
      n.kind = node_kind::branch;
      n.arms.emplace_back(pop(), std::vector<node>());
      open(std::move(n), "endif");
   }
   void next_arm(bool with_condition) {
      if (open_.empty()) throw template_failure("else without if or for");
      auto& n = open_.back().n;
      if (n.kind == node_kind::loop && !with_condition && !open_.back().otherwise) {
         open_.back().otherwise = true;
         return;
      }
      if (n.kind != node_kind::branch || n.arms.back().first == nullptr) throw template_failure("misplaced else");
      n.arms.emplace_back(with_condition ? pop() : nullptr, std::vector<node>());
   }
   void open_for(bool filtered) {
      node n;
      n.kind = node_kind::loop;
      n.condition = filtered ? pop() : nullptr;
      n.value = pop();
      n.names = std::move(names_);
      open(std::move(n), "endfor");
   }
   void set(bool to_attribute) {
      node n;
      n.kind = node_kind::set;
      n.value = pop();
      n.names = std::move(names_);
      n.attribute = to_attribute;
      body().push_back(std::move(n));
   }
   void open_set_block(bool to_attribute) {
      node n;
      n.kind = node_kind::set_block;
      n.names = std::move(names_);
      n.attribute = to_attribute;
      n.value = pop();
      open(std::move(n), "endset");
   }
   void open_filter_block() {
      node n;
      n.kind = node_kind::filter_block;
      n.value = pop();
      open(std::move(n), "endfilter");
   }
   void open_with() {
      node n;
      n.kind = node_kind::with;
      n.names = std::move(names_);
      take_values(n);
      open(std::move(n), "endwith");
   }
   void open_macro() {
      node n;
      n.kind = node_kind::macro;
      n.text = std::move(names_.front());
      names_.erase(names_.begin());
      n.names = std::move(names_);
      take_values(n);
      open(std::move(n), "endmacro");
   }
   /// Values of assignments follow.
   void remember() { remembered_ = stack_.size(); }

   void close(std::string_view end) {
      if (open_.empty() || open_.back().end != end) throw template_failure("block end without its beginning");
      node n = std::move(open_.back().n);
      open_.pop_back();
      body().push_back(std::move(n));
   }

   /// Hands over the finished tree.
   void finish(compiled_template& out) {
      if (!open_.empty()) throw template_failure("block without its end");
      out.body = std::move(root_);
      if (out.body.size() == 1 && out.body[0].kind == node_kind::output) out.only = out.body[0].value.get();
      std::set<std::string> found;
      collect_names(out.body, found);
      out.names.assign(found.begin(), found.end());
   }

private:
   static std::string without_underscores(std::string_view t) {
      std::string out;
      for (char const c : t)
         if (c != '_') out += c;
      return out;
   }
   struct mark_state {
      std::size_t from;
      std::string text;
      std::vector<std::pair<std::string, expr_ptr>> named;
      std::string keyword{};
   };
   struct open_block {
      node n;
      std::string_view end;
      bool otherwise = false;
   };

   void take_values(node& n) {
      for (std::size_t i = remembered_; i < stack_.size(); ++i) n.values.push_back(std::move(stack_[i]));
      stack_.resize(remembered_);
   }
   void open(node n, std::string_view end) {
      if (open_.size() >= max_open_blocks) throw template_failure("blocks nest too deeply");
      open_.push_back({std::move(n), end});
   }
   std::vector<node>& body() {
      if (open_.empty()) return root_;
      auto& top = open_.back();
      if (top.n.kind == node_kind::branch) return top.n.arms.back().second;
      return top.otherwise ? top.n.otherwise : top.n.body;
   }

   // Names bound inside a template are left out only where that is certain; a name too many does no harm.
   static void collect_names(expr const* e, std::set<std::string>& found) {
      if (e == nullptr) return;
      if (e->kind == op::name && e->text != block_text) found.insert(e->text);
      for (auto const& c : e->children) collect_names(c.get(), found);
      for (auto const& [key, value] : e->named) collect_names(value.get(), found);
   }
   static void collect_names(std::vector<node> const& nodes, std::set<std::string>& found) {
      for (auto const& n : nodes) {
         std::set<std::string> inner;
         collect_names(n.body, inner);
         if (n.kind == node_kind::loop) {
            inner.erase("loop");
            for (auto const& bound : n.names) inner.erase(bound);
         }
         found.merge(inner);
         collect_names(n.value.get(), found);
         collect_names(n.condition.get(), found);
         for (auto const& v : n.values) collect_names(v.get(), found);
         for (auto const& [condition, body] : n.arms) {
            collect_names(condition.get(), found);
            collect_names(body, found);
         }
         collect_names(n.otherwise, found);
      }
   }

   std::vector<expr_ptr> stack_;
   std::vector<mark_state> marks_;
   std::vector<std::string> names_;
   std::vector<node> root_;
   std::vector<open_block> open_;
   std::string pending_;
   std::size_t remembered_ = 0;
   bool trim_next_ = false;
   bool last_is_text_ = false;
};

/// Appends text between quotes, its escapes resolved; adjacent literals run together.
inline void template_builder::quoted(std::string_view escaped) {
   for (std::size_t i = 0; i < escaped.size(); ++i) {
      if (escaped[i] != '\\' || i + 1 == escaped.size()) {
         pending_ += escaped[i];
         continue;
      }
      char const c = escaped[++i];
      switch (c) {
      case 'n': pending_ += '\n'; break;
      case 't': pending_ += '\t'; break;
      case 'r': pending_ += '\r'; break;
      case 'b': pending_ += '\b'; break;
      case 'f': pending_ += '\f'; break;
      case 'u': {
         // JSON knows the rules for surrogates, so it reads the escape
         auto length = std::min<std::size_t>(5, escaped.size() - i);
         if (escaped.size() > i + 5 && escaped.substr(i + 5, 2) == "\\u")
            length = std::min<std::size_t>(11, escaped.size() - i);
         auto read = parse_json("\"\\" + std::string(escaped.substr(i, length)) + "\"");
         if (!read && length == 11) read = parse_json("\"\\" + std::string(escaped.substr(i, length = 5)) + "\"");
         if (!read) throw template_failure("bad \\u escape");
         pending_ += read->get_string();
         i += length - 1;
         break;
      }
      default: pending_ += c;
      }
   }
}

} // namespace noetl::workflow::detail
