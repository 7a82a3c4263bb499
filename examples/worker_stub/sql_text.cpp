// sql_text.cpp: one scanner for statements and parameters.
#include "sql_text.hpp"

#include <algorithm>
#include <cctype>

namespace stub {

namespace {

bool is_name(char c) {
   return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// End of what must not be looked into and begins at `from`: a quoted text or name, a comment, a dollar-quoted text.
/// \return `from` when nothing of that kind begins there
std::size_t end_of_opaque(std::string_view sql, std::size_t from) {
   auto const rest = sql.substr(from);
   auto const upto = [&](std::size_t found, std::size_t length) {
      return found == rest.npos ? sql.size() : from + found + length;
   };
   if (rest.starts_with("--")) return upto(rest.find('\n'), 1);
   if (rest.starts_with("/*")) {
      std::size_t depth = 1;
      std::size_t at = 2;
      for (; depth > 0 && at < rest.size(); ++at) {
         if (rest.substr(at).starts_with("/*"))
            ++depth, ++at;
         else if (rest.substr(at).starts_with("*/"))
            --depth, ++at;
      }
      return from + at;
   }
   char const quote = rest.front();
   if (quote == '\'' || quote == '"') {
      bool const escapes = quote == '\'' && from > 0 && (sql[from - 1] == 'E' || sql[from - 1] == 'e') &&
                           (from < 2 || !is_name(sql[from - 2]));
      for (std::size_t at = 1; at < rest.size(); ++at) {
         if (escapes && rest[at] == '\\')
            ++at;
         else if (rest[at] == quote) // a doubled one opens again at once
            return from + at + 1;
      }
      return sql.size();
   }
   if (quote == '$' && (from == 0 || !is_name(sql[from - 1]))) {
      auto const close = rest.find('$', 1);
      if (close == rest.npos) return from;
      auto const tag = rest.substr(0, close + 1);
      bool const valid = std::all_of(tag.begin() + 1, tag.end() - 1, is_name) &&
                         (tag.size() == 2 || std::isdigit(static_cast<unsigned char>(tag[1])) == 0);
      if (!valid) return from;
      return upto(rest.find(tag, tag.size()), tag.size());
   }
   return from;
}

} // namespace

std::vector<std::string> statements_of(std::string_view sql) {
   std::vector<std::string> out;
   std::size_t begin = 0;
   auto const keep = [&](std::size_t end) {
      auto const one = sql.substr(begin, end - begin);
      if (!first_word(one).empty()) out.emplace_back(one);
      begin = end + 1;
   };
   for (std::size_t at = 0; at < sql.size();) {
      if (auto const end = end_of_opaque(sql, at); end != at) {
         at = end;
         continue;
      }
      if (sql[at] == ';') keep(at);
      ++at;
   }
   if (begin < sql.size()) keep(sql.size());
   return out;
}

bound_statement with_numbers(std::string_view sql) {
   bound_statement out;
   auto const bind = [&](std::string name) {
      auto const known = std::find(out.names.begin(), out.names.end(), name);
      auto const index = static_cast<std::size_t>(known - out.names.begin());
      if (known == out.names.end()) out.names.push_back(std::move(name));
      out.sql += '$' + std::to_string(index + 1);
   };
   for (std::size_t at = 0; at < sql.size();) {
      if (auto const end = end_of_opaque(sql, at); end != at) {
         out.sql += sql.substr(at, end - at);
         at = end;
         continue;
      }
      auto const rest = sql.substr(at);
      if (rest.starts_with("::")) {
         out.sql += "::";
         at += 2;
         continue;
      }
      bool const named = rest.size() > 1 && rest[0] == ':' && is_name(rest[1]) &&
                         std::isdigit(static_cast<unsigned char>(rest[1])) == 0 && (at == 0 || !is_name(sql[at - 1]));
      if (named) {
         std::size_t end = 1;
         while (end < rest.size() && is_name(rest[end])) ++end;
         bind(std::string(rest.substr(1, end - 1)));
         at += end;
         continue;
      }
      if (rest.starts_with("%(")) {
         auto const close = rest.find(")s");
         if (close != rest.npos &&
             std::all_of(rest.begin() + 2, rest.begin() + static_cast<std::ptrdiff_t>(close), is_name)) {
            bind(std::string(rest.substr(2, close - 2)));
            at += close + 2;
            continue;
         }
      }
      out.sql += sql[at++];
   }
   return out;
}

std::string first_word(std::string_view sql) {
   std::size_t at = 0;
   while (at < sql.size()) {
      if (std::isspace(static_cast<unsigned char>(sql[at])) != 0) {
         ++at;
      } else if (auto const rest = sql.substr(at); rest.starts_with("--") || rest.starts_with("/*")) {
         at = end_of_opaque(sql, at);
      } else {
         break;
      }
   }
   std::string word;
   for (; at < sql.size() && (word.empty() || is_name(sql[at])); ++at)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(sql[at])));
   return word;
}

} // namespace stub
