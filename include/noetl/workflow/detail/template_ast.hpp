// workflow/detail/template_ast.hpp: the syntax tree of a template.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/detail/template_value.hpp>

namespace noetl::workflow::detail {

struct filter_entry;
struct test_entry;

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
   compare,
   splat,      ///< `*list` among arguments
   splat_dict, ///< `**map` among arguments
   add,
   subtract,
   multiply,
   divide,
   floor_divide,
   modulo,
   power,
   concat,
};

enum class relation : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

struct expr;
using expr_ptr = std::unique_ptr<expr>;

/// `children` by op: binary: left, right. compare: all operands, one more than `relations` (`a < b < c` is `a < b and
/// b < c`). conditional: condition, then, else (null: undefined). call: callee, arguments. filter, test: subject,
/// arguments. slice: subject, start, stop, step (null: absent). dict: key, value, key, value, ...
struct expr {
   op kind = op::literal;
   bool closed = false;  ///< stood in parentheses
   std::uint32_t at = 0; ///< byte of the template where it stands, for error texts
   unsigned depth = 1;   ///< levels below and including this one; bounded, as evaluation and destruction recurse
   var value{};          ///< literal
   std::string text{};   ///< name, attribute, filter, test
   std::vector<expr_ptr> children{};
   std::vector<relation> relations{};
   std::vector<std::pair<std::string, expr_ptr>> named{}; ///< keyword arguments
   filter_entry const* filter = nullptr;                  ///< null: there is no such filter
   test_entry const* test = nullptr;
};

enum class node_kind : std::uint8_t {
   text,
   output,
   branch,
   loop,
   set,
   set_block,
   with,
   filter_block,
   macro,
   call_block,
   block,
   run
};

/// What a value is assigned to: a name, or parts that it is unpacked into.
struct target {
   std::string name{};
   std::vector<target> parts{};
};

/// One piece of a template.
/// branch: `arms` are (condition or null, body). loop: targets[0], value, condition = filter, body, otherwise. set:
/// targets[0], or names[0].names[1] when `attribute`. with: targets and values. macro: text, names and defaults
/// (`values`, null: none). call_block: value = the call, names, values and body = `caller`. filter_block and set_block:
/// `value` is a filter chain over the name `block_text`. block: text = its name. run: value is evaluated for its
/// effect.
struct node {
   node_kind kind = node_kind::text;
   bool attribute = false;
   bool recursive = false;    ///< loop: `loop(...)` may call it
   bool takes_caller = false; ///< macro: its body asks for `caller`
   std::uint32_t at = 0;
   std::string text{};
   expr_ptr value{};
   expr_ptr condition{};
   std::vector<std::string> names{};
   std::vector<target> targets{};
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
   std::string source;
   bool expression = false; ///< the source is one expression without braces
   std::vector<node> body;
   expr const* only = nullptr;     ///< set when the template is exactly one `{{ expression }}`
   std::vector<std::string> names; ///< what it takes from its context, sorted
   std::size_t parts = 0;          ///< expressions and nodes
};

/// "line L, column C" of a byte of the text; columns count characters.
inline std::string place_of(std::string_view source, std::size_t at) {
   at = std::min(at, source.size());
   auto const before = source.substr(0, at);
   auto const line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
   auto const starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
   auto const line = std::count(before.begin(), before.end(), '\n') + 1;
   auto const column =
       std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_start), before.end(), starts_character) + 1;
   return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

} // namespace noetl::workflow::detail
