// workflow/detail/template_ast.hpp: the syntax tree of a template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_value.hpp>

namespace noetl::workflow::detail {

enum class op : std::uint8_t {
   literal,
   name,
   list_literal,
   dict_literal,
   attribute,
   item,
   slice,
   call,
   filter,
   test,
   negate,
   logical_not,
   logical_and,
   logical_or,
   conditional,
   equal,
   not_equal,
   less,
   less_equal,
   greater,
   greater_equal,
   in,
   not_in,
   add,
   subtract,
   multiply,
   divide,
   floor_divide,
   modulo,
   power,
   concat,
};

struct expr;
using expr_ptr = std::unique_ptr<expr>;

/// `children` by op: binary: left, right. conditional: condition, then, else (null: undefined). call: callee,
/// arguments. filter, test: subject, arguments. slice: subject, start, stop, step (null: absent). dict: key, value,
/// key, value, ...
struct expr {
   op kind = op::literal;
   var value{};        ///< literal
   std::string text{}; ///< name, attribute, filter, test
   std::vector<expr_ptr> children{};
   std::vector<std::pair<std::string, expr_ptr>> named{}; ///< keyword arguments
   unsigned depth = 1; ///< levels below and including this one; bounded, as evaluation and destruction recurse
};

enum class node_kind : std::uint8_t { text, output, branch, loop, set, set_block, with, filter_block, macro };

/// One piece of a template.
/// branch: `arms` are (condition or null, body). loop: names, condition = filter, body, otherwise. set: names[0] or
/// names[0].names[1] when `attribute`; several names unpack. with: names and values. macro: text, names and defaults
/// (`values`, null: none). filter_block and set_block: `value` is a filter chain over the name `caller text`.
struct node {
   node_kind kind = node_kind::text;
   std::string text{};
   expr_ptr value{};
   expr_ptr condition{};
   std::vector<std::string> names{};
   bool attribute = false;
   std::vector<expr_ptr> values{};
   std::vector<std::pair<expr_ptr, std::vector<node>>> arms{};
   std::vector<node> body{};
   std::vector<node> otherwise{};
};

/// Name under which a block's text reaches the filters of `{% filter %}` and block `{% set %}`; no template can write
/// it.
inline constexpr char block_text[] = " text";

/// A parsed template. Immutable, shared between threads.
struct compiled_template {
   std::vector<node> body;
   expr const* only = nullptr;     ///< set when the template is exactly one `{{ expression }}`
   std::vector<std::string> names; ///< what it takes from its context, sorted
};

} // namespace noetl::workflow::detail
