// pg/detail/session.hpp: what pool and writer share: error mapping and the pause between attempts to connect.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <noetl/core/backoff.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::pg::detail {

/// What logs may show of a refusal: the state and the primary message, without the quoted value at its end and without
/// the lines below it (DETAIL, CONTEXT, the statement), which hold pieces of what was to be stored.
inline std::string loggable(sql_error const& e) {
   std::string_view text = e.what();
   text = text.substr(0, text.find('\n'));
   if (auto const value = text.find(": \""); value != std::string_view::npos) text = text.substr(0, value);
   return e.sqlstate() + ": " + std::string(text);
}

/// Our words for a refused statement; what logs may show of the driver's goes to `detail`. Classes: PostgreSQL manual,
/// appendix A.
inline error to_error(sql_error const& e) {
   auto const detail = loggable(e);
   auto const starts = [&](std::string_view prefix) { return e.sqlstate().starts_with(prefix); };
   if (e.is("57014")) return fail(error_code::unavailable, "the database took too long", detail);
   if (e.transient()) return fail(error_code::unavailable, "the database is busy with a competing change", detail);
   if (starts("57P") || starts("53") || starts("08") || e.is("25006"))
      return fail(error_code::unavailable, "the database cannot take work now", detail);
   if (e.is("42P01") || e.is("3F000")) // a missing table or schema: the migration has not run yet
      return fail(error_code::unavailable, "the database is not prepared yet", detail);
   if (starts("22")) return fail(error_code::validation, "a value cannot be stored", detail);
   if (e.is("23505")) return fail(error_code::conflict, "a row with this key exists already", detail);
   if (e.is("23503")) return fail(error_code::conflict, "a row that this one refers to does not exist", detail);
   if (e.is("23502") || e.is("23514"))
      return fail(error_code::validation, "a value breaks a rule of the table", detail);
   if (e.is("42501")) return fail(error_code::database, "the database role lacks a right", detail);
   return fail(error_code::database, "the database refused a statement", detail);
}

/// The pauses of a session that connects anew.
inline backoff reconnecting() {
   return {std::chrono::milliseconds(100), std::chrono::seconds(2)};
}

} // namespace noetl::pg::detail
