// sql_text.hpp: SQL as text: where statements end, and named parameters. Knows the lexical rules of PostgreSQL (manual
// 4.1) only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stub {

/// The statements of `sql`, separated by `;` outside of quotes, comments and dollar-quoted texts. Empty ones are left
/// out.
std::vector<std::string> statements_of(std::string_view sql);

/// A statement with `$1`, `$2`, ... for its named parameters.
struct bound_statement {
   std::string sql;
   std::vector<std::string> names; ///< of `$1`, `$2`, ...
};

/// Replaces `:name` and `%(name)s`, outside of quotes, comments and casts (`::`).
bound_statement with_numbers(std::string_view sql);

/// First word in lower case, after comments.
std::string first_word(std::string_view sql);

} // namespace stub
