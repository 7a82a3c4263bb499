// pg/detail/session.hpp: what pool and writer share: error mapping and the pause between attempts to connect.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::pg::detail {

/// What logs may show of a refusal: the state and the primary message, without the quoted value at its end and without
/// the lines below it (DETAIL, CONTEXT, the statement), which hold pieces of what was to be stored.
inline std::string loggable(sql_error const& e) {
   std::string_view text = e.what();
   text = text.substr(0, text.find('\n'));
   if (text.starts_with("ERROR:")) text.remove_prefix(6);
   text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
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

/// Pauses 100 ms, 200 ms, ... up to 2 s, each shortened at random by up to a half. Not thread-safe.
class backoff {
public:
   std::chrono::milliseconds next() {
      auto const pause = std::min<std::uint64_t>(2'000, 100ULL << std::min(attempt_++, 6));
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; // Knuth's MMIX generator: spread, not secrecy
      return std::chrono::milliseconds(pause - (state_ >> 33) % (pause / 2));
   }
   void reset() { attempt_ = 0; }

private:
   int attempt_ = 0;
   std::uint64_t state_ = reinterpret_cast<std::uintptr_t>(this) ^
                          static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
};

} // namespace noetl::pg::detail
