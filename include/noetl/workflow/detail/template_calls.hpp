// workflow/detail/template_calls.hpp: calls of the evaluator: global functions, macros, loop, blocks. Values have no
// methods (2.2).
#pragma once

#include <noetl/workflow/detail/template_eval.hpp>

namespace noetl::workflow::detail {

inline var evaluator::call(expr const& e) {
   auto const& callee = *e.children[0];
   auto const given = arguments(e);
   at_ = callee.at;
   if (callee.kind == op::attribute) return call_method(callee, given);
   if (callee.kind == op::name) return call_name(e, callee.text, given);
   auto const value = evaluate(callee);
   if (auto const* macro = value.as<macro_ref>()) return call_macro(*macro, given);
   throw template_failure(std::string(kind_name(value)) + " is not callable");
}

inline var evaluator::call_name(expr const& e, std::string_view name, call_arguments const& given) {
   auto const value = look_up(name);
   at_ = e.children[0]->at;
   if (auto const* macro = value.as<macro_ref>()) return call_macro(*macro, given);
   if (auto const* loop = value.as<loop_info>()) return call_loop(*loop, given);
   if (!value.is_undefined())
      throw template_failure(std::string(name) + " is a " + std::string(kind_name(value)) + ", not callable");
   if (name == "range") return range(given);
   if (name == "dict" || name == "namespace") return dictionary_of(given, name == "namespace");
   if (name == "debug") return debug(given);
   if (name == "super") throw template_failure("super() has no parent: a template stands alone");
   throw template_failure("unknown function: " + std::string(name) + "; there are range, dict, namespace, debug");
}

inline node const* find_block(std::vector<node> const& nodes, std::string_view name) {
   for (auto const& n : nodes) {
      if (n.kind == node_kind::block && n.text == name) return &n;
      if (auto const* found = find_block(n.body, name)) return found;
      if (auto const* found = find_block(n.otherwise, name)) return found;
      for (auto const& [condition, body] : n.arms)
         if (auto const* found = find_block(body, name)) return found;
   }
   return nullptr;
}

inline var evaluator::call_method(expr const& callee, call_arguments const& given) {
   auto const& owner = *callee.children[0];
   if (owner.kind == op::name && owner.text == "self" && variables_.find("self") == nullptr) {
      left_.spend(tree_.parts / 16);
      if (auto const* n = find_block(tree_.body, callee.text)) {
         level_guard const level(depth_, max_depth_);
         scopes::open const scope(scopes_);
         std::string out;
         render(n->body, out);
         return out;
      }
      throw template_failure("there is no block " + callee.text);
   }
   auto const object = evaluate(owner);
   at_ = callee.at;
   if (auto const* loop = object.as<loop_info>()) {
      if (callee.text == "cycle") {
         if (given.positional.empty()) throw template_failure("loop.cycle needs an argument");
         return given.positional[loop->index0 % given.positional.size()];
      }
      if (callee.text == "changed") {
         auto& last = loop->state->last;
         auto const same = [&] {
            if (!last || last->size() != given.positional.size()) return false;
            for (std::size_t i = 0; i < last->size(); ++i)
               if (!equal((*last)[i], given.positional[i], left_)) return false;
            return true;
         };
         bool const changed = !same();
         left_.spend(given.positional.size());
         last = std::make_shared<list const>(given.positional);
         return changed;
      }
   }
   if (auto const value = attribute_of(object, callee.text); auto const* macro = value.as<macro_ref>())
      return call_macro(*macro, given);
   auto const hint = method_hint(callee.text);
   throw template_failure(std::string(kind_name(object)) + " has no method " + callee.text +
                          (hint.empty() ? "" : "; write " + std::string(hint)));
}

inline var evaluator::call_loop(loop_info const& loop, call_arguments const& given) {
   if (given.positional.size() != 1 || !given.named.empty()) throw template_failure("loop() takes one argument");
   if (!loop.state->definition->recursive)
      throw template_failure("loop() can only be called in a for that says recursive");
   std::string out;
   this->loop(*loop.state->definition, given.positional[0], loop.state->depth + 1, out);
   left_.bytes(out.size());
   return out;
}

inline var evaluator::call_macro(macro_ref const& macro, call_arguments const& given) {
   auto const& m = *macro.definition;
   level_guard const level(depth_, max_depth_);
   if (!scopes_.holds(macro)) throw template_failure("macro " + m.text + " is called after the end of its block");
   auto const what = (m.kind == node_kind::macro ? "macro " : "") + m.text;
   if (given.positional.size() > m.names.size()) throw template_failure("too many arguments for " + what);
   std::size_t used = 0;
   std::vector<var> values;
   for (std::size_t i = 0; i < m.names.size(); ++i) {
      auto const named = given.named.find(m.names[i]);
      if (named != given.named.end()) {
         if (i < given.positional.size()) throw template_failure("argument " + m.names[i] + " is given twice");
         ++used;
      }
      values.push_back(given.get(i, m.names[i]));
   }
   auto const caller = given.named.find("caller");
   bool const with_caller = caller != given.named.end() && m.takes_caller &&
                            std::find(m.names.begin(), m.names.end(), "caller") == m.names.end();
   if (used + (with_caller ? 1u : 0u) != given.named.size()) {
      for (auto const& [key, value] : given.named) {
         bool const known = std::find(m.names.begin(), m.names.end(), key) != m.names.end();
         if (!known && !(with_caller && key == "caller"))
            throw template_failure(what + (key == "caller" ? " does not use caller" : " has no parameter " + key));
      }
   }
   scopes::open const scope(scopes_, macro.scope);
   // a default cannot see the other parameters, as in the reference's engine
   for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i].is_undefined()) values[i] = optional(m.values[i]);
   for (std::size_t i = 0; i < values.size(); ++i) scopes_.bind(m.names[i], std::move(values[i]));
   if (with_caller) scopes_.bind("caller", caller->second);
   std::string out;
   render(m.body, out);
   left_.bytes(out.size());
   return out;
}

inline var evaluator::range(call_arguments const& given) {
   auto const count = given.positional.size();
   if (count == 0 || count > 3 || !given.named.empty()) throw template_failure("range takes one to three arguments");
   auto const from = count == 1 ? 0 : given.integer(0, 0), to = given.integer(count == 1 ? 0 : 1, 0);
   auto const step = given.integer(2, 1);
   if (step == 0) throw template_failure("range step must not be 0");
   list out;
   for (auto at = from; step > 0 ? at < to : at > to;) {
      left_.spend();
      if (out.size() >= 100'000) throw template_failure("range has more than 100000 elements");
      out.emplace_back(at);
      if (__builtin_add_overflow(at, step, &at)) break;
   }
   return out;
}

inline var evaluator::dictionary_of(call_arguments const& given, bool changeable) {
   std::string_view const name = changeable ? "namespace" : "dict";
   if (given.positional.size() > 1) throw template_failure(std::string(name) + " takes one map and keyword arguments");
   dict entries;
   if (!given.positional.empty() && !given.positional[0].is_undefined()) {
      if (!given.positional[0].is_mapping()) throw template_failure(std::string(name) + " needs a map");
      left_.spend(given.positional[0].size());
      given.positional[0].each(
          [&](std::string_view key, var const& v) { entries.insert_or_assign(std::string(key), v); });
   }
   for (auto const& [key, value] : given.named) entries.insert_or_assign(key, value);
   if (!changeable) return entries;
   auto out = std::make_shared<name_space>();
   for (auto const& [key, value] : entries) out->level.add(value.level());
   out->entries = std::move(entries);
   return out;
}

inline var evaluator::debug(call_arguments const& given) {
   std::string out;
   if (given.positional.empty()) {
      print_pretty(out, &flat_, left_);
   } else {
      for (auto const& v : given.positional) {
         if (!out.empty()) out += ' ';
         print_pretty(out, v, left_);
      }
   }
   left_.bytes(out.size());
   return out;
}

} // namespace noetl::workflow::detail
