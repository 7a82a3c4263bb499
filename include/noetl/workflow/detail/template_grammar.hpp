// workflow/detail/template_grammar.hpp: the template language in PEGTL: rules first, what they build after them.
// Precedence from loosest to tightest: if-else, or, and, not, comparison, + -, ~, * / // %, **, sign, postfix, filter
// and test. An action is never undone: once a rule has built something, what follows must match or be optional. What a
// rule builds is in template_parse.hpp, what is said when it is missing in template_messages.hpp.
#pragma once

#include <tao/pegtl.hpp>
#include <tao/pegtl/contrib/limit_depth.hpp>

namespace noetl::workflow::detail::grammar {

namespace p = tao::pegtl;

struct ws : p::star<p::space> {};
struct name_tail : p::sor<p::alnum, p::one<'_'>> {};
struct identifier : p::seq<p::sor<p::alpha, p::one<'_'>>, p::star<name_tail>> {};

template <char... C>
struct word : p::seq<p::string<C...>, p::not_at<name_tail>, ws> {};
struct kw_if : word<'i', 'f'> {};
struct kw_else : word<'e', 'l', 's', 'e'> {};
struct kw_and : word<'a', 'n', 'd'> {};
struct kw_or : word<'o', 'r'> {};
struct kw_not : word<'n', 'o', 't'> {};
struct kw_in : word<'i', 'n'> {};
struct kw_is : word<'i', 's'> {};
struct kw_true : p::sor<word<'t', 'r', 'u', 'e'>, word<'T', 'r', 'u', 'e'>> {};
struct kw_false : p::sor<word<'f', 'a', 'l', 's', 'e'>, word<'F', 'a', 'l', 's', 'e'>> {};
struct kw_none : p::sor<word<'n', 'o', 'n', 'e'>, word<'N', 'o', 'n', 'e'>> {};
struct reserved : p::sor<kw_if, kw_else, kw_and, kw_or, kw_not, kw_in, kw_is> {};

struct tag_end : p::sor<p::string<'}', '}'>, p::string<'%', '}'>> {};
template <char C>
struct mark : p::seq<p::one<C>, ws> {};
struct comma : mark<','> {};
struct minus : p::seq<p::one<'-'>, p::not_at<tag_end>, ws> {};
struct plus : p::seq<p::one<'+'>, p::not_at<tag_end>, ws> {};

struct expression;
struct ternary;
struct unary;
struct signed_operand;

// ---- literals
struct digits : p::seq<p::digit, p::star<p::sor<p::digit, p::seq<p::one<'_'>, p::at<p::digit>>>>> {};
struct exponent : p::seq<p::one<'e', 'E'>, p::opt<p::one<'+', '-'>>, p::plus<p::digit>> {};
struct float_text : p::seq<digits, p::sor<p::seq<p::one<'.'>, p::plus<p::digit>, p::opt<exponent>>, exponent>> {};
template <char Small, char Large, class Digit>
struct based : p::seq<p::one<'0'>, p::one<Small, Large>, p::plus<p::sor<Digit, p::one<'_'>>>> {};
struct integer_text
    : p::sor<based<'x', 'X', p::xdigit>, based<'o', 'O', p::odigit>, based<'b', 'B', p::one<'0', '1'>>, digits> {};
struct escape : p::seq<p::one<'\\'>, p::any> {};
struct single_text : p::star<p::sor<escape, p::not_one<'\'', '\\'>>> {};
struct double_text : p::star<p::sor<escape, p::not_one<'"', '\\'>>> {};
struct string_literal : p::sor<p::if_must<p::one<'\''>, single_text, p::one<'\''>, ws>,
                               p::if_must<p::one<'"'>, double_text, p::one<'"'>, ws>> {};
struct number_end : p::not_at<name_tail> {};
struct number_literal : p::if_must<p::sor<float_text, integer_text>, number_end, ws> {};

struct list_open : mark<'['> {};
struct items : p::opt<p::seq<ternary, p::star<p::seq<comma, p::not_at<p::one<']', ')'>>, ternary>>, p::opt<comma>>> {};
struct list_literal : p::if_must<list_open, items, mark<']'>> {};
struct dict_open : mark<'{'> {};
struct dict_pair : p::seq<ternary, p::must<mark<':'>>, p::must<ternary>> {};
struct dict_pairs
    : p::opt<p::seq<dict_pair, p::star<p::seq<comma, p::not_at<p::one<'}'>>, dict_pair>>, p::opt<comma>>> {};
struct dict_literal : p::if_must<dict_open, dict_pairs, mark<'}'>> {};
struct paren_open : mark<'('> {};
struct trailing_comma : p::seq<comma, p::at<p::one<')'>>> {};
struct tuple_close : p::seq<trailing_comma, mark<')'>> {};
struct plain_close : mark<')'> {};
struct parenthesis : p::if_must<paren_open, p::opt<ternary, p::star<comma, p::not_at<p::one<')'>>, ternary>>,
                                p::sor<tuple_close, plain_close>> {};

struct true_literal : kw_true {};
struct false_literal : kw_false {};
struct none_literal : kw_none {};
struct name_text : identifier {};
struct name : p::seq<p::not_at<reserved>, name_text, ws> {};
struct strings : p::seq<string_literal, p::star<string_literal>> {};
struct primary : p::sor<strings, number_literal, true_literal, false_literal, none_literal, name, list_literal,
                        dict_literal, parenthesis> {};

// ---- postfix
struct attribute_name : p::sor<identifier, p::plus<p::digit>> {};
struct attribute : p::if_must<mark<'.'>, attribute_name, ws> {};
struct absent : p::success {};
struct slice_start : p::sor<p::seq<p::at<p::one<':'>>, absent>, ternary> {};
struct slice_stop : p::sor<p::seq<p::at<p::one<':', ']'>>, absent>, ternary> {};
struct slice_step : p::sor<p::seq<mark<':'>, p::sor<p::seq<p::at<p::one<']'>>, absent>, ternary>>, absent> {};
struct slice_rest : p::if_must<mark<':'>, slice_stop, slice_step> {};
struct item_rest : p::success {};
struct subscript : p::if_must<mark<'['>, slice_start, p::sor<slice_rest, item_rest>, mark<']'>> {};
struct arguments_open : mark<'('> {};
struct keyword_name : identifier {};
struct keyword_head : p::seq<identifier, ws, p::one<'='>, p::not_at<p::one<'='>>> {};
struct keyword_value : p::seq<keyword_name, ws, p::one<'='>, ws, p::must<ternary>> {};
struct splat_dict : p::if_must<p::seq<p::string<'*', '*'>, ws>, ternary> {};
struct splat : p::if_must<mark<'*'>, ternary> {};
struct argument : p::sor<p::seq<p::at<keyword_head>, keyword_value>, splat_dict, splat, ternary> {};
struct argument_list
    : p::opt<p::seq<argument, p::star<p::seq<comma, p::not_at<p::one<')'>>, argument>>, p::opt<comma>>> {};
struct call : p::if_must<arguments_open, argument_list, mark<')'>> {};
struct postfix : p::sor<attribute, subscript, call> {};

// ---- filters and tests
struct arguments : p::if_must<mark<'('>, argument_list, mark<')'>> {};
struct filter_name : identifier {};
struct filter : p::if_must<p::seq<p::one<'|'>, ws>, filter_name, ws, p::opt<arguments>> {};
struct test_name : identifier {};
struct argument_ahead : p::sor<name_tail, p::one<'\'', '"', '[', '{'>, minus> {};
struct bare_argument : p::seq<p::not_at<reserved>, p::at<argument_ahead>, signed_operand> {};
struct test_rest : p::seq<test_name, ws, p::opt<p::sor<arguments, bare_argument>>> {};
struct negated_test : p::seq<kw_not, p::must<test_rest>> {};
struct plain_test : test_rest {};
struct test : p::if_must<kw_is, p::sor<negated_test, plain_test>> {};

// ---- operators
struct negation : p::if_must<minus, signed_operand> {};
struct signed_operand : p::seq<p::sor<negation, primary>, p::star<postfix>> {};
struct unary : p::seq<signed_operand, p::star<p::sor<filter, test>>> {};
struct power_tail : p::if_must<p::seq<p::string<'*', '*'>, ws>, unary> {};
struct power : p::seq<unary, p::star<power_tail>> {};
struct multiply_tail : p::if_must<p::seq<p::one<'*'>, p::not_at<p::one<'*'>>, ws>, power> {};
struct floor_divide_tail : p::if_must<p::seq<p::string<'/', '/'>, ws>, power> {};
struct divide_tail : p::if_must<p::seq<p::one<'/'>, ws>, power> {};
struct modulo_tail : p::if_must<p::seq<p::one<'%'>, p::not_at<p::one<'}'>>, ws>, power> {};
struct product : p::seq<power, p::star<p::sor<multiply_tail, floor_divide_tail, divide_tail, modulo_tail>>> {};
struct concat_tail : p::if_must<mark<'~'>, product> {};
struct concatenation : p::seq<product, p::star<concat_tail>> {};
struct add_tail : p::if_must<plus, concatenation> {};
struct subtract_tail : p::if_must<minus, concatenation> {};
struct sum : p::seq<concatenation, p::star<p::sor<add_tail, subtract_tail>>> {};
struct equal_tail : p::if_must<p::seq<p::string<'=', '='>, ws>, sum> {};
struct not_equal_tail : p::if_must<p::seq<p::string<'!', '='>, ws>, sum> {};
struct less_equal_tail : p::if_must<p::seq<p::string<'<', '='>, ws>, sum> {};
struct greater_equal_tail : p::if_must<p::seq<p::string<'>', '='>, ws>, sum> {};
struct less_tail : p::if_must<mark<'<'>, sum> {};
struct greater_tail : p::if_must<mark<'>'>, sum> {};
struct in_tail : p::if_must<kw_in, sum> {};
struct not_in_tail : p::if_must<p::seq<kw_not, kw_in>, sum> {};
struct comparison : p::seq<sum, p::star<p::sor<equal_tail, not_equal_tail, less_equal_tail, greater_equal_tail,
                                               less_tail, greater_tail, in_tail, not_in_tail>>> {};
struct inversion;
struct not_head : p::if_must<kw_not, inversion> {};
struct inversion : p::sor<not_head, comparison> {};
struct and_tail : p::if_must<kw_and, inversion> {};
struct conjunction : p::seq<inversion, p::star<and_tail>> {};
struct or_tail : p::if_must<kw_or, conjunction> {};
struct disjunction : p::seq<conjunction, p::star<or_tail>> {};
struct conditional_with_else : p::seq<kw_else, p::must<ternary>> {};
struct conditional_without_else : p::success {};
struct conditional_tail : p::if_must<kw_if, disjunction, p::sor<conditional_with_else, conditional_without_else>> {};
struct ternary : p::seq<disjunction, p::star<conditional_tail>> {};
struct expression : ternary {};

// ---- statements
struct trim : p::one<'-'> {};
struct keep : p::opt<p::one<'+'>> {};
struct open_trim : p::success {};
struct open_keep : p::success {};
struct close_trim : p::success {};
struct close_keep : p::success {};
struct tag_head : p::seq<p::sor<p::seq<trim, open_trim>, p::seq<keep, open_keep>>, ws> {};
template <char C>
struct tag_tail : p::sor<p::seq<p::string<'-', C, '}'>, close_trim>, p::seq<p::string<'+', C, '}'>, close_keep>,
                         p::seq<p::string<C, '}'>, close_keep>> {};

struct output_value : expression {};
struct output : p::if_must<p::string<'{', '{'>, tag_head, output_value, tag_tail<'}'>> {};

struct comment_text : p::until<p::at<p::sor<p::string<'-', '#', '}'>, p::string<'#', '}'>>>> {};
struct comment : p::if_must<p::string<'{', '#'>, tag_head, comment_text, tag_tail<'#'>> {};

struct kw_for : word<'f', 'o', 'r'> {};
struct kw_set : word<'s', 'e', 't'> {};
struct kw_recursive : word<'r', 'e', 'c', 'u', 'r', 's', 'i', 'v', 'e'> {};

// what values are assigned to: a, b or a, (b, c)
struct target_name : p::seq<p::not_at<reserved>, identifier> {};
struct target_comma : comma {};
struct target_open : p::success {};
struct target_close : p::success {};
struct target_item;
struct target_items
    : p::seq<target_open, target_item, p::star<p::seq<target_comma, target_item>>, p::opt<target_comma>, target_close> {
};
struct target_item : p::sor<p::if_must<mark<'('>, target_items, mark<')'>>, p::seq<target_name, ws>> {};
struct one_target : p::seq<target_open, target_item, target_close> {};

struct if_head : p::if_must<kw_if, expression> {};
struct elif_head : p::if_must<word<'e', 'l', 'i', 'f'>, expression> {};
struct else_head : kw_else {};
struct for_filtered : p::if_must<kw_if, expression> {};
struct for_plain : p::success {};
struct for_recursive : kw_recursive {};
struct for_head
    : p::if_must<kw_for, target_items, kw_in, disjunction, p::sor<for_filtered, for_plain>, p::opt<for_recursive>> {};
struct assign : p::seq<p::one<'='>, p::not_at<p::one<'='>>, ws> {};
struct names_begin : p::success {};
struct plain_name : identifier {};
struct attribute_target : p::seq<names_begin, plain_name, p::one<'.'>, p::must<plain_name>, ws> {};
struct block_subject : p::success {};
struct tuple_begin : p::success {};
struct tuple_value : p::seq<comma, ternary> {};
struct tuple_end : p::success {};
struct assigned : p::seq<tuple_begin, ternary, p::star<tuple_value>, p::opt<comma>, tuple_end> {};
struct set_attribute_value : p::if_must<assign, assigned> {};
struct set_attribute_block : p::seq<block_subject, p::star<filter>> {};
struct set_value : p::if_must<assign, assigned> {};
struct set_block : p::seq<block_subject, p::star<filter>> {};
struct set_attribute : p::seq<attribute_target, p::sor<set_attribute_value, set_attribute_block>> {};
struct set_names : p::seq<target_items, p::sor<set_value, set_block>> {};
struct set_head : p::if_must<kw_set, p::sor<p::seq<p::at<identifier, p::one<'.'>>, set_attribute>, set_names>> {};
struct remember : p::success {};
struct with_pair : p::if_must<one_target, assign, expression> {};
struct with_head
    : p::if_must<word<'w', 'i', 't', 'h'>, remember, p::opt<p::seq<with_pair, p::star<p::if_must<comma, with_pair>>>>> {
};
struct filter_head : p::if_must<word<'f', 'i', 'l', 't', 'e', 'r'>, block_subject, filter_name, ws, p::opt<arguments>> {
};
struct filter_chain : p::seq<filter_head, p::star<filter>> {};
struct parameter_default : p::if_must<assign, expression> {};
struct parameter_plain : p::success {};
struct parameter : p::seq<plain_name, ws, p::sor<parameter_default, parameter_plain>> {};
struct parameters : p::opt<p::seq<parameter, p::star<p::seq<comma, parameter>>, p::opt<comma>>> {};
struct macro_name : identifier {};
struct macro_head : p::if_must<word<'m', 'a', 'c', 'r', 'o'>, names_begin, remember, macro_name, ws, mark<'('>,
                               parameters, mark<')'>> {};
struct call_subject : ternary {};
struct call_head : p::if_must<word<'c', 'a', 'l', 'l'>, names_begin, remember,
                              p::opt<p::if_must<mark<'('>, parameters, mark<')'>>>, call_subject> {};
struct block_name : identifier {};
struct block_head : p::if_must<word<'b', 'l', 'o', 'c', 'k'>, block_name, ws> {};
struct run_value : ternary {};
struct run_head : p::if_must<word<'d', 'o'>, run_value> {};
struct end_name : p::seq<p::string<'e', 'n', 'd'>, p::plus<p::alpha>> {};
struct end_block_name : identifier {};
struct end_head : p::seq<end_name, ws, p::opt<end_block_name, ws>> {};
struct other_name : identifier {};

struct raw_word : word<'r', 'a', 'w'> {};
struct raw_end : p::seq<p::string<'{', '%'>, p::opt<p::one<'-', '+'>>, ws, p::string<'e', 'n', 'd', 'r', 'a', 'w'>, ws,
                        p::opt<p::one<'-', '+'>>, p::string<'%', '}'>> {};
struct raw_text : p::until<p::at<raw_end>> {};
struct raw_close : p::seq<p::string<'{', '%'>, tag_head, p::string<'e', 'n', 'd', 'r', 'a', 'w'>, ws, tag_tail<'%'>> {};
struct raw_block : p::seq<raw_word, p::must<tag_tail<'%'>, raw_text, raw_close>> {};

struct any_head : p::sor<if_head, elif_head, else_head, for_head, set_head, with_head, filter_chain, macro_head,
                         call_head, block_head, run_head, end_head, other_name> {};
struct plain_statement : p::seq<any_head, p::must<tag_tail<'%'>>> {};
struct any_statement : p::sor<raw_block, plain_statement> {};
struct statement : p::if_must<p::string<'{', '%'>, tag_head, any_statement> {};
struct text : p::plus<p::seq<p::not_at<p::one<'{'>, p::one<'{', '%', '#'>>, p::any>> {};
struct whole_template : p::must<p::star<p::sor<text, output, comment, statement>>, p::eof> {};
struct whole_expression : p::must<ws, output_value, p::eof> {};

} // namespace noetl::workflow::detail::grammar
