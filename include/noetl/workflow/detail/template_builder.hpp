// workflow/detail/template_builder.hpp: builds the syntax tree while the grammar matches: texts, tags and a stack of
// open blocks. Expressions are in template_expressions.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_expressions.hpp>
#include <noetl/workflow/detail/template_hints.hpp>
#include <noetl/workflow/detail/template_names.hpp>

namespace noetl::workflow::detail {

class template_builder : public expression_builder {
public:
   static constexpr std::size_t max_open_blocks = 64;

   // ---- text and blocks
   void text(std::string_view t) {
      std::string piece(t);
      if (trim_next_) piece.erase(0, std::min(piece.find_first_not_of(" \t\r\n"), piece.size()));
      trim_next_ = false;
      if (piece.empty()) return;
      auto n = make(node_kind::text);
      n.text = std::move(piece);
      add(std::move(n));
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
      levels_.clear();
      targets_.clear();
      names_.clear();
   }
   void close_tag(bool trim) { trim_next_ = trim; }

   void output() {
      auto n = make(node_kind::output);
      n.value = pop();
      add(std::move(n));
   }

   // ---- what is assigned to
   void target_open() { levels_.emplace_back(); }
   void target_name(std::string_view name) {
      if (name == "loop" || name == "self") throw template_failure("cannot assign to " + std::string(name));
      levels_.back().items.push_back({std::string(name), {}});
   }
   void target_comma() { levels_.back().comma = true; }
   void target_close() {
      auto level = std::move(levels_.back());
      levels_.pop_back();
      auto& into = levels_.empty() ? targets_ : levels_.back().items;
      if (level.items.size() == 1 && !level.comma)
         into.push_back(std::move(level.items[0]));
      else
         into.push_back({{}, std::move(level.items)});
   }
   void names_begin() { names_.clear(); }
   void name(std::string_view n) {
      if (n.size() > max_name_bytes) throw template_failure("name is too long");
      names_.emplace_back(n);
   }

   // ---- blocks
   void open_if() {
      auto n = make(node_kind::branch);
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
      auto n = make(node_kind::loop);
      n.condition = filtered ? pop() : nullptr;
      n.value = pop();
      n.targets = std::move(targets_);
      open(std::move(n), "endfor");
   }
   void recursive() { open_.back().n.recursive = true; }
   void tuple_begin() { tuple_from_ = stack_.size(); }
   void tuple_end() {
      if (stack_.size() == tuple_from_ + 1) return;
      auto e = make(op::list_literal);
      for (std::size_t i = tuple_from_; i < stack_.size(); ++i) e->children.push_back(std::move(stack_[i]));
      stack_.resize(tuple_from_);
      push(std::move(e));
   }
   void set(bool to_attribute) {
      auto n = make(node_kind::set);
      n.value = pop();
      assignee(n, to_attribute);
      add(std::move(n));
   }
   void open_set_block(bool to_attribute) {
      auto n = make(node_kind::set_block);
      n.value = pop();
      assignee(n, to_attribute);
      open(std::move(n), "endset");
   }
   void open_filter_block() {
      auto n = make(node_kind::filter_block);
      n.value = pop();
      open(std::move(n), "endfilter");
   }
   void open_with() {
      auto n = make(node_kind::with);
      n.targets = std::move(targets_);
      take_values(n);
      open(std::move(n), "endwith");
   }
   void parameter(bool with_default) {
      if (with_default) return;
      if (stack_.size() > remembered_ && stack_.back() != nullptr)
         throw template_failure("expected '=' and a default value for " + names_.back() +
                                ", as the parameter before it has one");
      absent();
   }
   void open_macro() {
      auto n = make(node_kind::macro);
      n.text = std::move(macro_name_);
      n.names = std::move(names_);
      take_values(n);
      open(std::move(n), "endmacro");
   }
   void macro_name(std::string_view name) { macro_name_ = name; }
   void open_call() {
      auto n = make(node_kind::call_block);
      n.value = pop();
      if (n.value->kind != op::call) throw template_failure("expected a call of a macro after 'call'");
      n.text = "caller";
      n.names = std::move(names_);
      take_values(n);
      open(std::move(n), "endcall");
   }
   void open_named_block(std::string_view name) {
      auto n = make(node_kind::block);
      n.text = name;
      if (!blocks_.insert(n.text).second) throw template_failure("block " + n.text + " is defined twice");
      open(std::move(n), "endblock");
   }
   void run() {
      auto n = make(node_kind::run);
      n.value = pop();
      if (n.value->kind != op::call) throw template_failure("expected a call after 'do'");
      add(std::move(n));
   }
   /// Values of assignments or defaults of parameters follow.
   void remember() { remembered_ = stack_.size(); }

   void close(std::string_view end) {
      if (open_.empty()) throw template_failure(std::string(end) + " without its beginning");
      if (open_.back().end != end)
         throw template_failure("expected '" + std::string(open_.back().end) + "', found '" + std::string(end) + "'");
      node n = std::move(open_.back().n);
      open_.pop_back();
      if (n.kind == node_kind::macro) {
         std::set<std::string> used;
         collect_names(n.body, used);
         n.takes_caller = used.contains("caller");
      }
      closed_ = n.kind == node_kind::block ? n.text : std::string();
      body().push_back(std::move(n));
   }
   /// `{% endblock name %}`
   void close_name(std::string_view name) {
      if (name != closed_) throw template_failure("unexpected " + std::string(name) + " after the end of a block");
   }
   void unknown_statement(std::string_view name) { throw template_failure(statement_hint(name)); }

   /// Hands over the finished tree.
   void finish(compiled_template& out) {
      if (!open_.empty()) {
         begin_token(open_.back().n.at);
         throw template_failure("no '" + std::string(open_.back().end) + "' for the block that begins here");
      }
      out.parts = parts_;
      out.body = std::move(root_);
      if (out.body.size() == 1 && out.body[0].kind == node_kind::output) out.only = out.body[0].value.get();
      std::set<std::string> found;
      collect_names(out.body, found);
      out.names.assign(found.begin(), found.end());
   }

private:
   using expression_builder::make;
   [[nodiscard]] node make(node_kind kind) const {
      node n;
      n.kind = kind;
      n.at = at_;
      return n;
   }
   void add(node n) {
      count_part();
      body().push_back(std::move(n));
   }
   void assignee(node& n, bool to_attribute) {
      n.attribute = to_attribute;
      n.names = std::move(names_);
      n.targets = std::move(targets_);
   }
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
      count_part();
      open_.push_back({std::move(n), end});
   }
   std::vector<node>& body() {
      if (open_.empty()) return root_;
      auto& top = open_.back();
      if (top.n.kind == node_kind::branch) return top.n.arms.back().second;
      return top.otherwise ? top.n.otherwise : top.n.body;
   }

   struct target_level {
      std::vector<target> items;
      bool comma = false;
   };
   std::vector<std::string> names_;
   std::vector<node> root_;
   std::vector<open_block> open_;
   std::vector<target_level> levels_;
   std::vector<target> targets_;
   std::set<std::string> blocks_;
   std::string macro_name_;
   std::string closed_;
   std::size_t tuple_from_ = 0;
   std::size_t remembered_ = 0;
   bool trim_next_ = false;
   bool last_is_text_ = false;
};

} // namespace noetl::workflow::detail
