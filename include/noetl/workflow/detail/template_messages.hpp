// workflow/detail/template_messages.hpp: what was expected where a rule of template_grammar.hpp did not match. Knows
// the grammar.
#pragma once

#include <string>
#include <string_view>

#include <tao/pegtl.hpp>

#include <noetl/workflow/detail/template_grammar.hpp>
#include <noetl/workflow/detail/template_text.hpp>

namespace noetl::workflow::detail::grammar {

template <class Rule>
inline constexpr char const* expected = nullptr;

template <char C>
inline constexpr char quoted_mark[] = {'\'', C, '\'', '\0'};
template <char C>
inline constexpr char const* expected<mark<C>> = quoted_mark<C>;
template <>
inline constexpr char const* expected<mark<']'>> = "',' or ']'";
template <>
inline constexpr char const* expected<mark<'}'>> = "',' or '}'";
template <>
inline constexpr char const* expected<mark<')'>> = "',' or ')'";
template <>
inline constexpr char const* expected<p::one<'\''>> = "the closing quote '";
template <>
inline constexpr char const* expected<p::one<'"'>> = "the closing quote \"";
template <>
inline constexpr char const* expected<tag_tail<'}'>> = "an operator, a filter or '}}'";
template <>
inline constexpr char const* expected<tag_tail<'%'>> = "'%}'";
template <>
inline constexpr char const* expected<tag_tail<'#'>> = "'#}'";

inline constexpr char an_expression[] = "an expression";
template <>
inline constexpr char const* expected<ternary> = an_expression;
template <>
inline constexpr char const* expected<expression> = an_expression;
template <>
inline constexpr char const* expected<output_value> = an_expression;
template <>
inline constexpr char const* expected<disjunction> = an_expression;
template <>
inline constexpr char const* expected<conjunction> = an_expression;
template <>
inline constexpr char const* expected<inversion> = an_expression;
template <>
inline constexpr char const* expected<sum> = an_expression;
template <>
inline constexpr char const* expected<concatenation> = an_expression;
template <>
inline constexpr char const* expected<product> = an_expression;
template <>
inline constexpr char const* expected<power> = an_expression;
template <>
inline constexpr char const* expected<unary> = an_expression;
template <>
inline constexpr char const* expected<signed_operand> = an_expression;
template <>
inline constexpr char const* expected<assigned> = an_expression;
template <>
inline constexpr char const* expected<number_end> = "a blank or an operator after the number";
template <>
inline constexpr char const* expected<slice_start> = "an index";
template <>
inline constexpr char const* expected<slice_stop> = "an index, ':' or ']'";
template <>
inline constexpr char const* expected<call_subject> = "a call of a macro";
template <>
inline constexpr char const* expected<run_value> = "a call";

template <>
inline constexpr char const* expected<attribute_name> = "the name of an attribute";
template <>
inline constexpr char const* expected<filter_name> = "the name of a filter";
template <>
inline constexpr char const* expected<test_rest> = "the name of a test";
template <>
inline constexpr char const* expected<p::sor<negated_test, plain_test>> = "the name of a test";
template <>
inline constexpr char const* expected<p::sor<tuple_close, plain_close>> = "',' or ')'";
template <>
inline constexpr char const* expected<target_items> = "a name to assign to";
template <>
inline constexpr char const* expected<one_target> = "a name to assign to";
template <>
inline constexpr char const* expected<with_pair> = "a name to assign to";
template <>
inline constexpr char const* expected<plain_name> = "a name";
template <>
inline constexpr char const* expected<macro_name> = "the name of the macro";
template <>
inline constexpr char const* expected<block_name> = "the name of the block";
template <>
inline constexpr char const* expected<kw_in> = "'in'";
template <>
inline constexpr char const* expected<assign> = "'='";
template <>
inline constexpr char const* expected<any_statement> = "a statement";
template <>
inline constexpr char const* expected<p::sor<p::seq<p::at<identifier, p::one<'.'>>, set_attribute>, set_names>> =
    "a name to assign to";
template <>
inline constexpr char const* expected<comment_text> = "'#}' at the end of the comment";
template <>
inline constexpr char const* expected<raw_text> = "'{% endraw %}'";
template <>
inline constexpr char const* expected<p::eof> = "an operator, a filter or the end";

/// What stands at the byte `at`, in words.
inline std::string found_at(std::string_view source, std::size_t at) {
   if (at >= source.size()) return "the end of the template";
   auto const rest = source.substr(at);
   for (std::string_view const tag : {"}}", "%}", "#}", "-}}", "-%}", "{{", "{%"})
      if (rest.starts_with(tag)) return "'" + std::string(tag) + "'";
   auto const in_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
   };
   std::size_t n = 0;
   while (n < rest.size() && n < 40 && in_word(rest[n])) ++n;
   if (n == 0) n = character_size(rest, 0);
   auto const c = static_cast<unsigned char>(rest[0]);
   if (n == 1 && (c < 0x20 || c >= 0x7f)) return "a character that cannot stand there";
   return "'" + std::string(rest.substr(0, n)) + "'";
}

/// Throws what was expected.
template <class Rule>
struct control : p::normal<Rule> {
   template <class Input, class... States>
   [[noreturn]] static void raise(Input const& in, States&&... /*builder*/) {
      constexpr char const* words = expected<Rule>;
      throw p::parse_error(words == nullptr ? "" : words, in);
   }
};

} // namespace noetl::workflow::detail::grammar
