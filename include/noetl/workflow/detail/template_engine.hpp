// workflow/detail/template_engine.hpp: bodies of workflow/template.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/number_text.hpp>
#include <noetl/workflow/detail/template_cache.hpp>
#include <noetl/workflow/detail/template_parse.hpp>
#include <noetl/workflow/detail/template_render.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::workflow {

namespace detail {

/// The rules for rendered text (2.4).
inline json typed(std::string text) {
   auto const t = stripped(text);
   if (t.empty() || t == "null" || t == "None") return tao::json::null;
   if ((t.front() == '{' && t.back() == '}') || (t.front() == '[' && t.back() == ']')) {
      if (auto read = parse_json(t)) return std::move(*read);
   }
   if (t == "true") return true;
   if (t == "false") return false;
   if (std::string_view("+-.0123456789").find(t.front()) != std::string_view::npos) {
      auto digits = t;
      if (digits.starts_with('+')) digits.remove_prefix(1);
      auto const integer = parse_number<std::int64_t>(digits);
      if (integer && !(t.front() == '+' && digits.starts_with('-'))) return *integer;
      if (auto const number = filters::read_double(t); number && std::isfinite(*number)) return *number;
   }
   return text;
}

/// A computed value under the same rules, without the way through text where that way changes nothing.
inline json typed(var const& v, budget& left) {
   if (v.is_container() || v.is_bool() || v.is_integer()) return to_json(v, left);
   if (v.is_float() && std::isfinite(*v.as<double>())) return *v.as<double>();
   if (v.is_undefined()) return tao::json::null;
   return typed(printed(v, left));
}

/// The rule for rendered conditions (2.6).
inline bool condition_text(std::string_view rendered) {
   auto t = std::string(stripped(rendered).substr(0, 8));
   std::transform(t.begin(), t.end(), t.begin(),
                  [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
   for (std::string_view const no : {"", "false", "0", "no", "none", "null", "off", "{}", "[]"})
      if (t == no) return false;
   return true;
}

inline bool condition(var const& v, budget& left) {
   if (v.is_nothing()) return false;
   if (auto const* b = v.as<bool>()) return *b;
   if (v.is_integer()) return v.integer() != 0;
   if (v.is_container()) return v.size() != 0;
   return condition_text(printed_view(v, left));
}

inline error render_error(std::string_view what) {
   return fail(error_code::validation, "Template render error: " + std::string(what));
}

/// Runs `f(evaluator)`; a failure becomes an error that names the place. \param steps  what is left for this text and
/// those after it
template <class F>
auto run(compiled_template const& tree, context const& variables, template_limits const& limits, std::size_t& steps,
         F f) -> result<decltype(f(std::declval<evaluator&>()))> {
   auto const mine = std::min(steps, limits.max_steps);
   evaluator e(tree, variables, {mine, limits.max_output_bytes}, limits.max_depth);
   try {
      auto made = f(e);
      steps -= mine - e.left().steps;
      return made;
   } catch (template_failure const& failure) {
      return render_error(failure.what() + (" (" + place_of(tree.source, e.at()) + ")"));
   } catch (std::exception const&) { // memory, a length beyond what containers hold
      return render_error("the value is too large (" + place_of(tree.source, e.at()) + ")");
   }
}

} // namespace detail

inline template_engine::template_engine(template_limits limits)
    : limits_(limits),
      cache_(std::make_unique<detail::template_cache>(limits.max_cached_templates, limits.max_cached_bytes)) {}
inline template_engine::~template_engine() = default;

inline std::size_t template_engine::cached() const {
   return cache_->size();
}

inline result<template_engine::compiled> template_engine::compile(std::string_view text, bool expression) {
   // one newline at the end is not part of a template (2.1)
   if (!expression && text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
   if (auto found = cache_->find(text, expression)) return found;
   if (text.size() > limits_.max_template_bytes)
      return detail::render_error("template is longer than " + std::to_string(limits_.max_template_bytes) + " bytes");
   try {
      auto made = detail::parse_template(text, expression);
      cache_->add(made);
      return made;
   } catch (std::exception const& e) {
      return detail::render_error(e.what());
   }
}

inline result<std::string> template_engine::render_text(std::string_view text, context const& variables) {
   auto steps = limits_.max_steps;
   return render_text(text, variables, steps);
}

inline result<std::string> template_engine::render_text(std::string_view text, context const& variables,
                                                        std::size_t& steps) {
   if (!is_template(text)) return std::string(text);
   auto const tree = compile(text, false);
   if (!tree) return tree.error();
   return detail::run(**tree, variables, limits_, steps, [&](detail::evaluator& e) {
      std::string out;
      e.render((*tree)->body, out);
      return out;
   });
}

inline result<tao::json::value> template_engine::render_value(tao::json::value const& value, context const& variables,
                                                              literals rule) {
   auto steps = limits_.max_value_steps;
   return render(value, variables, rule, {}, steps);
}

inline result<tao::json::value> template_engine::render_available(tao::json::value const& value,
                                                                  context const& variables,
                                                                  std::vector<std::string> const& deferred) {
   auto steps = limits_.max_value_steps;
   return render(value, variables, literals::as_written, deferred, steps);
}

inline result<tao::json::value> template_engine::render(tao::json::value const& value, context const& variables,
                                                        literals rule, std::vector<std::string> const& deferred,
                                                        std::size_t& steps) {
   using detail::json;
   if (value.is_string_type()) {
      auto const text = value.get_string_type();
      if (!is_template(text))
         return rule == literals::coerced ? detail::typed(std::string(text)) : json(std::string(text));
      auto const tree = compile(text, false);
      if (!tree) return tree.error();
      auto const later = [&](std::string const& name) {
         return std::binary_search(deferred.begin(), deferred.end(), name);
      };
      if (!deferred.empty() && std::any_of((*tree)->names.begin(), (*tree)->names.end(), later))
         return json(std::string(text));
      return detail::run(**tree, variables, limits_, steps, [&](detail::evaluator& e) {
         if ((*tree)->only != nullptr) return detail::typed(e.evaluate(*(*tree)->only), e.left());
         std::string out;
         e.render((*tree)->body, out);
         return detail::typed(std::move(out));
      });
   }
   if (value.is_array()) {
      json out = tao::json::empty_array;
      for (auto const& item : value.get_array()) {
         auto rendered = render(item, variables, rule, deferred, steps);
         if (!rendered) return rendered;
         out.emplace_back(std::move(*rendered));
      }
      return out;
   }
   if (value.is_object()) {
      json out = tao::json::empty_object;
      for (auto const& [key, item] : value.get_object()) {
         auto rendered = render(item, variables, rule, deferred, steps);
         if (!rendered) return rendered;
         if (!is_template(key)) {
            out.get_object().insert_or_assign(key, std::move(*rendered));
            continue;
         }
         auto name = render_text(key, variables, steps);
         if (!name) return std::move(name).error();
         out.get_object().insert_or_assign(std::move(*name), std::move(*rendered));
      }
      return out;
   }
   return value;
}

inline result<bool> template_engine::evaluate_condition(std::string_view text, context const& variables) {
   auto const tree = compile(text, !is_template(text));
   if (!tree) return tree.error();
   auto steps = limits_.max_steps;
   return detail::run(**tree, variables, limits_, steps, [&](detail::evaluator& e) {
      if ((*tree)->only != nullptr) return detail::condition(e.evaluate(*(*tree)->only), e.left());
      std::string out;
      e.render((*tree)->body, out);
      return detail::condition_text(out);
   });
}

inline result<void> template_engine::check(std::string_view text) {
   if (!is_template(text)) return {};
   auto const tree = compile(text, false);
   if (!tree) return tree.error();
   return {};
}

inline result<std::vector<std::string>> template_engine::names(std::string_view text) {
   if (!is_template(text)) return std::vector<std::string>();
   auto const tree = compile(text, false);
   if (!tree) return tree.error();
   return (*tree)->names;
}

} // namespace noetl::workflow
