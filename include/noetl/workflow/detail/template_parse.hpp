// workflow/detail/template_parse.hpp: what the rules of template_grammar.hpp build, and the call that parses a
// template.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/limit_depth.hpp>

#include <noetl/workflow/detail/template_builder.hpp>
#include <noetl/workflow/detail/template_grammar.hpp>
#include <noetl/workflow/detail/template_messages.hpp>

namespace noetl::workflow::detail {

namespace grammar {

inline constexpr std::size_t max_nesting = 120; // three per parenthesis

template <class Rule>
struct action : p::nothing<Rule> {};

template <>
struct action<ternary> : p::limit_depth<max_nesting> {};
template <>
struct action<inversion> : p::limit_depth<max_nesting> {};
template <>
struct action<signed_operand> : p::limit_depth<max_nesting> {};

/// Calls a member of the builder with the matched text.
template <auto Member>
struct with_text {
   template <class Input>
   static void apply(Input const& in, template_builder& b) {
      b.begin_token(in.iterator().byte);
      (b.*Member)(in.string_view());
   }
};
/// Calls a member of the builder because the rule matched.
template <auto Member, auto... Arguments>
struct calls {
   static void apply0(template_builder& b) { (b.*Member)(Arguments...); }
};
template <op Kind>
struct binary : calls<&template_builder::binary, Kind> {};
template <relation Kind>
struct related : calls<&template_builder::compare, Kind> {};

using build = template_builder;

template <>
struct action<single_text> : with_text<&build::quoted> {};
template <>
struct action<double_text> : with_text<&build::quoted> {};
template <>
struct action<strings> : calls<&build::quoted_done> {};

template <>
struct action<float_text> : with_text<&build::float_literal> {};
template <>
struct action<integer_text> : with_text<&build::integer_literal> {};
template <>
struct action<true_literal> : calls<&build::literal_bool, true> {};
template <>
struct action<false_literal> : calls<&build::literal_bool, false> {};
template <>
struct action<none_literal> : calls<&build::literal_none> {};
template <>
struct action<name_text> : with_text<&build::name_reference> {};

template <>
struct action<list_open> : calls<&build::begin> {};
template <>
struct action<list_literal> : calls<&build::collect, op::list_literal> {};
template <>
struct action<dict_open> : calls<&build::begin> {};
template <>
struct action<dict_literal> : calls<&build::collect, op::dict_literal> {};
template <>
struct action<paren_open> : calls<&build::begin> {};
template <>
struct action<tuple_close> : calls<&build::parenthesis, true> {};
template <>
struct action<plain_close> : calls<&build::parenthesis, false> {};

template <>
struct action<attribute_name> : with_text<&build::attribute> {};
template <>
struct action<absent> : calls<&build::absent> {};
template <>
struct action<slice_rest> : calls<&build::slice> {};
template <>
struct action<item_rest> : binary<op::item> {};
template <>
struct action<arguments_open> : calls<&build::begin> {};
template <>
struct action<keyword_name> : with_text<&build::keyword> {};
template <>
struct action<keyword_value> : calls<&build::keyword_done> {};
template <>
struct action<call> : calls<&build::collect_with_subject, op::call> {};
template <>
struct action<filter_name> : with_text<&build::mark> {};
template <>
struct action<filter> : calls<&build::collect_with_subject, op::filter> {};
template <>
struct action<test_name> : with_text<&build::mark> {};
template <>
struct action<test_rest> : calls<&build::collect_with_subject, op::test> {};
template <>
struct action<plain_test> : calls<&build::collect_with_subject, op::test> {};
template <>
struct action<negated_test> : calls<&build::unary, op::logical_not> {};

template <>
struct action<negation> : calls<&build::unary, op::negate> {};
template <>
struct action<not_head> : calls<&build::unary, op::logical_not> {};
template <>
struct action<power_tail> : binary<op::power> {};
template <>
struct action<multiply_tail> : binary<op::multiply> {};
template <>
struct action<divide_tail> : binary<op::divide> {};
template <>
struct action<floor_divide_tail> : binary<op::floor_divide> {};
template <>
struct action<modulo_tail> : binary<op::modulo> {};
template <>
struct action<concat_tail> : binary<op::concat> {};
template <>
struct action<add_tail> : binary<op::add> {};
template <>
struct action<subtract_tail> : binary<op::subtract> {};
template <>
struct action<equal_tail> : related<relation::equal> {};
template <>
struct action<not_equal_tail> : related<relation::not_equal> {};
template <>
struct action<less_tail> : related<relation::less> {};
template <>
struct action<less_equal_tail> : related<relation::less_equal> {};
template <>
struct action<greater_tail> : related<relation::greater> {};
template <>
struct action<greater_equal_tail> : related<relation::greater_equal> {};
template <>
struct action<in_tail> : related<relation::in> {};
template <>
struct action<not_in_tail> : related<relation::not_in> {};
template <>
struct action<and_tail> : binary<op::logical_and> {};
template <>
struct action<or_tail> : binary<op::logical_or> {};
template <>
struct action<conditional_with_else> : calls<&build::conditional, true> {};
template <>
struct action<conditional_without_else> : calls<&build::conditional, false> {};

template <>
struct action<text> : with_text<&build::text> {};
template <>
struct action<raw_text> : with_text<&build::text> {};
template <>
struct action<open_trim> : calls<&build::open_tag, true> {};
template <>
struct action<open_keep> : calls<&build::open_tag, false> {};
template <>
struct action<close_trim> : calls<&build::close_tag, true> {};
template <>
struct action<close_keep> : calls<&build::close_tag, false> {};
template <>
struct action<output_value> : calls<&build::output> {};
template <>
struct action<names_begin> : calls<&build::names_begin> {};
template <>
struct action<plain_name> : with_text<&build::name> {};
template <>
struct action<target_open> : calls<&build::target_open> {};
template <>
struct action<target_name> : with_text<&build::target_name> {};
template <>
struct action<target_comma> : calls<&build::target_comma> {};
template <>
struct action<target_close> : calls<&build::target_close> {};
template <>
struct action<for_recursive> : calls<&build::recursive> {};
template <>
struct action<tuple_begin> : calls<&build::tuple_begin> {};
template <>
struct action<tuple_end> : calls<&build::tuple_end> {};
template <>
struct action<splat> : calls<&build::unary, op::splat> {};
template <>
struct action<splat_dict> : calls<&build::unary, op::splat_dict> {};
template <>
struct action<parameter_default> : calls<&build::parameter, true> {};
template <>
struct action<parameter_plain> : calls<&build::parameter, false> {};
template <>
struct action<macro_name> : with_text<&build::macro_name> {};
template <>
struct action<call_head> : calls<&build::open_call> {};
template <>
struct action<block_name> : with_text<&build::open_named_block> {};
template <>
struct action<run_head> : calls<&build::run> {};
template <>
struct action<end_block_name> : with_text<&build::close_name> {};
template <>
struct action<other_name> : with_text<&build::unknown_statement> {};
template <>
struct action<block_subject> : calls<&build::block_reference> {};
template <>
struct action<if_head> : calls<&build::open_if> {};
template <>
struct action<elif_head> : calls<&build::next_arm, true> {};
template <>
struct action<else_head> : calls<&build::next_arm, false> {};
template <>
struct action<for_filtered> : calls<&build::open_for, true> {};
template <>
struct action<for_plain> : calls<&build::open_for, false> {};
template <>
struct action<set_value> : calls<&build::set, false> {};
template <>
struct action<set_attribute_value> : calls<&build::set, true> {};
template <>
struct action<set_block> : calls<&build::open_set_block, false> {};
template <>
struct action<set_attribute_block> : calls<&build::open_set_block, true> {};
template <>
struct action<remember> : calls<&build::remember> {};
template <>
struct action<with_head> : calls<&build::open_with> {};
template <>
struct action<filter_head> : calls<&build::collect_with_subject, op::filter> {};
template <>
struct action<filter_chain> : calls<&build::open_filter_block> {};
template <>
struct action<macro_head> : calls<&build::open_macro> {};
template <>
struct action<end_name> : with_text<&build::close> {};

} // namespace grammar

/// Parses a template, or a text that is one expression.
/// \throws template_failure with what was expected, what was found, line and column
inline std::shared_ptr<compiled_template const> parse_template(std::string_view text, bool expression = false) {
   auto out = std::make_shared<compiled_template>();
   out->source = text;
   out->expression = expression;
   std::string_view const source = out->source;
   template_builder builder;
   namespace p = tao::pegtl;
   p::memory_input in(source.data(), source.size(), "template");
   auto const stop = [&](std::string const& message, std::size_t at) {
      throw template_failure(message + " (" + place_of(source, at) + ")");
   };
   try {
      if (expression)
         p::parse<grammar::whole_expression, grammar::action, grammar::control>(in, builder);
      else
         p::parse<grammar::whole_template, grammar::action, grammar::control>(in, builder);
      builder.finish(*out);
   } catch (p::parse_error const& e) {
      auto const at = e.positions().front().byte;
      auto const words = std::string(e.message());
      if (words.find("depth") != std::string::npos) stop("expression nests too deeply", at);
      if (words.empty()) stop("syntax error at " + grammar::found_at(source, at), at);
      stop("expected " + words + ", found " + grammar::found_at(source, at), at);
   } catch (template_failure const& e) {
      stop(e.what(), builder.token());
   }
   return out;
}

} // namespace noetl::workflow::detail
