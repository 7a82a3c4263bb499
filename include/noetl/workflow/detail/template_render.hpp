// workflow/detail/template_render.hpp: statements of the evaluator.
#pragma once

#include <noetl/workflow/detail/template_calls.hpp>

namespace noetl::workflow::detail {

inline void evaluator::render(std::vector<node> const& nodes, std::string& out) {
   for (auto const& n : nodes) {
      auto const before = out.size();
      left_.spend();
      render(n, out);
      // macros and blocks may have appended to a text of their own; what grew here is paid here
      if (out.size() > left_.max_bytes) left_.bytes(out.size());
      left_.bytes(out.size() - before);
   }
}

inline void evaluator::render(node const& n, std::string& out) {
   switch (n.kind) {
   case node_kind::text: out += n.text; return;
   case node_kind::output: print(out, evaluate(*n.value), left_); return;
   case node_kind::set: set(n, evaluate(*n.value)); return;
   case node_kind::run: evaluate(*n.value); return;
   case node_kind::macro: scopes_.bind(n.text, macro_of(n)); return;
   default: break;
   }
   level_guard const level(depth_, max_depth_);
   switch (n.kind) {
   case node_kind::branch:
      for (auto const& [condition, body] : n.arms) {
         if (condition && !truth(evaluate(*condition))) continue;
         render(body, out);
         break;
      }
      break;
   case node_kind::loop: loop(n, evaluate(*n.value), 0, out); break;
   case node_kind::set_block: set(n, block(n)); break;
   case node_kind::filter_block: print(out, block(n), left_); break;
   case node_kind::with: {
      scopes::open const scope(scopes_);
      for (std::size_t i = 0; i < n.targets.size(); ++i) assign(n.targets[i], evaluate(*n.values[i]));
      render(n.body, out);
      break;
   }
   case node_kind::block: {
      scopes::open const scope(scopes_);
      render(n.body, out);
      break;
   }
   case node_kind::call_block: {
      auto given = arguments(*n.value);
      if (!given.named.emplace("caller", macro_of(n)).second) throw template_failure("argument caller is given twice");
      auto const& callee = *n.value->children[0];
      auto const value = evaluate(callee);
      at_ = callee.at;
      auto const* macro = value.as<macro_ref>();
      if (macro == nullptr) throw template_failure(std::string(kind_name(value)) + " is not a macro");
      print(out, call_macro(*macro, given), left_);
      break;
   }
   default: break;
   }
}

/// Text of a block after the block's filters.
inline var evaluator::block(node const& n) {
   scopes::open const scope(scopes_);
   std::string text;
   render(n.body, text);
   scopes_.bind(block_text, var(std::move(text)));
   return evaluate(*n.value);
}

inline void evaluator::assign(target const& to, var const& value) {
   if (!to.name.empty()) return scopes_.bind(to.name, value);
   if (!value.is_container() && !value.is_text())
      throw template_failure("cannot unpack " + std::string(kind_name(value)));
   auto const parts = iterate(value, left_);
   if (parts.size() != to.parts.size())
      throw template_failure("cannot unpack " + std::to_string(parts.size()) + " values into " +
                             std::to_string(to.parts.size()) + " names");
   for (std::size_t i = 0; i < parts.size(); ++i) assign(to.parts[i], parts[i]);
}

inline void evaluator::set(node const& n, var const& value) {
   if (!n.attribute) return assign(n.targets[0], value);
   auto const target = look_up(n.names[0]);
   auto const* space = target.as<std::shared_ptr<name_space>>();
   if (space == nullptr)
      throw template_failure("can only assign to attributes of a namespace, and " + n.names[0] + " is " +
                             std::string(kind_name(target)));
   // else a namespace could come to hold itself, which nothing would ever free
   if (value.level().changeable) throw template_failure("a namespace cannot keep a namespace or a loop");
   (*space)->level.add(value.level());
   (*space)->entries.insert_or_assign(n.names[1], value);
}

inline void evaluator::loop(node const& n, var const& over, std::size_t depth, std::string& out) {
   level_guard const level(depth_, max_depth_);
   auto items = iterate(over, left_);
   if (n.condition) {
      scopes::open const scope(scopes_);
      list kept;
      for (auto& item : items) {
         assign(n.targets[0], item);
         if (truth(evaluate(*n.condition))) kept.push_back(std::move(item));
      }
      items = std::move(kept);
   }
   auto const state = std::make_shared<loop_state>();
   state->items = std::make_shared<boxed_list const>(std::move(items));
   state->definition = &n;
   state->depth = depth;
   auto const count = state->items->items.size();
   if (count == 0) return render(n.otherwise, out);
   for (std::size_t i = 0; i < count; ++i) {
      left_.spend();
      scopes::open const scope(scopes_); // of each iteration, so that a macro of one is not taken for that of another
      scopes_.bind("loop", loop_info{i, state});
      assign(n.targets[0], state->items->items[i]);
      render(n.body, out);
   }
}

} // namespace noetl::workflow::detail
