// http/target.hpp: a request target as path and query. Source: RFC 9112 section 3.2.
// Knows the standard library only.
#pragma once

#include <optional>
#include <string_view>

namespace noetl::http {

/// Path and query of a target, both still encoded; views into it.
struct target_parts {
   std::string_view path;
   std::string_view query;
};

/// Splits an origin-form or absolute-form target, or `*`; a fragment is cut off. \return nothing when it is neither
constexpr std::optional<target_parts> split_target(std::string_view where) noexcept {
   if (!where.starts_with('/') && where != "*") {
      auto const scheme = where.find("://");
      if (scheme == where.npos) return std::nullopt;
      where.remove_prefix(scheme + 3);
      auto const slash = where.find_first_of("/?");
      where = slash == where.npos ? std::string_view{} : where.substr(slash);
   }
   where = where.substr(0, where.find('#'));
   auto const mark = where.find('?');
   auto const path = where.substr(0, mark);
   return target_parts{path.empty() ? std::string_view("/") : path,
                       mark == where.npos ? std::string_view{} : where.substr(mark + 1)};
}

} // namespace noetl::http
